public import Election
public import Model

/// One look at this node's part in the election.
public struct LeadershipStatus: Sendable, Hashable {
    /// Where this node stands, as operators see it; ``ElectionMachine/State`` has it in detail.
    public enum Role: String, Sendable, Hashable {
        case starting, connecting, waiting, leader, suspended, resigning, backingOff, refused, stopped
    }
    /// The leader row as last read.
    public struct Seen: Sendable, Hashable {
        public var node: String
        /// Where people and programs reach it, as its configuration says.
        public var address: String
        public var epoch: Epoch
        /// The database server's timeline when it was elected.
        public var timeline: Int32
        /// By the database's clock.
        public var since: WallTime
        /// It gave up, and nobody has followed yet.
        public var resigned: Bool
        /// Its session holds the lock now. False: the row is of a leader that is gone.
        public var holdsLock: Bool

        public init(
            node: String, address: String, epoch: Epoch, timeline: Int32, since: WallTime, resigned: Bool, holdsLock: Bool
        ) {
            self.node = node
            self.address = address
            self.epoch = epoch
            self.timeline = timeline
            self.since = since
            self.resigned = resigned
            self.holdsLock = holdsLock
        }
    }

    public var role: Role
    /// This node's term while it leads (`leader`, `suspended`, `resigning`).
    public var term: Term?
    /// The term's gate has opened.
    public var gateOpen: Bool
    /// What is left of the lease, never negative; nil without a term or before its first answered beat.
    public var leaseRemaining: Duration?
    /// Since the newest answered beat of this node was sent.
    public var lastBeatAge: Duration?
    /// From sending the newest answered beat to its answer.
    public var lastBeatRoundTrip: Duration?
    /// Who leads, as the watch session last read it; nil before the first look and when nobody has led yet.
    public var leader: Seen?
    /// Who holds the lock, as the watch session last read it.
    public var holder: LockHolder?
    /// Since the watch session last read the leader row; nil: never.
    public var watchAge: Duration?
    /// The highest epoch this node has heard of.
    public var knownEpoch: Epoch
    /// The timers now in force: longer than the configured ones after many leader changes.
    public var timing: Timing
    /// Settings of the lock session that the server refused, in words.
    public var degraded: [String]
    /// What went wrong last, in words; nil while all is well.
    public var lastProblem: String?

    public init(role: Role, knownEpoch: Epoch, timing: Timing) {
        self.role = role
        self.gateOpen = false
        self.knownEpoch = knownEpoch
        self.timing = timing
        self.degraded = []
    }
}
