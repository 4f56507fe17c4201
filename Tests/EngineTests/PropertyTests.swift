import Model
import SeededRandom
import Testing

@testable import Engine

/// A random policy and a random life under it.
struct RandomLife {
    var random: Seeded
    var fixture: Fixture
    let isHarsh: Bool
    /// A metric whose source never answers.
    let silent: String?

    /// - Parameter harsh: values, sizes and times from the ends of their ranges.
    init(seed: UInt64, harsh: Bool) {
        var random = Seeded(seed: seed)
        let names = ["a", "b", "c"]
        let rules = (0..<random.int(1...4)).map { _ in Self.rule(&random, metric: random.pick(names), harsh: harsh) }
        let metrics = names.map { name in
            let window =
                random.chance(50)
                ? Metric.Window(last: .seconds(random.int(1...120)), aggregate: random.pick(Metric.Aggregate.allCases))
                : nil
            return Fixture.metric(name, window: window, maxAge: .seconds(random.int(10...120)))
        }
        let min = random.int(0...5)
        var fixture = Fixture(
            rules, metrics: metrics, min: min, max: min + random.int(random.chance(20) ? 0...0 : 1...30),
            replicas: random.int(0...12))
        fixture.policy.combine = random.chance(50) ? .max : .weighted
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(random.int(0...90)), down: .seconds(random.int(0...90)))
        if random.chance(40) {
            let replicas: Policy.Emergency.Replicas = random.chance(50) ? .max : .count(random.int(0...40))
            fixture.policy.emergency = Policy.Emergency(
                when: .above(random.pick(names), Self.quantity(&random, harsh)), replicas: replicas)
        }
        let rungs: [Policy.MissingStep] = [
            .hold(.seconds(random.int(0...60))), .lastGood(.seconds(random.int(0...60))), .replicas(random.int(0...40)),
        ]
        fixture.policy.onMissing = rungs.filter { _ in random.chance(50) }
        if random.chance(60) { Self.limit(&fixture.policy, &random, harsh: harsh) }
        self.silent = random.chance(25) ? "a" : nil
        self.random = random
        self.fixture = fixture
        self.isHarsh = harsh
    }

    /// Behaviour, doubt, approval, guards, and steps of a metric's own.
    private static func limit(_ policy: inout Policy, _ random: inout Seeded, harsh: Bool) {
        func rules() -> ScalingRules {
            let policies = (0..<random.int(1...3)).map { _ in
                RatePolicy(
                    random.chance(50) ? .replicas(harsh ? random.pick([0, 1, .max, -3]) : random.int(1...5)) : .percent(random.int(0...200)),
                    period: .seconds(random.int(1...90)))
            }
            return ScalingRules(
                stabilizationWindow: random.chance(70) ? .seconds(random.int(0...120)) : nil, select: random.pick([nil, .max, .min, .disabled]),
                policies: random.chance(70) ? policies : nil, tolerance: random.chance(30) ? Quantity(milli: random.int64(0...500)) : nil)
        }
        if random.chance(70) { policy.behavior = Behavior(scaleUp: rules(), scaleDown: rules()) }
        policy.arithmetic = random.chance(30) ? .hpa : .exact
        if random.chance(20) { policy.preset = random.pick(Preset.allCases) }
        if random.chance(40) {
            policy.plausible = Policy.Plausible(maxDrop: Quantity(random.int(0...100)), per: .seconds(random.int(1...60)))
        }
        if random.chance(30) { policy.approval = Policy.Approval(above: random.int(0...5)) }
        if random.chance(30) { policy.metrics[0].onMissing = [.hold(.seconds(20)), .secondary, .lastGood(.seconds(20)), .replicas(random.int(0...9))] }
        if random.chance(40) {
            let condition = Expression.comparison(.greater, .change(metric: "a", over: .seconds(random.int(1...60))), .number(Quantity(random.int(-50...50))))
            policy.guards = [
                Policy.Guard(when: condition, sustained: .seconds(random.int(0...30)), effect: .notify(.info), atMost: .init(count: 3, per: .seconds(60)))
            ]
        }
    }

    private static func quantity(_ random: inout Seeded, _ harsh: Bool) -> Quantity {
        if harsh, random.chance(30) { return Quantity(milli: random.pick([.min, .max, 0, 1, -1])) }
        return Quantity(milli: random.int64(0...200_000))
    }

    private static func rule(_ random: inout Seeded, metric: String, harsh: Bool) -> Rule {
        let quantity = harsh ? Self.quantity(&random, true) : Quantity(milli: random.int64(1000...50_000))
        let weight =
            harsh && random.chance(20)
            ? Quantity(milli: random.pick([.min, .max, 0])) : Quantity(milli: random.int64(1...1000))
        let amount: Rule.Step.Amount =
            harsh && random.chance(30)
            ? random.pick([.replicas(.max), .replicas(.min), .percent(.max), .percent(.min)])
            : random.chance(50) ? .replicas(random.int(1...4)) : .percent(random.int(1...100))
        var rule: Rule
        switch random.int(0...4) {
        case 0: rule = .utilization(metric, quantity)
        case 1: rule = .averageValue(metric, quantity)
        case 2: rule = .value(metric, quantity)
        case 3:
            rule = .step(
                metric, above: random.chance(80) ? quantity : nil, add: amount,
                below: random.chance(80) ? Quantity(milli: quantity.milli / 4) : nil,
                remove: amount, sustained: .seconds(random.pick([0, 0, 15, 40])))
        default: rule = .capacity(metric, quantity, step: harsh && random.chance(30) ? .max : random.int(1...3))
        }
        rule.weight = weight
        return rule
    }

    /// The next evaluation's input; the memory is the caller's to set.
    mutating func next() -> EvaluationInput {
        self.fixture.pass(self.random.int(0...40))
        if self.random.chance(5) { self.fixture.pass(-self.random.int(0...200)) }
        if self.isHarsh, self.random.chance(5) {
            self.fixture.now = WallTime(microseconds: self.random.pick([.min, .max, 0]))
        }
        var answers: [String: ReadingAnswer] = [:]
        for name in ["a", "b", "c"] where self.random.chance(85) {
            let age = self.random.chance(80) ? 0 : self.random.int(-60...300)
            answers[name] =
                self.random.chance(10)
                ? .missing(self.random.pick(MissingReason.allCases), evidence: "x")
                : .value(Sample(value: Self.quantity(&self.random, self.isHarsh), at: self.fixture.now - .seconds(age)))
        }
        if let silent = self.silent { answers[silent] = nil }
        if self.random.chance(10) { self.fixture.desired = self.random.int(0...40) }
        self.fixture.ready = self.random.int(0...self.fixture.desired)
        self.fixture.observation = self.random.chance(5) ? .gone : nil
        if self.isHarsh, self.random.chance(10) {
            let sizes = [Int.min, -1, 0, Int.max]
            self.fixture.observation = .seen(
                desired: self.random.pick(sizes), current: self.random.pick(sizes), ready: self.random.pick(sizes),
                version: nil)
        }
        self.fixture.inFlight = self.random.chance(5) ? "a-1" : nil
        self.fixture.enabled = self.random.chance(95)
        self.fixture.pauses =
            self.random.chance(10) ? [self.fixture.pause(self.random.pick(Pause.Direction.allCases))] : []
        self.fixture.override = self.random.chance(3) ? self.fixture.override(to: self.random.int(-5...60)) : nil
        var input = self.fixture.input(answers)
        if self.random.chance(10) { input.schedule.min = .init(replicas: self.random.int(0...20), until: self.fixture.now + .seconds(60)) }
        if self.random.chance(10) { input.schedule.max = .init(replicas: self.random.int(0...20), until: self.fixture.now + .seconds(60)) }
        if self.random.chance(5) { input.schedule.freeze = .init(reason: "x", until: self.fixture.now + .seconds(60)) }
        if self.random.chance(10) { input.floors.inbound = .init(replicas: self.random.int(0...40), by: "x", until: self.fixture.now + .seconds(60)) }
        if self.random.chance(10) { input.floors.failover = .init(replicas: self.random.int(0...40), region: "y") }
        if self.random.chance(5) { input.isRegionDown = true }
        if self.random.chance(20) { input.approved = self.random.int(0...40) }
        if self.random.chance(30) { input.secondaries["a"] = .value(Sample(value: Self.quantity(&self.random, self.isHarsh), at: self.fixture.now)) }
        if self.random.chance(10) { input.doubts.correlatedDrops = ["a"] }
        if self.random.chance(10) { input.doubts.unhealthy = ["a"] }
        return input
    }

    mutating func carryOut(_ evaluation: Evaluation) {
        self.fixture.memory = evaluation.memory
        if evaluation.decision.acted, let to = evaluation.decision.to { self.fixture.desired = min(to, 1000) }
    }
}

