import Eventually
import Model
import Testing

extension WholeClusters.Leaders {
    @Test("a large change waits for a second person, goes ahead once one agrees at any node, and is asked for again the next time")
    func approval() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        var options = Platform.Options()
        options.policy = "approval: { above: 2 }"
        try await platform.add("approving", replicas: 1, quiet: 10, options)
        try await cluster.evaluatedAgain("approving")
        try await platform.load("approving", quiet: 60)
        let waiting = try await eventually("a change of approving that waits", seen: { await platform.why("approving") }) {
            try await cluster.items(["get", "approvals"]).first { $0["workload"]?.stringValue == "approving/here" && $0["to"]?.intValue == 6 }
        }
        let name = try #require(waiting["id"]?.stringValue)
        let explained = try await cluster.succeed(["explain", "approving/here"])
        #expect(explained.contains("awaiting-approval") && explained.contains("muster approve \(name)"), "\(explained)")
        #expect(platform.replicas("approving") == 1)
        let refused = try await cluster.succeed(["reject", "approving/here", "--reason", "not before noon"])
        #expect(refused.contains("approving/here 1 -> 6 rejected until"), "\(refused)")
        try await cluster.evaluatedAgain("approving")
        #expect(platform.replicas("approving") == 1)

        let said = try await cluster.succeed(["approve", name, "--reason", "it is noon"], at: try await cluster.follower())
        #expect(said.contains("approving/here 1 -> 6 approved until"), "\(said)")
        try await platform.reaches("approving", 6)
        try await eventually("the word is used up", seen: { await platform.why("approving") }) {
            try await !cluster.items(["get", "approvals"]).contains { $0["workload"]?.stringValue == "approving/here" }
        }
        let decision = try #require(
            try await cluster.items(["get", "decisions", "--workload", "approving/here"]).first { $0["acted"]?.boolValue == true })
        #expect(decision["sentence"]?.stringValue?.contains("\(name) was approved by") == true, "\(decision)")

        try await platform.load("approving", quiet: 10)
        try await eventually("it waits again", seen: { await platform.why("approving") }) {
            try await cluster.items(["get", "approvals"]).contains { $0["workload"]?.stringValue == "approving/here" && $0["to"]?.intValue == 1 }
        }
        #expect(platform.replicas("approving") == 6)
        let nothing = try await cluster.muster(["approve", "nobody/here"])
        #expect(nothing.status == 1 && nothing.errors.contains("muster explain nobody/here"), "\(nothing)")
    }
}
