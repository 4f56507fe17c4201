import Model
import Testing

@testable import Engine

@Suite("Explanations")
struct ExplanationTests {
    @Test("the steps lead from what runs to what is decided, each from where the last one ended")
    func steps() {
        var fixture = Fixture([.averageValue("queue", 25), .utilization("cpu", 70)], max: 7)
        fixture.policy.emergency = Policy.Emergency(when: .above("queue", 1000), replicas: .max)
        let decision = fixture.evaluate(["queue": 250, "cpu": 35])
        #expect(
            decision.steps == [
                Decision.Step(.proposals, input: 4, output: 10, text: "2 of 2 rules propose"),
                Decision.Step(.combine, input: 10, output: 10, text: "max of 2"),
                Decision.Step(.clamp, input: 10, output: 7, text: "the maximum is 7", reason: .atMax),
                Decision.Step(.decision, input: 4, output: 7),
            ])
        #expect(
            decision.proposals == [
                Decision.Proposal(rule: "track(queue)", replicas: 10, because: "ceil(250 / 25)"),
                Decision.Proposal(rule: "track(cpu)", replicas: 2, because: "ceil(35 / 70 × 4 ready)"),
            ])
        #expect(decision.sentence == "queue 250 / 25 per replica wants 10; the maximum is 7 → 7")
    }

    struct Line: CustomStringConvertible, Sendable {
        let rule: Rule
        let value: Quantity
        let sentence: String
        let because: String
        var description: String { self.sentence }
    }

    static let lines: [Line] = [
        Line(
            rule: .averageValue("queue", 25), value: 180, sentence: "queue 180 / 25 per replica wants 8 → 8",
            because: "ceil(180 / 25)"),
        Line(
            rule: .averageValue("queue", 25), value: 104,
            sentence: "queue 104 / 25 per replica needs no change: held at 4", because: "ratio 1.04, tolerance 0.1"),
        Line(
            rule: .utilization("cpu", 70), value: 84, sentence: "cpu 84 % of a target of 70 % wants 5 → 5",
            because: "ceil(84 / 70 × 4 ready)"),
        Line(
            rule: .value("latency", 100), value: 180.5, sentence: "latency 180.5 of a target of 100 wants 8 → 8",
            because: "ceil(180.5 / 100 × 4 ready)"),
        Line(
            rule: .step("queue", above: 25, add: .percent(50), below: 5, remove: .replicas(1)), value: 26,
            sentence: "queue 26 > 25 wants 6 → 6",
            because: "26 > 25: 4 + 2"),
        Line(
            rule: .step("queue", above: 25, add: .percent(50), below: 5, remove: .replicas(1)), value: 4.5,
            sentence: "queue 4.5 < 5 wants 3 → 3",
            because: "4.5 < 5: 4 − 1"),
        Line(
            rule: .step("queue", above: 25, add: .percent(50), below: 5, remove: .replicas(1)), value: 10,
            sentence: "queue 10 is between 5 and 25: held at 4", because: "queue 10 is between 5 and 25"),
        Line(
            rule: .step("queue", above: 25, add: .percent(50)), value: 10,
            sentence: "queue 10 is not above 25, and the rule only raises: held at 4",
            because: "queue 10 is not above 25, and the rule only raises"),
        Line(
            rule: .step("queue", below: 5, remove: .percent(50)), value: 10,
            sentence: "queue 10 is not below 5, and the rule only lowers: held at 4",
            because: "queue 10 is not below 5, and the rule only lowers"),
        Line(
            rule: .step("queue"), value: 10, sentence: "the rule has no threshold: held at 4",
            because: "the rule has no threshold"),
        Line(
            rule: .capacity("mailboxes", 1000), value: 3400,
            sentence: "mailboxes 3400 of 4000 (85 % ≥ 80 %) wants 5 → 5", because: "3400 ≥ 0.8 × 4000: 4 + 1"),
        Line(
            rule: .capacity("mailboxes", 1000), value: 1001,
            sentence: "mailboxes 1001 of 4000 (25 % ≤ 30 %) wants 3 → 3", because: "1001 ≤ 0.3 × 4000: 4 − 1"),
        Line(
            rule: .capacity("mailboxes", 1000), value: 2222,
            sentence: "mailboxes 2222 of 4000 (55.6 %) is between 30 % and 80 %: held at 4",
            because: "mailboxes 2222 of 4000 (55.6 %) is between 30 % and 80 %"),
    ]

    @Test("each rule explains itself", arguments: Self.lines)
    func sentence(line: Line) {
        var fixture = Fixture([line.rule])
        let decision = fixture.evaluate([line.rule.metric: .value(Sample(value: line.value, at: fixture.now))])
        #expect(decision.sentence == line.sentence)
        #expect(decision.proposals[0].because == line.because)
    }

    @Test("a policy without rules holds and says so")
    func noRules() {
        var fixture = Fixture([], metrics: [])
        let decision = fixture.evaluate([:] as [String: ReadingAnswer])
        #expect(decision.sentence == "no rule has a say: held at 4")
        #expect(decision.reasons == [.withinTolerance])
    }

    @Test("readings carry target and ratio when exactly one rule names them")
    func ratios() {
        var fixture = Fixture([
            .averageValue("queue", 25), .utilization("cpu", 70), .capacity("mail", 1000), .value("both", 10),
            .averageValue("both", 10),
            .step("steps", above: 5, add: .replicas(1)),
        ])
        let readings = fixture.evaluate(["queue": 180, "cpu": 84, "mail": 3400, "both": 5, "steps": 9]).readings
        #expect(readings.map(\.target) == [25, 70, 1000, nil, nil])
        #expect(readings.map(\.ratio) == [1.8, 1.2, 0.85, nil, nil])
        fixture.desired = 0
        #expect(fixture.evaluate(["queue": 180]).readings[0].ratio == nil)
        fixture.observation = .gone
        #expect(fixture.evaluate(["queue": 180]).readings[0].ratio == nil)
    }

    @Test("confidence is half agreement, three tenths severity, two tenths of an unknown record")
    func confidence() {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10)])
        // Both agree, ratio 1.5: 0.5 + 0.3 × 0.5 + 0.1.
        #expect(fixture.evaluate(["queue": 150, "mail": 60]).confidence == 0.75)
        fixture.desired = 4
        // One of two agrees, ratio beyond 2: 0.25 + 0.3 + 0.1.
        #expect(fixture.evaluate(["queue": 1000, "mail": 40]).confidence == 0.65)
        fixture.desired = 4
        #expect(fixture.evaluate([:] as [String: ReadingAnswer]).confidence == 0.1)
        // All agree to keep, at ratio 1.
        #expect(fixture.evaluate(["queue": 100, "mail": 40]).confidence == 0.6)
    }

    @Test("urgency is critical in an emergency, high when sure or denied by the maximum, low when nothing is wanted")
    func urgency() {
        var fixture = Fixture([.averageValue("queue", 25)])
        #expect(fixture.evaluate(["queue": 100]).urgency == .low)
        #expect(fixture.evaluate(["queue": 125]).urgency == .medium)
        fixture.desired = 4
        #expect(fixture.evaluate(["queue": 200]).urgency == .high)
        fixture.desired = 20
        #expect(fixture.evaluate(["queue": 600]).urgency == .high)
        fixture.desired = 4
        #expect(fixture.evaluate([:] as [String: ReadingAnswer]).urgency == .low)
        fixture.policy.emergency = Policy.Emergency(when: .above("queue", 1), replicas: .max)
        #expect(fixture.evaluate(["queue": 200]).urgency == .critical)
    }

    /// The reasons that one workload's evaluation can give; ceilings over several workloads are the arbiter's.
    private static func kind(_ reason: Reason) -> String {
        switch reason {
        case .rule, .withinTolerance, .cooldown, .atMin, .atMax, .emergency, .stale, .missing, .sustaining, .unobserved,
            .inFlight, .paused,
            .override, .dryRun, .recommendOnly, .off, .disabled:
            return String(reason.code.prefix { $0 != "(" })
        default: return String(reason.code.prefix { $0 != "(" })
        }
    }

    @Test("every reason of the closed list is produced")
    func everyReason() {
        var seen: Set<String> = []
        func collect(
            _ rules: [Rule] = [.averageValue("queue", 25)], queue: Quantity? = 180,
            _ change: (inout Fixture) -> Void = { _ in }
        ) {
            var fixture = Fixture(rules)
            fixture.policy.minReplicas = 2
            change(&fixture)
            var answers: [String: ReadingAnswer] = [:]
            if let queue { answers["queue"] = .value(Sample(value: queue, at: fixture.now)) }
            for reason in fixture.evaluate(answers).reasons { seen.insert(Self.kind(reason)) }
        }
        collect()
        collect(queue: 100)
        collect(queue: 0)
        collect(queue: 9999)
        collect(queue: nil)
        collect {
            $0.now = $0.now + .seconds(0); $0.policy.metrics = [Fixture.metric("queue", maxAge: .seconds(-1))]
        }
        collect {
            $0.policy.cooldown.up = .seconds(60); $0.memory = Memory(lastUp: $0.now)
        }
        collect { $0.policy.emergency = Policy.Emergency(when: .above("queue", 1), replicas: .max) }
        collect([.step("queue", above: 5, add: .replicas(1), sustained: .seconds(9))])
        collect(queue: 1) { $0.policy.metrics = [Fixture.metric("queue", maxAge: .seconds(-1))] }
        collect { $0.observation = .gone }
        collect { $0.inFlight = "a-1" }
        collect { $0.pauses = [$0.pause(.up)] }
        collect { $0.override = $0.override(to: 3) }
        collect { $0.enabled = false }
        for mode in Policy.Mode.allCases { collect { $0.policy.mode = mode } }
        #expect(
            seen == [
                "rule", "within-tolerance", "cooldown", "at-min", "at-max", "emergency", "stale", "missing",
                "sustaining", "unobserved", "in-flight",
                "paused", "override", "dry-run", "recommend-only", "off", "disabled",
            ])
    }

    @Test("urgency changes exactly at eight tenths and at a half of confidence")
    func urgencyBounds() {
        // 0.5 of agreement, 0.1 of a record that is unknown, and three tenths of how far 100 is exceeded.
        for (queue, confidence, urgency): (Quantity, Quantity, Decision.Urgency) in [(166.7, 0.8, .high), (166.4, 0.799, .medium)] {
            var fixture = Fixture([.averageValue("queue", 25)])
            let decision = fixture.evaluate(["queue": queue])
            #expect(decision.confidence == confidence)
            #expect(decision.urgency == urgency)
        }
        // Half of the weight agrees.
        for (queue, confidence, urgency): (Quantity, Quantity, Decision.Urgency) in [(150, 0.5, .medium), (149.5, 0.499, .low)] {
            var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10)])
            let decision = fixture.evaluate(["queue": queue, "mail": 40])
            #expect(decision.confidence == confidence)
            #expect(decision.urgency == urgency)
        }
        // The maximum denies the person more, not the rules.
        var fixture = Fixture([.averageValue("queue", 25)], replicas: 18)
        fixture.override = fixture.override(to: 30)
        let decision = fixture.evaluate(["queue": 500])
        #expect(decision.to == 20 && decision.wanted == 20)
        #expect(decision.reasons.contains(.atMax))
        #expect(decision.urgency == .medium)
        // Wanted, but held back: not low.
        var cooling = Fixture([.averageValue("queue", 25)])
        cooling.policy.cooldown = Policy.Cooldown(up: .seconds(60))
        cooling.memory = Memory(lastUp: cooling.now)
        let held = cooling.evaluate(["queue": 200])
        #expect(held.kind == .held)
        #expect(held.confidence == 0.9)
        #expect(held.urgency == .high)
    }

    @Test("confidence goes by the record of the direction taken, and down's for none")
    func confidenceByRecord() {
        func confidence(_ record: TrackRecord, queue: Quantity) -> Quantity {
            var fixture = Fixture([.averageValue("queue", 25)])
            fixture.memory.record = record.bits
            return fixture.evaluate(["queue": queue]).confidence
        }
        var up = TrackRecord(0), down = TrackRecord(0)
        for _ in 0..<3 {
            up.add(.improved, up: true)
            down.add(.improved, up: false)
        }
        #expect(confidence(up, queue: 200) == 1)
        #expect(confidence(down, queue: 200) == 0.9)
        #expect(confidence(up, queue: 0) == 0.9)
        #expect(confidence(down, queue: 0) == 1)
        #expect(confidence(up, queue: 100) == 0.6)
        #expect(confidence(down, queue: 100) == 0.7)
    }

    @Test("a rule without a say agrees to what there is, one without a reading with nobody, and no weight is no agreement")
    func agreement() {
        var fixture = Fixture([.averageValue("queue", 25), .step("mail", above: 20, add: .replicas(1))])
        #expect(fixture.evaluate(["queue": 100, "mail": 0]).confidence == 0.6)
        #expect(fixture.evaluate(["queue": 200, "mail": 0]).confidence == 0.65)
        fixture.desired = 4
        #expect(fixture.evaluate(["queue": 200]).confidence == 0.9)
        var weightless = Fixture([.averageValue("queue", 25, weight: 0)])
        #expect(weightless.evaluate(["queue": 200]).confidence == 0.4)
        var light = Fixture([.averageValue("queue", 25, weight: 0.001)])
        #expect(light.evaluate(["queue": 200]).confidence == 0.9)
        // What a limit holds back counts as wanted.
        var limited = Fixture([.averageValue("queue", 25), .averageValue("mail", 10)])
        limited.policy.cooldown = Policy.Cooldown(down: .seconds(60))
        limited.memory = Memory(lastDown: limited.now)
        #expect(limited.evaluate(["queue": 50, "mail": 20]).confidence == 0.75)
    }

    @Test("the evidence of a doubt names a sick source once nothing else is in the way")
    func doubtEvidence() {
        var fixture = DoubtTests.fixture()
        fixture.evaluate(["queue": 100])
        var evidence: [String?] = []
        for _ in 0..<4 {
            fixture.pass(15)
            var input = fixture.input(["queue": .value(Sample(value: 0, at: fixture.now))])
            input.doubts.unhealthy = ["queue"]
            let evaluation = Engine.evaluate(input)
            fixture.memory = evaluation.memory
            evidence.append(evaluation.decision.readings[0].evidence)
        }
        #expect(evidence == [nil, nil, nil, "its source's health query does not vouch for it"])
    }

    @Test("the evidence is the source's own where it says that it lacks something, and ours where we find that")
    func evidence() {
        let rate = Fixture([.averageValue("queue", 25)], metrics: [Fixture.metric("queue", window: .init(last: .seconds(60), aggregate: .rate))])
        func evidence(_ answer: ReadingAnswer) -> String? {
            var fixture = rate
            return fixture.evaluate(["queue": answer]).readings[0].evidence
        }
        #expect(evidence(.value(Sample(value: 1, at: rate.now))) == "a rate needs two samples within 1m since the last reset")
        #expect(evidence(.missing(.partial, evidence: "two of three shards")) == "two of three shards")
        #expect(
            evidence(.value(Sample(value: 1, at: rate.now + .seconds(31))))
                == "the sample is dated 2026-05-28T12:00:31.000Z, ahead of 2026-05-28T12:00:00.000Z")
        #expect(evidence(.missing(.clock, evidence: "dated tomorrow")) == "dated tomorrow")
        #expect(evidence(.missing(.timeout, evidence: "")) == nil)
    }

    @Test("a proposal of none is one")
    func proposesNone() {
        var fixture = Fixture([.averageValue("queue", 25)], min: 0)
        let decision = fixture.evaluate(["queue": 0])
        #expect(decision.proposals[0].replicas == 0)
        #expect(decision.proposals[0].abstains == nil)
        #expect(decision.step(.proposals)?.output == 0)
        #expect(decision.step(.proposals)?.text == "1 of 1 rule proposes")
        #expect(decision.step(.combine)?.text == "max of 1")
    }
}