@Suite("Properties")
struct PropertyTests {
    static let evaluations = 40

    /// What is wrong with an evaluation, in words; nil when nothing is.
    private static func violation(_ input: EvaluationInput, _ evaluation: Evaluation) -> String? {
        let decision = evaluation.decision
        let policy = input.policy
        let situation = Situation(now: input.now, observation: input.observation)
        if situation.sight == .seen {
            guard let from = decision.from, let to = decision.to, from == situation.asked else { return "sizes" }
            if decision.kind != (to > from ? .up : to < from ? .down : .held) { return "kind" }
            let lowest = input.schedule.min?.replicas ?? policy.minReplicas
            let highest = max(lowest, input.schedule.max?.replicas ?? policy.maxReplicas)
            if decision.acted, !(lowest...highest).contains(to) {
                return "acts outside min and max"
            }
            if decision.acted, !input.enabled || input.inFlight != nil || to == from { return "acts against a gate" }
            if decision.steps.last != Decision.Step(.decision, input: from, output: decision.acted ? to : from) {
                return "last step"
            }
            for (step, next) in zip(decision.steps, decision.steps.dropFirst())
            where next.name != .decision && next.name != .mode && next.name != .failover {
                if step.output != next.input { return "a gap before step \(next.name)" }
            }
        } else if decision.kind != .held || decision.acted || decision.to != nil {
            return "an unobserved workload moves"
        }
        if decision.reasons.isEmpty || Set(decision.reasons).count != decision.reasons.count { return "reasons" }
        if decision.sentence.isEmpty || decision.sentence.contains("\n") || decision.sentence.hasSuffix(".") {
            return "sentence"
        }
        if !(0...1000).contains(decision.confidence.milli) { return "confidence" }
        if decision.readings.contains(where: { $0.age ?? .zero < .zero }) { return "a negative age" }
        if evaluation.memory.json.canonical().count > Memory.maximumBytes(for: policy) { return "memory's bound" }
        return nil
    }

