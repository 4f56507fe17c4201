import Election
import Glibc

/// One process at a time uses a node's directory for a shard.
///
/// The kernel gives the lock up when its process ends, however it ends. So whoever has it knows that the process which named itself in the file
/// before is over, and may say so to a leader that waits for that process's word.
struct DirectoryLock: ~Copyable {
    private let descriptor: CInt
    /// The process before this one; nil when there was none, or it did not get as far as writing its name.
    let lastIncarnation: String?

    /// A UUID has 36 characters.
    private static let maximumBytes = 64

    private init(descriptor: CInt, lastIncarnation: String?) {
        self.descriptor = descriptor
        self.lastIncarnation = lastIncarnation
    }

    deinit { close(self.descriptor) }

    /// Makes the directory when it is missing, and takes the lock.
    static func take(directory: String, shard: String, incarnation: String) throws(Refusal) -> DirectoryLock {
        func refusal(_ problem: String) -> Refusal { .dataDirectory(path: directory, problem: problem) }
        func words() -> String { String(cString: strerror(errno)) }
        var made = directory.hasPrefix("/") ? "/" : ""
        for part in directory.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/\(part)"
            if mkdir(made, 0o750) != 0, errno != EEXIST { throw refusal("can't make \(made): \(words())") }
        }
        let path = "\(directory)/election-\(shard).lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        if descriptor < 0 { throw refusal("can't open \(path): \(words())") }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let problem = errno == EWOULDBLOCK ? "another process uses it: \(path) is locked. Is this node running twice?" : "can't lock \(path): \(words())"
            close(descriptor)
            throw refusal(problem)
        }
        var bytes = [UInt8](repeating: 0, count: Self.maximumBytes)
        let count = max(0, pread(descriptor, &bytes, bytes.count, 0))
        let last = String(decoding: bytes.prefix(count), as: UTF8.self).prefix { $0 != "\n" }
        let line = Array("\(incarnation)\n".utf8)
        if ftruncate(descriptor, 0) != 0 || pwrite(descriptor, line, line.count, 0) != line.count {
            let problem = "can't write \(path): \(words())"
            close(descriptor)
            throw refusal(problem)
        }
        return DirectoryLock(descriptor: descriptor, lastIncarnation: last.isEmpty ? nil : String(last))
    }
}
