import Dispatch
import Glibc
import Synchronization

/// A real Postgres server that belongs to the test process.
///
/// The model: a fresh folder under `/tmp` holds the data, the Unix socket and the log. The server listens on a port of
/// 127.0.0.1 that stays the same over `restart`. A watchdog process holds the reading end of a pipe whose writing end
/// is ours; when the last reference to the server goes, or the process ends in whatever way (SIGKILL too), the pipe closes and
/// the watchdog stops the server and removes the folder. So no test run leaves a server behind.
///
/// Every role but `passwordRole` gets in without a password. Durability is off unless the settings say otherwise.
/// What it does not do: reset databases. Each test or suite takes a new one with `makeDatabase`.
public final class TestServer: Sendable {
    /// The TCP port on 127.0.0.1.
    public let port: Int
    /// The server's folder: `data`, the Unix socket, `log`.
    public let folder: String
    /// The server programs that it runs.
    public let installation: Installation
    private let launch: Launch

    /// A role that must show `password` (SCRAM); all others are trusted.
    public static let passwordRole = "muster_password"
    /// Of `passwordRole`; the space is there to be quoted.
    public static let password = "correct horse"

    private let watchdog: Watchdog
    /// Programs run one after another, off the cooperative threads (waiting for them blocks).
    private let queue: DispatchQueue
    private let commands = Atomic<Int>(0)
    private let databases = Atomic<Int>(0)

    /// The one server of this process, for all tests that neither stop nor configure it.
    public static var shared: TestServer {
        get async throws { try await Self.sharedStart.value }
    }
    // The task outlives every test by design: it holds the server for the life of the process.
    private static let sharedStart = Task { try await TestServer.start() }

    /// How long a test waits for a session that it needs. While a machine writes out what it has just built, a server's first answer may take many seconds.
    public static let patience = Duration.seconds(60)

    /// For speed; a test that needs durability passes `["fsync": "on"]`.
    private static let defaultSettings = [
        "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "listen_addresses": "127.0.0.1",
        "max_connections": "200", "shared_buffers": "32MB", "wal_level": "replica", "max_wal_senders": "5", "log_line_prefix": "%m [%p] %a ",
    ]

    private init(port: Int, folder: String, installation: Installation, launch: Launch) throws {
        self.launch = launch
        self.port = port
        self.folder = folder
        self.installation = installation
        self.watchdog = try Watchdog(serverFolder: folder)
        self.queue = DispatchQueue(label: "test server \(port)")
    }

    // MARK: Starting

