import Model

/// A condition as postfix code over metric indices, in three-valued logic: true, false and unknown.
///
/// Unknown is what a metric without a usable reading, a division by zero or a number where a condition belongs yields;
/// `and`, `or` and `not` carry it as Kleene's logic does (`false and unknown` is false). Numbers are exact to 10⁻⁹
/// within ±1.7 × 10²⁰ and saturate beyond.
struct Postfix: Sendable {
    enum Operation: Sendable {
        case number(Int128)
        /// −1: the policy defines no metric of that name.
        case metric(Int)
        case change(metric: Int, over: Int64)
        case negate
        case arithmetic(Expression.Arithmetic)
        case comparison(Expression.Comparison)
        case and, or, not
        case call(Expression.Function, arguments: Int)
    }
    /// A number, a truth value, or neither.
    enum Value {
        case number(Int128)
        case truth(Bool)
        case unknown
    }

    static let unit: Int128 = 1_000_000_000

    let operations: [Operation]
    /// The most values on the stack at once.
    let depth: Int
    /// The text, and the names of its metrics, for words.
    let expression: Expression

    /// true, false, or nil: unknown.
    /// - Parameters:
    ///   - stack: room for ``depth`` values.
    ///   - metric: the usable value at an index, in thousandths.
    ///   - past: the value that a metric had so long ago.
    @inline(__always)
    func condition(
        _ stack: UnsafeMutablePointer<Value>, metric: (Int) -> Int64?, past: (Int, Int64) -> Int64?
    ) -> Bool? {
        if case .truth(let value) = self.value(stack, metric: metric, past: past) { value } else { nil }
    }

    @inline(__always)
    func value(_ stack: UnsafeMutablePointer<Value>, metric: (Int) -> Int64?, past: (Int, Int64) -> Int64?) -> Value {
        var top = -1
        for operation in self.operations {
            switch operation {
            case .number(let number):
                top += 1
                stack[top] = .number(number)
            case .metric(let index):
                top += 1
                stack[top] = Self.number(metric(index))
            case .change(let index, let over):
                top += 1
                stack[top] = Self.change(from: past(index, over), to: metric(index))
            case .negate: stack[top] = Self.map(stack[top]) { Exact.multiply($0, -1) }
            case .not: if case .truth(let value) = stack[top] { stack[top] = .truth(!value) } else { stack[top] = .unknown }
            case .arithmetic(let operation):
                top -= 1
                stack[top] = Self.arithmetic(operation, stack[top], stack[top + 1])
            case .comparison(let comparison):
                top -= 1
                stack[top] = Self.comparison(comparison, stack[top], stack[top + 1])
            case .and:
                top -= 1
                stack[top] = Self.both(stack[top], stack[top + 1], decisive: false)
            case .or:
                top -= 1
                stack[top] = Self.both(stack[top], stack[top + 1], decisive: true)
            case .call(let function, let count):
                top -= count - 1
                stack[top] = Self.call(function, stack + top, count)
            }
        }
        return top == 0 ? stack[0] : .unknown
    }

    private static func number(_ milli: Int64?) -> Value { milli.map { .number(Int128($0) * (Self.unit / 1000)) } ?? .unknown }

    private static func map(_ value: Value, _ transform: (Int128) -> Int128) -> Value {
        if case .number(let number) = value { .number(transform(number)) } else { .unknown }
    }

    /// In percent of the earlier value's magnitude; from 0 to 0 is none, from 0 to anything else unknown.
    private static func change(from past: Int64?, to present: Int64?) -> Value {
        guard let past, let present else { return .unknown }
        guard past != 0 else { return present == 0 ? .number(0) : .unknown }
        let difference = Exact.multiply(Int128(present) - Int128(past), 100 * Self.unit)
        return .number(Exact.roundDivide(difference, by: Int128(past.magnitude)))
    }

    private static func arithmetic(_ operation: Expression.Arithmetic, _ left: Value, _ right: Value) -> Value {
        guard case .number(let left) = left, case .number(let right) = right else { return .unknown }
        switch operation {
        case .add: return .number(Exact.add(left, right))
        case .subtract: return .number(Exact.add(left, Exact.multiply(right, -1)))
        case .multiply: return .number(Exact.roundDivide(Exact.multiply(left, right), by: Self.unit))
        case .divide:
            guard right != 0 else { return .unknown }
            let dividend = Exact.multiply(left, Self.unit)
            // The divisor of an exact division is positive: the sign moves over. The least Int128 has no opposite and
            // saturates.
            return .number(
                right > 0
                    ? Exact.roundDivide(dividend, by: right)
                    : Exact.roundDivide(Exact.multiply(dividend, -1), by: Exact.multiply(right, -1)))
        }
    }

