import Election
import Glibc

/// A number in a file of this node's directory.
///
/// Written by temporary file, fsync and rename, so that a crash leaves the old number or the new one.
struct DurableNumber: Sendable {
    let path: String
    let directory: String
    /// What the number is, for messages: “an epoch”.
    let meaning: String

    /// Longest content of the file that is read: a 64-bit number and a line end.
    private static let maximumBytes = 32

    init(directory: String, name: String, meaning: String) {
        self.directory = directory
        self.path = "\(directory)/\(name)"
        self.meaning = meaning
    }

    /// The number, 0 when there is none yet. Proves that it can be written.
    func open() throws(Refusal) -> Int64 {
        let value = try self.read()
        try self.write(value)
        return value
    }

    private func refusal(_ what: String, _ code: CInt) -> Refusal {
        .dataDirectory(path: self.directory, problem: "\(what): \(String(cString: strerror(code)))")
    }

    private func read() throws(Refusal) -> Int64 {
        let file = Glibc.open(self.path, O_RDONLY | O_CLOEXEC)
        if file < 0 {
            if errno == ENOENT { return 0 }
            throw self.refusal("can't read \(self.path)", errno)
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: Self.maximumBytes)
        let count = Glibc.read(file, &bytes, bytes.count)
        if count < 0 { throw self.refusal("can't read \(self.path)", errno) }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        guard text.hasSuffix("\n"), let value = Int64(text.dropLast()), value >= 0 else {
            throw .dataDirectory(
                path: self.directory,
                problem: "\(self.path) does not hold \(self.meaning); write the epoch of muster.leader into it, or remove it if this "
                    + "node never led")
        }
        return value
    }

    func write(_ value: Int64) throws(Refusal) {
        let temporary = self.path + ".new"
        let file = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        if file < 0 { throw self.refusal("can't write \(temporary)", errno) }
        var bytes = Array("\(value)\n".utf8)
        let written = Glibc.write(file, &bytes, bytes.count)
        let failure = written < bytes.count ? (written < 0 ? errno : ENOSPC) : (fsync(file) == 0 ? 0 : errno)
        close(file)
        if failure != 0 { throw self.refusal("can't write \(temporary)", failure) }
        if rename(temporary, self.path) != 0 { throw self.refusal("can't replace \(self.path)", errno) }
        // The rename itself is durable once the directory is.
        let directory = Glibc.open(self.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }
}
