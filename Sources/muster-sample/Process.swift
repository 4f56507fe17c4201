import Glibc

/// One process for good: the pid alone may belong to another one later.
struct ProcessIdentity: Sendable, Hashable {
    var pid: pid_t
    /// Clock ticks between boot and the process's start: `/proc/PID/stat`, field 22.
    var startTicks: UInt64
    /// The kernel's random name for this boot: pids and ticks begin anew after it.
    var boot: String

    init(pid: pid_t, startTicks: UInt64, boot: String) {
        self.pid = pid
        self.startTicks = startTicks
        self.boot = boot
    }

    /// As a pid file has it: the pid comes first, so that `kill "$(cut -d' ' -f1 FILE)"` works.
    var line: String { "\(self.pid) \(self.startTicks) \(self.boot)\n" }

    init?(line: String) {
        let words = line.split(whereSeparator: \.isWhitespace)
        guard words.count == 3, let pid = pid_t(words[0]), pid > 0, let ticks = UInt64(words[1]) else { return nil }
        self.init(pid: pid, startTicks: ticks, boot: String(words[2]))
    }

    /// The process that has this pid now; nil when none has, or only the remains of one that its parent has not collected.
    static func running(_ pid: pid_t) -> ProcessIdentity? {
        guard let stat = try? Files.read("/proc/\(pid)/stat"), let state = Self.parse(stat: stat), !state.isRemains,
            let boot = try? Files.read("/proc/sys/kernel/random/boot_id")
        else { return nil }
        return ProcessIdentity(pid: pid, startTicks: state.startTicks, boot: String(boot.prefix { !$0.isWhitespace }))
    }

    var isRunning: Bool { Self.running(self.pid) == self }

    /// `pid (name) state parent … startTicks …`; the name may contain anything, parentheses and spaces too.
    static func parse(stat: String) -> (isRemains: Bool, startTicks: UInt64)? {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        // The state is field 3 and the first one here; field 22 is therefore the twentieth.
        guard fields.count >= 20, let ticks = UInt64(fields[19]) else { return nil }
        return (isRemains: fields[0] == "Z" || fields[0] == "X", startTicks: ticks)
    }
}

/// Starting a process that outlives us.
enum Detached {
    /// Runs `arguments` in a session of its own, so that neither a signal to our process group nor our end reaches it, with nothing open but
    /// its log as output.
    static func start(_ arguments: [String], log: String) throws(SampleError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        try Self.closeOnExec()
        // A parent that ignores or blocks signals must not hand that on: SIGTERM is how a worker is stopped.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(Self.setSession | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let failure = posix_spawn(&pid, arguments[0], &actions, &attributes, words, environ)
        guard failure == 0 else {
            throw SampleError("can't start \(arguments[0]): \(String(cString: strerror(failure))); is it there, and the log \(log) writable?")
        }
        return pid
    }

    /// `POSIX_SPAWN_SETSID` of <spawn.h>, which Swift's Glibc module does not show.
    private static let setSession: Int32 = 0x80

    /// What our own parent left open must not stay open in what we start: whoever waits for the end of a pipe would wait for the worker.
    private static func closeOnExec() throws(SampleError) {
        for name in try Files.names(in: "/proc/self/fd") {
            if let descriptor = CInt(name), descriptor > STDERR_FILENO { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        }
    }

    /// The program that runs now, to start another one of its kind.
    static func ownExecutable() throws(SampleError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw SampleError("can't find this program's own file: \(String(cString: strerror(errno)))") }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
