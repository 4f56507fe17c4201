@testable import Cluster
import Election
import Foundation
import Model
import Postgres
import PostgresTesting
import Synchronization

/// Plays traces on a real server, with the statements of the election on sessions as a leader has them.
final class PostgresRunner: Sendable {
    private struct Session {
        var connection: Postgres.Connection
        var pid: Int64
        /// Counts sessions: an answer of an earlier one is not this one's.
        var number: Int
        var answer: String?
    }

    /// What the traces need besides a server.
    struct Surroundings: Sendable {
        var shim: ServerShim?
        var tablespace: String?
        var pooler: Pooler?
        var standby: TestServer?
        var host: ServerHost?
    }

    struct Missing: Error {
        var what: String
    }

    /// The newest primary last.
    let servers: Mutex<[TestServer]>
    let surroundings: Surroundings
    private let database: String
    private let reactor = Reactor(name: "conformance")
    private let key: Int64
    private let sessions = Mutex<[String: Session]>([:])
    private let seen = Mutex<(pid: Int64, start: Int64, change: Int64)?>(nil)

    /// What came to pass instead is in the comparison that follows.
    static let patience = Duration.seconds(30)
    static let diskFull = "53100"

    init(on server: TestServer, database: String, _ surroundings: Surroundings = .init()) async throws {
        self.servers = Mutex([server])
        self.surroundings = surroundings
        self.database = database
        try await server.execute("CREATE DATABASE \(database)\(surroundings.tablespace.map { " TABLESPACE \($0)" } ?? "")")
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let schema = try String(contentsOf: root.appending(path: "Sources/Store/Migrations/0001_election.sql"), encoding: .utf8)
        try await server.execute(schema, database: database)
        try await server.execute("CREATE TABLE public.decided (epoch bigint NOT NULL)", database: database)
        let connection = try await Postgres.Connection.connect(
            ConnectionConfiguration(server.conninfo(database: database), connectTimeout: TestServer.patience), on: self.reactor)
        try await ClusterRegistration.create(name: "test", on: connection)
        self.key = try await connection.query("SELECT lock_key FROM muster.leader").single()[0].int()
        await connection.close()
    }

    func stop() async {
        for session in self.sessions.withLock({ Array($0.values) }) { await session.connection.close() }
        self.reactor.stop()
    }

