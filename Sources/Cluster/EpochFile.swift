import Dispatch
import Election
import Glibc
import Model
import Synchronization

/// The highest epoch this node has seen of one shard, on disk: epochs go on rising when the database has forgotten some.
///
/// Written by temporary file, fsync and rename, so that a crash leaves the old number or the new one. Writing happens on a
/// queue of its own, since a slow disk must not hold up the beats; only the newest number is kept waiting.
final class EpochFile: Sendable {
    let path: String
    private let directory: String
    private let queue = DispatchQueue(label: "muster.epoch-file")
    private let pending = Mutex<Epoch?>(nil)

    /// Longest content of the file that is read: a 64-bit number and a line end.
    private static let maximumBytes = 32

    init(directory: String, shard: String) {
        self.directory = directory
        self.path = "\(directory)/election-\(shard).epoch"
    }

    /// Makes the directory when it is missing, reads the number (0 when there is none yet) and proves that it can be written.
    func open() throws(Refusal) -> Epoch {
        try self.makeDirectory()
        let epoch = try self.read()
        try self.write(epoch)
        return epoch
    }

    /// Keeps `epoch`, soon. `failed` is called with words when that doesn't work.
    func record(_ epoch: Epoch, failed: @escaping @Sendable (String) -> Void) {
        let idle = self.pending.withLock { pending in
            defer { pending = max(pending ?? epoch, epoch) }
            return pending == nil
        }
        guard idle else { return }
        self.queue.async {
            let newest = self.pending.withLock { pending in
                defer { pending = nil }
                return pending
            }
            guard let newest else { return }
            do throws(Refusal) { try self.write(newest) } catch { failed(error.words) }
        }
    }

    /// Returns when everything recorded so far has been written.
    func flush() async {
        await withCheckedContinuation { continuation in self.queue.async { continuation.resume() } }
    }

    private func refusal(_ what: String, _ code: CInt) -> Refusal {
        .dataDirectory(path: self.directory, problem: "\(what): \(String(cString: strerror(code)))")
    }

    private func makeDirectory() throws(Refusal) {
        var path = self.directory.hasPrefix("/") ? "/" : ""
        for part in self.directory.split(separator: "/") {
            path += path.isEmpty || path.hasSuffix("/") ? String(part) : "/\(part)"
            if mkdir(path, 0o750) != 0, errno != EEXIST { throw self.refusal("can't make \(path)", errno) }
        }
    }

    private func read() throws(Refusal) -> Epoch {
        let file = Glibc.open(self.path, O_RDONLY | O_CLOEXEC)
        if file < 0 {
            if errno == ENOENT { return Epoch(0) }
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
                problem: "\(self.path) does not hold an epoch; write the epoch of muster.leader into it, or remove it if this "
                    + "node never led")
        }
        return Epoch(value)
    }

    private func write(_ epoch: Epoch) throws(Refusal) {
        let temporary = self.path + ".new"
        let file = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        if file < 0 { throw self.refusal("can't write \(temporary)", errno) }
        var bytes = Array("\(epoch.value)\n".utf8)
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
