import Foundation
import Glibc
import Postgres
import PostgresTesting
import Synchronization

/// A whole cluster of a benchmark's own: a private Postgres that forgets nothing (fsync on), and nodes as processes of the program built beside this one.
/// As root each node has a network namespace of its own; else all share the loopback interface.
///
/// Everything ends with `down`, and when this process dies in whatever way.
final class BenchCluster: Sendable {
    static let nodes = ["a", "b", "c"]

    private let place: BenchFolder
    let server: TestServer
    /// nil: why not is in `noNetwork`.
    let network: BenchNetwork?
    let noNetwork: String
    /// `default` or `fast`: the nodes' setting `timing`.
    let timing: String
    /// Each node has a supervisor.
    let isSupervised: Bool
    let effects: EffectLog
    let reactor: Reactor
    /// A session of the benchmark's own, as the superuser.
    let session: Connection
    let events: ClusterEvents
    /// Carries the database's part of `events`.
    private let announcements: Connection
    private let children = Mutex<[String: ChildProcess]>([:])

    static let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/muster"
    private static let httpPort = 7443
    private static let peerPort = 7400
    private static let supervisorPort = 7500
    /// A node with everything that it starts has to answer within this.
    private static let startLimit = Duration.seconds(60)

    static func up(timing: String = "default", isSupervised: Bool = false) async throws -> BenchCluster {
        guard access(Self.program, X_OK) == 0 else {
            throw ChildProcess.Failure(description: "there is no program \(Self.program): swift build -c release --product muster")
        }
        let made = Mutex<(network: BenchNetwork?, reason: String)>((nil, ""))
        let place = try await BenchFolder("cluster") { folder in
            let outcome = try await BenchNetwork.make(nodes: Self.nodes, folder: folder)
            made.withLock { $0 = outcome }
            return outcome.network?.removal(Self.nodes) ?? ":"
        }
        let (network, reason) = made.withLock { $0 }
        let host = network?.server ?? "127.0.0.1"
        let server = try await TestServer.start(settings: [
            "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": host == "127.0.0.1" ? host : "127.0.0.1,\(host)",
        ])
        if let network { try await Self.admit("\(network.prefix).0/24", to: server) }
        let reactor = Reactor(name: "bench")
        for sql in ["create role muster_node login", "create database muster owner muster_node", "create role load_read login"] {
            try await server.execute(sql)
        }
        let session = try await Connection.connect(ConnectionConfiguration(server.conninfo(database: "muster")), on: reactor)
        let announcements = try await Connection.connect(ConnectionConfiguration(server.conninfo(database: "muster")), on: reactor)
        let events = ClusterEvents()
        let cluster = BenchCluster(
            place: place, server: server, network: network, noNetwork: reason, timing: timing, isSupervised: isSupervised,
            effects: try EffectLog(path: "\(place.path)/effects") { events.tell(.effect($0)) }, reactor: reactor, session: session, events: events,
            announcements: announcements)
        do {
            try await cluster.initialize()
            return cluster
        } catch {
            await cluster.down()
            throw error
        }
    }

    private init(
        place: BenchFolder, server: TestServer, network: BenchNetwork?, noNetwork: String, timing: String, isSupervised: Bool, effects: EffectLog,
        reactor: Reactor, session: Connection, events: ClusterEvents, announcements: Connection
    ) {
        self.events = events
        self.announcements = announcements
        self.isSupervised = isSupervised
        self.place = place
        self.server = server
        self.network = network
        self.noNetwork = noNetwork
        self.timing = timing
        self.effects = effects
        self.reactor = reactor
        self.session = session
    }

