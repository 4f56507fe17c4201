import Model
import Testing

@testable import Engine

@Suite("Changes in expressions")
struct ChangeTests {
    @Test(
        "a change is in percent of the earlier value, and unknown without one",
        arguments: [
            (150, 100, 50_000_000_000), (50, 100, -50_000_000_000), (100, 100, 0), (0, 100, -100_000_000_000), (0, 0, 0), (5, 0, nil),
            (-50, -100, 50_000_000_000),
            (100, -100, 200_000_000_000), (1, 3, -66_666_666_667), (nil, 100, nil), (100, nil, nil),
        ] as [(Int?, Int?, Int128?)])
    func change(now: Int?, then: Int?, percent: Int128?) {
        let evaluator = Evaluator({ _ in now.map { Quantity($0) } }, past: { _, _ in then.map { Quantity($0) } })
        #expect(evaluator.number(.change(metric: "queue", over: .seconds(300))) == percent)
    }

    @Test("a change asks for its own metric's value at its own time")
    func asks() throws {
        let evaluator = Evaluator(
            { $0 == "a" ? 300 : nil }, past: { name, duration in name == "a" ? (duration == .seconds(60) ? 100 : 200) : nil })
        #expect(evaluator.condition(try Expression(parsing: "change(a, 1m) == 200 and change(a, 5m) == 50")) == true)
        #expect(evaluator.condition(try Expression(parsing: "change(b, 1m) > 0")) == nil)
        #expect(Evaluator { _ in 1 }.condition(try Expression(parsing: "change(a, 1m) > 0")) == nil)
    }

    @Test("changes between the ends of all numbers are answered", arguments: [Int64.min, -1, 0, 1, .max], [Int64.min, -1, 0, 1, .max])
    func extremes(now: Int64, then: Int64) {
        let evaluator = Evaluator({ _ in Quantity(milli: now) }, past: { _, _ in Quantity(milli: then) })
        let percent = evaluator.number(.change(metric: "queue", over: .seconds(300)))
        #expect((percent == nil) == (then == 0 && now != 0))
        if let percent { #expect((percent > 0) == (now > then)) }
    }
}

/// Conditions over values by name.
struct Evaluator {
    let value: (String) -> Quantity?
    let past: (String, Duration) -> Quantity?

    init(_ value: @escaping (String) -> Quantity?, past: @escaping (String, Duration) -> Quantity? = { _, _ in nil }) {
        self.value = value
        self.past = past
    }

    private func evaluate(_ expression: Expression) -> Postfix.Value {
        let names = expression.metrics.sorted()
        let code = ConditionSet(metrics: names).postfix(expression)
        return withUnsafeTemporaryAllocation(of: Postfix.Value.self, capacity: code.depth) { stack in
            guard let base = stack.baseAddress else { return .unknown }
            return code.value(
                base, metric: { $0 < 0 ? nil : self.value(names[$0])?.milli },
                past: { index, over in index < 0 ? nil : self.past(names[index], .microseconds(over))?.milli })
        }
    }
    func condition(_ expression: Expression) -> Bool? { if case .truth(let value) = self.evaluate(expression) { value } else { nil } }
    func number(_ expression: Expression) -> Int128? { if case .number(let value) = self.evaluate(expression) { value } else { nil } }
}
