public import Model

/// What the database answered when this node got the lock and wrote its epoch.
public struct Grant: Sendable, Hashable {
    public struct Predecessor: Sendable, Hashable {
        public var node: String
        public var epoch: Epoch
        public var resigned: Bool
        public var settled: Bool

        public init(node: String, epoch: Epoch, resigned: Bool, settled: Bool) {
            self.node = node
            self.epoch = epoch
            self.resigned = resigned
            self.settled = settled
        }
    }

    public var epoch: Epoch
    public var timeline: Int32
    /// The beat counter at that moment.
    public var beat: Int64
    /// The longest lease that any earlier leader may still hold, by the row; zero when it names none.
    public var earlierLease: Duration
    /// Nil when the row named no leader.
    public var predecessor: Predecessor?

    public init(epoch: Epoch, timeline: Int32, beat: Int64, earlierLease: Duration, predecessor: Predecessor?) {
        self.epoch = epoch
        self.timeline = timeline
        self.beat = beat
        self.earlierLease = earlierLease
        self.predecessor = predecessor
    }

    /// The first epoch of all, with nobody before it. A row that was reset doesn't look like this: some node or the list of
    /// terms still knows a higher epoch.
    var isFirst: Bool { self.predecessor == nil && self.epoch == Epoch(1) }
}

/// The right to act on the world: what is asked immediately before each act.
public struct Lease: Sendable, Hashable {
    public var epoch: Epoch
    /// Sending of the newest answered beat + Tself; nil before the first answer.
    public var until: Instant?
    public var gateOpen: Bool
    /// Suspended or resigning.
    public var halted: Bool

    public init(epoch: Epoch, until: Instant?, gateOpen: Bool, halted: Bool) {
        self.epoch = epoch
        self.until = until
        self.gateOpen = gateOpen
        self.halted = halted
    }

    /// Whether an act may start now that has been sent `sendBudget` later.
    public func mayAct(at now: Instant, sendBudget: Duration) -> Bool {
        guard self.gateOpen, !self.halted, let until = self.until else { return false }
        return now + sendBudget < until
    }
}