    /// A server of the caller's own.
    /// - Parameter settings: Lines of postgresql.conf, by name; values are quoted here.
    public static func start(settings: [String: String] = [:], launch: Launch? = nil) async throws -> TestServer {
        try await Self.start(settings: settings, launch: launch ?? .usual) { server in
            try server.runProgram(
                "initdb", ["-D", server.data, "-U", "postgres", "--no-sync", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"])
            let rules = server.launch.addresses.map { "host all all \($0)/24 trust\n" }.joined()
            try server.append(Self.accessRules + rules, to: "pg_hba.conf", replacing: true)
        } afterStart: { server in
            _ = try server.runSQL(
                "CREATE ROLE \(Self.passwordRole) LOGIN PASSWORD '\(Self.password)'", database: "postgres", user: "postgres")
        }
    }

    /// A streaming standby of this server, read-only until `promote`.
    public func makeStandby(settings: [String: String] = [:]) async throws -> TestServer {
        let source = self.conninfo(database: nil)
        return try await Self.start(settings: settings, launch: .usual) { standby in
            try standby.runProgram(
                "pg_basebackup", ["-D", standby.data, "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync"])
        } afterStart: { _ in
        }
    }

    private static func start(
        settings: [String: String], launch: Launch, prepare: @escaping @Sendable (TestServer) throws -> Void,
        afterStart: @escaping @Sendable (TestServer) throws -> Void
    ) async throws -> TestServer {
        let installation = try Installation.find()
        let folder = try Self.makeFolder(owner: installation.owner)
        let server = try TestServer(port: try freePort(), folder: folder, installation: installation, launch: launch)
        try await server.perform {
            try prepare(server)
            let all = Self.defaultSettings.merging(settings) { _, given in given }.merging(
                ["port": String(server.port), "unix_socket_directories": folder]) { _, own in own }.merging(
                    launch.addresses.isEmpty ? [:] : ["listen_addresses": launch.addresses.joined(separator: ",")]
                ) { _, own in own }
            let lines = all.sorted { $0.key < $1.key }.map { name, value in
                "\(name) = '\(value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'\n"
            }
            try server.append(lines.joined(), to: "postgresql.conf", replacing: false)
            try server.launchServer("start", [])
            try afterStart(server)
        }
        return server
    }

    /// The first rule that fits counts.
    private static let accessRules = """
        local all \(passwordRole) scram-sha-256
        host all \(passwordRole) 127.0.0.1/32 scram-sha-256
        local all all trust
        host all all 127.0.0.1/32 trust
        local replication all trust
        host replication all 127.0.0.1/32 trust

        """

    /// Under /tmp whatever TMPDIR says: the path of a Unix socket may have 107 bytes only.
    private static func makeFolder(owner: (user: uid_t, group: gid_t)) throws -> String {
        var template = Array("/tmp/muster-postgres-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw TestServerError("cannot make a folder in /tmp: \(String(cString: strerror(errno)))")
        }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if chown(folder, owner.user, owner.group) != 0, geteuid() == 0 {
            throw TestServerError("cannot give \(folder) to the server's account: \(String(cString: strerror(errno)))")
        }
        return folder
    }
}

extension TestServer {
    // MARK: Databases

    private var isElsewhere: Bool { !self.launch.addresses.isEmpty }

    /// Connection string for a database of this server; over TCP unless `unixSocket`, or unless the server has a host of its own.
    /// - Parameter database: nil leaves `dbname` out.
    public func conninfo(database: String? = "postgres", user: String = "postgres", unixSocket: Bool = false) -> String {
        "host=\(unixSocket || self.isElsewhere ? self.folder : "127.0.0.1") port=\(self.port) user=\(user)" + (database.map { " dbname=\($0)" } ?? "")
    }

    /// Creates an empty database and returns its connection string.
    public func makeDatabase() async throws -> String {
        let name = "test_\(self.databases.add(1, ordering: .relaxed).newValue)"
        try await self.execute("CREATE DATABASE \(name)")
        return self.conninfo(database: name)
    }

    /// Runs SQL through psql, apart from the code under test, and returns its unaligned rows without the last line break.
    @discardableResult
    public func execute(_ sql: String, database: String = "postgres", user: String = "postgres") async throws -> String {
        try await self.perform { try self.runSQL(sql, database: database, user: user) }
    }

    fileprivate func runSQL(_ sql: String, database: String, user: String) throws -> String {
        let output = try self.runProgram(
            "psql", ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo(database: database, user: user), "-c", sql])
        return output.hasSuffix("\n") ? String(output.dropLast()) : output
    }

    /// Runs one of the server's own programs (pgbench, pg_basebackup …) to its end, under the server's account, in the server's folder.
    /// - Returns: its output; throws when it fails.
    public func run(_ program: String, _ arguments: [String]) async throws -> String {
        try await self.perform { try self.runProgram(program, arguments) }
    }

    // MARK: Life

    /// As pg_ctl has it.
    public enum StopMode: String, Sendable {
        /// Waits for the clients to leave.
        case smart
        /// Ends the sessions, then shuts down cleanly.
        case fast
        /// As after a crash: the next start recovers.
        case immediate
    }

    /// Ends the server; its data stays for `restart`.
    public func stop(_ mode: StopMode = .fast) async throws {
        try await self.perform { try self.control("stop", ["-m", mode.rawValue]) }
    }

    /// Starts a stopped server again, on its old port.
    public func start() async throws {
        try await self.perform { try self.launchServer("start", []) }
    }

    /// Stops the server if it runs, and starts it on its old port.
    public func restart(_ mode: StopMode = .fast) async throws {
        try await self.perform { try self.launchServer("restart", ["-m", mode.rawValue]) }
    }

    /// Freezes the server and all its sessions (SIGSTOP): sockets stay open, nobody answers.
    public func pause() async throws {
        try await self.perform { try self.signalAll(SIGSTOP) }
    }

    /// After `pause`.
    public func resume() async throws {
        try await self.perform { try self.signalAll(SIGCONT) }
    }

    /// Makes a standby a primary.
    public func promote() async throws {
        try await self.perform { try self.control("promote", []) }
    }

    /// The server's log since its first start.
    public func log() async throws -> String {
        try await self.perform { try readText(atPath: "\(self.folder)/log") }
    }
}

extension TestServer {
    fileprivate var data: String { "\(self.folder)/data" }

    fileprivate func perform<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            self.queue.async { continuation.resume(with: Result { try work() }) }
        }
    }

    @discardableResult
    fileprivate func runProgram(_ name: String, _ arguments: [String], _ launch: Launch = .usual) throws -> String {
        let number = self.commands.add(1, ordering: .relaxed).newValue
        let environment = launch.environment.isEmpty ? [] : ["/usr/bin/env"] + launch.environment.map { "\($0)=\($1)" }.sorted()
        return try Command(
            arguments: launch.place + self.installation.asServerAccount + environment + [self.installation.program(name)] + arguments,
            outputPath: "\(self.folder)/output-\(number)", workingDirectory: self.folder
        ).run()
    }

    /// With what the server's own processes are to have, and where they are to be.
    fileprivate func launchServer(_ action: String, _ arguments: [String]) throws {
        try self.control(action, arguments + ["-l", "\(self.folder)/log"], self.launch)
    }

    /// pg_ctl waits for the effect, at most 60 s.
    fileprivate func control(_ action: String, _ arguments: [String], _ launch: Launch = .usual) throws {
        do {
            try self.runProgram("pg_ctl", [action, "-D", self.data, "-w", "-t", "60", "-s"] + arguments, launch)
        } catch {
            let log = (try? readText(atPath: "\(self.folder)/log")) ?? ""
            throw TestServerError("\(error); end of the server's log: \(log.suffix(2000))")
        }
    }

    fileprivate func append(_ text: String, to file: String, replacing: Bool) throws {
        let path = "\(self.data)/\(file)"
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | (replacing ? O_TRUNC : O_APPEND))
        guard descriptor >= 0 else { throw TestServerError("cannot write \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        guard write(descriptor, text, text.utf8.count) == text.utf8.count else {
            throw TestServerError("cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    fileprivate func signalAll(_ signal: CInt) throws {
        let first = try readText(atPath: "\(self.data)/postmaster.pid").split(separator: "\n").first
        guard let postmaster = first.flatMap({ pid_t($0) }) else {
            throw TestServerError("the server of \(self.folder) does not run: start it first")
        }
        // The parent first when stopping, so that it starts no session in between; the other way round when it goes on.
        let sessions = try childProcesses(of: postmaster)
        for process in signal == SIGSTOP ? [postmaster] + sessions : sessions + [postmaster] {
            kill(process, signal)
        }
    }
}
