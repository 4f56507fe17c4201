import Foundation
import Glibc
import Synchronization

/// The file to which every scale program of a benchmark's cluster appends `EPOCH WORKLOAD`, and when each line came to it.
///
/// A thread sleeps in the kernel until the file changes and stamps what is new with the boot clock: the program itself needs no clock, and a file's own
/// times are as coarse as the kernel's tick.
final class EffectLog: Sendable {
    struct Effect: Sendable {
        var epoch: Int64
        var workload: String
        /// On the boot clock.
        var at: Int64
    }

    let path: String
    private let state = Mutex<(effects: [Effect], stopped: Bool)>(([], false))
    /// The longest that the thread takes to notice `stop`, in milliseconds.
    private static let stopInterval: Int32 = 200

    private let tell: @Sendable (Effect) -> Void

    /// - Parameter tell: gets each effect, on the thread that watches.
    init(path: String, tell: @escaping @Sendable (Effect) -> Void) throws {
        self.path = path
        self.tell = tell
        try writeFile("", to: path, mode: 0o666)
        let watch = inotify_init1(Int32(IN_CLOEXEC))
        guard watch >= 0, inotify_add_watch(watch, path, UInt32(IN_MODIFY)) >= 0 else {
            throw ChildProcess.Failure(description: "\(path) can't be watched: \(String(cString: strerror(errno)))")
        }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        Thread.detachNewThread { self.follow(watch, file) }
    }

    func stop() { self.state.withLock { $0.stopped = true } }

    var all: [Effect] { self.state.withLock { $0.effects } }

    private func follow(_ watch: Int32, _ file: Int32) {
        defer {
            close(watch)
            close(file)
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        var rest = ""
        while !self.state.withLock({ $0.stopped }) {
            var descriptor = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, Self.stopInterval) > 0 else { continue }
            let now = bootNanoseconds()
            _ = read(watch, &buffer, buffer.count)
            while true {
                let count = read(file, &buffer, buffer.count)
                guard count > 0 else { break }
                rest += String(decoding: buffer.prefix(count), as: UTF8.self)
            }
            var lines = rest.split(separator: "\n", omittingEmptySubsequences: false)
            rest = String(lines.removeLast())
            let effects = lines.compactMap { line -> Effect? in
                let words = line.split(separator: " ")
                guard words.count == 2, let epoch = Int64(words[0]) else { return nil }
                return Effect(epoch: epoch, workload: String(words[1]), at: now)
            }
            self.state.withLock { $0.effects += effects }
            for effect in effects { self.tell(effect) }
        }
    }
}
