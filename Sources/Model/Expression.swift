/// A condition or number over readings, parsed once into a typed tree (the parser and evaluator are the engine's).
public indirect enum Expression: Sendable, Hashable {
    case number(Quantity)
    case metric(String)
    case negate(Expression)
    case arithmetic(Arithmetic, Expression, Expression)
    case comparison(Comparison, Expression, Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case not(Expression)
    case call(Function, [Expression])
    /// How far a metric is from its value `over` ago, in percent of that value; unknown when there is no value that old.
    case change(metric: String, over: Duration)

    /// Signs between two numbers.
    public enum Arithmetic: String, Sendable, Hashable, CaseIterable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
    }
    /// Signs between two numbers that make a condition.
    public enum Comparison: String, Sendable, Hashable, CaseIterable {
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case equal = "=="
        case notEqual = "!="
    }
    /// Functions of numbers; `abs`, `ceil` and `floor` take one, the others one or more.
    public enum Function: String, Sendable, Hashable, CaseIterable {
        case min, max, avg, abs, ceil, floor
    }

    /// The names of all metrics it speaks of.
    public var metrics: Set<String> {
        switch self {
        case .number: []
        case .metric(let name): [name]
        case .negate(let inner), .not(let inner): inner.metrics
        case .arithmetic(_, let left, let right), .comparison(_, let left, let right), .and(let left, let right), .or(let left, let right):
            left.metrics.union(right.metrics)
        case .call(_, let arguments): arguments.reduce(into: []) { $0.formUnion($1.metrics) }
        case .change(let name, _): [name]
        }
    }

    /// How far back it looks for each metric's earlier values: the longest `change` of each; metrics without one are left out.
    public var lookback: [String: Duration] {
        switch self {
        case .number, .metric: [:]
        case .negate(let inner), .not(let inner): inner.lookback
        case .arithmetic(_, let left, let right), .comparison(_, let left, let right), .and(let left, let right), .or(let left, let right):
            left.lookback.merging(right.lookback, uniquingKeysWith: max)
        case .call(_, let arguments): arguments.reduce(into: [:]) { $0.merge($1.lookback, uniquingKeysWith: max) }
        case .change(let name, let duration): [name: duration]
        }
    }
}
