public import Model

/// One node's time as the leader of one shard.
public struct Term: Sendable, Hashable, CustomStringConvertible {
    public var cluster: String
    public var shard: String
    public var node: String
    /// This run of the node's process: a random UUID.
    public var incarnation: String
    /// Rises with every term of the shard, and never repeats.
    public var epoch: Epoch
    /// The database server's timeline: rises with every failover of the database.
    public var timeline: Int32
    /// When the term began, by the database's clock.
    public var since: WallTime
    /// When the answer that made this node the leader arrived, on this node's boot clock.
    public var grantedAt: Instant
    /// The leader before; nil for the first term of a shard.
    public var predecessor: Predecessor?
    /// From the last beat of the predecessor that this node saw to `grantedAt`; nil when it saw none, or not the last.
    public var gap: Duration?

    /// The leader before, as its row said it.
    public struct Predecessor: Sendable, Hashable {
        public var node: String
        public var epoch: Epoch
        /// It gave up by itself; otherwise its session was lost.
        public var resigned: Bool

        public init(node: String, epoch: Epoch, resigned: Bool) {
            self.node = node
            self.epoch = epoch
            self.resigned = resigned
        }
    }

    /// The value of `Leadership.Configuration.noted` when the epoch was written.
    public var noted: String?

    public init(
        cluster: String, shard: String, node: String, incarnation: String, epoch: Epoch, timeline: Int32, since: WallTime,
        grantedAt: Instant, predecessor: Predecessor? = nil, gap: Duration? = nil, noted: String? = nil
    ) {
        self.cluster = cluster
        self.shard = shard
        self.node = node
        self.incarnation = incarnation
        self.epoch = epoch
        self.timeline = timeline
        self.since = since
        self.grantedAt = grantedAt
        self.predecessor = predecessor
        self.gap = gap
        self.noted = noted
    }

    /// Timeline and epoch as one number that only rises: `timeline << 40 | epoch`.
    public var token: Int64 { FencingToken(timeline: self.timeline, epoch: self.epoch).value }

    public var description: String { "\(self.cluster)/\(self.shard) epoch \(self.epoch) by \(self.node)" }
}
