import Model
import Testing

@testable import Engine

/// A random policy and a random life under it.
struct RandomLife {
    var random: Seeded
    var fixture: Fixture
    let isHarsh: Bool

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
        self.random = random
        self.fixture = fixture
        self.isHarsh = harsh
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
        return self.fixture.input(answers)
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
            if decision.acted, !(policy.minReplicas...policy.maxReplicas).contains(to) {
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
                    decision.reasons.contains(.atMax)
                    || decision.reasons.contains { if case .override = $0 { true } else { false } }
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
            #expect(first.json.canonical() == second.json.canonical(), "seed \(seed), evaluation \(round)")
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
