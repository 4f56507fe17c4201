import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Membership
import Model
import NIOCore
import Postgres
import PostgresTesting
import Store
import Synchronization
import Testing

@testable import Server

/// A cluster’s database with one token of each role, and an API over it. The database is real; requests go to the responder without a socket.
struct World: Sendable {
    static let cluster = "testing"

    let store: Store
    let node: StandIn
    let clock: MovedClock
    let log: CapturedLog
    let api: API
    /// By role.
    let tokens: [TokenRecord.Role: String]
    let connectionString: String

    var application: Application<Responder> {
        get throws { try APIServer.application(self.api) }
    }

    static let configuration = ServerConfiguration(
        host: "127.0.0.1", port: 0, certificatePath: nil, keyPath: nil, nodeName: "a", version: "1.0.0-test")

    /// Makes a world, runs the test in it, and closes what it opened.
    static func run(
        configuration: ServerConfiguration = Self.configuration, _ test: @Sendable (World, any TestClientProtocol) async throws -> Void
    ) async throws {
        let reactor = Reactor(name: "server-tests")
        let connectionString = try await TestServer.shared.makeDatabase()
        let pool = Pool(ConnectionConfiguration(connectionString, connectTimeout: TestServer.patience), on: reactor, size: 6)
        do {
            let world = try await World(pool: pool, connectionString: connectionString, configuration: configuration)
            try await world.application.test(.router) { client in try await test(world, client) }
            await pool.close()
            reactor.stop()
        } catch {
            await pool.close()
            reactor.stop()
            throw error
        }
    }

    private init(pool: Pool, connectionString: String, configuration: ServerConfiguration) async throws {
        self.connectionString = connectionString
        self.store = Store(
            pool: pool, cluster: Self.cluster, shard: "main", node: configuration.nodeName, bootID: "0197a3c4-5d1e-7c3a-9b0f-1a2b3c4d5e6f")
        try await pool.withConnection { connection in
            _ = try await Schema.migrator.migrate(connection)
            _ = try await connection.query("INSERT INTO muster.cluster (name, lock_key) VALUES ($1, 4711)", [.text(Self.cluster)])
            _ = try await connection.query(
                "INSERT INTO muster.leader (cluster, shard, lock_key, epoch, timeline, system_id) VALUES ($1, 'main', 4711, 0, 1, 1)",
                [.text(Self.cluster)])
        }
        let bootstrap = try await self.store.bootstrap(version: configuration.version)
        var tokens: [TokenRecord.Role: String] = [.admin: try #require(bootstrap.adminToken)]
        for role in TokenRecord.Role.allCases where role != .admin {
            tokens[role] = try await self.store.write(as: .node("a")) { write in
                try await write.createToken(name: "the-\(role.rawValue)", role: role, expires: write.at + .seconds(3600)).secret
            }
        }
        self.tokens = tokens
        self.node = StandIn()
        self.clock = MovedClock()
        self.log = CapturedLog()
        var logger = Logger(label: "server-tests", factory: { [log = self.log] _ in log.handler })
        logger.logLevel = .trace
        self.api = API(store: self.store, node: self.node, configuration: configuration, logger: logger, clock: self.clock)
    }

    func token(_ role: TokenRecord.Role) -> String { self.tokens[role] ?? "" }

    /// Runs `body` in one transaction of a leader: its row names this session, so that fenced tables let it write.
    func asLeader<R: Sendable>(epoch: Int64 = 1, _ body: (Write) async throws -> R) async throws -> R {
        try await self.store.pool.withConnection { connection in
            try await connection.transaction { transaction in
                _ = try await transaction.query(
                    "UPDATE muster.leader SET node = 'a', epoch = $1, backend_pid = pg_backend_pid(), since = clock_timestamp()", [.int(epoch)])
                let answers = try await transaction.pipeline(self.store.writeOpening)
                return try await self.store.write(on: transaction, opened: answers, as: .node("a"), body)
            }
        }
    }

    /// Holds the leader's lock as node `a` while `body` runs.
    func whileLed(_ body: () async throws -> Void) async throws {
        try await self.store.pool.withConnection { connection in
            _ = try await connection.query("UPDATE muster.leader SET node = 'a', epoch = greatest(epoch, 1), since = clock_timestamp()")
            _ = try await connection.query("SELECT pg_advisory_lock(4711)")
            do { try await body() } catch {
                _ = try? await connection.query("SELECT pg_advisory_unlock(4711)")
                throw error
            }
            _ = try await connection.query("SELECT pg_advisory_unlock(4711)")
        }
    }
}

/// The node that the API runs in, under the test's control.
final class StandIn: NodeView {
    struct State {
        var snapshot = NodeSnapshot(role: .follower, epoch: 1, databaseReachable: true, startedAt: WallTime(microseconds: 0))
        var resigned: [String] = []
        var peers: (view: MembershipView, now: Instant)?
    }
    let state = Mutex(State())