    private static func admit(_ addresses: String, to server: TestServer) async throws {
        let path = "\(server.folder)/data/pg_hba.conf"
        let file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard file >= 0 else { throw ChildProcess.Failure(description: "\(path) can't be opened: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        let line = "host all all \(addresses) trust\n"
        guard write(file, line, line.utf8.count) == line.utf8.count else { throw ChildProcess.Failure(description: "\(path) can't be written") }
        try await server.execute("select pg_reload_conf()")
    }

    private func initialize() async throws {
        try FileManager.default.createDirectory(atPath: "\(self.folder)/gates", withIntermediateDirectories: true)
        try await ChildProcess.run(
            [Self.program, "cluster", "init", "--name", "bench", "--postgres", self.dsn, "--out", "\(self.folder)/ca"], in: self.folder)
        try await self.events.follow(self.announcements)
        for node in Self.nodes { try await self.configure(node) }
        for node in Self.nodes { try self.start(node) }
        for node in Self.nodes { try await self.ready(node) }
        _ = try await self.leader(after: 0)
        try await self.muster(["enable", "--reason", "benchmark", "--yes"])
    }

    func down() async {
        await self.session.close()
        await self.announcements.close()
        self.reactor.stop()
        self.effects.stop()
        for (_, child) in self.children.withLock({ $0 }) {
            child.signal(SIGCONT)
            child.signal(SIGTERM)
        }
        for (_, child) in self.children.withLock({ $0 }) { _ = try? await child.ended(within: .seconds(5)) }
        await self.place.end()
    }

    // MARK: - Nodes

    private var dsn: String {
        "host=\(self.network?.server ?? "127.0.0.1") port=\(self.server.port) dbname=muster user=muster_node"
    }
    var loadDSN: String { "host=\(self.network?.server ?? "127.0.0.1") port=\(self.server.port) dbname=postgres user=load_read" }

    private func address(_ node: String) -> String { self.network?.address(node) ?? "127.0.0.1" }
    /// On one shared interface the nodes differ by their ports.
    private func offset(_ node: String) -> Int { self.network == nil ? 10_000 + Int(node.utf8.first ?? 0) : 0 }
    func url(_ node: String) -> String { "https://\(self.address(node)):\(Self.httpPort + self.offset(node))" }
    var folder: String { self.place.path }
    func home(_ node: String) -> String { "\(self.folder)/nodes/\(node)" }
    /// Each node has programs of its own: a workload may look different from one of them.
    func programs(_ node: String) -> String { "\(self.home(node))/exec.d" }
    func log(_ node: String) -> String { fileText("\(self.home(node))/log") }

    private func configure(_ node: String) async throws {
        let home = self.home(node)
        try FileManager.default.createDirectory(atPath: "\(home)/data", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: self.programs(node), withIntermediateDirectories: true)
        try await ChildProcess.run(
            [Self.program, "ca", "issue", "--cluster", "bench", "--ca", "\(self.folder)/ca", "--node", node, "--hosts", self.address(node), "--out", home],
            in: self.folder)
        let peers = "\(self.address(node)):\(Self.peerPort + self.offset(node))"
        let http = "\(self.address(node)):\(Self.httpPort + self.offset(node))"
        try writeFile(
            """
            cluster: bench
            node: { name: \(node), region: here }
            postgres: { dsn: "\(self.dsn)" }
            peers: { listen: "\(peers)", advertise: "\(peers)", certificate: "\(home)/node.pem", key: "\(home)/node.key", authority: "\(self.folder)/ca/ca.pem" }
            http: { listen: "\(http)", advertise: "https://\(http)", certificate: "\(home)/api.pem", key: "\(home)/api.key" }
            drivers: { exec: { directory: "\(self.programs(node))" } }
            data: "\(home)/data"
            timing: \(self.timing)
            \(self.isSupervised ? "supervisor: { listen: \"\(self.address(node)):\(Self.supervisorPort + self.offset(node))\" }" : "")

            """, to: "\(home)/node.yaml")
    }

    func start(_ node: String) throws {
        let command = (self.network?.command(node) ?? []) + [Self.program, "node", "run", "--config", "\(self.home(node))/node.yaml"]
        let child = try ChildProcess(command, environment: self.place.environment, output: "\(self.home(node))/log", appending: true)
        self.children.withLock { $0[node] = child }
    }

    func child(_ node: String) throws -> ChildProcess {
        guard let child = self.children.withLock({ $0[node] }) else { throw ChildProcess.Failure(description: "node \(node) was never started") }
        return child
    }

    /// The process that leads or follows: where a supervisor watches over it, the supervisor's child and not the supervisor.
    func worker(_ node: String) throws -> pid_t {
        let top = try self.child(node).pid
        // A program that a node has just started is still the node's image for a moment.
        guard self.isSupervised else { return top }
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(top)/exe")
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(top)/task")) ?? []
        // Whichever thread started it.
        let children = threads.flatMap { fileText("/proc/\(top)/task/\($0)/children").split(separator: " ").compactMap { pid_t($0) } }
        let worker = children.first { pid in
            program != nil && (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")) == program
        }
        return worker ?? top
    }

    /// All nodes as new processes, with a settled leader.
    ///
    /// A process that sees more than three leader changes in a minute stretches its timers, as it should where a network is too slow for them; to
    /// measure faults one after another with the timers as configured, no process may see more than one.
    func refresh() async throws {
        for node in Self.nodes {
            let child = try self.child(node)
            kill(try self.worker(node), SIGCONT)
            child.signal(SIGTERM)
        }
        for node in Self.nodes { _ = try await self.child(node).ended(within: .seconds(20)) }
        for node in Self.nodes { try self.start(node) }
        for node in Self.nodes { try await self.ready(node) }
        _ = try await self.leader(after: 0)
    }

    /// Waits until the node answers with what it knows from the database; starts it first when it has ended.
    func ready(_ node: String) async throws {
        if try self.child(node).status != nil { try self.start(node) }
        let command = [
            "/usr/bin/curl", "-s", "-f", "-o", "/dev/null", "-m", "2", "--cacert", "\(self.folder)/ca/ca.pem", "\(self.url(node))/readyz",
        ]
        do {
            _ = try await waited(for: "node \(node) is ready", limit: Self.startLimit, pause: .milliseconds(50)) {
                let child = try ChildProcess(command, output: "/dev/null")
                return try await child.ended(within: .seconds(5)) == 0 ? true : nil
            }
        } catch {
            throw ChildProcess.Failure(description: "\(error); its log ends: \(self.log(node).suffix(500))")
        }
        // It takes part once it waits for the lock, or has it.
        _ = try await waited(for: "node \(node) waits for the lock", limit: Self.startLimit) {
            let rows = try await self.session.query(
                """
                select 1 from pg_locks l join pg_stat_activity a using (pid)
                where l.locktype = 'advisory' and a.application_name ~ $1
                """, [.text("^muster-(.*-)?\(node)$")])
            return rows.isEmpty ? nil : true
        }
    }

    var token: String {
        fileText("\(self.folder)/ca/admin.token").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @discardableResult
    func muster(_ arguments: [String], at node: String = "a") async throws -> String {
        try await ChildProcess.run(
            [Self.program] + arguments,
            environment: ["MUSTER_URL": self.url(node), "MUSTER_CA": "\(self.folder)/ca/ca.pem", "MUSTER_TOKEN": self.token], in: self.folder)
    }

    func apply(_ manifests: String, at node: String) async throws {
        let path = "\(self.folder)/manifests.yaml"
        try writeFile(manifests, to: path)
        try await self.muster(["apply", "-f", path], at: node)
    }

    // MARK: - Leadership

    struct Leader: Sendable {
        var node: String
        var epoch: Int64
        var backend: Int64
        /// Its own gate has opened: it may act outside.
        var settled: Bool
        var resigned: Bool
    }

    /// The newest leader that the database knows; it may be dead already.
    func row() async throws -> Leader? {
        let rows = try await self.session.query("select node, epoch, backend_pid, settled, resigned from muster.leader where shard = 'main'")
        guard let row = rows.first, !row["node"].isNull, !row["backend_pid"].isNull else { return nil }
        return Leader(
            node: try row["node"].string(), epoch: try row["epoch"].int(), backend: try row["backend_pid"].int(), settled: try row["settled"].bool(),
            resigned: try row["resigned"].bool())
    }

    /// Waits for a leader of a later epoch whose gate is open.
    func leader(after epoch: Int64) async throws -> Leader {
        try await waited(for: "a settled leader after epoch \(epoch)") {
            guard let leader = try await self.row(), leader.epoch > epoch, leader.settled, !leader.resigned else { return nil }
            return leader
        }
    }
}
