public import Membership
public import Model

/// What the API asks of the node that it runs in. The shell that runs the election and the leader's loop provides it.
public protocol NodeView: Sendable {
    /// How the node stands now. Cheap: it is asked for with every probe and touches neither database nor network.
    func snapshot() -> NodeSnapshot
    /// Gives up leadership.
    ///
    /// - Parameters:
    ///   - reason: in words, for the log.
    ///   - successor: the node that shall lead next; nil: whoever is first.
    /// - Returns: whether this node was leading.
    func resign(reason: String, to successor: String?) async -> Bool
    /// What this node knows of the others by its own probes, with the moment of the answer on the same clock; nil when it does not probe.
    func membership() -> (view: MembershipView, now: Instant)?
    /// The node's own metrics; the API adds those of its requests.
    func metrics() -> [MetricFamily]
}

/// How one node stands, by its own knowledge.
public struct NodeSnapshot: Sendable, Hashable {
    /// What a node does in the election, by its own knowledge.
    public enum Role: Sendable, Hashable {
        case leader, follower, campaigning
        /// Its session or database is in doubt: it does not act.
        case suspended
        /// It will not take part, and says why.
        case refused(String)

        /// As answers and metrics name it.
        public var name: String {
            switch self {
            case .leader: "leader"
            case .follower: "follower"
            case .campaigning: "campaigning"
            case .suspended: "suspended"
            case .refused: "refused"
            }
        }
    }

    /// What this node's own check of the audit log last said.
    public struct Audit: Sendable, Hashable {
        /// `verified`: all is checked and good; `verifying`: not yet all; `diverged`: something was edited; `unknown`: nothing is checked yet.
        public enum State: String, Sendable, Hashable, CaseIterable { case verified, verifying, diverged, unknown }
        /// What the check last came to.
        public var state: State
        /// The newest event that was checked; nil when none was.
        public var verifiedTo: Int64?
        /// - Parameter verifiedTo: the `seq` of the newest event that was checked.
        public init(state: State, verifiedTo: Int64? = nil) {
            self.state = state
            self.verifiedTo = verifiedTo
        }
    }

    /// What it does in the election.
    public var role: Role
    /// The newest epoch it knows of; nil when it has not seen one.
    public var epoch: Int64?
    /// How long it may still act as leader; nil when it does not lead.
    public var leaseRemaining: Duration?
    /// Since it sent the newest of its beats that was answered; nil when none was.
    public var lastBeatAge: Duration?
    /// Settings that weaken what Muster promises, each in words.
    public var degraded: [String]
    /// Whether its last heartbeat got through.
    public var databaseReachable: Bool
    /// Since this node's last round; nil when it never led.
    public var lastRoundAge: Duration?
    /// Of this node's own check of the log, which every node makes for itself.
    public var audit: Audit
    /// When the process started, by this node's clock.
    public var startedAt: WallTime

    /// A node as it stands; what is left out does not apply to it.
    public init(
        role: Role, epoch: Int64?, leaseRemaining: Duration? = nil, lastBeatAge: Duration? = nil, degraded: [String] = [], databaseReachable: Bool,
        lastRoundAge: Duration? = nil, audit: Audit = Audit(state: .unknown), startedAt: WallTime
    ) {
        self.role = role
        self.epoch = epoch
        self.leaseRemaining = leaseRemaining
        self.lastBeatAge = lastBeatAge
        self.degraded = degraded
        self.databaseReachable = databaseReachable
        self.lastRoundAge = lastRoundAge
        self.audit = audit
        self.startedAt = startedAt
    }

    /// Whether traffic should come here: it reaches the database and takes part.
    public var isReady: Bool {
        if case .refused = self.role { return false }
        return self.databaseReachable
    }
}
