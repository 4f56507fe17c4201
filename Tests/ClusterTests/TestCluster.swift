import Eventually
import Foundation
import Glibc
import Model
import Synchronization
import Testing

/// A whole cluster of the test's own: what `cluster/up` makes of an empty folder, reached as a user reaches it.
///
/// Nodes are processes. The ones that `cluster/up` started are nobody's children here; one that a test starts again is, so that its exit status can
/// be seen. `cluster/down --purge` ends everything, also when this process dies: a watchdog waits for the end of a pipe that only we hold.
final class TestCluster: Sendable {
    let directory: String
    private let children = Mutex<[String: Child]>([:])
    /// Where nodes run that don't run on this host as it is.
    let places = Mutex<[String: Place]>([:])
    private let watchdog: Mutex<Int32?>

    @TaskLocal static var shared: TestCluster?

    /// The cluster of the suite.
    static var current: TestCluster {
        get throws { try #require(TestCluster.shared, "the suite has no cluster: it lacks the trait .cluster") }
    }

    /// A host of a node's own.
    struct Place: Sendable {
        var address: String
        /// What runs a command there; the first word is a program's path.
        var command: [String]
    }

    private init(directory: String, watchdog: Int32) {
        self.directory = directory
        self.watchdog = Mutex(watchdog)
    }

    // MARK: Life

    struct NotUp: Error, CustomStringConvertible {
        var description: String
    }

    /// - Parameter prepare: what to do in the folder before the first start.
    static func up(
        nodes: Int = 3, sample: Bool = false, supervised: Bool = false, prepare: (String) throws -> Void = { _ in }
    ) async throws -> TestCluster {
        let directory = try temporaryFolder("cluster")
        try prepare(directory)
        let cluster = TestCluster(directory: directory, watchdog: try Self.startWatchdog(directory))
        do {
            try await cluster.bringUp(nodes: nodes, sample: sample, supervised: supervised)
            return cluster
        } catch {
            await cluster.down()
            throw error
        }
    }

    @discardableResult
    func bringUp(nodes: Int = 3, sample: Bool = false, supervised: Bool = false) async throws -> Ran {
        let arguments =
            ["--directory", self.directory, "--bin", Programs.folder, "--nodes", String(nodes)] + (sample ? [] : ["--no-sample"])
            + (supervised ? ["--supervised"] : [])
        let ran = try await Ran.program(Programs.script("up"), arguments)
        guard ran.status == 0 else { throw NotUp(description: "\(ran)") }
        return ran
    }

    /// Ends everything and leaves nothing. Whatever was done to a node, it must not have crashed.
    func down() async {
        for node in self.names { if let crash = self.crash(node) { Issue.record("node \(node) crashed: \(crash)") } }
        do {
            // A frozen node can't be asked to end.
            for node in self.names { self.signal(node, SIGCONT) }
            let ran = try await Ran.program(Programs.script("down"), ["--directory", self.directory, "--purge"])
            if ran.status != 0 { Issue.record("cluster/down failed: \(ran)") }
            let left = Self.processes(mentioning: self.directory)
            if !left.isEmpty { Issue.record("still running after cluster/down: \(left)") }
        } catch { Issue.record(error) }
        try? FileManager.default.removeItem(atPath: self.directory)
        self.watchdog.withLock { end in
            if let open = end { close(open) }
            end = nil
        }
    }

    /// What runs with `text` in its command line, this process and what watches over the cluster apart.
    static func processes(mentioning text: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let pid = pid_t(name), pid != getpid() else { return nil }
            let line = ClusterTests.text("/proc/\(pid)/cmdline").replacingOccurrences(of: "\0", with: " ")
            return line.contains(text) && !line.contains("muster-test-watchdog") ? "\(pid) \(line)" : nil
        }
    }

    /// Returns our end of the pipe.
    private static func startWatchdog(_ directory: String) throws -> Int32 {
        let fifo = "\(directory).alive"
        guard mkfifo(fifo, 0o600) == 0 else { throw NotUp(description: "no pipe can be made at \(fifo): \(String(cString: strerror(errno)))") }
        defer { unlink(fifo) }
        // Read and write, so that it does not wait for the other end; then ours for writing only.
        let both = open(fifo, O_RDWR | O_CLOEXEC)
        defer { close(both) }
        let script = "read -r _; if [ -d \"$2\" ]; then \"$1\" --directory \"$2\" --purge; rm -rf \"$2\"; fi"
        let child = try Child(
            "/bin/sh", ["-c", script, "muster-test-watchdog", Programs.script("down"), directory], inputPath: fifo, outputPath: "/dev/null",
            errorPath: "/dev/null")
        _ = child
        return open(fifo, O_WRONLY | O_CLOEXEC)
    }

    // MARK: Nodes

