extension Expression {
    /// The expression in its one spelling: single spaces, only the parentheses it needs. ``init(parsing:)`` reads it back to an equal tree.
    public var text: String { self.text(inside: 0) }

    private func text(inside outer: Int) -> String {
        let inner = self.precedence
        let text = self.bare
        return inner < outer ? "(\(text))" : text
    }

    /// How tightly it binds; higher is tighter.
    private var precedence: Int {
        switch self {
        case .or: 1
        case .and: 2
        case .not: 3
        case .comparison: 4
        case .arithmetic(.add, _, _), .arithmetic(.subtract, _, _): 5
        case .arithmetic(.multiply, _, _), .arithmetic(.divide, _, _): 6
        case .negate: 7
        case .number, .metric, .call, .change: 8
        }
    }

    private var bare: String {
        let own = self.precedence
        switch self {
        case .number(let value): return value.description
        case .metric(let name): return Self.spelled(name)
        case .change(let name, let duration): return "\(ExpressionParser.change)(\(Self.spelled(name)), \(duration.text))"
        // A number behind the sign would become negative itself.
        case .negate(.number(let value)): return "-(\(value))"
        case .negate(let inner): return "-" + inner.text(inside: own + 1)
        case .not(let inner): return "not " + inner.text(inside: own)
        case .arithmetic(let operation, let left, let right):
            return left.text(inside: own) + " \(operation.rawValue) " + right.text(inside: own + 1)
        case .comparison(let operation, let left, let right):
            return left.text(inside: own + 1) + " \(operation.rawValue) " + right.text(inside: own + 1)
        case .and(let left, let right): return left.text(inside: own) + " and " + right.text(inside: own + 1)
        case .or(let left, let right): return left.text(inside: own) + " or " + right.text(inside: own + 1)
        case .call(let function, let arguments):
            return "\(function.rawValue)(" + arguments.map { $0.text(inside: 0) }.joined(separator: ", ") + ")"
        }
    }

    private static func spelled(_ name: String) -> String { Self.needsQuotes(name) ? "`\(name)`" : name }

    private static func needsQuotes(_ name: String) -> Bool {
        guard let first = name.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return true }
        return !name.utf8.allSatisfy(ExpressionToken.isNameByte) || ExpressionToken.keywords.contains(name)
            || Function(rawValue: name) != nil || name == ExpressionParser.change
    }
}
