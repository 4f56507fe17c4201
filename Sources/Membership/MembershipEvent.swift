public import Model

/// A row of the membership table.
public struct Member: Sendable, Hashable {
    /// Unique in the cluster; the name in its certificate.
    public var name: String
    /// Where to dial it; the machine passes it on as it is.
    public var address: String

    public init(name: String, address: String) {
        self.name = name
        self.address = address
    }
}

/// What happened. Links are numbered by the shell; a number is never used twice.
public enum MembershipEvent: Sendable, Hashable {
    /// The membership table as it is now, this node included or not.
    case members([Member])
    /// A handshake with an authenticated peer is complete; `dialled` by this node, or accepted by it.
    case linkOpened(peer: String, link: Int, dialled: Bool)
    case linkClosed(link: Int, LinkEnd)
    /// A dial led to no link.
    case dialFailed(peer: String, LinkEnd)
    /// A message came over the link.
    case received(PeerMessage, link: Int)
    /// This node's facts; local health and suspects are filled in.
    case facts(NodeFacts)
    /// Send this to the peer. `requestID` names the request, so that the shell knows the answer; answers carry their own.
    case post(to: String, PeerMessage.Body, requestID: UInt64)
    /// This node stops in order: say so to all, and nothing more.
    case leave
    /// The moment of `wakeAt` has come.
    case timer
}

/// How a link, or the attempt at one, came to its end.
public enum LinkEnd: Sendable, Hashable {
    /// The other side closed it.
    case ended
    case reset
    /// Nobody listens at the address: the other machine said so.
    case refused
    case timedOut
    /// A certificate or a frame was not acceptable to one of the sides.
    case rejected(String)

    var text: String {
        switch self {
        case .ended: "the link was closed by the other side"
        case .reset: "the link was reset"
        case .refused: "the connection was refused"
        case .timedOut: "the link timed out"
        case .rejected(let reason): "the link was rejected: \(reason)"
        }
    }
}

/// What the shell has to do, in this order.
public enum MembershipEffect: Sendable, Hashable {
    /// Answered by `linkOpened` or `dialFailed`.
    case dial(peer: String, address: String)
    /// Write out what was sent before, then close. No `linkClosed` is expected.
    case hangUp(link: Int, HangUp)
    case send(link: Int, PeerMessage)
    /// For logs and metrics.
    case changed(peer: String, from: PeerState, to: PeerState, why: String)
    /// The peer is another process than before.
    case restarted(peer: String, bootID: String)
    /// A message for others than this machine: fence, promise, hold-off, fitness, vouch, vouched.
    case deliver(PeerMessage)
    /// The machine at the peer's address says that nobody listens there.
    case nobodyListens(peer: String, dialledAt: Instant)
    /// The last link that carried messages of the peer has ended, as it does at once with its process. Nothing is concluded from it yet.
    case linkLost(peer: String)
    /// There is no link to carry it.
    case unsent(to: String, PeerMessage.Body, requestID: UInt64)
    /// A message was dropped.
    case refused(peer: String, MessageRefusal)
    /// Whether this node sees fewer than a majority of the members alive, itself counted.
    case isolated(Bool)
    case alarm(MembershipAlarm)
}

/// Why the machine ends a link.
public enum HangUp: Sendable, Hashable {
    /// A newer link carries messages.
    case replaced
    case peerFailed
    case peerLeft
    /// The peer is not, or no longer, in the membership table.
    case notAMember
    case leaving
    case tooManyLinks
    /// Nothing came over it since its handshake.
    case silent
    case identityClone
    /// The message's names are not those of the link.
    case misaddressed
}

/// Why a message had no effect.
public enum MessageRefusal: Sendable, Hashable, CaseIterable {
    case unknownLink
    case misaddressed
    case replayed
    /// Of a process that has a successor.
    case earlierProcess
    /// It answers nothing that was asked, or too late.
    case unasked
    /// The peer has left; only a new process of it comes back.
    case hasLeft
    case unknownKind
    /// The sender contradicts itself.
    case incarnationWentBack
}

/// What somebody has to look at.
public enum MembershipAlarm: Sendable, Hashable {
    /// Two processes use the name, which may be this node's own.
    case identityClone(node: String)
    /// The table has more members than are supported; the last by name are left out.
    case tooManyMembers(count: Int)
}
