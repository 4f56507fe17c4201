public import Election
public import Postgres

extension Leadership {
    /// What one node needs to take part in the election of one shard.
    public struct Configuration: Sendable {
        public var cluster: String
        public var shard: String
        public var node: String
        /// Where other nodes reach this one (`host:port`), written into the leader row.
        public var address: String
        /// The database, directly: no pooler in between. Settings and keepalives of the lock session are added to it.
        public var connection: ConnectionConfiguration
        public var timing: Timing
        /// A directory that outlives the process: it keeps the highest epoch this node has seen. Made when missing.
        public var dataDirectory: String

        public init(
            cluster: String, shard: String = "main", node: String, address: String, connection: ConnectionConfiguration,
            timing: Timing = .standard, dataDirectory: String
        ) {
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
