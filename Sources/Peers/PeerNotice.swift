public import Membership
public import Model
public import TLS

/// What a mesh tells its owner.
public enum PeerNotice: Sendable, Hashable {
    /// For the election: fence, promise, hold-off, fitness, vouch or vouched, of an authenticated member.
    case message(PeerMessage)
    /// Something posted had no link to go over.
    case unsent(to: String, body: PeerMessage.Body, requestID: UInt64)
    /// The machine at the peer's address refused a connection that was asked for then, on the boot clock: no process listens there.
    case nobodyListens(peer: String, dialledAt: Instant)
    /// Its link has ended, and with it perhaps its process.
    case linkLost(peer: String)
    case changed(peer: String, from: PeerState, to: PeerState, why: String)
    /// The peer is another process than before.
    case restarted(peer: String, bootID: String)
    /// Whether this node sees fewer than a majority of the members alive, itself counted.
    case isolated(Bool)
    case alarm(PeerAlarm)
    /// The identity's files changed and are in use.
    case identityChanged(IdentityStore.Change)
    /// A node that is certified, but not among the members, wants to come in: the membership is to be read again, now.
    case stranger(node: String)
    /// Connections are accepted.
    case listening(host: String, port: Int)
}

/// What somebody has to look at.
public enum PeerAlarm: Sendable, Hashable, CustomStringConvertible {
    /// Two processes use one name, which may be this node's own.
    case identityClone(node: String)
    case tooManyMembers(count: Int)
    /// The identity's files changed and can't be used; the identity in use stays.
    case identityUnusable(why: String)

    public var description: String {
        switch self {
        case .identityClone(let node):
            "two processes use the name “\(node)”: stop one of them, or, if its key was stolen, issue a new certificate and deny the old serial"
        case .tooManyMembers(let count):
            "the membership has \(count) nodes, more than the \(MembershipLimits.members) that are watched; remove those that are gone"
        case .identityUnusable(let why): "the node keeps its old certificate, because the new files can't be used: \(why)"
        }
    }
}
