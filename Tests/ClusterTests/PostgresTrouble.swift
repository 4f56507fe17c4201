import Eventually
import Foundation
import Glibc
import Testing

/// What a test does to a cluster's Postgres.
extension TestCluster {
    var data: String { URL(fileURLWithPath: "\(self.directory)/postgres").resolvingSymlinksInPath().path + "/data" }

    /// Runs pg_ctl as the server's account, for this cluster's server or another one.
    func control(_ arguments: [String], data: String? = nil, environment: [String: String] = [:]) async throws {
        try await self.postgresProgram("pg_ctl", ["-D", data ?? self.data, "-w", "-t", "60", "-s"] + arguments, environment: environment)
    }

    /// Runs one of the server's programs as the server's account.
    func postgresProgram(_ name: String, _ arguments: [String], environment: [String: String] = [:]) async throws {
        let program = URL(fileURLWithPath: Programs.psql).resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent(name).path
        let ran =
            geteuid() == 0
            ? try await Ran.program(
                "/usr/bin/setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", program] + arguments, environment: environment)
            : try await Ran.program(program, arguments, environment: environment)
        try #require(ran.status == 0, "\(ran)")
    }

    func stopPostgres() async throws { try await self.control(["stop", "-m", "fast"]) }
    func startPostgres() async throws { try await self.control(["start", "-l", "\(self.data)/../log"]) }
    func restartPostgres() async throws { try await self.control(["restart", "-m", "immediate", "-l", "\(self.data)/../log"]) }

    /// Changes a setting of the whole server; nil takes the change back.
    func set(_ setting: String, to value: String?) async throws {
        try await self.sql(value.map { "alter system set \(setting) = '\($0)'" } ?? "alter system reset \(setting)")
        try await self.sql("select pg_reload_conf()")
    }

    /// What the node answers to a plain request.
    func http(_ path: String, at node: String) async throws -> (status: Int, body: String) {
        let ran = try await Ran.program(
            "/usr/bin/curl",
            [
                "-s", "-m", "20", "--cacert", "\(self.directory)/ca/ca.pem", "-w", "\n%{http_code}", "-H",
                "Authorization: Bearer \(text("\(self.directory)/admin.token").trimmingCharacters(in: .newlines))", try self.url(node) + path,
            ])
        try #require(ran.status == 0, "\(ran)")
        let lines = ran.output.split(separator: "\n", omittingEmptySubsequences: false)
        return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
    }

    /// Waits until a node has said `words` after the first `from` characters of its log.
    func says(_ words: String, _ node: String, after from: Int = 0) async throws {
        try await eventually("node \(node) says “\(words)”", seen: { String(self.log(node).dropFirst(from).suffix(3000)) }) {
            self.log(node).dropFirst(from).contains(words)
        }
    }

    /// Stops all nodes.
    func stopNodes() async throws {
        for node in self.names { self.signal(node, SIGTERM) }
        for node in self.names { try await eventually("node \(node) ends", seen: { self.log(node) }) { self.pid(node) == nil } }
    }

    func startNodes() throws {
        for node in self.names where self.pid(node) == nil { try self.start(node) }
    }
}

/// A pgbouncer in transaction mode before a cluster's Postgres.
struct ClusterPooler {
    let folder: String
    let port: Int
    let child: Child

    static let program: String? = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].first { access($0, X_OK) == 0 }

    init(before cluster: TestCluster) async throws {
        self.folder = try temporaryFolder("pooler")
        // Below the ports that the kernel gives to outgoing connections, and not where cluster/up looks.
        self.port = Int.random(in: 15_000..<19_000)
        let password = text("\(cluster.directory)/secrets/muster_node").trimmingCharacters(in: .newlines)
        try write("\"muster_node\" \"\(password)\"\n", to: "\(self.folder)/users")
        try write(
            """
            [databases]
            muster = host=127.0.0.1 port=\(try cluster.port("postgres")) dbname=muster
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(self.port)
            auth_type = scram-sha-256
            auth_file = \(self.folder)/users
            pool_mode = transaction
            unix_socket_dir =
            logfile = \(self.folder)/log
            pidfile = \(self.folder)/pid

            """, to: "\(self.folder)/pgbouncer.ini")
        if geteuid() == 0 { _ = try await Ran.program("/usr/bin/chown", ["-R", "postgres", self.folder]) }
        self.child = try Child(
            try #require(Self.program), (geteuid() == 0 ? ["-u", "postgres"] : []) + ["\(self.folder)/pgbouncer.ini"], outputPath: "\(self.folder)/out",
            errorPath: "\(self.folder)/out")
        let (folder, child) = (self.folder, self.child)
        try await eventually("pgbouncer listens", seen: { text("\(folder)/out") }) {
            child.status == nil && text("\(folder)/log").contains("listening on 127.0.0.1")
        }
    }

    func stop() async {
        self.child.signal(SIGTERM)
        self.child.signal(SIGKILL)
        _ = await self.child.ended
        try? FileManager.default.removeItem(atPath: self.folder)
    }
}
