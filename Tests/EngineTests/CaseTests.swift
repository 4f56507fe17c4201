import Model
import Testing

@testable import Engine

@Suite("Cases")
struct CaseTests {
    private func decode(_ text: String, _ policy: Policy? = nil) throws -> EvaluationInput {
        let policy = policy ?? Fixture([.averageValue("queue", 25), .utilization("cpu", 70)]).policy
        return try EvaluationCase.input(from: JSON(parsing: text), policy: policy, reference: Fixture.reference)
    }

    @Test("a case with everything in it is read")
    func everything() throws {
        let memory = MemoryTests.full().json.text
        let input = try self.decode(
            """
            {"workload": "transcode/eu-west", "now": "2026-05-28T12:00:00Z", "observed": {"replicas": 4, "ready": 3, "desired": 5},
             "readings": {"queue": 180, "cpu": {"value": "84", "at": "2026-05-28T11:59:50Z"}},
             "memory": \(memory), "enabled": false, "inFlight": "a-1", "priority": 10, "startup": "40s",
             "pauses": [{"id": 1, "scope": "all", "direction": "down", "owner": "anna", "reason": "sale", "since": "2026-05-28T11:00:00Z",
                         "until": "2026-05-28T13:00:00Z"}],
             "override": {"workload": "transcode/eu-west", "replicas": 9, "owner": "bert", "reason": "test", "since": "2026-05-28T11:00:00Z",
                          "until": "2026-05-28T13:00:00Z"},
             "approved": 12, "regionDown": true, "failover": {"replicas": 6, "region": "eu-north", "until": "2026-05-28T12:05:00Z"},
             "secondaries": {"queue": 170}, "correlated": ["queue"], "unhealthy": ["cpu"], "accepted": ["cpu", "queue"]}
            """)
        #expect(input.workload == Workload(id: Fixture.id, priority: 10, startup: .seconds(40)))
        #expect(input.observation == .seen(desired: 5, current: 4, ready: 3, version: nil))
        #expect(input.now == Fixture.start)
        #expect(input.answers["queue"] == .value(Sample(value: 180, at: Fixture.start)))
        #expect(input.answers["cpu"] == .value(Sample(value: 84, at: Fixture.start - .seconds(10))))
        #expect(input.memory == MemoryTests.full())
        #expect(!input.enabled)
        #expect(input.inFlight == "a-1")
        #expect(input.pauses.map(\.direction) == [.down])
        #expect(input.override?.replicas == 9)
        #expect(input.approved == 12 && input.isRegionDown)
        #expect(input.floors.failover == .init(replicas: 6, region: "eu-north", until: Fixture.start + .seconds(300)))
        #expect(input.secondaries == ["queue": .value(Sample(value: 170, at: Fixture.start))])
        #expect(input.doubts == .init(correlatedDrops: ["queue"], unhealthy: ["cpu"], accepted: ["cpu", "queue"]))
    }

    private static let least =
        #"{"workload":"transcode/eu-west","now":"2026-05-28T12:00:00Z","observed":{"replicas":4},"readings":{}}"#

    @Test("what is absent or null has its default")
    func defaults() throws {
        let input = try self.decode(Self.least)
        #expect(input.observation == .seen(desired: 4, current: 4, ready: 4, version: nil))
        #expect(input.answers.isEmpty)
        #expect(input.enabled)
        #expect(input.memory == Memory())
        let nulls =
            #"{"workload":"a/b","now":"2026-05-28T12:00:00Z","observed":null,"readings":{"queue":null,"cpu":{"missing":"timeout","evidence":"x"}},"#
            + #""approved":null,"regionDown":null,"failover":null,"secondaries":null,"correlated":null,"memory":{},"pauses":null,"override":null,"inFlight":null,"enabled":null,"startup":null,"priority":null}"#
        let unseen = try self.decode(nulls)
        if case .unseen = unseen.observation {} else { Issue.record("\(unseen.observation)") }
        #expect(unseen.answers["queue"] == .missing(.null, evidence: ""))
        #expect(unseen.answers["cpu"] == .missing(.timeout, evidence: "x"))
        #expect(unseen.approved == nil && !unseen.isRegionDown && unseen.floors == .init() && unseen.secondaries.isEmpty && unseen.doubts == .init())
        #expect(try self.decode(Self.least.replacing(#"{"replicas":4}"#, with: #""gone""#)).observation == .gone)
    }

