public import Model

/// What the database answered when this node got the lock and wrote its epoch.
public struct Grant: Sendable, Hashable {
    /// The leader that the row named before this node wrote itself into it.
    public struct Predecessor: Sendable, Hashable {
        public var node: String
        public var epoch: Epoch
        /// It wrote that it gave up.
        public var resigned: Bool
        /// It wrote that its gate had opened: no lease from before its term can be running.
        public var settled: Bool
        /// Where its process listens for peers, `host:port`; empty when unknown.
        public var address: String
        /// Its process; empty when unknown.
        public var incarnation: String
        /// Of its grant.
        public var timeline: Int32

        public init(
            node: String, epoch: Epoch, resigned: Bool, settled: Bool, address: String = "", incarnation: String = "", timeline: Int32
        ) {
            self.node = node
            self.epoch = epoch
            self.resigned = resigned
            self.settled = settled
            self.address = address
            self.incarnation = incarnation
            self.timeline = timeline
        }
    }

    /// The term's number, which this node wrote.
    public var epoch: Epoch
    /// The database server's timeline: rises with every failover of the database.
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

    /// What every act and every promise of this term is compared by.
    public var token: FencingToken { FencingToken(timeline: self.timeline, epoch: self.epoch) }

    /// The first epoch of all, with nobody before it. A row that was reset doesn't look like this: some node or the list of
    /// terms still knows a higher epoch. After a failover the row may have lost its first leader.
    var isFirst: Bool { self.predecessor == nil && self.epoch == Epoch(1) && self.timeline <= 1 }

    /// A failover lies between the row and this term. It may have lost terms, and with them the leases that they wrote down.
    var mayFollowLostTerms: Bool { self.timeline > 1 && self.predecessor?.timeline != self.timeline }

    /// The predecessor, if its word or its end says that nobody acts any more. Unsettled, an even earlier leader's lease
    /// might still run: its word covers only its own. From an older timeline, a later leader may have been lost in the failover.
    var trustedPredecessor: Predecessor? {
        guard let predecessor = self.predecessor, predecessor.settled, predecessor.timeline == self.timeline else { return nil }
        return predecessor
    }
}

extension FencingToken {
    /// Below every leader's.
    public static let zero = FencingToken(timeline: 0, epoch: Epoch(0))

    var epoch: Epoch { Epoch(self.value & ((Int64(1) << Self.epochBits) - 1)) }
    var timeline: Int32 { Int32(truncatingIfNeeded: self.value >> Self.epochBits) }
}

/// The right to act on the world: what is asked immediately before each act.
public struct Lease: Sendable, Hashable {
    /// The term that it is of.
    public var epoch: Epoch
    /// Sending of the newest answered beat + Tself; nil before the first answer. In strict mode also no later than the
    /// majority's word lasts.
    public var until: Instant?
    /// No earlier leader can act any more.
    public var gateOpen: Bool
    /// Suspended or resigning.
    public var halted: Bool
    /// What the term's acts are compared by.
    public var token: FencingToken
    /// The highest token that this process has promised to respect.
    public var promised: FencingToken

    public init(
        epoch: Epoch, until: Instant?, gateOpen: Bool, halted: Bool, token: FencingToken = .zero,
        promised: FencingToken = .zero
    ) {
        self.epoch = epoch
        self.until = until
        self.gateOpen = gateOpen
        self.halted = halted
        self.token = token
        self.promised = promised
    }

    /// Whether an act may start now that has been sent `sendBudget` later.
    public func mayAct(at now: Instant, sendBudget: Duration) -> Bool {
        guard self.gateOpen, !self.halted, self.promised <= self.token, let until = self.until else { return false }
        return now + sendBudget < until
    }
}
