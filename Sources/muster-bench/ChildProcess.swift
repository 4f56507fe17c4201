import Foundation
import Glibc
import Synchronization

/// A process that a benchmark started: in a session of its own, its output in a file, its end seen by a thread that waits for it.
final class ChildProcess: Sendable {
    let pid: pid_t
    private let ending = Mutex<Int32?>(nil)

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// What of our own environment reaches a program: nothing that says which cluster or database is meant. Settings of a node (`MUSTER_…`) do pass,
    /// so that a setting can be measured without a configuration file of one's own.
    private static let inherited = ProcessInfo.processInfo.environment.filter { name, _ in
        !["MUSTER_URL", "MUSTER_TOKEN", "MUSTER_CA", "MUSTER_TIMING"].contains(name) && !name.hasPrefix("PG") && !name.hasPrefix("LC_")
    }.merging(["LC_ALL": "C.UTF-8", "TZ": "UTC"]) { $1 }

    /// - Parameter command: the first is the program's absolute path.
    init(_ command: [String], environment: [String: String] = [:], output: String, appending: Bool = false) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | (appending ? O_APPEND : O_TRUNC), 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            if let descriptor = Int32(name), descriptor > 2 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        // 0x80 is POSIX_SPAWN_SETSID of <spawn.h>, which hides it behind a feature macro that Swift does not see.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | 0x80)
        var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = Self.inherited.merging(environment) { $1 }.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var started = pid_t()
        let failure = posix_spawn(&started, command[0], &actions, &attributes, &argv, &envp)
        guard failure == 0 else { throw Failure(description: "\(command[0]) can't be started: \(String(cString: strerror(failure)))") }
        self.pid = started
        // Waiting blocks a thread: one of its own, so that no shared one is missing.
        Thread.detachNewThread { self.reap() }
    }

    /// How it ended: its exit status, 128 + number for a signal; nil while it runs.
    var status: Int32? { self.ending.withLock { $0 } }

    func signal(_ number: Int32) { if self.status == nil { kill(self.pid, number) } }

    /// Waits for its end; kills it after `limit`.
    func ended(within limit: Duration) async throws -> Int32 {
        let deadline = ContinuousClock.now + limit
        while true {
            if let status = self.status { return status }
            if ContinuousClock.now > deadline { self.signal(SIGKILL) }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private func reap() {
        var raw: Int32 = 0
        while waitpid(self.pid, &raw, 0) < 0, errno == EINTR {}
        let status = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + (raw & 0x7F)
        self.ending.withLock { $0 = status }
    }

    /// Runs a program to its end and gives what it said; throws when it failed or took longer than `limit`.
    @discardableResult
    static func run(_ command: [String], environment: [String: String] = [:], in folder: String, limit: Duration = .seconds(30)) async throws -> String {
        let output = "\(folder)/said-\(UUID().uuidString)"
        defer { unlink(output) }
        let child = try ChildProcess(command, environment: environment, output: output)
        let status = try await child.ended(within: limit)
        let said = fileText(output)
        guard status == 0 else { throw Failure(description: "\(command.joined(separator: " ")) ended with status \(status): \(said.suffix(2000))") }
        return said
    }
}

/// A file's text; nothing when it isn't there.
func fileText(_ path: String) -> String { String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }

func writeFile(_ text: String, to path: String, mode: mode_t = 0o644) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    chmod(path, mode)
}

/// The boot clock of this machine in nanoseconds: what every fault and effect is stamped with.
func bootNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

func milliseconds(from start: Int64, to end: Int64) -> Double { Double(end - start) / 1_000_000 }

/// Looks every `pause` until `look` gives something, at most for `limit`.
func waited<R>(
    for what: String, limit: Duration = .seconds(60), pause: Duration = .milliseconds(10), _ look: () async throws -> R?
) async throws -> R {
    let deadline = ContinuousClock.now + limit
    while true {
        if let found = try await look() { return found }
        if ContinuousClock.now > deadline { throw ChildProcess.Failure(description: "\(what): not within \(limit)") }
        try await Task.sleep(for: pause)
    }
}
