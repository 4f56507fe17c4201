public import Election
public import Postgres

extension Leadership {
    /// What one node needs to take part in the election of one shard.
    public struct Configuration: Sendable {
        public var cluster: String
        /// Each shard has a leader of its own; nodes take part in one, `main`.
        public var shard: String
        public var node: String
        /// A UUID that names this process among all that ever ran.
        public var incarnation: String
        /// Where people and programs reach this node, written into the leader row.
        public var address: String
        /// The database, directly: no pooler in between. Settings and keepalives of the lock session are added to it.
        public var connection: ConnectionConfiguration
        /// As configured; what is in force may be longer, see ``LeadershipStatus/timing``.
        public var timing: Timing
        /// A directory that outlives the process: it keeps the highest epoch this node has seen. Made when missing, and this process's alone.
        public var dataDirectory: String
        /// The way to the other nodes; nil: nobody is asked.
        public var peers: PeerChannel?
        /// A refused connection counts as the end of the process that listened there. Only right where nothing else can refuse in its place.
        public var trustsRefusal: Bool
        /// Nil: off. Needs `peers`.
        public var strict: StrictMode?
        /// Statements of the leader's first transactions, prepared on the lock session before there is a term.
        public var prepared: [String]
        /// An SQL expression that is evaluated when this node is elected, after everything that an earlier leader committed and without a round trip of its
        /// own; its value, as text, is `Term.noted`. The settings `muster.cluster` and `muster.shard` hold these names for it.
        public var noted: String
        /// A leader that has not said for so long that its work gets on (`Leadership.worked()`) hands over, however regularly it beats, and after
        /// ``ElectionMachine/workPatienceFactorAfterResignation`` times as long when the leader before handed over as well; nil: never.
        public var workPatience: Duration?
        /// Where this process beats; nil: nobody supervises it.
        public var pulse: Pulse?

        public init(
            cluster: String, shard: String = "main", node: String, incarnation: String, address: String, connection: ConnectionConfiguration,
            timing: Timing = .standard, dataDirectory: String, peers: PeerChannel? = nil, trustsRefusal: Bool = false,
            strict: StrictMode? = nil, prepared: [String] = [], noted: String = "NULL", workPatience: Duration? = nil,
            pulse: Pulse? = nil
        ) {
            self.prepared = prepared
            self.noted = noted
            self.workPatience = workPatience
            self.pulse = pulse
            self.trustsRefusal = trustsRefusal
            self.incarnation = incarnation
            self.peers = peers
            self.strict = strict
            self.cluster = cluster
            self.shard = shard
            self.node = node
            self.address = address
            self.connection = connection
            self.timing = timing
            self.dataDirectory = dataDirectory
        }
    }
}