    private static func comparison(_ comparison: Expression.Comparison, _ left: Value, _ right: Value) -> Value {
        guard case .number(let left) = left, case .number(let right) = right else { return .unknown }
        return switch comparison {
        case .less: .truth(left < right)
        case .lessOrEqual: .truth(left <= right)
        case .greater: .truth(left > right)
        case .greaterOrEqual: .truth(left >= right)
        case .equal: .truth(left == right)
        case .notEqual: .truth(left != right)
        }
    }

    /// One side that is `decisive` decides, known or not on the other.
    private static func both(_ left: Value, _ right: Value, decisive: Bool) -> Value {
        if case .truth(decisive) = left { return .truth(decisive) }
        if case .truth(decisive) = right { return .truth(decisive) }
        if case .truth = left, case .truth = right { return .truth(!decisive) }
        return .unknown
    }

    private static func call(_ function: Expression.Function, _ arguments: UnsafeMutablePointer<Value>, _ count: Int) -> Value {
        var least = Int128.max, most = Int128.min, sum: Int128 = 0
        for index in 0..<count {
            guard case .number(let value) = arguments[index] else { return .unknown }
            least = min(least, value)
            most = max(most, value)
            sum = Exact.add(sum, value)
        }
        guard count > 0 else { return .unknown }
        switch function {
        case .min: return .number(least)
        case .max: return .number(most)
        case .avg: return .number(Exact.roundDivide(sum, by: Int128(count)))
        case .abs where count == 1: return .number(sum < 0 ? Exact.multiply(sum, -1) : sum)
        case .ceil where count == 1: return .number(Exact.multiply(Exact.ceilDivide(sum, by: Self.unit), Self.unit))
        case .floor where count == 1:
            return .number(Exact.multiply(Exact.multiply(Exact.ceilDivide(Exact.multiply(sum, -1), by: Self.unit), -1), Self.unit))
        case .abs, .ceil, .floor: return .unknown
        }
    }
}

/// Turns expressions into postfix code.
struct ConditionSet {
    let metrics: [String]

    func postfix(_ expression: Expression) -> Postfix {
        var operations: [Postfix.Operation] = []
        self.append(expression, to: &operations)
        var depth = 0, most = 0
        for operation in operations {
            switch operation {
            case .number, .metric, .change: depth += 1
            case .negate, .not: break
            case .arithmetic, .comparison, .and, .or: depth -= 1
            case .call(_, let count): depth -= count - 1
            }
            most = max(most, depth)
        }
        return Postfix(operations: operations, depth: max(most, 1), expression: expression)
    }

    private func index(_ name: String) -> Int { self.metrics.firstIndex(of: name) ?? -1 }

    private func append(_ expression: Expression, to operations: inout [Postfix.Operation]) {
        switch expression {
        case .number(let quantity): operations.append(.number(Int128(quantity.milli) * (Postfix.unit / 1000)))
        case .metric(let name): operations.append(.metric(self.index(name)))
        case .change(let name, let over): operations.append(.change(metric: self.index(name), over: over.microseconds))
        case .negate(let inner):
            self.append(inner, to: &operations)
            operations.append(.negate)
        case .not(let inner):
            self.append(inner, to: &operations)
            operations.append(.not)
        case .arithmetic(let operation, let left, let right):
            self.append(left, to: &operations)
            self.append(right, to: &operations)
            operations.append(.arithmetic(operation))
        case .comparison(let comparison, let left, let right):
            self.append(left, to: &operations)
            self.append(right, to: &operations)
            operations.append(.comparison(comparison))
        case .and(let left, let right):
            self.append(left, to: &operations)
            self.append(right, to: &operations)
            operations.append(.and)
        case .or(let left, let right):
            self.append(left, to: &operations)
            self.append(right, to: &operations)
            operations.append(.or)
        case .call(let function, let arguments):
            guard !arguments.isEmpty else {
                // Unknown, as a call of nothing is.
                operations.append(.metric(-1))
                return
            }
            for argument in arguments { self.append(argument, to: &operations) }
            operations.append(.call(function, arguments: arguments.count))
        }
    }
}
