public import Model

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
    public var name: String
    public var address: String
    public var state: PeerState
    public var since: Instant
    /// Why it came to that state, in words.
    public var why: String
    public var path: PeerPath
    public var incarnation: UInt64
    public var bootID: String?
    /// Smoothed.
    public var roundTrip: Duration?
    public var clock: ClockOffset?
    /// Peers that report it as suspect or failed; all others that report at all see it alive.
    public var suspectedBy: [String]
    /// Peers whose reports are recent and don't name it.
    public var seenAliveBy: [String]
    public var lastHeard: Instant?
    public var facts: NodeFacts?
    public var hasLink: Bool
    /// How the last link or dial ended; nil while there is a link.
    public var lastLinkEnd: LinkEnd?
    public var probesSent: UInt64
    /// Probes without an answer in time.
    public var probesFailed: UInt64
    /// Round trips through others.
    public var indirectProbes: UInt64
    public var messagesRefused: UInt64
    public var cloneMessages: UInt64
    public var canReachTargets: Bool?
}

/// What this node knows of the cluster, peers sorted by name.
public struct MembershipView: Sendable, Hashable {
    public var node: String
    public var bootID: String
    public var incarnation: UInt64
    /// 0 (well)...8.
    public var localHealth: Int
    public var members: Int
    /// This node included.
    public var alive: Int
    /// Fewer than a majority of the members are alive.
    public var isolated: Bool
    public var peers: [PeerView]
    /// Messages that came under this node's own name.
    public var ownNameHeard: UInt64
    /// Times this node noticed that it had been away or starved.
    public var absences: UInt64
    /// Messages that had no effect, by reason; reasons that never occurred are left out.
    public var refusals: [MessageRefusal: UInt64]
}