    @Test(
        "whatever the input, an evaluation ends with a decision that keeps the invariants",
        arguments: 0..<80 as Range<UInt64>, [false, true])
    func invariants(seed: UInt64, harsh: Bool) {
        var life = RandomLife(seed: seed, harsh: harsh)
        for round in 0..<Self.evaluations {
            let input = life.next()
            let evaluation = Engine.evaluate(input)
            if let violation = Self.violation(input, evaluation) {
                Issue.record(
                    "\(violation): seed \(seed), harsh \(harsh), evaluation \(round): \(evaluation.decision.sentence)")
            }
            life.carryOut(evaluation)
        }
    }

    @Test("what is done in silence is what the story tells, and leaves the same memory", arguments: 0..<120 as Range<UInt64>)
    func silence(seed: UInt64) {
        var life = RandomLife(seed: seed, harsh: seed % 2 == 0)
        let scratch = Scratch()
        var facts = Facts(Memory())
        var last: (conclusion: Conclusion, decision: Decision)?
        for round in 0..<Self.evaluations {
            let input = life.next()
            let told = Engine.evaluate(input)
            // Kept in place for as long as it is what the life remembers, as a leader keeps it.
            if facts.memory != input.memory { facts = Facts(input.memory) }
            let silent = Engine.conclude(input, on: &facts, in: scratch)
            let decision = told.decision
            #expect(silent.kind == decision.kind && silent.acted == decision.acted, "seed \(seed), evaluation \(round)")
            #expect(silent.from == decision.from ?? -1 && silent.to == decision.to ?? -1, "seed \(seed), evaluation \(round)")
            #expect(silent.reasons.isNotable == decision.reasons.contains { $0.isNotable }, "seed \(seed), evaluation \(round): \(decision.reasons)")
            #expect(facts.memory == told.memory, "seed \(seed), evaluation \(round)")
            #expect(FactsTests.packed(facts) == FactsTests.packed(Facts(told.memory)), "seed \(seed), evaluation \(round)")
            if silent.isQuiet {
                #expect(decision.kind == .held && !decision.acted && decision.from != nil && told.guards.isEmpty, "seed \(seed), evaluation \(round)")
                #expect(!decision.reasons.contains { $0.isNotable || $0.code == "in-flight" }, "seed \(seed), evaluation \(round): \(decision.reasons)")
            }
            // Times and readings aside, which a reader of the log does not take for news.
            if let last, !silent.isQuiet, !silent.acted, last.conclusion.tellsTheSame(as: silent) {
                #expect(Set(last.decision.reasons.map(\.code)) == Set(decision.reasons.map(\.code)), "seed \(seed), evaluation \(round)")
                #expect(last.decision.to == decision.to && last.decision.kind == decision.kind, "seed \(seed), evaluation \(round)")
            }
            last = (silent, decision)
            life.carryOut(told)
        }
    }

