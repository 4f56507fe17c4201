import Cluster
import Election
import Eventually
import Foundation
import Logging
import Model
import Postgres
import PostgresTesting
import Synchronization

/// A registered cluster in a database of its own, on a server that keeps what it commits.
struct ElectionCluster: Sendable {
    let server: TestServer
    let database: String
    let name: String

    /// fsync=on: the election refuses anything else.
    static let durable = ["fsync": "on", "synchronous_commit": "on"]

    /// Patient timers: a busy machine must not look like a broken leader.
    static let timing = Timing(
        beat: .milliseconds(100), lease: .milliseconds(1500), idle: .milliseconds(2500), evict: .milliseconds(3500))

    static var server: TestServer {
        get async throws { try await Self.sharedServer.value }
    }
    // Outlives every test by design, as TestServer.shared does.
    private static let sharedServer = Task { try await TestServer.start(settings: Self.durable) }
    private static let databases = Mutex(0)

    static func make(on server: TestServer? = nil, name: String = "test", registered: Bool = true) async throws -> ElectionCluster {
        let server = if let server { server } else { try await Self.server }
        let number = Self.databases.withLock { number in
            number += 1
            return number
        }
        let database = "cluster_\(number)"
        try await server.execute("CREATE DATABASE \(database)")
        let cluster = ElectionCluster(server: server, database: database, name: name)
        try await cluster.execute(try Self.migration())
        if registered { try await cluster.register(name) }
        return cluster
    }

    static func migration() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "Sources/Store/Migrations/0001_election.sql"), encoding: .utf8)
    }

    @discardableResult
    func execute(_ sql: String) async throws -> String { try await self.server.execute(sql, database: self.database) }

    func register(_ name: String) async throws {
        let reactor = Reactor(name: "test-register")
        let connection = try await Connection.connect(ConnectionConfiguration(self.conninfo(), connectTimeout: TestServer.patience), on: reactor)
        let outcome: Result<Void, any Error>
        do {
            try await ClusterRegistration.create(name: name, on: connection)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await connection.close()
        reactor.stop()
        try outcome.get()
    }

    func conninfo(user: String = "postgres") -> String { self.server.conninfo(database: self.database, user: user) }

    func configuration(
        _ node: String, cluster: String? = nil, conninfo: String? = nil, timing: Timing = ElectionCluster.timing, directory: String? = nil,
        peers: PeerChannel? = nil, trustsRefusal: Bool = false, strict: StrictMode? = nil, workPatience: Duration? = nil
    ) -> Leadership.Configuration {
        Leadership.Configuration(
            cluster: cluster ?? self.name, node: node, incarnation: UUID().uuidString.lowercased(), address: "\(node).example:7000",
            connection: ConnectionConfiguration(conninfo ?? self.conninfo()), timing: timing,
            dataDirectory: directory ?? self.directory(), peers: peers, trustsRefusal: trustsRefusal, strict: strict, workPatience: workPatience)
    }

    /// A fresh path among the server's own files, which go with it; the election makes the directory.
    func directory() -> String { "\(self.server.folder)/nodes/\(UUID().uuidString)/data" }

    func start(
        _ node: String, conninfo: String? = nil, timing: Timing = ElectionCluster.timing, directory: String? = nil, drains: Bool = true
    ) -> TestNode {
        TestNode(self.configuration(node, conninfo: conninfo, timing: timing, directory: directory), drains: drains)
    }

    /// Ends the lock session of the node that leads now.
    func terminateLeader() async throws {
        try await self.execute("SELECT pg_terminate_backend(backend_pid) FROM muster.leader")
    }

    /// How many sessions wait for the lock.
    static let waitingForLocks = """
        SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """

    /// Waits until a query of the database answers `expected`. For what no event of ours tells: another process's state.
    func until(_ sql: String, is expected: String) async throws {
        try await eventually("\(sql) gives \(expected)") { try await self.execute(sql) == expected }
    }
}

/// One node of the election with its coordinator's ear: every event is kept, and can be waited for.
final class TestNode: Sendable {
    let leadership: Leadership
    let log = EventLog()
    private let running: Task<Void, any Error>
    private let listening: Task<Void, Never>

