import Model
import Testing

@testable import Engine

@Suite("Combining")
struct CombineTests {
    @Test("max takes the largest proposal")
    func largest() {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10), .utilization("cpu", 70)])
        let decision = fixture.evaluate(["queue": 180, "mail": 60, "cpu": 35])
        #expect(decision.to == 8)
        #expect(decision.reasons == [.rule("queue")])
        #expect(decision.step(.combine)?.text == "max of 3")
        #expect(decision.proposals.map(\.replicas) == [8, 6, 2])
        #expect(decision.sentence == "queue 180 / 25 per replica wants 8 → 8")
    }

    @Test("all rules have to agree before max lowers")
    func lowers() {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10)])
        #expect(fixture.evaluate(["queue": 50, "mail": 40]).kind == .held)
        #expect(fixture.evaluate(["queue": 50, "mail": 10]).to == 2)
    }

    static let combines: [Policy.Combine] = [.max, .weighted]
    static let lacks: [ReadingAnswer] = [
        .missing(.timeout, evidence: ""), .value(Sample(value: 0, at: Fixture.start - .seconds(180))),
    ]

    @Test("a missing or stale reading keeps the others from lowering", arguments: Self.combines, Self.lacks)
    func neverLowers(combine: Policy.Combine, lack: ReadingAnswer) {
        var fixture = Fixture([.averageValue("queue", 25, weight: 9), .averageValue("mail", 10)])
        fixture.policy.combine = combine
        let decision = fixture.evaluate(["queue": .value(Sample(value: 25, at: fixture.now)), "mail": lack])
        #expect(decision.kind == .held)
        #expect(decision.to == 4)
        #expect(decision.wanted == 4)
        let isMissing = if case .missing = lack { true } else { false }
        #expect(decision.reasons == [isMissing ? .missing(metric: "mail") : .stale(metric: "mail")])
        let words = isMissing ? "mail is missing (timed out)" : "mail is stale (3m old, at most 2m)"
        #expect(
            decision.sentence
                == "queue 25 / 25 per replica wants 1; \(words); nothing lowers while a reading is missing, stale or doubted: held at 4"
        )
    }

    @Test("a missing reading does not keep the others from raising", arguments: Self.combines)
    func mayRaise(combine: Policy.Combine) {
        var fixture = Fixture([.averageValue("queue", 25), .averageValue("mail", 10)])
        fixture.policy.combine = combine
        let decision = fixture.evaluate(["queue": 180])
        #expect(decision.to == 8)
        #expect(decision.reasons == [.rule("queue"), .missing(metric: "mail")])
        #expect(decision.sentence == "queue 180 / 25 per replica wants 8; mail is missing (no row) → 8")
    }

    @Test("a stale reading may raise")
    func staleRaises() {
        var fixture = Fixture([.averageValue("queue", 25)])
        let decision = fixture.evaluate(["queue": fixture.stale(180)])
        #expect(decision.to == 8)
        #expect(decision.proposals[0].because == "ceil(180 / 25) from a stale reading, which may raise")
    }

    struct Weighted: CustomStringConvertible, Sendable {
        let name: String
        /// Weight and value of three rules: above 20 add, below 10 remove.
        let votes: [(weight: Quantity, value: Quantity?, amount: Int)]
        let to: Int
        var description: String { self.name }
    }

    static let elections: [Weighted] = [
        Weighted(name: "exactly half of the weight raises", votes: [(0.5, 30, 2), (0.3, 15, 1), (0.2, 15, 1)], to: 6),
        Weighted(name: "less than half does not", votes: [(0.499, 30, 2), (0.301, 15, 1), (0.2, 15, 1)], to: 4),
        Weighted(name: "exactly half lowers", votes: [(0.5, 0, 2), (0.3, 15, 1), (0.2, 15, 1)], to: 2),
        Weighted(name: "up and down cancel out", votes: [(0.5, 30, 2), (0.3, 0, 1), (0.2, 15, 1)], to: 4),
        Weighted(
            name: "the largest step up among those that agree", votes: [(1, 30, 1), (1, 30, 3), (1, 15, 9)], to: 7),
        Weighted(
            name: "the smallest step down among those that agree", votes: [(1, 0, 1), (1, 0, 3), (1, 15, 9)], to: 3),
        Weighted(name: "weights need not sum to 1", votes: [(30, 30, 2), (15, 15, 1), (15, 15, 1)], to: 6),
        Weighted(
            name: "half of the weight that had readings raises", votes: [(0.3, 30, 2), (0.3, 15, 1), (0.4, nil, 1)],
            to: 6),
        Weighted(
            name: "half of the weight that had readings does not lower",
            votes: [(0.3, 0, 2), (0.3, 15, 1), (0.4, nil, 1)], to: 4),
        Weighted(name: "the least weight moves", votes: [(0.001, 30, 2), (0, 30, 1), (0, 0, 1)], to: 6),
        Weighted(name: "the least weight lowers", votes: [(0.001, 0, 2), (0, 30, 1), (0, 0, 1)], to: 3),
        Weighted(name: "no weight moves nothing", votes: [(0, 30, 2), (0, 30, 1), (0, 30, 1)], to: 4),
        Weighted(name: "no weight lowers nothing", votes: [(0, 0, 2), (0, 0, 1), (0, 0, 1)], to: 4),
        Weighted(name: "down to one", votes: [(1, 0, 3), (1, 0, 3), (1, 15, 9)], to: 1),
        Weighted(name: "down to none", votes: [(1, 0, 4), (1, 0, 4), (1, 15, 9)], to: 0),
    ]

    @Test("weighted votes", arguments: Self.elections)
    func weighted(table: Weighted) {
        var fixture = Fixture(
            table.votes.enumerated().map {
                .step(
                    "m\($0)", above: 20, add: .replicas($1.amount), below: 10, remove: .replicas($1.amount),
                    weight: $1.weight)
            }, min: 0)
        fixture.policy.combine = .weighted
        var answers: [String: ReadingAnswer] = [:]
        for (index, vote) in table.votes.enumerated() {
            if let value = vote.value { answers["m\(index)"] = .value(Sample(value: value, at: fixture.now)) }
        }
        #expect(fixture.evaluate(answers).to == table.to)
    }

    @Test("weighted explains its count")
    func weightedText() {
        var fixture = Fixture([.averageValue("queue", 25, weight: 0.6), .averageValue("mail", 10, weight: 0.4)])
        fixture.policy.combine = .weighted
        let decision = fixture.evaluate(["queue": 180, "mail": 40])
        #expect(decision.step(.combine)?.text == "up 0.6, down 0 of weight 1")
        #expect(decision.confidence == Quantity(milli: 640))
        #expect(decision.urgency == .medium)
        fixture.desired = 4
        let split = fixture.evaluate(["queue": 100, "mail": 60])
        #expect(split.sentence == "no majority among the rules (up 0.4, down 0 of weight 1): held at 4")
        fixture.policy.rules[0].weight = 0.001
        #expect(fixture.evaluate(["queue": 200, "mail": 40]).sentence == "no majority among the rules (up 0.001, down 0 of weight 0.401): held at 4")
        #expect(fixture.evaluate(["queue": 25, "mail": 40]).sentence == "no majority among the rules (up 0, down 0.001 of weight 0.401): held at 4")
    }

    @Test("a stale vote to raise still keeps the others from lowering")
    func staleVote() {
        var fixture = Fixture([.averageValue("queue", 25, weight: 9), .averageValue("mail", 10)])
        fixture.policy.combine = .weighted
        let decision = fixture.evaluate([
            "queue": .value(Sample(value: 25, at: fixture.now)), "mail": fixture.stale(90),
        ])
        #expect(decision.kind == .held)
        #expect(decision.reasons == [.stale(metric: "mail")])
    }

    @Test("of equal proposals the first rule's is told")
    func equalProposals() {
        var fixture = Fixture([.averageValue("cpu", 100), .averageValue("queue", 25), .averageValue("mail", 10)])
        let decision = fixture.evaluate(["cpu": 100, "queue": 200, "mail": 80])
        #expect(decision.to == 8)
        #expect(decision.reasons == [.rule("queue")])
        fixture.desired = 4
        #expect(fixture.evaluate(["cpu": 400, "queue": 100, "mail": 40]).sentence == "cpu 400 / 100 per replica needs no change: held at 4")
    }

    /// Values of four rules that add or remove 1, 3, 3 and 2, and the rules that are named.
    static let agreements: [(values: [Quantity], named: [String])] = [
        ([30, 30, 30, 15], ["m1", "m2", "m0"]), ([0, 0, 0, 15], ["m0", "m1", "m2"]), ([30, 15, 30, 30], ["m2", "m0", "m3"]),
        ([30, 30, 30, 0], ["m1", "m2", "m0"]),
        ([0, 0, 15, 15], ["m0", "m1"]),
    ]
    @Test("a vote names those that made its number, then those that agreed, and no other", arguments: Self.agreements)
    func agreeing(values: [Quantity], named: [String]) {
        var fixture = Fixture(
            [1, 3, 3, 2].enumerated().map { .step("m\($0)", above: 20, add: .replicas($1), below: 10, remove: .replicas($1)) }, min: 0)
        fixture.policy.combine = .weighted
        var answers: [String: ReadingAnswer] = [:]
        for (index, value) in values.enumerated() { answers["m\(index)"] = .value(Sample(value: value, at: fixture.now)) }
        #expect(fixture.evaluate(answers).reasons == named.map { Reason.rule($0) })
    }

    @Test("a vote for none names those that made it, or agreed to it", arguments: [3, 4])
    func namesForNone(replicas: Int) {
        var fixture = Fixture(
            [3, 4, 5].enumerated().map { .step("m\($0)", above: 20, add: .replicas(1), below: 10, remove: .replicas($1)) }, min: 0, replicas: replicas)
        fixture.policy.combine = .weighted
        #expect(fixture.evaluate(["m0": 0, "m1": 0, "m2": 0]).reasons == [.rule("m0"), .rule("m1"), .rule("m2")])
    }

    @Test("a vote for none is one, and votes that do not speak count for nothing")
    func votesForNone() {
        var fixture = Fixture(
            [.averageValue("queue", 25), .step("mail", above: 20, add: .replicas(1)), .step("cpu", above: 20, add: .replicas(1))], min: 0)
        fixture.policy.combine = .weighted
        // One of three lowers, the others have no say on this side: a third is no half.
        let split = fixture.evaluate(["queue": 0, "mail": 0, "cpu": 0])
        #expect(split.to == 4)
        #expect(split.sentence == "no majority among the rules (up 0, down 1 of weight 3): held at 4")
        fixture.policy.rules[1] = Rule(fixture.policy.rules[1].body, weight: 0)
        #expect(fixture.evaluate(["queue": 0, "mail": 0, "cpu": 0]).to == 0)
        fixture.desired = 4
        let quiet = fixture.evaluate(["queue": 100, "mail": 0, "cpu": 0])
        #expect(quiet.sentence == "queue 100 / 25 per replica needs no change: held at 4")
        #expect(quiet.reasons == [.withinTolerance])
    }

    @Test("a condition that has yet to last is told, and then nothing is within its tolerance")
    func sustaining() {
        var fixture = Fixture([.step("queue", above: 5, add: .replicas(1), sustained: .seconds(9)), .averageValue("mail", 10)])
        #expect(fixture.evaluate(["queue": 6, "mail": 40]).reasons == [.sustaining(metric: "queue", until: Fixture.start + .seconds(9))])
        fixture.pass(8)
        #expect(fixture.evaluate(["queue": 6, "mail": 40]).kind == .held)
        fixture.pass(1)
        #expect(fixture.evaluate(["queue": 6, "mail": 40]).reasons == [.rule("queue")])
    }

    @Test("room that a larger policy used before changes nothing", arguments: Policy.Combine.allCases)
    func usedRoom(combine: Policy.Combine) {
        func fixture(_ rules: Int) -> Fixture {
            var fixture = Fixture((0..<rules).map { .averageValue("m\($0)", 25) }, min: 0, max: 1000)
            fixture.policy.combine = combine
            fixture.policy.onMissing = [.lastGood(.seconds(60))]
            return fixture
        }
        func input(_ values: [Quantity?]) -> EvaluationInput {
            let fixture = fixture(values.count)
            var answers: [String: ReadingAnswer] = [:]
            for (index, value) in values.enumerated() { answers["m\(index)"] = value.map { .value(Sample(value: $0, at: fixture.now)) } }
            return fixture.input(answers)
        }
        let lefts: [[Quantity?]] = [[100, 100, 5000, 5000], [100, 100, 0, 0], [100, 100, nil, nil], [nil, nil, 5000, 5000], [nil, nil, nil, nil]]
        for left in lefts {
            for (values, to, driving): ([Quantity?], Int, Int) in [
                ([200, 200], 8, 0), ([50, 50], 2, 0), ([0, 0], 0, 0), ([100, 100], 4, combine == .max ? 0 : -1), ([nil, nil], 4, -1), ([200, nil], 8, 0),
            ] {
                let scratch = Scratch()
                func conclude(_ input: EvaluationInput, in scratch: Scratch) -> (conclusion: Conclusion, facts: Facts) {
                    var facts = Facts(input.memory)
                    return (Engine.conclude(input, on: &facts, in: scratch), facts)
                }
                _ = conclude(input(left), in: scratch)
                let used = conclude(input(values), in: scratch)
                #expect(used.conclusion.to == to)
                #expect(used.conclusion.driving == driving)
                let fresh = conclude(input(values), in: Scratch())
                #expect(used.conclusion == fresh.conclusion)
                #expect(used.facts == fresh.facts)
            }
        }
    }
}