    @Test("a rule that lacks its reading never lets the rules lower", arguments: 0..<120 as Range<UInt64>)
    func missingNeverLowers(seed: UInt64) {
        var life = RandomLife(seed: seed, harsh: false)
        for round in 0..<Self.evaluations {
            let input = life.next()
            let evaluation = Engine.evaluate(input)
            let decision = evaluation.decision
            let lacks = input.policy.rules.contains { rule in
                decision.readings.first { $0.metric == rule.metric }.map { $0.quality != .fresh } ?? true
            }
            if lacks, let from = decision.from, let to = decision.to, let wanted = decision.wanted {
                #expect(wanted >= from, "seed \(seed), evaluation \(round): \(decision.sentence)")
                let byPolicy =
                    decision.reasons.contains {
                        switch $0 {
                        case .atMax, .scheduleCeiling, .override: true
                        default: false
                        }
                    }
                if !byPolicy { #expect(to >= from, "seed \(seed), evaluation \(round): \(decision.sentence)") }
            }
            life.carryOut(evaluation)
        }
    }

    @Test(
        "an evaluation gives the same bytes every time, whatever the order of the answers and pauses",
        arguments: 0..<100 as Range<UInt64>)
    func deterministic(seed: UInt64) {
        var life = RandomLife(seed: seed, harsh: seed % 2 == 0)
        for round in 0..<20 {
            var input = life.next()
            input.pauses = ["x", "y", "z"].map { life.fixture.pause(.down, owner: $0) }.enumerated().map {
                index, pause in
                var pause = pause
                pause.id = Int64(index)
                return pause
            }
            let first = Engine.evaluate(input)
            // A dictionary of another capacity lists its keys in another order.
            var answers: [String: ReadingAnswer] = Dictionary(minimumCapacity: 1 << (round % 8))
            for name in input.answers.keys.sorted().reversed() { answers[name] = input.answers[name] }
            input.answers = answers
            input.pauses.reverse()
            let second = Engine.evaluate(input)
            #expect(first == second, "seed \(seed), evaluation \(round)")
            for (one, other) in [(first.decision.json, second.decision.json), (first.memory.json, second.memory.json)] {
                #expect(one.canonical() == other.canonical(), "seed \(seed), evaluation \(round)")
            }
            life.carryOut(first)
        }
    }

    @Test("takeovers at random points give the decisions of an undisturbed leader", arguments: 0..<80 as Range<UInt64>)
    func takeover(seed: UInt64) throws {
        var undisturbed = RandomLife(seed: seed, harsh: seed % 3 == 0)
        var takenOver = undisturbed
        var takeovers = Seeded(seed: ~seed)
        for round in 0..<Self.evaluations {
            let expected = Engine.evaluate(undisturbed.next())
            if takeovers.chance(30) {
                let base = takenOver.fixture.now
                var writer = PackedWriter()
                takenOver.fixture.memory.write(to: &writer, after: base)
                var reader = PackedReader(writer.bytes)
                takenOver.fixture.memory = try Memory(from: &reader, after: base)
                #expect(reader.isAtEnd, "seed \(seed), evaluation \(round)")
                takenOver.fixture.memory = try Memory(json: JSON(parsing: takenOver.fixture.memory.json.canonical()))
            }
            let actual = Engine.evaluate(takenOver.next())
            #expect(actual == expected, "seed \(seed), evaluation \(round)")
            undisturbed.carryOut(expected)
            takenOver.carryOut(actual)
        }
    }

    @Test(
        "rules move no earlier than their cooldowns allow, whatever the clock does", arguments: 0..<100 as Range<UInt64>
    )
    func cooldowns(seed: UInt64) {
        var life = RandomLife(seed: seed, harsh: false)
        life.fixture.policy.emergency = nil
        life.fixture.policy.minReplicas = 0
        life.fixture.policy.maxReplicas = 1_000_000
        var lastUp: WallTime?
        var lastDown: WallTime?
        for round in 0..<Self.evaluations {
            var input = life.next()
            input.override = nil
            (input.schedule, input.floors) = (.init(), .init())
            let evaluation = Engine.evaluate(input)
            let decision = evaluation.decision
            if decision.acted, decision.kind == .up {
                if let lastUp, input.policy.inForce.cooldown.up > .zero {
                    #expect(input.now >= lastUp + input.policy.inForce.cooldown.up, "seed \(seed), evaluation \(round)")
                }
                lastUp = max(lastUp ?? input.now, input.now)
            }
            if decision.acted, decision.kind == .down {
                if let last = [lastUp, lastDown].compactMap({ $0 }).max(), input.policy.inForce.cooldown.down > .zero {
                    #expect(input.now >= last + input.policy.inForce.cooldown.down, "seed \(seed), evaluation \(round)")
                }
                lastDown = max(lastDown ?? input.now, input.now)
            }
            life.carryOut(evaluation)
        }
    }

    @Test("a clock that goes back never brings a scale-down forward", arguments: 0..<100 as Range<UInt64>)
    func clockBack(seed: UInt64) {
        var random = Seeded(seed: seed)
        var steady = Fixture([
            .averageValue("queue", 25),
            .step("load", below: 5, remove: .replicas(1), sustained: .seconds(random.int(0...60))),
        ])
        steady.policy.cooldown = Policy.Cooldown(up: .seconds(random.int(0...60)), down: .seconds(random.int(1...300)))
        steady.policy.onMissing = [.hold(.seconds(60)), .replicas(3)]
        var jumping = steady
        let back = random.int(1...4000)
        let jumpAt = random.int(1...20)
        var firstDown: (steady: Int?, jumping: Int?)
        for round in 0..<40 {
            let load: Quantity = round == 0 ? 300 : 25
            if round == jumpAt { jumping.pass(-back) }
            let calm = steady.evaluate(["queue": load, "load": 1])
            let jumped = jumping.evaluate(["queue": load, "load": 1])
            if calm.acted, calm.kind == .down, firstDown.steady == nil { firstDown.steady = round }
            if jumped.acted, jumped.kind == .down, firstDown.jumping == nil { firstDown.jumping = round }
            steady.pass(15)
            jumping.pass(15)
        }
        #expect(firstDown.steady != nil, "seed \(seed)")
        if let jumping = firstDown.jumping, let steady = firstDown.steady { #expect(jumping >= steady, "seed \(seed)") }
    }

    @Test("feeding every answer twice changes no window", arguments: 0..<100 as Range<UInt64>)
    func idempotent(seed: UInt64) {
        var life = RandomLife(seed: seed, harsh: false)
        // Doubt counts evaluations, not samples.
        life.fixture.policy.plausible = nil
        for round in 0..<Self.evaluations {
            var input = life.next()
            let once = Engine.evaluate(input)
            input.memory.series = once.memory.series
            let twice = Engine.evaluate(input)
            #expect(once.decision.readings == twice.decision.readings, "seed \(seed), evaluation \(round)")
            #expect(once.memory.series == twice.memory.series, "seed \(seed), evaluation \(round)")
            life.carryOut(once)
        }
    }
}
