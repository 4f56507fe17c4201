import Foundation
import Glibc

/// From a node's failure to the moment at which all others say `failed` of it in `/v1/nodes`.
enum PeerFailures {
    enum Fault: String, CaseIterable, Sendable {
        case killed = "peer-killed"
        case silent = "peer-silent"
    }

    /// How often each observer is asked, a second.
    private static let rate = 100
    private static let limit = Duration.seconds(20)

    static func measure(_ fault: Fault, _ cluster: BenchCluster, trials: Int) async throws {
        guard fault == .killed || cluster.network != nil else {
            Measurement(bench: "failover", case: fault.rawValue, who: "muster", skipped: cluster.noNetwork).report()
            return
        }
        var times: [Double] = []
        for _ in 1...trials {
            for node in BenchCluster.nodes { try await cluster.ready(node) }
            let leader = try await cluster.leader(after: 0)
            // A follower: health never elects, and nobody's takeover disturbs what is measured.
            guard let victim = BenchCluster.nodes.first(where: { $0 != leader.node }) else { return }
            let others = BenchCluster.nodes.filter { $0 != victim }
            var watchers: [NodeWatcher] = []
            defer { for watcher in watchers { watcher.stop() } }
            for other in others { watchers.append(try NodeWatcher(cluster, asking: other, rate: Self.rate)) }
            guard try await Self.wait(watchers, victim, for: ["alive", "degraded"], within: .seconds(10)) != nil else {
                Measurement(
                    bench: "failover", case: fault.rawValue, who: "muster", skipped: "this build's /v1/nodes does not say how peers see \(victim)"
                ).report()
                return
            }
            try await Task.sleep(for: .microseconds(Int.random(in: 300_000...900_000)))
            let began = bootNanoseconds()
            switch fault {
            case .killed: kill(try cluster.worker(victim), SIGKILL)
            case .silent: try await cluster.network?.isolate(victim, from: others)
            }
            if let seen = try await Self.wait(watchers, victim, for: ["failed"], within: Self.limit) { times.append(milliseconds(from: began, to: seen)) }
            if fault == .silent { try await cluster.network?.rejoin(victim, with: others) }
        }
        let note =
            "a follower \(fault == .killed ? "is killed" : "loses all others and Postgres"); until both others say “failed” in /v1/nodes, "
            + "asked \(Self.rate) times a second"
        let missed = trials - times.count
        Measurement(
            bench: "failover", case: fault.rawValue, who: "muster", metric: "failed-everywhere", unit: "ms", samples: times,
            note: missed == 0 ? note : "\(note); not within \(Self.limit) in \(missed) trials"
        ).report()
    }

    /// When the last of the watchers first saw one of the states; nil: not in time.
    private static func wait(_ watchers: [NodeWatcher], _ node: String, for states: Set<String>, within limit: Duration) async throws -> Int64? {
        let deadline = ContinuousClock.now + limit
        var seen: [Int: Int64] = [:]
        while ContinuousClock.now < deadline {
            for (index, watcher) in watchers.enumerated() where seen[index] == nil {
                if let answer = watcher.newest, let state = answer.states[node], states.contains(state) { seen[index] = answer.at }
            }
            if seen.count == watchers.count { return seen.values.max() }
            try await Task.sleep(for: .milliseconds(1))
        }
        return nil
    }
}