@Suite("Without readings")
struct MissingTests {
    static let none: [String: ReadingAnswer] = [:]

    @Test("no reading at all holds without end when there is no ladder")
    func holds() {
        var fixture = Fixture([.averageValue("queue", 25)])
        for _ in 0..<3 {
            let decision = fixture.evaluate(Self.none)
            #expect(decision.kind == .held)
            #expect(decision.to == 4)
            #expect(decision.sentence == "queue is missing (no row): held at 4")
            fixture.pass(1_000_000)
        }
    }

    @Test("the ladder's steps follow one another from the last usable reading on")
    func ladder() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.onMissing = [.hold(.seconds(120)), .lastGood(.seconds(600)), .replicas(6)]
        fixture.desired = 8
        fixture.evaluate(["queue": 200])
        fixture.desired = 4
        fixture.pass(119)
        var decision = fixture.evaluate(Self.none)
        #expect(decision.kind == .held)
        #expect(decision.step(.missing)?.text == "hold until 12:02:00 UTC")
        #expect(decision.reasons == [.missing(metric: "queue")])
        fixture.pass(1)
        decision = fixture.evaluate(Self.none)
        #expect(decision.to == 8)
        #expect(decision.step(.missing)?.text == "the last good values until 12:12:00 UTC: max of 1")
        #expect(decision.reasons == [.missing(metric: "queue"), .rule("queue")])
        #expect(
            decision.sentence
                == "queue is missing (no row); the last good value: queue 200 / 25 per replica wants 8 → 8")
        fixture.desired = 12
        #expect(
            fixture.evaluate(Self.none).step(.missing)?.text
                == "the last good values until 12:12:00 UTC do not raise: hold")
        fixture.pass(599)
        fixture.desired = 4
        #expect(fixture.evaluate(Self.none).to == 8)
        fixture.pass(1)
        fixture.desired = 4
        decision = fixture.evaluate(Self.none)
        #expect(decision.to == 6)
        #expect(decision.step(.missing)?.text == "at least 6 without readings")
        for replicas in [6, 9] {
            fixture.desired = replicas
            #expect(fixture.evaluate(Self.none).sentence == "queue is missing (no row): held at \(replicas)")
        }
    }

    @Test("a used-up ladder holds")
    func usedUp() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.onMissing = [.hold(.seconds(10)), .lastGood(.seconds(10))]
        fixture.evaluate(["queue": 500])
        fixture.pass(20)
        #expect(fixture.evaluate(Self.none).step(.missing)?.text == "hold: every step of onMissing is used up")
    }

    @Test("without any reading ever the ladder counts from the first evaluation")
    func neverRead() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.onMissing = [.hold(.seconds(60)), .lastGood(.seconds(60)), .replicas(6)]
        #expect(fixture.evaluate(Self.none).to == 4)
        fixture.pass(60)
        #expect(fixture.evaluate(Self.none).to == 4)
        fixture.pass(60)
        #expect(fixture.evaluate(Self.none).to == 6)
    }

    @Test("a usable reading starts the ladder over")
    func startsOver() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.onMissing = [.hold(.seconds(60)), .replicas(6)]
        fixture.evaluate(Self.none)
        fixture.pass(59)
        fixture.evaluate(["queue": 100])
        fixture.pass(59)
        #expect(fixture.evaluate(Self.none).kind == .held)
        fixture.pass(1)
        #expect(fixture.evaluate(Self.none).to == 6)
    }

    @Test("a stale reading that does not raise is no usable reading")
    func stale() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.onMissing = [.replicas(6)]
        let decision = fixture.evaluate(["queue": fixture.stale(10)])
        #expect(decision.to == 6)
        #expect(decision.reasons == [.stale(metric: "queue")])
    }
}
