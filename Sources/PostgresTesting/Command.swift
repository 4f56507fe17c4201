import Glibc

/// One run of a program to its end, with its output (standard output and error together) as text.
///
/// Blocks the calling thread. The output goes through a file and not a pipe: a daemon that the program leaves behind
/// (pg_ctl does) would hold a pipe open, and the reader would wait for the daemon's end.
package struct Command {
    /// The first is the program's absolute path.
    package var arguments: [String]
    /// A file that may be overwritten; it is removed afterwards.
    package var outputPath: String
    /// One that the account may enter which runs it.
    package var workingDirectory: String

    package init(arguments: [String], outputPath: String, workingDirectory: String) {
        self.arguments = arguments
        self.outputPath = outputPath
        self.workingDirectory = workingDirectory
    }

    struct Outcome {
        var status: CInt
        var output: String
    }

    /// Nothing of the caller's surroundings (PGHOST, PGPASSWORD, a language) may change what a test sees.
    private static let environment = ["LC_ALL=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "TZ=UTC"]

    /// The program's output; throws when its exit status is not 0.
    @discardableResult
    package func run() throws -> String {
        let outcome = try self.outcome()
        guard outcome.status == 0 else {
            throw TestServerError(
                "\(self.arguments.joined(separator: " ")) ended with status \(outcome.status): \(outcome.output)")
        }
        return outcome.output
    }

    func outcome() throws -> Outcome {
        let child = try Self.spawn(
            self.arguments, standardInput: nil, outputPath: self.outputPath, workingDirectory: self.workingDirectory)
        defer { unlink(self.outputPath) }
        var status: CInt = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else {
                throw TestServerError("cannot wait for \(self.arguments[0]): \(String(cString: strerror(errno)))")
            }
        }
        let exited = status & 0x7F == 0
        return Outcome(
            status: exited ? (status >> 8) & 0xFF : 128 + (status & 0x7F),
            output: try readText(atPath: self.outputPath))
    }

    /// Starts a program in a session of its own, so that a Ctrl-C for the test run is not one for the server too.
    /// - Parameter standardInput: A descriptor of the caller; nil is `/dev/null`.
    static func spawn(
        _ arguments: [String], standardInput: CInt?, outputPath: String, workingDirectory: String
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let standardInput {
            posix_spawn_file_actions_adddup2(&actions, standardInput, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // The server lives longer than its starter, and would keep sockets and pipes of ours open.
        for descriptor in try entries(ofFolder: "/proc/self/fd").compactMap({ CInt($0) }) where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The test runner's signal mask is not the server's business: a blocked SIGTERM would make it immortal.
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | spawnInNewSession)

        let program = ["/usr/bin/env", "-C", workingDirectory] + arguments
        var argv: [UnsafeMutablePointer<CChar>?] = program.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = Self.environment.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child = pid_t()
        let failure = posix_spawn(&child, program[0], &actions, &attributes, &argv, &envp)
        guard failure == 0 else {
            throw TestServerError("cannot start \(arguments[0]): \(String(cString: strerror(failure)))")
        }
        return child
    }

    /// POSIX_SPAWN_SETSID of <spawn.h>, which hides it behind a feature macro that Swift does not see.
    private static let spawnInNewSession: Int16 = 0x80
}

/// The whole file as text.
func readText(atPath path: String) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
        throw TestServerError("cannot read \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        guard count >= 0 else {
            throw TestServerError("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        if count == 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes.append(contentsOf: chunk[..<count])
    }
}

/// The names in a folder.
func entries(ofFolder path: String) throws -> [String] {
    guard let folder = opendir(path) else {
        throw TestServerError("cannot list \(path): \(String(cString: strerror(errno)))")
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        names.append(
            withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
}
