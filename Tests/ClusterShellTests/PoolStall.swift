import Foundation
import Synchronization

/// Holds every thread of the shared pool until the beat counter has moved far enough.
final class PoolStall: Sendable {
    private let gate = NSCondition()
    private let state = Mutex<(ended: Bool, beats: Int)>((false, 0))

    var beats: Int { self.state.withLock { $0.beats } }

    /// Blocks the calling thread on purpose.
    func block() {
        self.gate.lock()
        while !self.state.withLock({ $0.ended }) { self.gate.wait() }
        self.gate.unlock()
    }

    func end(beats: Int) {
        self.state.withLock { $0 = (true, beats) }
        self.gate.lock()
        self.gate.broadcast()
        self.gate.unlock()
    }

    /// How far the counter moved, by psql: at least `atLeast`, or what it came to in 100 looks.
    func countBeats(psql: String, conninfo: String, atLeast: Int) -> Int {
        guard let first = Self.counter(psql, conninfo) else { return -1 }
        var moved = 0
        for _ in 0..<100 where moved < atLeast { moved = (Self.counter(psql, conninfo) ?? first) - first }
        return moved
    }

    private static func counter(_ psql: String, _ conninfo: String) -> Int? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: psql)
        process.arguments = ["-X", "-A", "-t", "-d", conninfo, "-c", "SELECT pg_sleep(0.05)", "-c", "SELECT last_value FROM muster.beat"]
        process.standardOutput = output
        guard (try? process.run()) != nil, let text = try? output.fileHandleForReading.readToEnd() else { return nil }
        process.waitUntilExit()
        return String(decoding: text, as: UTF8.self).split(separator: "\n").last.flatMap { Int($0) }
    }
}
