import Eventually
import Foundation
import Glibc
import Synchronization
import Testing

/// The `muster` program, run as a person or a script runs it: arguments, environment and standard input in; exit code, stdout and stderr out.
struct Program: Sendable {
    /// Beyond what any command needs; a hanging one is killed and its test fails on the exit code 137.
    static let limit = Duration.seconds(60)

    /// From MUSTER_TEST_BIN; else from the build folder that holds this test bundle.
    static let path: String = {
        if let folder = ProcessInfo.processInfo.environment["MUSTER_TEST_BIN"] { return "\(folder)/muster" }
        var folder = URL(fileURLWithPath: CommandLine.arguments.first ?? ".").standardizedFileURL.deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("muster").path
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue { return candidate }
            folder.deleteLastPathComponent()
        }
        return "muster (not built: swift build --product muster, or name its folder in MUSTER_TEST_BIN)"
    }()

    struct Result: Sendable {
        /// As a shell has it: 128 + n after signal n.
        var code: Int32
        var out: String
        var err: String
        /// Of stdout, without what follows the last line break.
        var lines: [String] {
            self.out.split(separator: "\n", omittingEmptySubsequences: false).dropLast(self.out.isEmpty || self.out.hasSuffix("\n") ? 1 : 0).map(String.init)
        }
    }

    var environment: [String: String] = [:]
    var folder: String = "/"
    var standardInput: String?
    /// Where stdout goes instead of into the result.
    var standardOutput: String?

    /// Runs it to its end.
    func run(_ arguments: String...) async throws -> Result { try await self.run(arguments) }

    func run(_ arguments: [String]) async throws -> Result {
        let scratch = try Scratch()
        let input = scratch.path("in"), out = self.standardOutput ?? scratch.path("out"), err = scratch.path("err")
        try Data((self.standardInput ?? "").utf8).write(to: URL(fileURLWithPath: input))
        let child = try self.start(arguments, input: self.standardInput == nil ? "/dev/null" : input, out: out, err: err)
        let code = await child.end(within: Self.limit)
        return Result(code: code, out: self.standardOutput == nil ? try scratch.text("out") : "", err: try scratch.text("err"))
    }

    /// Starts it in a session of its own. A terminal that it opens becomes its controlling terminal.
    func start(_ arguments: [String], input: String, out: String, err: String) throws -> Child {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, input == out ? O_RDWR : O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, err, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        for descriptor in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap({ Int32($0) }) where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t(), defaults = sigset_t()
        sigemptyset(&none)
        sigemptyset(&defaults)
        for number in [SIGINT, SIGTERM, SIGPIPE, SIGHUP] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        // 0x80 is POSIX_SPAWN_SETSID, which <spawn.h> hides behind a feature macro.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | 0x80)

        // Nothing of the tester's own MUSTER_… or PG… may change what a test sees.
        let variables = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"]
            .merging(self.environment) { $1 }
        var argv: [UnsafeMutablePointer<CChar>?] = (["/usr/bin/env", "-C", self.folder, Self.path] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid = pid_t()
        let failure = posix_spawn(&pid, "/usr/bin/env", &actions, &attributes, &argv, &envp)
        try #require(failure == 0, "cannot start \(Self.path): \(String(cString: strerror(failure)))")
        return Child(pid: pid)
    }
}

/// A process that a test started; it does not outlive the test.
final class Child: Sendable {
    let pid: pid_t
    private let code = Mutex<Int32?>(nil)

    init(pid: pid_t) { self.pid = pid }
    deinit {
        guard self.code.withLock({ $0 }) == nil else { return }
        kill(self.pid, SIGKILL)
        var status: Int32 = 0
        waitpid(self.pid, &status, 0)
    }

    func signal(_ number: Int32) { kill(self.pid, number) }

    var hasEnded: Bool { self.poll() != nil }

    /// Waits for its end, and kills it when that does not come.
    /// - Returns: its exit code; 128 + n after signal n.
    func end(within limit: Duration) async -> Int32 {
        let hasEnded: Void? = try? await eventually("the program ends", within: limit) { self.hasEnded }
        if hasEnded == nil { kill(self.pid, SIGKILL) }
        try? await eventually("the killed program ends") { self.hasEnded }
        return self.poll() ?? -1
    }

    private func poll() -> Int32? {
        self.code.withLock { code in
            if let known = code { return known }
            var status: Int32 = 0
            guard waitpid(self.pid, &status, WNOHANG) == self.pid else { return nil }
            code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
            return code
        }
    }
}

/// A folder that goes with the test.
final class Scratch: Sendable {
    let folder: String

    init() throws {
        self.folder = NSTemporaryDirectory() + "muster-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: self.folder) }

    func path(_ name: String) -> String { "\(self.folder)/\(name)" }
    func text(_ name: String) throws -> String { try String(contentsOfFile: self.path(name), encoding: .utf8) }
    func mode(_ name: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: self.path(name))[.posixPermissions] as? Int)
    }
    @discardableResult
    func write(_ text: String, _ name: String, mode: Int = 0o644) throws -> String {
        let path = self.path(name)
        try FileManager.default.createDirectory(atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: self.path(name)) }
}
