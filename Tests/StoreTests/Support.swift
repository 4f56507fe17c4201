import Control
import Engine
import Ledger
import Manifests
import Model
import Postgres
import PostgresTesting
import Store
import Testing

/// `Model` has a connection too: the manifest.
typealias Session = Postgres.Connection

/// One for all tests.
let reactor = Reactor(name: "store tests")
let operatorPrincipal = Principal(kind: .token, id: "operator-1", authentication: .token)
let transcode = WorkloadID(service: "transcode", region: "eu-west")

/// A database of the shared server with the schema, a cluster `prod` with an open audit log, and a session that can lead.
struct TestCluster {
    static let lockKey: Int64 = 7_000_000_001

    let database: String
    let configuration: ConnectionConfiguration
    let pool: Pool
    let store: Store
    let bootstrap: Bootstrap
    /// What an election would have locked and written is written by ``elect(node:)``.
    let session: Session

    /// Runs psql as a superuser, apart from the code under test.
    @discardableResult
    func sql(_ text: String) async throws -> String { try await TestServer.shared.execute(text, database: self.database) }

    func store(node: String, bootID: String) -> Store {
        Store(pool: self.pool, cluster: "prod", shard: "main", node: node, bootID: bootID)
    }

    /// Makes the session the leader's, as a campaign does.
    @discardableResult
    func elect(node: String = "a", session: Session? = nil) async throws -> Int64 {
        let rows = try await (session ?? self.session).query(
            """
            WITH n AS (
                UPDATE muster.leader SET epoch = epoch + 1, node = $1, incarnation = gen_random_uuid(), backend_pid = pg_backend_pid(), resigned = false,
                    settled = true, since = clock_timestamp()
                RETURNING *
            ), t AS (
                INSERT INTO muster.term (cluster, shard, epoch, timeline, node, incarnation, how)
                SELECT cluster, shard, epoch, timeline, node, incarnation, 'campaign' FROM n
            )
            SELECT epoch FROM n
            """, [.text(node)])
        return try #require(try rows.first?["epoch"].int())
    }

    /// A write in a leader's fenced transaction.
    func lead<R>(_ epoch: Int64, session: Session? = nil, store: Store? = nil, _ body: (Write) async throws -> R) async throws -> R {
        try await (session ?? self.session).transaction { transaction in
            _ = try await transaction.query("SELECT muster.assert_leader('main', $1)", [.int(epoch)])
            let store = store ?? self.store
            let answers = try await transaction.pipeline(store.writeOpening)
            return try await store.write(on: transaction, opened: answers, as: .node("a"), body)
        }
    }

    func connect() async throws -> Session { try await Session.connect(self.configuration, on: reactor) }

    /// What a verifier that trusts nothing says of the whole log.
    func verdict() async throws -> AuditCheck {
        var check = AuditCheck()
        while try await check.step(self.store) {}
        return check
    }

    func events(_ type: String? = nil) async throws -> [EventRecord] {
        try await self.store.events(EventFilter(type: type, ascending: true, limit: 10_000))
    }
}

/// Not cleaned up: the server goes with the process.
func withCluster<R>(_ body: (TestCluster) async throws -> R) async throws -> R {
    let conninfo = try await TestServer.shared.makeDatabase()
    let configuration = ConnectionConfiguration(conninfo, applicationName: "store tests", connectTimeout: TestServer.patience)
    let session = try await Session.connect(configuration, on: reactor)
    try await Schema.migrator.migrate(session)
    _ = try await session.query("INSERT INTO muster.cluster (name, lock_key) VALUES ('prod', $1)", [.int(TestCluster.lockKey)])
    _ = try await session.query(
        "INSERT INTO muster.leader (cluster, shard, lock_key, epoch, timeline, system_id) VALUES ('prod', 'main', $1, 0, 1, 1)",
        [.int(TestCluster.lockKey)])
    let pool = Pool(configuration, on: reactor, size: 4)
    let store = Store(pool: pool, cluster: "prod", shard: "main", node: "a", bootID: "00000000-0000-7000-8000-00000000000a")
    let bootstrap = try await store.bootstrap(version: "1.0.0")
    let database = try #require(conninfo.split(separator: "=").last.map(String.init))
    let cluster = TestCluster(
        database: database, configuration: configuration, pool: pool, store: store, bootstrap: bootstrap, session: session)
    do {
        let result = try await body(cluster)
        await pool.close()
        await session.close()
        return result
    } catch {
        await pool.close()
        await session.close()
        throw error
    }
}

/// The SQLSTATE with which `body` fails; a test that expects one fails when there is none.
func sqlState(sourceLocation: Testing.SourceLocation = #_sourceLocation, _ body: () async throws -> Void) async throws -> String? {
    do { try await body() } catch let error as PostgresError { return error.sqlState }
    return try #require(nil as String?, "nothing was refused", sourceLocation: sourceLocation)
}

func parse(_ text: String) throws -> [ParsedManifest] {
    let files = ManifestParser.parse([SourceFile(name: "test.yaml", text: text)])
    try #require(files.findings.filter { $0.severity == .error }.isEmpty, "\(files.findings)")
    return files.manifests
}

func regionDocument(_ name: String = "eu-west", max: Int = 200) throws -> [ParsedManifest] {
    try parse("kind: Region\nname: \(name)\nmaxReplicas: \(max)\n")
}

/// Times as the database keeps them.
func time(_ seconds: Int) -> WallTime { WallTime(microseconds: 1_780_000_000_123_456) + .seconds(seconds) }

func decision(
    _ workload: WorkloadID = transcode, kind: Decision.Kind = .up, acted: Bool = true, from: Int? = 4, to: Int? = 8, at: WallTime = time(0),
    policy: String = "queue"
) -> Decision {
    Decision(
        workload: workload, policy: .init(name: policy, version: 7, sha256: "ab12"), at: at, kind: kind, from: from, to: to, wanted: to, acted: acted,
        readings: [Reading(metric: "queue", value: Quantity(200), quality: .fresh, age: .seconds(1), maxAge: .seconds(120), source: "sql")],
        proposals: [.init(rule: "track(queue)", replicas: to, because: "ceil(200 / 25)")], steps: [.init(.decision, input: from ?? 0, output: to ?? 0)],
        reasons: [.rule("queue")], confidence: Quantity(milli: 780), urgency: .medium, sentence: "queue 200 / 25 wants \(to ?? 0)")
}

func commit(_ decision: Decision, recorded: Bool = true, plan: Bool? = nil) -> EvaluationCommit {
    EvaluationCommit(
        record: WorkloadRecord(
            id: decision.workload, policy: decision.policy.name, policyVersion: decision.policy.version, evaluatedAt: decision.at,
            desired: decision.from, current: decision.from, ready: decision.from, observedAt: decision.at,
            evaluation: decision, decision: nil),
        isRecorded: recorded,
        action: (plan ?? decision.acted)
            ? .init(
                from: decision.from ?? 0, to: decision.to ?? 0, precondition: "v4", needReady: Quantity(milli: 900), deadline: decision.at + .seconds(220))
            : nil)
}

/// What `body` throws, when it is of this type. Calls with closures are made outside the expectation macros: with several closures of one shape in a
/// function, the compiler runs the wrong one inside them.
func thrown<Thrown: Error>(_ type: Thrown.Type, _ body: () async throws -> Void) async -> Thrown? {
    do {
        try await body()
        return nil
    } catch {
        return error as? Thrown
    }
}