    var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(self.directory)/nodes")) ?? []).sorted()
    }

    func folder(_ node: String) -> String { "\(self.directory)/nodes/\(node)" }
    func configuration(_ node: String) -> String { "\(self.folder(node))/node.yaml" }
    func log(_ node: String) -> String { text("\(self.folder(node))/log") }

    /// The end of its log; of a node that crashed, where it did.
    func lastWords(_ node: String) -> String { self.crash(node) ?? String(self.log(node).suffix(2000)) }

    /// What the runtime wrote when a process of the node crashed; nil: none did.
    private func crash(_ node: String) -> String? {
        let log = self.log(node)
        return log.firstRange(of: /\*\*\* (Signal [0-9]+|Program crashed):/).map { String(log[$0.lowerBound...].prefix(8000)) }
    }

    /// nil when it doesn't run.
    func pid(_ node: String) -> pid_t? {
        guard let pid = pid_t(text("\(self.folder(node))/pid").trimmingCharacters(in: .whitespacesAndNewlines)) else { return nil }
        return text("/proc/\(pid)/cmdline").contains(self.directory) ? pid : nil
    }

    func signal(_ node: String, _ number: Int32) {
        if let pid = self.pid(node) { kill(pid, number) }
    }

    /// Starts a node that doesn't run. Its exit status can be awaited.
    @discardableResult
    func start(_ node: String, environment: [String: String] = [:]) throws -> Child {
        let log = "\(self.folder(node))/log"
        let command = (self.places.withLock { $0[node]?.command } ?? []) + [Programs.muster, "node", "run", "--config", self.configuration(node)]
        let child = try Child(command[0], Array(command.dropFirst()), environment: environment, outputPath: log, errorPath: log, appending: true)
        try write("\(child.pid)\n", to: "\(self.folder(node))/pid")
        self.children.withLock { $0[node] = child }
        return child
    }

    /// Makes every node a child of this process, so that the end of each can be seen.
    func adoptAll() async throws {
        for node in self.names where !self.isOurs(node) {
            try await self.stop(node)
            try self.start(node)
        }
        for node in self.names { try await self.ready(node) }
    }

    /// Ends a node with SIGTERM and waits until the server, too, knows that it has gone: a session that waited for the lock is noticed later than the process.
    func stop(_ node: String) async throws {
        self.signal(node, SIGTERM)
        try await eventually("node \(node) ends", seen: { self.log(node) }) { self.pid(node) == nil }
        try await eventually("node \(node) has no session any more") {
            try await self.number("select count(*) from pg_stat_activity where application_name ~ '^muster-(.*-)?\(node)$'") == 0
        }
    }

    private func isOurs(_ node: String) -> Bool {
        self.children.withLock { $0[node].map { $0.status == nil } ?? false }
    }

    func child(_ node: String) throws -> Child { try #require(self.children.withLock { $0[node] }, "node \(node) was not started by the test") }

    /// Waits until the node answers with what it knows from the database.
    func ready(_ node: String) async throws {
        try await eventually("node \(node) answers", seen: { self.lastWords(node) }) {
            try await self.muster(["status", "--output", "name"], at: node).status == 0
        }
    }

    // MARK: Ports and configuration

    func port(_ name: String) throws -> Int {
        let line = text("\(self.directory)/ports").split(separator: "\n").first { $0.hasPrefix("\(name)=") }
        return try #require(line.flatMap { Int($0.dropFirst(name.count + 1)) }, "cluster/up chose no port for \(name)")
    }

    func url(_ node: String) throws -> String {
        let address = self.places.withLock { $0[node]?.address } ?? "127.0.0.1"
        return "https://\(address):\(try self.port("\(node).http"))"
    }

    /// A new node's folder with certificates, whose configuration is node a's with some words replaced.
    func addNode(_ name: String, replacing replacements: [String: String] = [:]) async throws {
        let folder = self.folder(name)
        try FileManager.default.createDirectory(atPath: "\(folder)/data", withIntermediateDirectories: true)
        let issued = try await Ran.program(
            Programs.muster,
            ["ca", "issue", "--cluster", "dev", "--ca", "\(self.directory)/ca", "--node", name, "--hosts", "127.0.0.1,localhost", "--out", folder])
        try #require(issued.status == 0, "\(issued)")
        var configuration = text(self.configuration("a")).replacingOccurrences(of: self.folder("a"), with: folder)
            .replacingOccurrences(of: "name: a,", with: "name: \(name),")
            .replacingOccurrences(of: "127.0.0.1:\(try self.port("a.http"))", with: "127.0.0.1:0")
            .replacingOccurrences(of: "127.0.0.1:\(try self.port("a.peer"))", with: "127.0.0.1:0")
        for (old, new) in replacements {
            try #require(configuration.contains(old), "node a's configuration has no “\(old)”")
            configuration = configuration.replacingOccurrences(of: old, with: new)
        }
        try write(configuration, to: self.configuration(name))
    }

    /// Starts a node that has to refuse, and gives what it said when it had ended.
    func refusal(_ node: String) async throws -> Ran {
        let child = try self.start(node)
        let status = try await eventually("node \(node) ends", seen: { self.log(node) }) { child.status }
        defer { try? FileManager.default.removeItem(atPath: self.folder(node)) }
        return Ran(command: "node run \(node)", status: status, output: "", errors: self.log(node))
    }
}
