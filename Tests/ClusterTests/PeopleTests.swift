import Eventually
import Model
import Testing

extension WholeClusters.Leaders {
    /// The newest recorded decision of a service that `fits`.
    private func decision(of service: String, _ what: String, where fits: @escaping @Sendable (JSON) -> Bool) async throws -> JSON {
        let cluster = try TestCluster.current
        return try await eventually("a decision of \(service): \(what)", seen: { await Platform(cluster: cluster).why(service) }) {
            try await cluster.items(["get", "decisions", "--workload", "\(service)/here"]).first(where: fits)
        }
    }

    private static func codes(_ decision: JSON) -> [String] { (decision["reasons"]?.arrayValue ?? []).compactMap { $0["code"]?.stringValue } }

    @Test("a pause keeps a workload from going down and lets it go up; the decision says what it would have done; resume ends it")
    func pause() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        try await platform.add("pausing", replicas: 4, quiet: 40)
        let answer = try await cluster.succeed(
            ["pause", "service:pausing", "--direction", "down", "--for", "1h", "--reason", "load test of the day"], at: try await cluster.follower())
        #expect(answer.contains("service:pausing down until"))
        #expect(try await cluster.items(["get", "pauses"]).contains { $0["scope"]?.stringValue == "service:pausing" })

        try await cluster.evaluatedAgain("pausing")
        try await platform.load("pausing", quiet: 10)
        let held = try await self.decision(of: "pausing", "suppressed by the pause") { $0["acted"]?.boolValue == false && $0["to"]?.intValue == 1 }
        #expect(held["kind"]?.stringValue == "down" && held["from"]?.intValue == 4, "\(held)")
        #expect(Self.codes(held).contains("paused"), "\(held)")
        let sentence = try #require(held["sentence"]?.stringValue)
        #expect(sentence.contains("paused"), "\(sentence)")
        #expect(platform.replicas("pausing") == 4)

        try await platform.load("pausing", quiet: 60)
        try await platform.reaches("pausing", 6)
        try await platform.load("pausing", quiet: 10)
        try await cluster.succeed(["resume", "service:pausing"])
        try await platform.reaches("pausing", 1)
        let again = try await cluster.muster(["resume", "service:pausing"])
        #expect(again.status == 1 && again.errors.contains("muster get pauses"), "\(again)")
    }

    @Test("an override puts a person's number in place until its end, and the rules decide again by themselves")
    func override() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        try await platform.add("overriding", replicas: 2, quiet: 20)
        let said = try await cluster.succeed(["scale", "overriding/here", "--to", "5", "--for", "4s", "--reason", "campaign starts at noon"])
        #expect(said.contains("overriding/here -> 5 until"))
        try await platform.reaches("overriding", 5)
        let decision = try await self.decision(of: "overriding", "by the override") { $0["to"]?.intValue == 5 && $0["acted"]?.boolValue == true }
        #expect(Self.codes(decision).contains("override"), "\(decision)")
        try await platform.reaches("overriding", 2)

        try await cluster.succeed(["scale", "overriding/here", "--to", "3", "--for", "1h", "--reason", "campaign goes on"])
        try await platform.reaches("overriding", 3)
        try await cluster.succeed(["scale", "overriding/here", "--end"])
        try await platform.reaches("overriding", 2)
        let endless = try await cluster.muster(["scale", "overriding/here", "--to", "3", "--reason", "without an end"])
        #expect(endless.status == 2 && endless.errors.contains("always has an end"), "\(endless)")
    }

    @Test("a disabled cluster changes nothing and says what it would have done; enabled, it goes on")
    func disable() async throws {
        let cluster = try TestCluster.current
        let platform = Platform(cluster: cluster)
        try await platform.add("disabling", replicas: 1, quiet: 10)
        let asked = try await cluster.muster(["disable", "--reason", "incident 4711"])
        #expect(asked.status == 2 && asked.errors.contains("--yes"), "\(asked)")
        try await cluster.succeed(["disable", "--yes", "--reason", "incident 4711"])
        try await cluster.evaluatedAgain("disabling")
        try await platform.load("disabling", quiet: 50)
        let held = try await self.decision(of: "disabling", "suppressed by the switch") { $0["to"]?.intValue == 5 }
        #expect(held["acted"]?.boolValue == false && Self.codes(held).contains("disabled"), "\(held)")
        #expect(held["sentence"]?.stringValue?.contains("switch is off") == true, "\(held)")
        #expect(platform.replicas("disabling") == 1)
        let status = try await cluster.succeed(["status"])
        #expect(status.contains("DISABLED") && status.contains("Scaling is disabled"), "\(status)")

        try await cluster.succeed(["enable", "--yes", "--reason", "incident 4711 is over"])
        try await platform.reaches("disabling", 5)
        let switched = try await cluster.items(["audit", "list", "--limit", "1000"]).filter { $0["type"]?.stringValue?.hasPrefix("switch.") ?? false }
        #expect(switched.count >= 2, "\(switched)")
    }
}
