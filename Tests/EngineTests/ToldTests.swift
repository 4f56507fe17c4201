import Model
import Testing

@testable import Engine

/// What a decision says of readings, limits and gates where numbers are at their ends.
@Suite("What is told") struct ToldTests {
    private static let end: WallTime = Fixture.start + .seconds(60)
    private static func decide(_ fixture: Fixture, _ values: [String: Quantity], _ change: (inout EvaluationInput) -> Void = { _ in }) -> Decision {
        var input = fixture.input(values.mapValues { .value(Sample(value: $0, at: fixture.now)) })
        change(&input)
        return Engine.evaluate(input).decision
    }

    // MARK: - Readings

    @Test("a reading that was taken now is of no age, and one without an answer is told as missing, with what was said instead")
    func readings() {
        let fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10)])
        let decision = Engine.evaluate(
            fixture.input(["queue": .value(Sample(value: 100, at: fixture.now)), "mail": .missing(.timeout, evidence: "after 2s")])
        ).decision
        #expect(decision.readings[0].age == .zero && decision.readings[0].missing == nil)
        #expect(decision.readings[1].quality == .missing && decision.readings[1].missing == .timeout && decision.readings[1].evidence == "after 2s")
    }

    /// A second source, which answers where `second` is true, beside a first that answers where `first` is.
    private static func sources(first: Bool, second: Bool, good: Bool = false) -> Decision {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.metrics[0].secondary = .kubernetes(.init(.resource, name: "cpu"))
        fixture.policy.onMissing = [.secondary, .lastGood(.seconds(600))]
        if good {
            fixture.evaluate(["queue": 200])
            fixture.desired = 4
            fixture.pass(15)
        }
        var input = fixture.input(["queue": first ? .value(Sample(value: 200, at: fixture.now)) : .missing(.timeout, evidence: "after 2s")])
        if second { input.secondaries["queue"] = .value(Sample(value: 250, at: fixture.now)) }
        return Engine.evaluate(input).decision
    }

    @Test("a reading names the source that it is from, and why the first one's is none")
    func source() {
        let first = Self.sources(first: true, second: true)
        #expect(first.to == 8 && first.readings[0].source == "sql" && first.readings[0].missing == nil)
        let second = Self.sources(first: false, second: true)
        #expect(second.to == 10 && second.readings[0].source == "kubernetes" && second.readings[0].missing == .timeout)
        #expect(second.readings[0].evidence == "after 2s")
        let good = Self.sources(first: false, second: false, good: true)
        #expect(good.to == 8 && good.readings[0].source == "sql" && good.readings[0].quality == .stale && good.readings[0].missing == .timeout)
    }

    // MARK: - Without readings

    private static let rungs: [(steps: [Policy.MissingStep], names: [Decision.Step.Name])] = [
        ([], [.proposals, .missing, .clamp, .decision]), ([.hold(.seconds(60))], [.proposals, .missing, .clamp, .decision]),
        ([.secondary], [.proposals, .missing, .clamp, .decision]), ([.lastGood(.seconds(60))], [.proposals, .missing, .clamp, .decision]),
        ([.replicas(6)], [.proposals, .missing, .clamp, .decision]),
    ]
    @Test("without readings nothing is combined, recommended or raised, and the step says what is missing", arguments: Self.rungs)
    func missing(steps: [Policy.MissingStep], names: [Decision.Step.Name]) {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.onMissing = steps
        let decision = fixture.evaluate([String: ReadingAnswer]())
        #expect(decision.steps.map(\.name) == names)
        #expect(decision.step(.missing)?.reason == .missing(metric: "queue"))
        #expect(decision.readings[0].quality == .missing)
        // What runs is the first recommendation; what is made up without a reading is none.
        fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.onMissing = [.replicas(6)]
        fixture.policy.behavior = Behavior()
        fixture.evaluate([String: ReadingAnswer]())
        #expect(fixture.memory.recommendations.map(\.replicas) == [4])
        fixture.pass(15)
        fixture.evaluate([String: ReadingAnswer]())
        #expect(fixture.memory.recommendations.map(\.replicas) == [4])
    }

    @Test("a workload of none stays there without readings")
    func none() {
        var fixture = Fixture([.averageValue("queue", 25)], min: 0, replicas: 0)
        #expect(fixture.evaluate([String: ReadingAnswer]()).to == 0)
    }

    @Test("last good values that keep the size raise nothing, and are then told as missing; a metric that never had one stays missing")
    func lastGood() {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10)])
        fixture.policy.onMissing = [.lastGood(.seconds(600))]
        fixture.evaluate(["queue": 200])
        fixture.pass(15)
        let kept = fixture.evaluate([String: ReadingAnswer]())
        #expect(kept.step(.missing)?.text == "the last good values until 12:10:00 UTC do not raise: hold")
        #expect(kept.readings.map(\.quality) == [.missing, .missing])
        fixture.desired = 4
        let raised = fixture.evaluate([String: ReadingAnswer]())
        #expect(raised.to == 8 && raised.readings.map(\.quality) == [.stale, .missing])
        #expect(raised.readings[0].value == 200 && raised.readings[1].value == nil)
    }

    @Test("one fresh reading is enough for there being readings")
    func missingSince() {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10)])
        fixture.evaluate([String: ReadingAnswer]())
        #expect(fixture.memory.missingSince == Fixture.start)
        #expect(fixture.memory.series.allSatisfy { $0.believed == nil })
        fixture.pass(15)
        fixture.evaluate(["queue": 100])
        #expect(fixture.memory.missingSince == nil)
    }

    // MARK: - Rules

    @Test("a rule that has no say proposes nothing")
    func noSay() {
        var fixture = Fixture([.step("queue", above: 20, add: .replicas(1))])
        #expect(fixture.evaluate(["queue": 5]).step(.combine)?.text == "no rule proposes")
    }

    @Test("no rule at all keeps the size")
    func noRule() {
        var fixture = Fixture([])
        let decision = fixture.evaluate([String: ReadingAnswer]())
        #expect(decision.sentence == "no rule has a say: held at 4")
    }

    @Test("a vote for what runs is no vote for less, whatever is missing")
    func keeps() {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10)])
        let decision = fixture.evaluate(["queue": 100])
        #expect(decision.step(.combine)?.text == "max of 1")
        #expect(decision.sentence == "queue 100 / 25 per replica needs no change; mail is missing (no row): held at 4")
    }

    struct Proposed: CustomStringConvertible, Sendable {
        let name: String
        let rule: Rule
        var arithmetic = Policy.Arithmetic.exact
        var value: Quantity
        var asked = 4
        var ready = 4
        let because: String
        var description: String { self.name }
    }
    static let proposed: [Proposed] = [
        Proposed(name: "all ready", rule: .utilization("cpu", 80), value: 160, because: "ceil(160 / 80 × 4 ready)"),
        Proposed(name: "one ready", rule: .value("cpu", 80), value: 160, ready: 1, because: "ceil(160 / 80 × 1 ready)"),
        Proposed(name: "none ready", rule: .value("cpu", 80), value: 160, ready: 0, because: "ceil(160 / 80 × 4)"),
        Proposed(name: "none asked for", rule: .value("cpu", 80), value: 160, asked: 0, ready: 0, because: "ceil(160 / 80)"),
        Proposed(name: "one asked for", rule: .value("cpu", 80), value: 160, asked: 1, ready: 1, because: "ceil(160 / 80 × 1 ready)"),
        Proposed(name: "none asked for, within the tolerance", rule: .value("cpu", 80), value: 80, asked: 0, ready: 0, because: "ceil(80 / 80)"),
        Proposed(
            name: "the controller without a ready pod", rule: .utilization("cpu", 80), arithmetic: .hpa, value: 160, ready: 0,
            because: "ratio 2, tolerance 0.1"),
    ]
    @Test("a proposal shows what it counts", arguments: Self.proposed)
    func because(row: Proposed) {
        var fixture = Fixture([row.rule], min: 0, replicas: row.asked)
        fixture.policy.arithmetic = row.arithmetic
        fixture.ready = row.ready
        #expect(fixture.evaluate(["cpu": row.value]).proposals[0].because == row.because)
    }

    @Test("what rounds to the size that runs wants it; only what is within the tolerance needs no change")
    func rounded() {
        var fixture = Fixture([.utilization("cpu", 80)])
        #expect(fixture.evaluate(["cpu": 70]).sentence == "cpu 70 % of a target of 80 % wants 4: held at 4")
        #expect(fixture.evaluate(["cpu": 75]).sentence == "cpu 75 % of a target of 80 % needs no change: held at 4")
    }

    @Test("a percentage that is not above 0 still adds one", arguments: [0, -5, 1])
    func percent(percent: Int) {
        var fixture = Fixture([.step("queue", above: 5, add: .percent(percent))], max: 1000, replicas: 200)
        #expect(fixture.evaluate(["queue": 6]).to == (percent == 1 ? 202 : 201))
    }

    // MARK: - Confidence and urgency

    struct Confident: CustomStringConvertible, Sendable {
        let name: String
        let rule: Rule
        let value: Quantity
        var replicas = 4
        let confidence: Int64
        var description: String { self.name }
    }
    private static func capacity(_ perReplica: Quantity = 100, upAt: Quantity = 0.8, downAt: Quantity = 0.3) -> Rule {
        Rule(.capacity(.init(metric: "queue", perReplica: perReplica, upAt: upAt, downAt: downAt)))
    }
    static let confident: [Confident] = [
        Confident(name: "half past a threshold", rule: .step("queue", above: 20, add: .replicas(1)), value: 30, confidence: 750),
        Confident(name: "past a threshold of 0", rule: .step("queue", above: 0, add: .replicas(1)), value: 1, confidence: 900),
        Confident(name: "nothing on no replica", rule: Self.capacity(), value: 0, replicas: 0, confidence: 600),
        Confident(name: "something on no replica", rule: Self.capacity(), value: 1, replicas: 0, confidence: 900),
        Confident(name: "half past a capacity", rule: Self.capacity(), value: 480, confidence: 750),
        Confident(name: "always above", rule: Self.capacity(upAt: 0), value: 0, confidence: 900),
        Confident(name: "nothing, and lowered only by nothing", rule: Self.capacity(downAt: 0), value: 0, confidence: 900),
    ]
    @Test("confidence grows with how far a reading is past what its rule leaves alone", arguments: Self.confident)
    func confidence(row: Confident) {
        var fixture = Fixture([row.rule], min: 0, replicas: row.replicas)
        #expect(fixture.evaluate(["queue": row.value]).confidence == Quantity(milli: row.confidence))
    }

    @Test("where no rule leads nothing is severe")
    func noLeader() {
        var fixture = Fixture([.step("queue", above: 20, add: .replicas(1))])
        var record = TrackRecord(0)
        for outcome in [ChangeOutcome.improved] + Array(repeating: .worse, count: 6) { record.add(outcome, up: false) }
        fixture.memory.record = record.bits
        // 0.5 and a fifth of 0.142.
        #expect(fixture.evaluate(["queue": 5]).confidence == Quantity(milli: 528))
    }

    @Test("the least load on the least capacity has its distance, as any other has")
    func leastCapacity() {
        var up = Fixture([Self.capacity(0.001, upAt: 0.001, downAt: 0)], replicas: 1)
        #expect(up.evaluate(["queue": 0.001]).to == 2)
        #expect(PendingOutcome(up.memory.pending).distance == 999_000)
        var down = Fixture([Self.capacity(0.001, upAt: 1, downAt: 0.001)], replicas: 2)
        #expect(down.evaluate(["queue": 0]).to == 1)
        down.pass(15)
        let input = down.input(["queue": .value(Sample(value: 0, at: down.now))])
        #expect(Fixture.conclude(input).judged == .unchanged)
    }

    @Test("how the last changes turned out lies in the same bits for every version")
    func record() {
        var record = TrackRecord(0)
        record.add(.improved, up: true)
        #expect(record.bits == 1 | 1 << 20)
        record.add(.improved, up: false)
        record.add(.worse, up: false)
        #expect(record.bits == 1 | 1 << 20 | (0b10 | 2 << 20) << 32)
    }

    @Test("an emergency that asks for none is one")
    func emergencyForNone() {
        var fixture = Fixture([.averageValue("queue", 25)], min: 0, replicas: 0)
        fixture.policy.emergency = .init(when: .above("cpu", 90), replicas: .count(0))
        fixture.policy.metrics.append(Fixture.metric("cpu"))
        #expect(Self.decide(fixture, ["queue": 0, "cpu": 95]).urgency == .critical)
        let input = fixture.input(["queue": .value(Sample(value: 0, at: fixture.now)), "cpu": .value(Sample(value: 95, at: fixture.now))])
        #expect(Fixture.conclude(input).isEmergency)
    }

    // MARK: - Conditions

    struct Unknown: CustomStringConvertible, Sendable {
        let text: String
        var values: [String: Quantity] = ["queue": 100, "cpu": 5]
        let lacks: Bool
        var description: String { "\(self.text) \(self.values)" }
    }
    static let unknown: [Unknown] = [
        Unknown(text: "cpu > 3", values: ["queue": 100], lacks: true), Unknown(text: "cpu / (1 - 1) > 3", lacks: false),
        Unknown(text: "queue / (1 - 1) > 3", lacks: false), Unknown(text: "nothing > 3", lacks: true), Unknown(text: "change(cpu, 1m) > 3", lacks: false),
        Unknown(text: "change(cpu, 1m) > 3", values: ["queue": 100], lacks: true), Unknown(text: "1 / (1 - 1) > 3", lacks: false),
    ]
    @Test("an emergency that is unknown for want of a reading is told as such, one that divides by 0 is not", arguments: Self.unknown)
    func lacking(row: Unknown) throws {
        var fixture = Fixture([.averageValue("queue", 25)], metrics: [Fixture.metric("queue"), Fixture.metric("cpu")])
        fixture.policy.emergency = .init(when: try Expression(parsing: row.text), replicas: .max)
        let input = fixture.input(row.values.mapValues { .value(Sample(value: $0, at: fixture.now)) })
        let conclusion = Fixture.conclude(input)
        #expect(conclusion.to == 4 && conclusion.reasons.contains(.lacking) == row.lacks)
    }

    // MARK: - Bounds and gates

    @Test("a schedule's minimum of 0 is one")
    func scheduledNone() {
        var fixture = Fixture([.averageValue("queue", 25)], min: 2, replicas: 4)
        let decision = Self.decide(fixture, ["queue": 100]) { $0.schedule.min = .init(replicas: 0, until: Self.end) }
        #expect(decision.step(.schedule)?.text == "a schedule asks for 0 to 20 until 12:01:00 UTC")
        fixture.desired = 0
        let raised = Self.decide(fixture, ["queue": 0]) {
            $0.schedule.min = .init(replicas: 0, until: Self.end)
            $0.floors.inbound = .init(replicas: 1, by: "sale", until: Self.end)
        }
        #expect(raised.to == 1 && raised.reasons.contains(.inboundFloor(by: "sale", until: Self.end)))
    }

    @Test("a window holds a workload of none at none")
    func windowOfNone() {
        var fixture = Fixture([.averageValue("queue", 25)], min: 0, replicas: 0)
        fixture.policy.behavior = Behavior(scaleUp: ScalingRules(stabilizationWindow: .seconds(60)))
        let decision = fixture.evaluate(["queue": 200])
        #expect(decision.to == 0 && decision.step(.stabilization)?.output == 0)
    }

    @Test("the cluster acts unless it is switched off, and a workload is of priority 0 unless somebody says otherwise")
    func defaults() {
        let fixture = Fixture([.averageValue("queue", 25)])
        let input = EvaluationInput(
            workload: Workload(id: Fixture.id), program: Program(fixture.policy, reference: Fixture.reference),
            observation: .seen(desired: 4, current: 4, ready: 4, version: nil), answers: ["queue": .value(Sample(value: 200, at: fixture.now))],
            now: fixture.now)
        #expect(Engine.evaluate(input).decision.acted)
        #expect(input.workload.priority == 0)
    }
}
