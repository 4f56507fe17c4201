import Foundation
import Glibc

/// Starts the node's process: the program that runs here, with the arguments that were given here.
///
/// Never by fork: the child of a fork has one thread of many, and locks that nobody will ever open. The kernel's name for the running program leads to the
/// same file also after an upgrade has put another one in its place, so that both processes of a node are of one version.
struct NodeProcess: Sendable {
    var program = "/proc/self/exe"
    var arguments = CommandLine.arguments
    var environment = ProcessInfo.processInfo.environment

    struct NotStarted: Error, CustomStringConvertible {
        var description: String
    }

    /// Where the process finds its end of the pipe: after the three that every process has.
    static let pulseDescriptor: CInt = 3

    /// - Parameter pulse: a descriptor above `pulseDescriptor`, which the process gets as that.
    func start(pulse: CInt, telling told: Supervised) throws(NotStarted) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // All other descriptors of this process are closed by the kernel: they are marked so.
        posix_spawn_file_actions_adddup2(&actions, pulse, Self.pulseDescriptor)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var environment = self.environment
        environment[Supervised.variable] = told.text
        var argv: [UnsafeMutablePointer<CChar>?] = self.arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid = pid_t()
        let failure = posix_spawn(&pid, self.program, &actions, &attributes, &argv, &envp)
        guard failure == 0 else { throw NotStarted(description: "\(self.program) can't be started: \(String(cString: strerror(failure)))") }
        return pid
    }
}

/// A pipe whose ends no other process gets by accident.
struct Pipe {
    var reader: CInt
    var writer: CInt

    /// - Parameter lowest: the descriptors are no lower than this.
    init(lowest: CInt = 10) throws(NodeProcess.NotStarted) {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .init(description: "no pipe can be made: \(String(cString: strerror(errno)))") }
        (self.reader, self.writer) = (fcntl(ends[0], F_DUPFD_CLOEXEC, lowest), fcntl(ends[1], F_DUPFD_CLOEXEC, lowest))
        let code = errno
        close(ends[0])
        close(ends[1])
        guard self.reader >= 0, self.writer >= 0 else {
            for end in [self.reader, self.writer] where end >= 0 { close(end) }
            throw .init(description: "no pipe can be made: \(String(cString: strerror(code)))")
        }
        for end in [self.reader, self.writer] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    }

    /// All bytes that are there, at most `limit`.
    static func drain(_ descriptor: CInt, limit: Int = 4096) -> ArraySlice<UInt8> {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = read(descriptor, &bytes, limit)
        return bytes.prefix(max(0, count))
    }
}