    /// A replacement in the least case, the place and the words of the error.
    static let broken: [(String, String, String, String)] = [
        (#""observed""#, #""observd":1,"observed""#, "/observd", "is not a field of a case; did you mean “observed”?"),
        (#""observed""#, #""zzzzzz":1,"observed""#, "/zzzzzz", "it has workload, now,"),
        (#""now":"2026-05-28T12:00:00Z","#, "", "/now", "is missing"),
        ("2026-05-28T12:00:00Z", "noon", "/now", "RFC 3339"),
        ("transcode/eu-west", "transcode", "/workload", "service/region"),
        (#"{"replicas":4}"#, "4", "/observed", "is neither"),
        (#"{"replicas":4}"#, #"{"replica":4}"#, "/observed/replica", "did you mean “replicas”?"),
        (#"{"replicas":4}"#, #"{"replicas":-1}"#, "/observed/replicas", "within 0 and 2147483647"),
        (#"{"replicas":4}"#, #"{"ready":4}"#, "/observed/replicas", "is missing"),
        (#"{"replicas":4}"#, #"{"replicas":"4"}"#, "/observed/replicas", "is not an integer"),
        (#""observed":{"replicas":4},"#, "", "/observed", "is missing"),
        (#"{}}"#, #"{"queu":1}}"#, "/readings/queu", "is not a metric of policy “transcode”; did you mean “queue”?"),
        (#"{}}"#, #"{"queue":true}}"#, "/readings/queue", "is neither a number"),
        (#"{}}"#, #"{"queue":"many"}}"#, "/readings/queue", "decimal"),
        (#"{}}"#, #"{"queue":{"value":1,"missing":"absent"}}}"#, "/readings/queue", "both"),
        (#"{}}"#, #"{"queue":{"missing":"gone"}}}"#, "/readings/queue/missing", "is none of absent, null"),
        (#"{}}"#, #"{"queue":{"valu":1}}}"#, "/readings/queue/valu", "did you mean “value”?"),
        (#"{}}"#, #"{"queue":{"value":1,"at":"x"}}}"#, "/readings/queue/at", "RFC 3339"),
        (#"{}}"#, "[]}", "/readings", "is not an object of metric names"),
        (#"{}}"#, #"{},"enabled":"yes"}"#, "/enabled", "true or false"),
        (#"{}}"#, #"{},"startup":"soon"}"#, "/startup", "write 40s"),
        (#"{}}"#, #"{},"pauses":[{"scope":"x"}]}"#, "/pauses/0/scope", "is no scope"),
        (#"{}}"#, #"{},"override":{"workload":"a/b"}}"#, "/override/replicas", "is missing"),
        (#"{}}"#, #"{},"memory":{"version":9}}"#, "/memory/version", "is 9"),
        (#"{}}"#, #"{},"approved":-1}"#, "/approved", "within 0 and 2147483647"),
        (#"{}}"#, #"{},"regionDown":1}"#, "/regionDown", "true or false"),
        (#"{}}"#, #"{},"failover":{"replicas":6}}"#, "/failover/region", "is missing"),
        (#"{}}"#, #"{},"failover":{"replica":6}}"#, "/failover/replica", "did you mean “replicas”?"),
        (#"{}}"#, #"{},"secondaries":{"queu":1}}"#, "/secondaries/queu", "did you mean “queue”?"),
        (#"{}}"#, #"{},"correlated":["cp"]}"#, "/correlated/0", "did you mean “cpu”?"),
        (#"{}}"#, #"{},"unhealthy":"cpu"}"#, "/unhealthy", "is not a list"),
    ]

    @Test("a broken case is refused with its place and what to write", arguments: Self.broken)
    func refuses(old: String, new: String, pointer: String, words: String) throws {
        let text = Self.least.replacing(old, with: new)
        try #require(text != Self.least)
        let error = #expect(throws: JSONError.self) { try self.decode(text) }
        #expect(error?.pointer == pointer)
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }

    @Test("the result of a case is its decision and memory, and the memory is the next case's")
    func result() throws {
        let input = try self.decode(Self.least.replacing("{}}", with: #"{"queue":180,"cpu":35}}"#))
        let result = Engine.evaluate(input)
        #expect(result.decision.sentence == "queue 180 / 25 per replica wants 8 → 8")
        let next = try self.decode(Self.least.replacing("{}}", with: #"{},"memory":\#(result.memory.json.text)}"#))
        #expect(next.memory == result.memory)
    }
}