    func set(_ change: (inout NodeSnapshot) -> Void) { self.state.withLock { change(&$0.snapshot) } }
    var resigned: [String] { self.state.withLock { $0.resigned } }

    func snapshot() -> NodeSnapshot { self.state.withLock { $0.snapshot } }
    func resign(reason: String, to successor: String?) async -> Bool {
        self.state.withLock { state in
            state.resigned.append(successor.map { "\(reason) → \($0)" } ?? reason)
            let led = state.snapshot.role == .leader
            state.snapshot.role = .follower
            return led
        }
    }
    func membership() -> (view: MembershipView, now: Instant)? { self.state.withLock(\.peers) }
    func metrics() -> [MetricFamily] { [.gauge("muster_leader", help: "1 on the leader.", self.snapshot().role == .leader ? 1 : 0)] }
}

/// A clock that stands until it is moved. Who sleeps on it moves it.
final class MovedClock: ServerClock {
    private let instant = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { self.instant.withLock { $0 } }
    func move(by duration: Duration) { self.instant.withLock { $0 += duration } }
    func sleep(for duration: Duration) async throws {
        // The body's deadline: it never comes in these tests, and ends with its request.
        if duration >= Limits.bodyTime {
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            defer { continuation.finish() }
            for await _ in stream {}
            throw CancellationError()
        }
        try Task.checkCancellation()
        self.move(by: duration)
    }
}

/// Everything that was logged, as text.
final class CapturedLog: Sendable {
    private let lines = Mutex<[String]>([])
    var text: String { self.lines.withLock { $0.joined(separator: "\n") } }
    var handler: Handler { Handler(log: self) }
    fileprivate func add(_ line: String) { self.lines.withLock { $0.append(line) } }

    struct Handler: LogHandler {
        let log: CapturedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        init(log: CapturedLog) { self.log = log }
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            self.log.add("\(event.level) \(event.message) \(self.metadata.merging(event.metadata ?? [:]) { $1 })")
        }
    }
}

/// An answer, as a client sees it.
struct Reply: Sendable {
    var status: Int
    var headers: HTTPFields
    var text: String

    /// Fails the test when it is not JSON.
    var json: JSON {
        get throws { try JSON(parsing: self.text) }
    }
    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { self.headers[$0] } }
    /// The problem's code; nil when it is none.
    var code: String? {
        guard self.headers[.contentType] == "application/problem+json" else { return nil }
        return try? self.json["code"]?.stringValue
    }
}

extension TestClientProtocol {
    func ask(
        _ method: HTTPRequest.Method, _ path: String, as token: String? = nil, body: JSON? = nil, rawBody: String? = nil, key: String? = nil,
        headers extra: [String: String] = [:]
    ) async throws -> Reply {
        var headers = HTTPFields()
        if let token { headers[.authorization] = "Bearer \(token)" }
        if let key { headers[.idempotencyKey] = key }
        let text = rawBody ?? body?.text
        if text != nil { headers[.contentType] = "application/json" }
        for (name, value) in extra { headers[try #require(HTTPField.Name(name))] = value }
        let response = try await self.executeRequest(uri: path, method: method, headers: headers, body: text.map { ByteBuffer(string: $0) })
        return Reply(status: response.status.code, headers: response.headers, text: String(buffer: response.body))
    }
}
