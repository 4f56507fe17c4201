public import Model
public import Postgres

/// Every SQL statement of Muster that is not the election's, by aggregate.
///
/// Reads go to the node's pool. Whatever changes something goes through ``Write``: one transaction that holds the change and its audit events,
/// sealed into the tree at its end. Either all of it happened or none.
///
/// It holds no rule: what may be written is decided by the engine, the coordinator and the API before they come here.
public struct Store: Sendable {
    /// Connections for reads and writes.
    public let pool: Pool
    /// The cluster's name.
    public let cluster: String
    /// The part of the fleet that one leader has.
    public let shard: String
    /// The node that writes through this store, and its run.
    public let node: String
    /// The run of that node.
    public let bootID: String

    public init(pool: Pool, cluster: String, shard: String, node: String, bootID: String) {
        self.pool = pool
        self.cluster = cluster
        self.shard = shard
        self.node = node
        self.bootID = bootID
    }

    /// The log's name in its tree.
    public var origin: String { self.cluster + Self.originSuffix }
    /// What a log's origin adds to the name of its cluster.
    static let originSuffix = "/audit"

    /// Longest wait for the database in a read: people wait for it, and a node that can't answer in this time should say so.
    static let readDeadline = Duration.seconds(5)

    func read(_ sql: String, _ parameters: [Value] = [], deadline: Duration = Self.readDeadline) async throws -> ResultSet {
        try await self.pool.query(sql, parameters, deadline: deadline)
    }
}

/// Where the cluster stands, as every answer says.
public struct Head: Sendable, Hashable {
    /// The database's clock.
    public var now: WallTime
    /// The newest term; 0 before the first.
    public var epoch: Int64
    /// The newest audit event; -1 when there is none.
    public var seq: Int64
}

/// The audit tree's newest state.
public struct TreeHead: Sendable, Hashable {
    /// Events in it.
    public var size: Int64
    /// The root hash; empty in an empty tree.
    public var root: [UInt8]
    /// The right edge: with it, a reader can go on from here.
    public var frontier: [UInt8]
    /// The newest term when it grew last.
    public var epoch: Int64
    /// When it grew last; nil: it is empty.
    public var integratedAt: WallTime?
}

extension Store {
    /// Where the cluster stands now.
    public func head() async throws -> Head { try await self.run(self.headRead) }

    var headRead: Read<Head> {
        Read(
            """
            SELECT clock_timestamp() AS now, coalesce((SELECT epoch FROM muster.leader WHERE cluster = $1 AND shard = $2), 0) AS epoch,
                   coalesce((SELECT size FROM muster.audit_tree WHERE origin = $3), 0) - 1 AS seq
            """, [.text(self.cluster), .text(self.shard), .text(self.origin)]
        ) { rows in
            let row = try rows.one()
            return Head(now: try row["now"].wallTime(), epoch: try row["epoch"].int(), seq: try row["seq"].int())
        }
    }

    /// The audit tree's newest state; empty when nothing was written yet.
    public func treeHead() async throws -> TreeHead {
        let rows = try await self.read("SELECT size, root, frontier, epoch, integrated_at FROM muster.audit_tree WHERE origin = $1", [.text(self.origin)])
        guard let row = rows.first else { return TreeHead(size: 0, root: [], frontier: [], epoch: 0, integratedAt: nil) }
        return TreeHead(
            size: try row["size"].int(), root: try row["root"].bytes(), frontier: try row["frontier"].bytes(), epoch: try row["epoch"].int(),
            integratedAt: try row["integrated_at"].wallTime())
    }
}

extension ResultSet {
    /// The first row of an answer that always has one.
    func one() throws -> Row {
        guard let row = self.first else { throw StoreError.noRow }
        return row
    }
}

extension Field {
    func wallTime() throws -> WallTime { WallTime(microseconds: try self.timestampMicroseconds()) }
    func wallTimeOrNil() throws -> WallTime? { self.isNull ? nil : try self.wallTime() }
    func intOrNil() throws -> Int? { self.isNull ? nil : Int(try self.int()) }
    func int64OrNil() throws -> Int64? { self.isNull ? nil : try self.int() }
    func stringOrNil() throws -> String? { self.isNull ? nil : try self.string() }
    func parsedJSON() throws -> JSON { try JSON(parsing: try self.string()) }
}

extension Value {
    static func time(_ time: WallTime) -> Value { .timestamp(microseconds: time.microseconds) }
    static func optional(_ value: Int?) -> Value { value.map { .int(Int64($0)) } ?? .null }
    static func optional(_ value: Int64?) -> Value { value.map { .int($0) } ?? .null }
    static func optional(_ value: String?) -> Value { value.map { .text($0) } ?? .null }
    static func optional(_ value: WallTime?) -> Value { value.map { .time($0) } ?? .null }
}

/// What the database holds and should not, or lacks and should hold.
public enum StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    case noRow
    /// Migrations have not run here.
    case notInitialized(cluster: String)
    /// The stored tree does not add up: somebody edited it.
    case auditDamaged(String)
    /// What is stored can't be read: a newer version wrote it, or somebody edited it.
    case unreadable(what: String, why: String)

    public var description: String {
        switch self {
        case .noRow: "the database answered without the row that it always has; run: muster doctor"
        case .notInitialized(let cluster): "this database holds no cluster “\(cluster)”; run: muster cluster init --name \(cluster)"
        case .auditDamaged(let what): "the audit log in the database is damaged: \(what); nothing was written; run: muster audit verify"
        case .unreadable(let what, let why): "\(what) in the database can't be read: \(why); was it written by a newer version?"
        }
    }
}

/// A write that lost against another one.
public enum StoreConflict: Error, Sendable {
    /// The manifest is not at the version that was expected.
    case version(expected: Int, current: StoredManifest?)
    /// There is nothing to end.
    case alreadyEnded
    /// Another change of the same thing is under way.
    case inProgress
}
