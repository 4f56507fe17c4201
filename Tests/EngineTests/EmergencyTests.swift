import Model
import Testing

@testable import Engine

@Suite("Emergency")
struct EmergencyTests {
    struct Row: CustomStringConvertible, Sendable {
        let name: String
        let replicas: Policy.Emergency.Replicas
        let queue: Quantity?
        let before: Int
        let to: Int
        let emergency: Bool
        var description: String { self.name }
    }

    static let table: [Row] = [
        Row(
            name: "its replicas, past the cooldown", replicas: .count(10), queue: 101, before: 4, to: 10,
            emergency: true),
        Row(name: "max is maxReplicas", replicas: .max, queue: 101, before: 4, to: 20, emergency: true),
        Row(name: "never beyond maxReplicas", replicas: .count(50), queue: 101, before: 4, to: 20, emergency: true),
        Row(name: "never lowers", replicas: .count(2), queue: 101, before: 12, to: 12, emergency: true),
        Row(name: "the condition does not hold", replicas: .max, queue: 100, before: 4, to: 4, emergency: false),
        Row(name: "an unknown value is no emergency", replicas: .max, queue: nil, before: 4, to: 4, emergency: false),
    ]

    @Test("the emergency table", arguments: Self.table)
    func row(row: Row) {
        var fixture = Fixture([.averageValue("queue", 25)], replicas: row.before)
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(600), down: .seconds(600))
        fixture.policy.emergency = Policy.Emergency(when: .above("queue", 100), replicas: row.replicas)
        fixture.memory = Memory(lastUp: fixture.now, lastDown: fixture.now)
        var answers: [String: ReadingAnswer] = [:]
        if let queue = row.queue { answers["queue"] = .value(Sample(value: queue, at: fixture.now)) }
        let decision = fixture.evaluate(answers)
        #expect(decision.to == row.to)
        #expect(decision.reasons.contains(.emergency) == row.emergency)
        #expect((decision.urgency == .critical) == row.emergency)
    }

    @Test("rules that want more than the emergency get it only when no cooldown holds them")
    func rulesWantMore() {
        var fixture = Fixture([.averageValue("queue", 25)])
        fixture.policy.cooldown = Policy.Cooldown(up: .seconds(600))
        fixture.policy.emergency = Policy.Emergency(when: .above("queue", 100), replicas: .count(6))
        fixture.memory = Memory(lastUp: fixture.now)
        let limited = fixture.evaluate(["queue": 250])
        #expect(limited.to == 6)
        #expect(limited.wanted == 10)
        #expect(limited.reasons == [.rule("queue"), .emergency, .cooldown(until: fixture.now + .seconds(600))])
        #expect(
            limited.sentence
                == "queue 250 / 25 per replica wants 10; emergency queue > 100 (queue 250) wants at least 6; cooldown after the last change up ends 12:10:00 UTC → 6"
        )
        fixture.pass(600)
        #expect(fixture.evaluate(["queue": 250]).to == 10)
    }

    @Test("an emergency keeps the rules from lowering")
    func noLowering() {
        var fixture = Fixture(
            [.averageValue("queue", 25)], metrics: [Fixture.metric("queue"), Fixture.metric("errors")], replicas: 8)
        fixture.policy.emergency = Policy.Emergency(when: .above("errors", 5), replicas: .count(4))
        let decision = fixture.evaluate(["queue": 25, "errors": 6])
        #expect(decision.kind == .held)
        #expect(decision.to == 8)
    }

    @Test("a stale or missing value makes the condition false, and the ladder says so")
    func unknown() {
        var fixture = Fixture(
            [.averageValue("queue", 25)], metrics: [Fixture.metric("queue"), Fixture.metric("errors")])
        fixture.policy.emergency = Policy.Emergency(when: .above("errors", 5), replicas: .max)
        let stale = fixture.evaluate([
            "queue": .value(Sample(value: 100, at: fixture.now)), "errors": fixture.stale(99),
        ])
        #expect(stale.kind == .held)
        #expect(
            stale.step(.emergency)?.text
                == "errors > 5 is unknown and counts as false: errors is stale (3m old, at most 2m)")
        #expect(stale.reasons == [.withinTolerance, .stale(metric: "errors")])
        fixture.pass(15)
        let missing = fixture.evaluate([
            "queue": .value(Sample(value: 100, at: fixture.now)), "errors": .missing(.unreachable, evidence: ""),
        ])
        #expect(missing.step(.emergency)?.text?.hasSuffix("errors is missing (the source is unreachable)") == true)
        fixture.policy.emergency = Policy.Emergency(
            when: .comparison(.greater, .arithmetic(.divide, .metric("queue"), .number(0)), .number(1)), replicas: .max)
        #expect(fixture.evaluate(["queue": 100]).step(.emergency)?.text?.hasSuffix("it divides by 0") == true)
        fixture.policy.emergency = Policy.Emergency(when: .above("nothing", 5), replicas: .max)
        #expect(
            fixture.evaluate(["queue": 100]).step(.emergency)?.text?.hasSuffix("the policy defines no metric “nothing”")
                == true)
    }

    @Test("an emergency acts while the rules' own metrics are missing")
    func blind() {
        var fixture = Fixture(
            [.averageValue("queue", 25)], metrics: [Fixture.metric("queue"), Fixture.metric("errors")])
        fixture.policy.emergency = Policy.Emergency(when: .above("errors", 5), replicas: .count(9))
        #expect(fixture.evaluate(["errors": 6]).to == 9)
    }
}

@Suite("Expressions")
struct EvaluatorTests {
    private static let yes = Expression.comparison(.less, .number(1), .number(2))
    private static let no = Expression.comparison(.less, .number(2), .number(1))
    private static let unknown = Expression.above("missing", 1)

