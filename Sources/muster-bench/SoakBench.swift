import Foundation
import Glibc
import Postgres
import PostgresTesting

/// A minute without faults on a machine that has three times more to do than it can: nobody may lose leadership.
enum SoakBench {
    static let seconds = 60
    /// Both cores overloaded threefold.
    static let busyPerCore = 3
    private static let clients = 8
    private static let lookInterval = Duration.milliseconds(5)

    static func run(_ options: BenchOptions) async throws {
        for timing in ["default", "fast"] where options.wants(timing) {
            let cluster = try await BenchCluster.up(timing: timing)
            do {
                try await Self.soak(cluster)
            } catch {
                await cluster.down()
                throw error
            }
            await cluster.down()
        }
    }

    private static func soak(_ cluster: BenchCluster) async throws {
        for node in BenchCluster.nodes { try await cluster.ready(node) }
        _ = try await cluster.server.run("pgbench", ["-i", "-q", "-h", "127.0.0.1", "-p", String(cluster.server.port), "-U", "postgres", "postgres"])
        let before = try await cluster.leader(after: 0)
        let busy = try (0..<(Self.busyPerCore * Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))).map { _ in
            try ChildProcess(["/bin/sh", "-c", "while :; do :; done"], output: "/dev/null")
        }
        defer { for child in busy { child.signal(SIGKILL) } }
        async let load = cluster.server.run(
            "pgbench",
            [
                "-n", "-h", "127.0.0.1", "-p", String(cluster.server.port), "-U", "postgres", "-c", String(Self.clients), "-j", "2", "-T",
                String(Self.seconds), "postgres",
            ])
        var gaps = Gaps()
        let end = ContinuousClock.now + .seconds(Self.seconds)
        while ContinuousClock.now < end {
            let rows = try await cluster.session.query("select last_value from muster.beat")
            if let row = rows.first { gaps.saw(beat: try row[0].int(), at: bootNanoseconds()) }
            try await Task.sleep(for: Self.lookInterval)
        }
        let output = try await load
        let tps = output.split(separator: "\n").first { $0.hasPrefix("tps") } ?? ""
        let after = try await cluster.row()
        let changes = (after?.epoch ?? 0) - before.epoch
        let note = "\(Self.seconds) s, timing \(cluster.timing), \(busy.count) busy processes, pgbench -c \(Self.clients): \(tps)"
        Measurement(
            bench: "soak", case: cluster.timing, who: "muster", metric: "leadership-changes", unit: "count", value: Double(changes), note: note
        ).report()
        Measurement(
            bench: "soak", case: cluster.timing, who: "muster", metric: "longest-beat-gap", unit: "ms", value: gaps.longest,
            note: "\(note); seen from outside, where the longest pause between two looks was \(Int(gaps.longestLook)) ms"
        ).report()
    }

    /// The longest spell without a new beat, and the longest between two looks, which a gap may be made of.
    private struct Gaps {
        private var last: (beat: Int64, at: Int64)?
        private var looked: Int64?
        private(set) var longest = 0.0
        private(set) var longestLook = 0.0

        mutating func saw(beat: Int64, at now: Int64) {
            if let looked { self.longestLook = max(self.longestLook, milliseconds(from: looked, to: now)) }
            self.looked = now
            if let last {
                self.longest = max(self.longest, milliseconds(from: last.at, to: now))
                if last.beat == beat { return }
            }
            self.last = (beat, now)
        }
    }
}
