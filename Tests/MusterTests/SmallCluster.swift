import Eventually
import Foundation
import Model
import PostgresTesting
import Testing

/// A cluster of one node on a database of its own, as an operator sets it up: `cluster init`, `ca issue`, `node run`.
final class SmallCluster: Sendable {
    let scratch: Scratch
    let database: String
    let databaseName: String
    let server: TestServer
    let url: String
    private let node: Child
    private let watchdog: Watchdog

    /// The one that tests share which change nothing that another looks at.
    static var shared: SmallCluster {
        get async throws { try await Self.sharedStart.value }
    }
    // The task outlives every test by design: it holds the node for the life of the process.
    private static let sharedStart = Task { try await SmallCluster.start() }

    private init(scratch: Scratch, server: TestServer, database: String, port: Int, node: Child) throws {
        self.scratch = scratch
        self.server = server
        self.database = database
        self.databaseName = Self.name(of: database)
        self.url = "https://127.0.0.1:\(port)"
        self.node = node
        self.watchdog = try Watchdog(process: node.pid, folder: scratch.folder)
    }

    static func name(of database: String) -> String { database.split(separator: "dbname=").last.map(String.init) ?? "" }

    /// - Parameter programs: of the exec driver, by name; nil: some that change nothing.
    static func start(programs: [String: String]? = nil) async throws -> SmallCluster {
        let server = try await TestServer.start(settings: ["fsync": "on"])
        let database = try await server.makeDatabase()
        let scratch = try Scratch()
        try await Self.prepare(scratch, database: database, programs: programs ?? ["observe": "#!/bin/sh\necho 2\n", "scale": "#!/bin/sh\nexit 0\n"])
        let port = try Self.freePort()
        try scratch.write(Self.configuration(database: database, port: port), "node.yaml")
        let node = try Program().start(
            ["node", "run", "--config", scratch.path("node.yaml")], input: "/dev/null", out: scratch.path("log"), err: scratch.path("log"))
        let cluster = try SmallCluster(scratch: scratch, server: server, database: database, port: port, node: node)
        func log() -> String { (try? scratch.text("log")) ?? "" }
        try await eventually("the node leads", seen: log) {
            try #require(!node.hasEnded, "the node does not lead: \(log())")
            let status = try await cluster.muster("status", "-o", "json")
            return try status.code == 0 && JSON(parsing: status.out)["leader"]?["node"] == "a"
        }
        return cluster
    }

    /// What comes before a node's start.
    static func prepare(_ scratch: Scratch, database: String, programs: [String: String]) async throws {
        let program = Program(folder: scratch.folder)
        let initialized = try await program.run("cluster", "init", "--name", "small", "--postgres", database, "--out", "ca")
        try #require(initialized.code == 0, "\(initialized.err)")
        let issued = try await program.run(
            "ca", "issue", "--ca", "ca", "--cluster", "small", "--node", "a", "--hosts", "127.0.0.1,localhost", "--out", "a")
        try #require(issued.code == 0, "\(issued.err)")
        for (name, text) in programs { try scratch.write(text, "exec.d/\(name)", mode: 0o755) }
    }

    static func configuration(database: String, port: Int) -> String {
        """
        cluster: small
        node: { name: a, region: eu-west }
        postgres: { dsn: "\(database)" }
        peers: { certificate: a/node.pem, key: a/node.key, authority: a/ca.pem }
        http: { listen: "127.0.0.1:\(port)", certificate: a/api.pem, key: a/api.key }
        drivers: { exec: { directory: exec.d } }
        data: data
        timing: fast

        """
    }

    /// A port that nobody has now.
    static func freePort() throws -> Int {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(file, $0, length) == 0 && getsockname(file, $0, &length) == 0 }
        }
        try #require(bound)
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// With the administrator's token unless another is given.
    func program(token: String? = nil) throws -> Program {
        let token = try token ?? self.scratch.text("ca/admin.token").trimmingCharacters(in: .newlines)
        return Program(environment: ["MUSTER_URL": self.url, "MUSTER_TOKEN": token, "MUSTER_CA": self.scratch.path("ca/ca.pem")], folder: self.scratch.folder)
    }

    func muster(_ arguments: String...) async throws -> Program.Result { try await self.program().run(arguments) }
    func json(_ arguments: String...) async throws -> JSON {
        let result = try await self.program().run(arguments + ["-o", "json"])
        try #require(result.code == 0, "\(arguments): \(result.err)")
        return try JSON(parsing: result.out)
    }
}

/// Ends a process and removes its folder when this test process ends, in whatever way: what lives as long as it does is not released before.
private final class Watchdog: Sendable {
    /// `read` returns when the last writing end of the pipe is closed, which is ours.
    private static let script =
        "read -r _; kill -TERM \"$1\"; n=0; while kill -0 \"$1\" && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done; kill -KILL \"$1\"; rm -rf \"$2\""

    private let ours: Int32

    init(process: pid_t, folder: String) throws {
        let pipe = Pipe()
        self.ours = dup(pipe.fileHandleForWriting.fileDescriptor)
        _ = fcntl(self.ours, F_SETFD, FD_CLOEXEC)
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", Self.script, "watchdog", String(process), folder]
        shell.standardInput = pipe.fileHandleForReading
        shell.standardOutput = FileHandle.nullDevice
        shell.standardError = FileHandle.nullDevice
        try shell.run()
    }
    deinit { close(self.ours) }
}
