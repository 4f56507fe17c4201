import Eventually
import Glibc
import Model
import Testing

extension WholeClusters.Leaders {
    /// Each replica has ten units of load; more than 25 in all is more than the guard lets be.
    private func leaky(_ service: String, _ platform: Platform, atMost: String) async throws {
        var options = Platform.Options()
        options.restart = "restart"
        options.policy = "guards:\n  - { when: \"load > 25\", for: 1s, restart: true, atMost: \(atMost) }"
        try await platform.add(service, replicas: 1, quiet: 10, options)
        try await platform.cluster.evaluatedAgain(service)
    }

    private func restarts(_ service: String) async throws -> [JSON] {
        try await TestCluster.current.items(["get", "actions", "--workload", "\(service)/here"]).filter { $0["kind"]?.stringValue == "restart" }
    }

    @Test("a guard whose condition holds has what runs restarted, once within its limit and after a change of size; a pause holds it back, as the log says")
    func restart() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        try await self.leaky("leaky", platform, atMost: "1/1h")
        try await platform.load("leaky", quiet: 30)
        try await eventually("what runs is restarted", seen: { await platform.why("leaky") }) { !platform.restarts("leaky").isEmpty }
        #expect(platform.restarts("leaky").map { $0[1] } == ["3"], "the change of size came first")
        let action = try await eventually("the restart has ended", seen: { await platform.why("leaky") }) {
            try await self.restarts("leaky").first { $0["state"]?.stringValue == "done" }
        }
        #expect(action["from"]?.intValue == 3 && action["to"]?.intValue == 3, "\(action)")
        try await cluster.evaluatedAgain("leaky")
        #expect(platform.restarts("leaky", begun: true).count == 1)

        let decision = try await cluster.succeed(["explain", try #require(action["decision"]?.stringValue)])
        #expect(decision.contains("restarted, since “load > 25” (load 30) for 1s") && decision.contains("acted on"), "\(decision)")
        let events = try await cluster.items(["audit", "list", "--limit", "1000"]).filter {
            $0["subjectId"]?.stringValue == "leaky/here" && $0["event"]?["action"]?.stringValue == "restart"
        }
        #expect(events.compactMap { $0["type"]?.stringValue }.sorted() == ["decision.applied", "decision.proposed"], "\(events)")

        // Somebody wants it left alone.
        try await self.leaky("leaky-paused", platform, atMost: "1/1h")
        try await cluster.succeed(["pause", "leaky-paused/here", "--direction", "down", "--for", "1h", "--reason", "a sale"])
        try await platform.load("leaky-paused", quiet: 30)
        let told = try await eventually("somebody is told why not", seen: { await platform.why("leaky-paused") }) {
            try await cluster.items(["audit", "list", "--type", "guard.notified", "--limit", "100"]).first {
                $0["subjectId"]?.stringValue == "leaky-paused/here"
            }
        }
        #expect(told["event"]?["after"]?["held"]?.stringValue == "paused", "\(told)")
        #expect(platform.restarts("leaky-paused", begun: true).isEmpty)
        try await cluster.succeed(["resume", "leaky-paused/here"])
        try await eventually("the restart comes once the pause is over", seen: { await platform.why("leaky-paused") }) {
            platform.restarts("leaky-paused").count == 1
        }
        let metrics = try await cluster.http("/metrics", at: cluster.leader(after: 0).node).body
        for kind in ["scale", "restart"] {
            let count = try metrics.firstMatch(of: Regex("\nmuster_actions_total\\{kind=\"\(kind)\"\\} ([0-9]+)\n", as: (Substring, Substring).self))?.1
            #expect(count.flatMap { Int($0) } ?? 0 >= 2, "\(kind): \(metrics)")
        }
        try await cluster.settled(["leaky", "leaky-paused"])
        try await platform.expectSoundEffects(["leaky", "leaky-paused"])
        try await cluster.expectSoundRecords()
    }

    @Test("a leader that is killed while it restarts something: its successor does not restart it once more, says so, and goes on")
    func restartTakeover() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        try await self.leaky("leaky-killed", platform, atMost: "1/1h")
        try platform.restartTime("leaky-killed", 3)
        let leader = try await cluster.leader(after: 0)
        try await platform.load("leaky-killed", quiet: 30)
        try await eventually("the restart is under way", every: .milliseconds(20), seen: { await platform.why("leaky-killed") }) {
            !platform.restarts("leaky-killed", begun: true).isEmpty
        }
        cluster.signal(leader.node, SIGKILL)
        let next = try await cluster.leader(after: leader.epoch)
        #expect(next.node != leader.node)
        let ended = try await eventually("the restart has ended", seen: { await platform.why("leaky-killed") }) {
            try await self.restarts("leaky-killed").first { $0["outcome"]?["state"] != nil }
        }
        #expect(ended["state"]?.stringValue == "failed", "\(ended)")
        #expect(ended["outcome"]?["text"]?.stringValue?.contains("never repeated in doubt") == true, "\(ended)")
        try await cluster.evaluatedAgain("leaky-killed")
        #expect(platform.restarts("leaky-killed", begun: true).count == 1)
        #expect(try await self.restarts("leaky-killed").count == 1)
        // The workload goes on.
        try await platform.load("leaky-killed", quiet: 20)
        try await platform.reaches("leaky-killed", 2)
        try cluster.start(leader.node)
        try await cluster.ready(leader.node)
        try await cluster.settled(["leaky-killed"])
        try await platform.expectSoundEffects(["leaky-killed"])
        try await cluster.expectSoundRecords()
    }
}