    private let evaluator = Evaluator({
        ["a": Quantity(6), "b": Quantity(milli: 2500), "low": Quantity(milli: .min), "high": Quantity(milli: .max)][$0]
    })

    static let logic: [(Expression, Bool?)] = [
        (.and(yes, yes), true), (.and(yes, no), false), (.and(no, unknown), false), (.and(unknown, no), false),
        (.and(yes, unknown), nil),
        (.or(no, no), false), (.or(yes, unknown), true), (.or(unknown, yes), true), (.or(no, unknown), nil),
        (.not(yes), false),
        (.not(unknown), nil), (.comparison(.equal, .metric("a"), .number(6)), true),
        (.comparison(.notEqual, .metric("a"), .number(6)), false),
        (.comparison(.lessOrEqual, .metric("a"), .number(6)), true),
        (.comparison(.greaterOrEqual, .number(6), .metric("a")), true),
        (.comparison(.greater, .metric("a"), .number(6)), false),
        (.comparison(.less, .metric("b"), .metric("a")), true),
        // A number where a condition belongs, and the reverse.
        (.metric("a"), nil), (.and(.number(1), yes), nil), (.comparison(.less, yes, .number(1)), nil),
        (.not(.number(0)), nil),
    ]

    @Test("conditions follow three-valued logic", arguments: Self.logic)
    func condition(expression: Expression, expected: Bool?) {
        #expect(self.evaluator.condition(expression) == expected)
    }

    /// In thousandths.
    static let numbers: [(Expression, Int128?)] = [
        (.arithmetic(.add, .metric("a"), .metric("b")), 8500),
        (.arithmetic(.subtract, .metric("b"), .metric("a")), -3500),
        (.arithmetic(.multiply, .metric("a"), .metric("b")), 15_000),
        (.arithmetic(.divide, .metric("a"), .metric("b")), 2400),
        (.arithmetic(.divide, .metric("a"), .negate(.metric("b"))), -2400),
        (.arithmetic(.divide, .metric("a"), .number(0)), nil),
        (.arithmetic(.divide, .number(0), .number(0)), nil), (.arithmetic(.add, .metric("a"), .metric("missing")), nil),
        (.negate(.metric("b")), -2500), (.call(.min, [.metric("a"), .metric("b")]), 2500),
        (.call(.max, [.metric("a"), .metric("b")]), 6000),
        (.call(.avg, [.metric("a"), .metric("b")]), 4250), (.call(.abs, [.number(-3)]), 3000),
        (.call(.ceil, [.metric("b")]), 3000),
        (.call(.floor, [.metric("b")]), 2000), (.call(.ceil, [.number(-2.5)]), -2000),
        (.call(.floor, [.number(-2.5)]), -3000),
        (.call(.floor, [.number(4)]), 4000), (.call(.min, []), nil), (.call(.avg, []), nil),
        (.call(.abs, [.number(1), .number(2)]), nil),
        (.call(.max, [.metric("a"), .metric("missing")]), nil), (.comparison(.less, .number(1), .number(2)), nil),
        (.arithmetic(.multiply, .arithmetic(.divide, .number(1), .number(4)), .number(4)), 1000),
    ]

    @Test("arithmetic is exact to more than a thousandth", arguments: Self.numbers)
    func number(expression: Expression, milli: Int128?) {
        #expect(self.evaluator.number(expression) == milli.map { $0 * 1_000_000 })
    }

    @Test("a third compares as a third")
    func fraction() {
        let third = Expression.arithmetic(.divide, .number(1), .number(3))
        #expect(self.evaluator.condition(.comparison(.greater, third, .number(0.333))) == true)
        #expect(self.evaluator.condition(.comparison(.less, third, .number(0.334))) == true)
    }

    @Test("the ends of the range saturate instead of trapping")
    func extremes() {
        let ends: [Expression] = [
            .metric("low"), .metric("high"), .negate(.metric("low")), .number(0), .number(0.001), .number(-0.001),
        ]
        var answered = 0
        for left in ends {
            for right in ends {
                for operation in Expression.Arithmetic.allCases {
                    let once = Expression.arithmetic(operation, left, right)
                    let twice = Expression.arithmetic(operation, once, once)
                    let thrice = Expression.arithmetic(operation, twice, .negate(once))
                    for function in Expression.Function.allCases {
                        if self.evaluator.number(.call(function, [thrice])) != nil { answered += 1 }
                    }
                }
            }
        }
        #expect(answered > 500)
        let product = Expression.arithmetic(.multiply, .metric("high"), .metric("high"))
        #expect(self.evaluator.condition(.comparison(.greater, product, .metric("high"))) == true)
        #expect(self.evaluator.condition(.comparison(.less, .negate(product), .metric("low"))) == true)
    }

    @Test("a condition says how many values it has at once")
    func depth() throws {
        for (text, depth) in [
            ("a > 1", 2), ("a + b > c", 2), ("a > b + c", 3), ("a > b and c > d", 3), ("not a > b or c > d", 3), ("max(a, b, c) > 1", 3),
            ("max(a, b, c) > min(a, b)", 3), ("1 > max(a, b, c)", 4), ("abs(a) > 1", 2), ("change(a, 1m) > 1", 2), ("-a > 1", 2),
            ("a > b + (c + (d + 1))", 5), ("avg(a, b) + avg(a, b) > avg(a, b)", 3),
        ] {
            #expect(ConditionSet(metrics: ["a", "b", "c", "d"]).postfix(try Expression(parsing: text)).depth == depth, "\(text)")
        }
        #expect(ConditionSet(metrics: []).postfix(.number(1)).depth == 1)
        #expect(ConditionSet(metrics: []).postfix(.call(.max, [])).depth == 1)
    }
}
