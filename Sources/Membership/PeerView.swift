public import Model

/// What a node holds of a peer.
public enum PeerState: String, Sendable, Hashable, CaseIterable {
    /// Not heard of since this process started.
    case unknown
    case alive
    /// Alive, but its Postgres is out of its reach, or its event loop runs late.
    case degraded
    /// Neither answers nor is reached by others; soon failed unless something is heard of it.
    case suspect
    case failed
    /// Stopped in order.
    case left

    /// Alive, degraded or not.
    public var isUp: Bool { self == .alive || self == .degraded }
}

/// By which way a peer is known to be alive.
public enum PeerPath: String, Sendable, Hashable, CaseIterable {
    case none
    case direct
    /// It can be heard but does not answer: an asymmetric partition.
    case inboundOnly
    /// Only other nodes reach it: this pair is cut from each other.
    case viaOthers
}

/// How far a peer's wall clock is from this node's.
public struct ClockOffset: Sendable, Hashable {
    /// What an operator has to make of an offset.
    public enum Verdict: String, Sendable, Hashable { case good, warning, critical }
    /// Positive: the peer's clock is ahead.
    public var offset: Duration
    /// The offset is right within this: half of the round trip it was measured with.
    public var error: Duration

    public init(offset: Duration, error: Duration) {
        self.offset = offset
        self.error = error
    }

    /// By the part of the offset that is certain.
    public var verdict: Verdict {
        let certain = (self.offset < .zero ? .zero - self.offset : self.offset) - self.error
        if certain > MembershipLimits.clockCritical { return .critical }
        return certain > MembershipLimits.clockWarning ? .warning : .good
    }
}

/// What this node knows of one peer.
public struct PeerView: Sendable, Hashable {
    /// The peer's, as in the membership table.
    public var name: String
    /// Where it is dialled.
    public var address: String
    /// What this node holds of it.
    public var state: PeerState
    /// When it came to that state.
    public var since: Instant
    /// Why it came to that state, in words.
    public var why: String
    /// How this node knows.
    public var path: PeerPath
    /// Which of its own words counts: it raises the number to refute a suspicion.
    public var incarnation: UInt64
    /// Of its latest process; nil before it was heard.
    public var bootID: String?
    /// Smoothed.
    public var roundTrip: Duration?
    /// From the best of the last eight acks; nil before the first.
    public var clock: ClockOffset?
    /// Peers that report it as suspect or failed; all others that report at all see it alive.
    public var suspectedBy: [String]
    /// Peers whose reports are recent and don't name it.
    public var seenAliveBy: [String]
    /// When the last message came that had an effect; nil before the first.
    public var lastHeard: Instant?
    /// What it last said of itself; nil while nothing was heard of its latest process.
    public var facts: NodeFacts?
    /// Whether there is a link over which something came.
    public var hasLink: Bool
    /// How the last link or dial ended; nil while there is a link.
    public var lastLinkEnd: LinkEnd?
    /// Pings that this node sent for itself.
    public var probesSent: UInt64
    /// Probes without an answer in time.
    public var probesFailed: UInt64
    /// Round trips through others.
    public var indirectProbes: UInt64
    /// Messages of it that had no effect.
    public var messagesRefused: UInt64
    /// Messages of an earlier process of its name that lives on beside the latest.
    public var cloneMessages: UInt64
    /// Whether its last report of fitness missed nothing; nil before the first.
    public var canReachTargets: Bool?
}

/// What this node knows of the cluster, peers sorted by name.
public struct MembershipView: Sendable, Hashable {
    /// This node.
    public var node: String
    /// A UUID of this process.
    public var bootID: String
    /// It rises when this node hears itself suspected.
    public var incarnation: UInt64
    /// 0 (well)...8.
    public var localHealth: Int
    /// In the membership table, this node included.
    public var members: Int
    /// This node included.
    public var alive: Int
    /// Fewer than a majority of the members are alive.
    public var isolated: Bool
    /// All other members.
    public var peers: [PeerView]
    /// Messages that came under this node's own name.
    public var ownNameHeard: UInt64
    /// Times this node noticed that it had been away or starved.
    public var absences: UInt64
    /// Messages that had no effect, by reason; reasons that never occurred are left out.
    public var refusals: [MessageRefusal: UInt64]
}
