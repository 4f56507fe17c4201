import Model

/// Values of ``Expression`` in three-valued logic: true, false and unknown.
///
/// Unknown is what a metric without a usable reading, or without one as old as `change` asks for, a division by zero or a number where a condition belongs yields;
/// `and`, `or` and `not` carry it as Kleene's logic does (`false and unknown` is false). Numbers are exact to 10⁻⁹
/// within ±1.7 × 10²⁰ and saturate beyond.
struct Evaluator {
    /// nil when there is no usable reading.
    let value: (String) -> Quantity?
    /// The value that a metric had so long ago; nil when none is known.
    let past: (String, Duration) -> Quantity?

    init(_ value: @escaping (String) -> Quantity?, past: @escaping (String, Duration) -> Quantity? = { _, _ in nil }) {
        self.value = value
        self.past = past
    }

    /// nil: unknown.
    func condition(_ expression: Expression) -> Bool? {
        switch expression {
        case .comparison(let comparison, let left, let right):
            guard let left = self.number(left), let right = self.number(right) else { return nil }
            return switch comparison {
            case .less: left < right
            case .lessOrEqual: left <= right
            case .greater: left > right
            case .greaterOrEqual: left >= right
            case .equal: left == right
            case .notEqual: left != right
            }
        case .and(let left, let right):
            let (left, right) = (self.condition(left), self.condition(right))
            if left == false || right == false { return false }
            return left == nil || right == nil ? nil : true
        case .or(let left, let right):
            let (left, right) = (self.condition(left), self.condition(right))
            if left == true || right == true { return true }
            return left == nil || right == nil ? nil : false
        case .not(let inner): return self.condition(inner).map { !$0 }
        case .number, .metric, .negate, .arithmetic, .call, .change: return nil
        }
    }

    private static let unit: Int128 = 1_000_000_000

    /// In thousand-millionths; nil: unknown.
    func number(_ expression: Expression) -> Int128? {
        switch expression {
        case .number(let quantity): Int128(quantity.milli) * (Self.unit / 1000)
        case .metric(let name): self.value(name).map { Int128($0.milli) * (Self.unit / 1000) }
        case .negate(let inner): self.number(inner).map { Exact.multiply($0, -1) }
        case .arithmetic(let operation, let left, let right): self.arithmetic(operation, left, right)
        case .call(let function, let arguments): self.call(function, arguments)
        case .change(let name, let duration): self.change(of: name, over: duration)
        case .comparison, .and, .or, .not: nil
        }
    }

    /// In percent of what it was; from 0 to anything else is no percentage.
    private func change(of name: String, over duration: Duration) -> Int128? {
        guard let now = self.value(name), let then = self.past(name, duration) else { return nil }
        let difference = Int128(now.milli) - Int128(then.milli)
        if difference == 0 { return 0 }
        guard then.milli != 0 else { return nil }
        return Exact.roundDivide(Exact.multiply(difference, 100 * Self.unit), by: abs(Int128(then.milli)))
    }

    private func arithmetic(_ operation: Expression.Arithmetic, _ left: Expression, _ right: Expression) -> Int128? {
        guard let left = self.number(left), let right = self.number(right) else { return nil }
        switch operation {
        case .add: return Exact.add(left, right)
        case .subtract: return Exact.add(left, Exact.multiply(right, -1))
        case .multiply: return Exact.roundDivide(Exact.multiply(left, right), by: Self.unit)
        case .divide:
            guard right != 0 else { return nil }
            let dividend = Exact.multiply(left, Self.unit)
            // The divisor of an exact division is positive: the sign moves over. The least Int128 has no opposite and
            // saturates.
            return right > 0
                ? Exact.roundDivide(dividend, by: right)
                : Exact.roundDivide(Exact.multiply(dividend, -1), by: Exact.multiply(right, -1))
        }
    }

    private func call(_ function: Expression.Function, _ arguments: [Expression]) -> Int128? {
        var values: [Int128] = []
        for argument in arguments {
            guard let value = self.number(argument) else { return nil }
            values.append(value)
        }
        guard let first = values.first else { return nil }
        switch function {
        case .min: return values.min()
        case .max: return values.max()
        case .avg: return Exact.roundDivide(values.reduce(0, Exact.add), by: Int128(values.count))
        case .abs where values.count == 1: return first < 0 ? Exact.multiply(first, -1) : first
        case .ceil where values.count == 1: return Exact.multiply(Exact.ceilDivide(first, by: Self.unit), Self.unit)
        case .floor where values.count == 1:
            return Exact.multiply(
                Exact.multiply(Exact.ceilDivide(Exact.multiply(first, -1), by: Self.unit), -1), Self.unit)
        case .abs, .ceil, .floor: return nil
        }
    }
}
