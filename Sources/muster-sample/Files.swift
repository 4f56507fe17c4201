import Glibc

/// What went wrong, where, and what to do next; and what the program's exit says about it.
struct SampleError: Error, Sendable, Hashable, CustomStringConvertible {
    var message: String
    var exit: Exit
    var description: String { self.message }

    init(_ message: String, exit: Exit = .failed) {
        self.message = message
        self.exit = exit
    }

    /// What Muster's exec driver reads from an exit status. All but `failed` promise that nothing was changed.
    enum Exit: Int32, Sendable {
        case failed = 1
        /// The world is not the one that the order was decided for.
        case conflict = 3
        /// The order makes no sense and never will.
        case usage = 64
        /// Later it may work.
        case temporary = 75
    }
}

/// Small text files, whole.
enum Files {
    /// Files here are a few lines long; more is not ours. In bytes.
    static let largest = 1 << 20

    static func read(_ path: String) throws(SampleError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.error("read", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.error("read", path) }
            if count == 0 { break }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= Self.largest else { throw SampleError("\(path) is larger than \(Self.largest) bytes: it is not a file of this program") }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Readers see the old text or the new one, never a part of it.
    static func replace(_ path: String, with text: String) throws(SampleError) {
        let temporary = "\(path).\(getpid()).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.error("write", temporary) }
        let written = Glibc.write(descriptor, text, text.utf8.count)
        let reason = errno
        close(descriptor)
        guard written == text.utf8.count else {
            unlink(temporary)
            throw Self.error("write", temporary, reason: written < 0 ? reason : ENOSPC)
        }
        guard rename(temporary, path) == 0 else { throw Self.error("write", path) }
    }

    /// One line in one write, so that lines of several processes never mix.
    static func append(_ line: String, to path: String) throws(SampleError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.error("write", path) }
        defer { close(descriptor) }
        let text = line + "\n"
        guard Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count else { throw Self.error("write", path) }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func remove(_ path: String) { unlink(path) }

    static func makeDirectory(_ path: String) throws(SampleError) {
        if mkdir(path, 0o755) != 0, errno != EEXIST { throw Self.error("create", path) }
    }

    /// The names in a directory, sorted; none when it does not exist.
    static func names(in path: String) throws(SampleError) -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw Self.error("read", path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func error(_ verb: String, _ path: String, reason: Int32 = errno) -> SampleError {
        SampleError("can't \(verb) \(path): \(String(cString: strerror(reason)))")
    }
}

/// A lock on a directory, held by an open file: the kernel gives it back when the process ends, however it ends.
enum DirectoryLock {
    enum Mode: Sendable {
        /// To observe: nobody changes anything meanwhile.
        case shared
        case exclusive
    }

    /// Between two attempts: short beside a change of the workers, which takes some 100 ms.
    private static let retry: Duration = .milliseconds(10)

    /// Runs `body` while holding the lock, for which it waits as long as `waiting` says.
    /// - Throws: `SampleError` with exit `temporary` when another process has it for longer; else what `body` throws.
    static func hold<R>(_ path: String, _ mode: Mode, waiting: Duration, _ body: () async throws -> R) async throws -> R {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw SampleError("can't open \(path): \(String(cString: strerror(errno)))", exit: .temporary)
        }
        defer { close(descriptor) }
        let end = ContinuousClock.now + waiting
        while flock(descriptor, (mode == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
            guard ContinuousClock.now < end else {
                throw SampleError("\(path): another process is still changing the workers; nothing was done, try again", exit: .temporary)
            }
            try await Task.sleep(for: Self.retry)
        }
        return try await body()
    }
}