    init(_ configuration: Leadership.Configuration, drains: Bool = true) {
        var logger = Logger(label: "test.\(configuration.node)") { _ in SwiftLogNoOpLogHandler() }
        if ProcessInfo.processInfo.environment["MUSTER_TEST_LOG"] != nil {
            logger = Logger(label: "test.\(configuration.node)")
            logger.logLevel = .debug
        }
        let leadership = Leadership(configuration: configuration, logger: logger)
        let log = self.log
        self.leadership = leadership
        self.running = Task { try await leadership.run() }
        self.listening = Task {
            for await event in leadership.events {
                log.append(event)
                if drains, case .resigning(let term) = event { await leadership.drained(term) }
            }
            log.finish()
        }
    }

    /// The term of the next election of this node from position `from` on.
    func elected(from: Int = 0) async throws -> (term: Term, next: Int) {
        try await self.log.first(from: from) { if case .elected(let term) = $0 { term } else { nil } }
    }
    func gateOpened(from: Int = 0) async throws -> (term: Term, next: Int) {
        try await self.log.first(from: from) { if case .gateOpened(let term) = $0 { term } else { nil } }
    }
    func lost(from: Int = 0) async throws -> (reason: LossReason, next: Int) {
        let found = try await self.log.first(from: from) { if case .lost(_, let reason) = $0 { reason } else { nil } }
        return (found.0, found.next)
    }
    /// Waits until the node may act in `term`; throws when the term ends before.
    func mayAct(_ term: Term) async throws {
        try await eventually("the leader may act in \(term)", every: .milliseconds(5)) {
            if self.leadership.mayAct(term, sendBudget: .milliseconds(100)) { return true }
            guard self.leadership.status.term == term else { throw NotLeading(status: self.leadership.status) }
            return false
        }
    }
    struct NotLeading: Error { var status: LeadershipStatus }

    func waiting(from: Int = 0, for node: String) async throws {
        _ = try await self.log.first(from: from) { event in
            if case .waiting(let holder?) = event, holder.node == node { true } else { nil }
        }
    }

    /// Cancels `run()`, as the end of the process does, and waits for it.
    func stop() async throws {
        self.running.cancel()
        try await self.result()
    }

    func result() async throws {
        defer { self.listening.cancel() }
        try await self.running.value
        await self.listening.value
    }

    /// What `run()` was refused with.
    func refusal() async throws -> ElectionRefused {
        do {
            try await self.result()
        } catch let refused as ElectionRefused {
            return refused
        }
        throw NotRefused()
    }
    struct NotRefused: Error {}
}

/// All events of one node so far, in order, with waiting for more.
final class EventLog: Sendable {
    private struct State {
        var events: [LeadershipEvent] = []
        var finished = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())
    struct Ended: Error { var events: [LeadershipEvent] }

    var events: [LeadershipEvent] { self.state.withLock { $0.events } }
    var count: Int { self.events.count }

    func append(_ event: LeadershipEvent) { self.change { $0.events.append(event) } }
    func finish() { self.change { $0.finished = true } }

    private func change(_ body: (inout State) -> Void) {
        let waiters = self.state.withLock { state in
            body(&state)
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// The first event from position `from` on that `match` takes, and the position behind it.
    func first<R>(from: Int, _ match: (LeadershipEvent) -> R?) async throws -> (R, next: Int) {
        var position = from
        while true {
            let (events, finished) = self.state.withLock { ($0.events, $0.finished) }
            while position < events.count {
                position += 1
                if let found = match(events[position - 1]) { return (found, position) }
            }
            if finished { throw Ended(events: events) }
            // A test that waits for what never comes fails at its time limit, with what came instead.
            if Task.isCancelled { throw Ended(events: events) }
            await withTaskCancellationHandler {
                await self.more(than: position)
            } onCancel: {
                self.change { _ in }
            }
        }
    }

    private func more(than position: Int) async {
        await withCheckedContinuation { continuation in
            let stale = self.state.withLock { state in
                if state.events.count > position || state.finished || Task.isCancelled { return true }
                state.waiters.append(continuation)
                return false
            }
            if stale { continuation.resume() }
        }
    }
}
