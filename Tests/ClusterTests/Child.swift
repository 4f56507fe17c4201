import Foundation
import Glibc
import Synchronization

/// A process that a test started, and its end.
///
/// It runs in a session of its own, with nothing of the test's files and signals, and writes into files: a daemon that it leaves behind
/// would keep a pipe open for ever.
final class Child: Sendable {
    /// How a process ended: what `wait` says, 128 + number for a signal.
    typealias Status = Int32

    let pid: pid_t
    private let state = Mutex<(status: Status?, waiters: [CheckedContinuation<Status, Never>])>((nil, []))

    struct NotStarted: Error, CustomStringConvertible {
        var description: String
    }

    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], inputPath: String = "/dev/null", outputPath: String, errorPath: String,
        appending: Bool = false
    ) throws {
        self.pid = try Self.spawn(
            [program] + arguments, environment: Self.environment.merging(environment) { $1 }, inputPath: inputPath, outputPath: outputPath,
            errorPath: errorPath, flags: O_WRONLY | O_CREAT | (appending ? O_APPEND : O_TRUNC))
        // Waiting blocks a thread: one of its own, so that no shared one is missing.
        Thread.detachNewThread { self.reap() }
    }

    /// The exit status, once it has ended.
    var ended: Status {
        get async {
            await withCheckedContinuation { continuation in
                let status = self.state.withLock { state in
                    if state.status == nil { state.waiters.append(continuation) }
                    return state.status
                }
                if let status { continuation.resume(returning: status) }
            }
        }
    }

    /// nil while it runs.
    var status: Status? { self.state.withLock { $0.status } }

    func signal(_ number: Int32) { if self.status == nil { kill(self.pid, number) } }

    private func reap() {
        var raw: Int32 = 0
        while waitpid(self.pid, &raw, 0) < 0, errno == EINTR {}
        let status = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + (raw & 0x7F)
        let waiters = self.state.withLock { state in
            state.status = status
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: status) }
    }

    /// What of our own environment may reach a program: nothing that says which cluster or database is meant.
    private static let environment = ProcessInfo.processInfo.environment.filter { name, _ in
        !name.hasPrefix("MUSTER_") && !name.hasPrefix("PG") && !name.hasPrefix("LC_")
    }.merging(["LC_ALL": "C.UTF-8", "TZ": "UTC"]) { $1 }

    /// POSIX_SPAWN_SETSID of <spawn.h>, which hides it behind a feature macro that Swift does not see.
    private static let inNewSession: Int16 = 0x80

    private static func spawn(
        _ command: [String], environment: [String: String], inputPath: String, outputPath: String, errorPath: String, flags: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, inputPath, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, flags, 0o644)
        if errorPath == outputPath {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        } else {
            posix_spawn_file_actions_addopen(&actions, 2, errorPath, flags, 0o644)
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            if let descriptor = Int32(name), descriptor > 2 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Self.inNewSession)
        var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid = pid_t()
        let failure = posix_spawn(&pid, command[0], &actions, &attributes, &argv, &envp)
        guard failure == 0 else { throw NotStarted(description: "\(command[0]) can't be started: \(String(cString: strerror(failure)))") }
        return pid
    }
}

/// What a program said and how it ended.
struct Ran: Sendable, CustomStringConvertible {
    var command: String
    var status: Int32
    var output: String
    var errors: String

    var description: String { "\(self.command)\nstatus \(self.status)\n\(self.output)\(self.errors)" }
    /// Both streams, for a message that may stand in either.
    var words: String { self.output + self.errors }

    /// Runs a program to its end.
    static func program(_ program: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil) async throws -> Ran {
        let folder = try temporaryFolder("run")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        if let input { try Data(input.utf8).write(to: URL(fileURLWithPath: "\(folder)/in")) }
        let child = try Child(
            program, arguments, environment: environment, inputPath: input == nil ? "/dev/null" : "\(folder)/in", outputPath: "\(folder)/out",
            errorPath: "\(folder)/err")
        let status = await child.ended
        return Ran(
            command: ([program] + arguments).joined(separator: " "), status: status, output: text("\(folder)/out"), errors: text("\(folder)/err"))
    }
}

/// A new folder in /tmp that every account can enter: Postgres runs under another one than root.
func temporaryFolder(_ name: String) throws -> String {
    var template = Array("/tmp/muster-\(name)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Child.NotStarted(description: "no folder can be made in /tmp: \(String(cString: strerror(errno)))") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(folder, 0o755)
    return folder
}

/// A file's text; nothing when it isn't there.
func text(_ path: String) -> String { String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }

func write(_ text: String, to path: String, mode: mode_t = 0o644) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    chmod(path, mode)
}
