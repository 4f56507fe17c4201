import Foundation
import Glibc
import Synchronization

/// Asks one node for `/v1/nodes` again and again on one connection (curl's), and keeps what it said last.
final class NodeWatcher: Sendable {
    struct Answer: Sendable {
        /// When it had come, on the boot clock.
        var at: Int64
        /// The state of each node as the asked one sees it; nodes of which it says nothing are missing.
        var states: [String: String]
    }

    private let curl: ChildProcess
    private let state = Mutex<(answer: Answer?, stopped: Bool)>((nil, false))
    var newest: Answer? { self.state.withLock { $0.answer } }

    private static let requests = 100_000
    private static let endOfAnswer = Character("\u{1E}")

    init(_ cluster: BenchCluster, asking node: String, rate: Int) throws {
        let pipe = "\(cluster.folder)/watch-\(node)-\(UUID().uuidString)"
        guard mkfifo(pipe, 0o600) == 0 else { throw ChildProcess.Failure(description: "no pipe can be made at \(pipe): \(String(cString: strerror(errno)))") }
        let end = open(pipe, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        let secret = "\(cluster.folder)/watch.header"
        try writeFile("Authorization: Bearer \(cluster.token)\n", to: secret, mode: 0o600)
        // The fragment makes curl repeat the request, and is not sent.
        self.curl = try ChildProcess(
            [
                "/usr/bin/curl", "-s", "--no-buffer", "-m", "3600", "--rate", "\(rate)/s", "--cacert", "\(cluster.folder)/ca/ca.pem", "-H", "@\(secret)",
                "-w", String(Self.endOfAnswer), "\(cluster.url(node))/v1/nodes#[1-\(Self.requests)]",
            ], output: pipe)
        unlink(pipe)
        Thread.detachNewThread { self.follow(end) }
    }

    func stop() {
        self.state.withLock { $0.stopped = true }
        self.curl.signal(SIGKILL)
    }

    private func follow(_ end: Int32) {
        defer { close(end) }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var rest: [UInt8] = []
        while !self.state.withLock({ $0.stopped }) {
            var descriptor = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 200) > 0 else { continue }
            let count = read(end, &buffer, buffer.count)
            guard count > 0 else { continue }
            let now = bootNanoseconds()
            rest += buffer.prefix(count)
            while let separator = rest.firstIndex(of: Self.endOfAnswer.asciiValue ?? 0) {
                let states = Self.states(Data(rest[..<separator]))
                rest.removeSubrange(...separator)
                self.state.withLock { $0.answer = Answer(at: now, states: states) }
            }
        }
    }

    private static func states(_ body: Data) -> [String: String] {
        guard let page = try? JSONSerialization.jsonObject(with: body) as? [String: Any], let items = page["items"] as? [[String: Any]] else { return [:] }
        var states: [String: String] = [:]
        for item in items {
            guard let name = item["name"] as? String else { continue }
            let peer = item["peer"] as? [String: Any] ?? item["health"] as? [String: Any] ?? item
            if let state = peer["state"] as? String { states[name] = state }
        }
        return states
    }
}