    /// Performs a step, and looks until there is what is expected, or for long enough.
    func play(_ step: Step) async throws -> (answer: String?, state: String) {
        try await self.perform(step)
        let end = ContinuousClock.now + Self.patience
        while true {
            let seen = (answer: self.sessions.withLock { $0[step.session]?.answer }, state: try await self.state().description)
            if step.answer ?? seen.answer == seen.answer, step.state ?? seen.state == seen.state { return seen }
            guard ContinuousClock.now < end else { return seen }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func perform(_ step: Step) async throws {
        let name = step.session
        let parameters: @Sendable (Int64) -> [Value] = { [.text("test"), .text("main"), .int($0)] }
        switch step.action {
        case .connect: try await self.connect(name, self.server.conninfo(database: self.database))
        case .connectFar:
            let address = try self.need(self.surroundings.host, "a host").address
            try await self.connect(name, "host=\(address) port=\(self.server.port) user=postgres dbname=\(self.database)")
        case .connectThroughPooler: try await self.connectThroughPooler(name)
        case .check: self.ask(name) { try await Self.checks($0) }
        case .campaign(let known, let slice, let idle): self.campaign(name, known, Self.timing(slice: slice, idle: idle), losingAnswer: false)
        case .campaignLosingAnswer: self.campaign(name, 0, Self.timing(slice: 50, idle: 60), losingAnswer: true)
        case .beat(let epoch):
            self.ask(name) { Answer.beat(!(try await $0.query(ElectionSQL.beat, parameters(epoch))).isEmpty) }
        case .settle(let epoch):
            self.ask(name) { connection in
                do {
                    return Answer.settled(try await connection.query(ElectionSQL.settle, parameters(epoch) + [.int(700)]).affected == 1)
                } catch let error as PostgresError where error.sqlState == Self.diskFull { return Answer.settled(false) }
            }
        case .resign(let epoch):
            let key = self.key
            self.ask(name) { connection in
                let outcomes = await connection.pipelineEach([
                    Statement(ElectionSQL.resign, parameters(epoch)), Statement(ElectionSQL.unlock, [.int(key)]),
                ])
                guard let last = outcomes.last else { return Answer.notReleased }
                return try last.get().first?[0].bool() == true ? Answer.released : Answer.notReleased
            }
        case .decide(let epoch): self.decide(name, epoch, then: "")
        case .decideLosingAnswer(let epoch): self.decide(name, epoch, then: Self.end)
        case .withdraw: if let connection = self.connection(name) { await connection.cancelRunning() }
        case .terminate:
            if let pid = self.sessions.withLock({ $0[name]?.pid }) { try await self.execute("SELECT pg_terminate_backend(\(pid))") }
        case .vanish: if let connection = self.connection(name) { await connection.close() }
        case .look: try await self.look()
        case .evict: try await self.evict()
        case .crash: try await self.server.restart(.immediate)
        case .moveClock, .stall, .flow, .fillDisk, .freeDisk, .loseStandby, .failOver, .retireOld, .cut: try await self.harm(step.action)
        // Real time passes while what is expected is waited for.
        case .wait: break
        case .pass(let seconds): try await Task.sleep(for: .seconds(seconds))
        }
    }

    private static func timing(slice: Int64, idle: Int64) -> Timing { ModelRunner.timing(slice: slice, idle: idle) }

    // MARK: Sessions

    var server: TestServer { self.servers.withLock { $0[$0.count - 1] } }

    func need<Thing>(_ thing: Thing?, _ what: String) throws -> Thing {
        guard let thing else { throw Missing(what: what) }
        return thing
    }

    private func connect(_ name: String, _ conninfo: String) async throws {
        let timing = Self.timing(slice: 50, idle: 60)
        let connection = try await self.open(conninfo)
        _ = try await SessionSetting.apply(SessionSetting.lockSession(timing), to: connection)
        _ = try await connection.query(
            ElectionSQL.identify(cluster: "test", shard: "main", node: name, incarnation: UUID().uuidString.lowercased(), address: name))
        _ = try await connection.simple(ElectionSQL.prepareEpoch(timelineKnown: true, noting: "NULL"))
        try await self.take(name, connection)
    }

    /// What a pooler gives to others later must not be changed: no settings, no names.
    private func connectThroughPooler(_ name: String) async throws {
        try await self.take(name, try await self.open(try self.need(self.surroundings.pooler, "a pooler").conninfo(database: self.database)))
    }

    /// With the timers of a lock session.
    private func open(_ conninfo: String) async throws -> Postgres.Connection {
        var configuration = ConnectionConfiguration(conninfo)
        configuration.tcpUserTimeout = .seconds(2)
        configuration.keepaliveIdle = .seconds(1)
        return try await Postgres.Connection.connect(configuration, on: self.reactor)
    }

    private func take(_ name: String, _ connection: Postgres.Connection) async throws {
        let pid = try await connection.query("SELECT pg_backend_pid()").single()[0].int()
        let number = self.sessions.withLock { sessions in
            let number = (sessions[name]?.number ?? 0) + 1
            sessions[name] = Session(connection: connection, pid: pid, number: number)
            return number
        }
        // Ends with the connection, which `stop` closes.
        Task {
            if await connection.untilClosed() != nil { self.answered(name, number, Answer.closed) }
        }
    }

    private func connection(_ name: String) -> Postgres.Connection? { self.sessions.withLock { $0[name]?.connection } }

    private func answered(_ name: String, _ number: Int, _ answer: String) {
        self.sessions.withLock { if $0[name]?.number == number { $0[name]?.answer = answer } }
    }

    /// Sends, and notes the answer whenever it comes.
    private func ask(_ name: String, _ question: @escaping @Sendable (Postgres.Connection) async throws -> String) {
        guard let session = self.sessions.withLock({ $0[name] }) else { return }
        self.sessions.withLock { $0[name]?.answer = nil }
        // Ends with its answer, or with the connection.
        Task {
            var answer: String
            do {
                answer = try await question(session.connection)
            } catch let error as PostgresError {
                answer = Self.words(error)
                // As a leader does with a session whose campaign failed.
                if answer == Answer.closed { await session.connection.close() }
                if answer == Answer.sliceOver, error.sqlState == ElectionSQL.queryCanceled {
                    _ = try? await session.connection.query(ElectionSQL.leaveQueue(idleTimeout: true))
                }
            } catch {
                answer = "\(error)"
            }
            self.answered(name, session.number, answer)
        }
    }

    private static func words(_ error: PostgresError) -> String {
        switch error.sqlState {
        case ElectionSQL.lockNotAvailable, ElectionSQL.queryCanceled: Answer.sliceOver
        case ElectionSQL.fenced: Answer.fenced
        case Self.diskFull: Answer.closed
        case let state? where !state.hasPrefix("57P"): "\(error)"
        default: Answer.closed
        }
    }

    // MARK: Statements

    /// Ends the session from within, after its commit.
    private static let end = "COMMIT; SELECT pg_terminate_backend(pg_backend_pid());"

    private func campaign(_ name: String, _ known: Int64, _ timing: Timing, losingAnswer: Bool) {
        let sql = ElectionSQL.campaign(key: self.key, known: Epoch(known), timing: timing, idleTimeout: true)
        self.ask(name) { connection in
            let sets = try await connection.simple(losingAnswer ? sql + Self.end : sql)
            guard let row = sets.first(where: { $0.columns.first == "granted_epoch" })?.first else { return "no row" }
            let before: (node: String, epoch: Int64, resigned: Bool, settled: Bool)? =
                row["old_node"].isNull
                ? nil
                : (
                    try row["old_node"].string(), try row["old_epoch"].int(), try row["old_resigned"].bool(), try row["old_settled"].bool()
                )
            return Answer.granted(
                try row["granted_epoch"].int(), timeline: try row["timeline"].int(), lease: try row["old_lease_ms"].int(), before: before)
        }
    }

    private func decide(_ name: String, _ epoch: Int64, then end: String) {
        self.ask(name) { connection in
            do {
                _ = try await connection.simple(
                    """
                    BEGIN; SELECT muster.assert_leader('main', \(epoch)); INSERT INTO public.decided VALUES (\(epoch)); SELECT nextval('muster.beat');
                    \(end.isEmpty ? "COMMIT" : end)
                    """)
                return Answer.committed
            } catch let error as PostgresError where error.sqlState == ElectionSQL.fenced || error.sqlState == Self.diskFull {
                _ = try await connection.simple("ROLLBACK")
                if error.sqlState == Self.diskFull { return Answer.noRoom }
                throw error
            }
        }
    }

    private func look() async throws {
        let rows = try await self.execute(
            """
            SELECT pid || ' ' || (extract(epoch FROM backend_start) * 1000000)::int8 || ' ' || (extract(epoch FROM state_change) * 1000000)::int8
            FROM muster.lock_holder
            """)
        let numbers = rows.split(separator: " ").compactMap { Int64($0) }
        self.seen.withLock { $0 = numbers.count == 3 ? (numbers[0], numbers[1], numbers[2]) : nil }
    }

    private func evict() async throws {
        guard let seen = self.seen.withLock({ $0 }) else { return }
        let connection = try await Postgres.Connection.connect(
            ConnectionConfiguration(self.server.conninfo(database: self.database), connectTimeout: TestServer.patience), on: self.reactor)
        _ = try await connection.query(ElectionSQL.evict, [.int(seen.pid), .int(seen.start), .int(seen.change)])
        await connection.close()
    }

    // MARK: What the server shows

    @discardableResult
    func execute(_ sql: String) async throws -> String { try await self.server.execute(sql, database: self.database) }

    private func state() async throws -> ServerState {
        let shown = try await self.execute(
            """
            SELECT l.epoch, coalesce(l.node, ''), l.resigned, l.settled, (SELECT count(*) FROM public.decided WHERE epoch > 0),
                coalesce((SELECT string_agg(k.pid::text, ' ') FROM muster.lock_holder k), ''),
                coalesce((SELECT string_agg(k.pid::text, ' ' ORDER BY k.waitstart) FROM pg_locks k WHERE k.locktype = 'advisory' AND NOT k.granted
                    AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())), '')
            FROM muster.leader l WHERE l.shard = 'main'
            """)
        let fields = shown.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        let letters = self.sessions.withLock { sessions in Dictionary(uniqueKeysWithValues: sessions.map { (String($1.pid), $0) }) }
        func names(_ text: String) -> [String] { text.split(separator: " ").map { letters[String($0)] ?? "an earlier session" } }
        guard fields.count == 7, let epoch = Int64(fields[0]), let decisions = Int(fields[4]) else { throw Unreadable(text: shown) }
        return ServerState(
            holder: names(fields[5]).first, waiting: names(fields[6]), epoch: epoch, node: fields[1].isEmpty ? nil : fields[1], resigned: fields[2] == "t",
            settled: fields[3] == "t", decisions: decisions)
    }

    struct Unreadable: Error {
        var text: String
    }
}
