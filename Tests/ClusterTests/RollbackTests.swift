import Eventually
import Model
import Testing

extension WholeClusters.Leaders {
    @Test("a change that does not become ready is taken back, held, and in the log with what it reverts; a person ends the hold")
    func rollback() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        var options = Platform.Options()
        options.observe = "observe-one-ready"
        options.verify = ", rollback: true"
        options.verifyWithin = "4s"
        // The policy itself would not go down again for long.
        options.downCooldown = "1h"
        try await platform.add("reverting", replicas: 1, quiet: 10, options)
        try await cluster.evaluatedAgain("reverting")
        try await platform.load("reverting", quiet: 40)
        try await platform.reaches("reverting", 4)
        // The load goes, and 1 of 4 is ready.
        try await platform.load("reverting", quiet: 10)
        try await platform.reaches("reverting", 1)

        let decision = try #require(
            try await cluster.items(["get", "decisions", "--workload", "reverting/here"]).first { $0["to"]?.intValue == 1 && $0["acted"]?.boolValue == true })
        #expect((decision["reasons"]?.arrayValue ?? []).contains { $0["code"] == "rolled-back" }, "\(decision)")
        let explained = try await cluster.succeed(["explain", try #require(decision["id"]?.stringValue)])
        #expect(explained.contains("did not become ready in time and is taken back"), "\(explained)")
        let event = try #require(
            try await cluster.items(["audit", "list", "--limit", "1000"]).first {
                $0["type"]?.stringValue == "rollback.auto" && $0["subjectId"]?.stringValue == "reverting/here"
            })
        #expect(event["event"]?["reverts"]?.arrayValue?.count == 1, "\(event)")
        let hold = try #require(try await cluster.items(["get", "pauses"]).first { $0["scope"]?.stringValue == "reverting/here" })
        #expect(hold["direction"] == "up" && hold["rolledBack"]?.stringValue?.hasPrefix("a-") == true, "\(hold)")

        try await platform.load("reverting", quiet: 30)
        let held = try await eventually("a change up that is held", seen: { await platform.why("reverting") }) {
            try await cluster.items(["get", "decisions", "--workload", "reverting/here"]).first {
                $0["to"]?.intValue == 3 && $0["acted"]?.boolValue == false
            }
        }
        #expect((held["reasons"]?.arrayValue ?? []).contains { $0["code"] == "rolled-back" }, "\(held)")
        #expect(platform.replicas("reverting") == 1)
        try await cluster.succeed(["resume", "reverting/here"])
        try await platform.reaches("reverting", 3)
        try await platform.expectSoundEffects(["reverting"])
    }
}
