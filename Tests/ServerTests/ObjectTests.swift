import HTTPTypes
import HummingbirdTesting
import Model
import Testing

@testable import Server
@testable import Store

@Suite("Answers")
struct ObjectTests {
    @Test("what every GET answers about a fleet that scales is what the document says, field by field")
    func schemas() async throws {
        let document = try OpenAPI()
        try await World.run { world, client in
            try await Seed.all(world)
            let waiting = try await Seed.awaiting(world)
            _ = try await client.ask(
                .post, "/v1/pauses", as: world.token(.operator), body: ["scope": "service:transcode", "for": "1h", "reason": "a test"], key: "p")
            _ = try await client.ask(
                .put, "/v1/workloads/transcode/us-east/override", as: world.token(.operator), body: ["replicas": 5, "for": "1h", "reason": "a test"])
            let decision = try #require(try await world.store.decisions(DecisionFilter(limit: 1)).first)
            let action = try #require(try await world.store.actions(ActionFilter(limit: 1)).first)
            let token = try #require(TokenText(world.token(.viewer)))
            let values = [
                "node": "a", "region": "eu-west", "service": "transcode", "policy": "transcode", "version": "1", "seq": "0", "code": "not-found",
            ]
            for route in Route.table where route.method == .get && route.path.hasPrefix("/v1/") {
                let id = [
                    "approvals": "d-\(waiting)", "decisions": "d-\(decision.id)", "actions": "a-\(action.id)", "pauses": "1", "denials": "1",
                    "tokens": token.id,
                ]
                let parts = route.path.split(separator: "/")
                let path =
                    "/"
                    + parts.map { part -> String in
                        guard part.hasPrefix("{") else { return String(part) }
                        let name = String(part.dropFirst().dropLast())
                        return name == "id" ? id[String(parts[1])] ?? "" : values[name] ?? ""
                    }.joined(separator: "/")
                let reply = try await client.ask(.get, path, as: world.token(.admin))
                #expect(reply.status == 200, "\(path): \(reply.text)")
                guard let schema = try document.answerSchema(route.operationID, status: 200) else { continue }
                let faults = try document.faults(try reply.json, schema)
                #expect(faults == [], "\(route.operationID)")
                if path.hasSuffix("s"), let items = try reply.json["items"] { #expect(items.arrayValue?.isEmpty == false, "\(path) is empty") }
                // Keys sorted: the text is its own canonical form.
                #expect(try reply.json.text == reply.text, "\(path)")
                world.clock.move(by: .seconds(1))
            }
        }
    }

    @Test("status shows what moves, what is held, what comes and what needs a person")
    func status() async throws {
        try await World.run { world, client in
            try await Seed.all(world)
            let first = try await client.ask(.get, "/v1/status", as: world.token(.viewer)).json
            #expect(first["enabled"] == false)
            #expect(first["leader"]?["node"] == .null)
            #expect(first["leader"]?["previous"] == "a")
            #expect(first["nodes"] == ["alive": 1, "total": 1, "degraded": 1])
            #expect(first["round"]?["ms"] == 38)
            #expect(first["readings"] == ["total": 4, "stale": 0, "doubted": 0, "missing": 2])
            #expect(first["replicas"] == ["running": 10, "wanted": 17, "ceiling": 18])
            let attention = first["attention"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
            #expect(attention == ["at-max:transcode/us-east", "no-leader", "reading:transcode/mailboxes", "switch-off"])
            let moving = try #require(first["moving"]?.arrayValue?.first)
            #expect(moving["workload"] == "transcode/eu-west")
            #expect(moving["from"] == 4 && moving["to"] == 6)
            #expect(moving["sentence"] == "queue 180 / 25 per replica wants 8; at most 6")
            let next = first["next"]?.arrayValue?.compactMap { $0["kind"]?.stringValue } ?? []
            #expect(next.contains("verify") && next.contains("cooldown-ends"))
            let regions = first["regions"]?.arrayValue ?? []
            #expect(regions.map { $0["name"] } == ["eu-west", "us-east"])
            #expect(regions[0]["cost"] == ["perHour": "2"])
            #expect(first["cost"] == nil, "us-east has no price, so the sum is not known")

            world.node.set { $0.audit = .init(state: .diverged, verifiedTo: 3) }
            try await world.whileLed {
                _ = try await world.store.write(as: .node("a")) { try await $0.setSwitch(enabled: true, reason: "go") }
                let led = try await client.ask(.get, "/v1/status", as: world.token(.viewer)).json
                #expect(led["enabled"] == true)
                #expect(led["leader"]?["node"] == "a")
                let attention = led["attention"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
                #expect(attention == ["at-max:transcode/us-east", "audit-diverged", "reading:transcode/mailboxes"])
                #expect(led["audit"]?["state"] == "diverged")
            }
        }
    }

    @Test("a region is up unless the leader knows otherwise; one that is down needs a person")
    func regionStates() async throws {
        try await World.run { world, client in
            try await Seed.all(world)
            let up = try await client.ask(.get, "/v1/regions/eu-west", as: world.token(.viewer)).json
            #expect(up["state"] == "up" && up["since"] == .null)
            let since = try #require(WallTime(rfc3339: "2026-05-28T12:00:00.000Z"))
            let record = RegionRecord(region: "eu-west", state: .down, since: since, facts: [:])
            _ = try await world.asLeader { $0.remember(record) }
            let down = try await client.ask(.get, "/v1/regions/eu-west", as: world.token(.viewer)).json
            #expect(down["state"] == "down" && down["since"] == since.json)
            let status = try await client.ask(.get, "/v1/status", as: world.token(.viewer)).json
            #expect(status["regions"]?.arrayValue?.map { $0["state"] } == ["down", "up"])
            let item = try #require(status["attention"]?.arrayValue?.first { $0["id"] == "region-down:eu-west" })
            #expect(item["severity"] == "critical" && item["detail"] == "Nothing is lowered there. No region takes its load.")
        }
    }

    @Test("a workload is moving, held, at its maximum, overridden or unknown as its records say")
    func states() async throws {
        try await World.run { world, client in
            try await Seed.apply(world)
            func state(_ path: String) async throws -> String? {
                try await client.ask(.get, "/v1/workloads/\(path)", as: world.token(.viewer)).json["state"]?.stringValue
            }
            #expect(try await state("transcode/eu-west") == "notEvaluated")
            try await Seed.all(world)
            #expect(try await state("transcode/eu-west") == "moving")
            #expect(try await state("transcode/us-east") == "atMax")
            _ = try await client.ask(
                .put, "/v1/workloads/transcode/us-east/override", as: world.token(.operator), body: ["replicas": 5, "for": "1h", "reason": "a test"])
            #expect(try await state("transcode/us-east") == "overridden")
            let held = try await client.ask(.get, "/v1/workloads?state=overridden&state=held", as: world.token(.viewer)).json
            #expect(held["items"]?.arrayValue?.map { $0["id"] } == ["transcode/us-east"])
            #expect(held["items"]?.arrayValue?.first?["holds"]?.arrayValue?.first?["by"] == "the-operator")
        }
    }

    @Test(
        "the state of a workload follows from its evaluation",
        arguments: [
            (Decision.Kind.held, 4, 8, [Reason.cooldown(until: WallTime(microseconds: 0))], "held"),
            (.held, 6, 9, [.rule("queue"), .atMax], "atMax"), (.held, 2, 1, [.atMin], "atMin"), (.held, 4, 4, [.withinTolerance], "steady"),
            (.held, 4, 8, [.rule("queue")], "unmet"), (.held, 6, 9, [.atMax, .disabled], "held"), (.held, 4, 4, [.missing(metric: "queue")], "steady"),
        ])
    func evaluated(kind: Decision.Kind, from: Int, wanted: Int, reasons: [Reason], expected: String) {
        var decision = Seed.decision(Seed.eu, at: WallTime(microseconds: 0))
        decision.kind = kind
        decision.from = from
        decision.to = from
        decision.wanted = wanted
        decision.acted = false
        decision.reasons = reasons
        #expect(self.view(Seed.record(Seed.eu, decision)).state.rawValue == expected)
    }

    @Test("a workload that can’t be seen has no number, not zero")
    func unobserved() {
        var decision = Seed.decision(Seed.eu, at: WallTime(microseconds: 0))
        decision.kind = .held
        decision.from = nil
        decision.to = nil
        decision.wanted = nil
        decision.reasons = [.unobserved("exec: timeout")]
        let view = self.view(Seed.record(Seed.eu, decision))
        #expect(view.state == .unobserved)
        #expect(view.json["replicas"] == [:])
        #expect(ReplicaSums([view]).json == ["ceiling": 6])
    }

    private func view(_ record: WorkloadRecord) -> WorkloadView {
        let service = Service(name: "transcode", workloads: [:])
        let policy = Policy(name: "transcode", selector: Selector(), minReplicas: 2, maxReplicas: 6, metrics: [], rules: [])
        let stored = StoredManifest(
            reference: .init(kind: .policy, name: "transcode"), version: 1, sha256: "9f2c", manifest: .policy(policy), canonical: [:], actor: "x",
            at: WallTime(microseconds: 0), seq: 0)
        return WorkloadView(
            id: Seed.eu, now: WallTime(microseconds: 0), service: service, target: .manual, policy: InForce(value: policy, stored: stored), region: nil,
            record: record, action: nil, override: nil, pauses: [])
    }

    @Test("the last evaluation carries its number when it was recorded, and its explanation either way")
    func explanation() async throws {
        try await World.run { world, client in
            try await Seed.all(world)
            let recorded = try await client.ask(.get, "/v1/workloads/transcode/eu-west/decision", as: world.token(.viewer)).json
            #expect(recorded["id"]?.stringValue?.hasPrefix("d-") == true)
            #expect(recorded["action"]?.stringValue?.hasPrefix("a-") == true)
            #expect(recorded["steps"]?.arrayValue?.count == 2)
            let unrecorded = try await client.ask(.get, "/v1/workloads/transcode/us-east/decision", as: world.token(.viewer)).json
            #expect(unrecorded["id"] == nil)
            #expect(unrecorded["sentence"]?.stringValue?.isEmpty == false)
            let never = try await client.ask(.get, "/v1/workloads/legacy/eu-west/decision", as: world.token(.viewer))
            #expect(never.status == 404)
        }
    }

    @Test("a node is alive, suspect, failed or gone by the database’s clock")
    func nodes() {
        let now = WallTime(microseconds: 1_000_000_000)
        func node(silent: Duration, left: Bool = false) -> NodeRecord {
            NodeRecord(
                name: "b", incarnation: "i", region: "r", address: "x", version: "1", schema: 1, startedAt: now, seenAt: now - silent,
                leftAt: left ? now : nil, state: [:])
        }
        #expect(NodeCondition(node(silent: .seconds(3)), now: now) == .alive)
        #expect(NodeCondition(node(silent: .milliseconds(3001)), now: now) == .suspect)
        #expect(NodeCondition(node(silent: .seconds(11)), now: now) == .failed)
        #expect(NodeCondition(node(silent: .seconds(11), left: true), now: now) == .left)
    }
}
