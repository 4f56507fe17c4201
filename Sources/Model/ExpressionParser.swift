/// Text that is not an expression: what is wrong and where.
public struct ExpressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, and what to write.
    public var message: String
    /// Byte offset in the text; everything before it is ASCII, so it counts characters too.
    public var offset: Int

    public init(message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }
    public var description: String { "\(self.message) (at character \(self.offset + 1))" }
}

/// The language of `when`: `queue > 100 and not (cpu < 20 or max(a, b) / 2 >= c)`.
///
/// From loosest to tightest: `or`, `and`, `not`, one comparison, `+ -`, `* /`, the sign `-`. Numbers are decimals to the thousandth. A metric is a
/// name of lower-case letters, digits, `_` and `.` that starts with a letter; a name with `-` (which is minus here), one that starts with a digit,
/// or one that is a word of the language stands in backticks or double quotes: `` `queue-depth` > 5 ``. `change(queue, 5m)` is by how many percent a
/// metric differs from its value five minutes ago.
extension Expression {
    /// Longest text, in bytes: a condition that people can read is far shorter.
    public static var maximumLength: Int { 2048 }
    /// Deepest tree, and so the longest chain of one operator: what walks trees by recursion needs a bound.
    public static var maximumDepth: Int { 64 }

    /// How far `change` may look back: as far as a metric's window.
    public static var lookbackRange: ClosedRange<Duration> { .seconds(1) ... .seconds(86_400) }

    /// - Throws: ``ExpressionError`` with the place of the first mistake.
    public init(parsing text: String) throws(ExpressionError) {
        guard text.utf8.count <= Self.maximumLength else {
            throw ExpressionError(message: "the expression is longer than \(Self.maximumLength) bytes; shorten it", offset: Self.maximumLength)
        }
        var parser = ExpressionParser(tokens: try ExpressionToken.all(in: text))
        self = try parser.whole()
    }

    /// Whether it is true or false rather than a number.
    public var isCondition: Bool {
        switch self {
        case .comparison, .and, .or, .not: true
        case .number, .metric, .negate, .arithmetic, .call, .change: false
        }
    }
}

/// Recursive descent; each method reads one level of precedence.
struct ExpressionParser {
    /// A subtree with what checking it needs.
    struct Part {
        var expression: Expression
        var depth: Int
        /// Where it starts, for messages.
        var offset: Int
    }

    let tokens: [ExpressionToken]
    var position = 0
    /// Open calls of this parser; text nests before its tree does.
    var nesting = 0

    init(tokens: [ExpressionToken]) { self.tokens = tokens }

    var next: ExpressionToken { self.tokens[self.position] }

    mutating func whole() throws(ExpressionError) -> Expression {
        if self.next.kind == .end { throw ExpressionError(message: "the expression is empty", offset: 0) }
        let part = try self.disjunction()
        guard self.next.kind == .end else {
            throw ExpressionError(message: "\(self.next.text) is not expected here; is an operator missing before it?", offset: self.next.offset)
        }
        return part.expression
    }

    private mutating func take(_ word: String) -> Bool {
        guard self.next.kind == .word(word) || self.next.kind == .symbol(word) else { return false }
        self.position += 1
        return true
    }

    private func combine(_ expression: Expression, depth: Int, offset: Int) throws(ExpressionError) -> Part {
        guard depth < Expression.maximumDepth else { throw Self.tooDeep(offset) }
        return Part(expression: expression, depth: depth + 1, offset: offset)
    }

    private static func tooDeep(_ offset: Int) -> ExpressionError {
        ExpressionError(message: "the expression is nested or chained deeper than \(Expression.maximumDepth); simplify it", offset: offset)
    }

    private mutating func disjunction() throws(ExpressionError) -> Part {
        guard self.nesting < Expression.maximumDepth else { throw Self.tooDeep(self.next.offset) }
        self.nesting += 1
        defer { self.nesting -= 1 }
        var left = try self.conjunction()
        while self.take("or") {
            let right = try self.conjunction()
            try self.check(condition: true, left, "or")
            try self.check(condition: true, right, "or")
            left = try self.combine(.or(left.expression, right.expression), depth: max(left.depth, right.depth), offset: left.offset)
        }
        return left
    }

    private mutating func conjunction() throws(ExpressionError) -> Part {
        var left = try self.negation()
        while self.take("and") {
            let right = try self.negation()
            try self.check(condition: true, left, "and")
            try self.check(condition: true, right, "and")
            left = try self.combine(.and(left.expression, right.expression), depth: max(left.depth, right.depth), offset: left.offset)
        }
        return left
    }

    private mutating func negation() throws(ExpressionError) -> Part {
        var offsets: [Int] = []
        while self.next.kind == .word("not") {
            offsets.append(self.next.offset)
            self.position += 1
        }
        var part = try self.comparison()
        for offset in offsets.reversed() {
            try self.check(condition: true, part, "not")
            part = try self.combine(.not(part.expression), depth: part.depth, offset: offset)
        }
        return part
    }

    private mutating func comparison() throws(ExpressionError) -> Part {
        let left = try self.sum()
        guard case .symbol(let symbol) = self.next.kind, let operation = Expression.Comparison(rawValue: symbol) else { return left }
        self.position += 1
        let right = try self.sum()
        try self.check(condition: false, left, symbol)
        try self.check(condition: false, right, symbol)
        if case .symbol(let again) = self.next.kind, Expression.Comparison(rawValue: again) != nil {
            throw ExpressionError(message: "comparisons can't be chained; join them with “and”", offset: self.next.offset)
        }
        return try self.combine(
            .comparison(operation, left.expression, right.expression), depth: max(left.depth, right.depth), offset: left.offset)
    }

    private mutating func sum() throws(ExpressionError) -> Part {
        var left = try self.product()
        while case .symbol(let symbol) = self.next.kind, symbol == "+" || symbol == "-", let operation = Expression.Arithmetic(rawValue: symbol) {
            self.position += 1
            left = try self.arithmetic(operation, left, try self.product())
        }
        return left
    }

    private mutating func product() throws(ExpressionError) -> Part {
        var left = try self.signed()
        while case .symbol(let symbol) = self.next.kind, symbol == "*" || symbol == "/", let operation = Expression.Arithmetic(rawValue: symbol) {
            self.position += 1
            let right = try self.signed()
            if operation == .divide, right.expression == .number(.zero) {
                throw ExpressionError(message: "this divides by zero", offset: right.offset)
            }
            left = try self.arithmetic(operation, left, right)
        }
        return left
    }

    private func arithmetic(_ operation: Expression.Arithmetic, _ left: Part, _ right: Part) throws(ExpressionError) -> Part {
        try self.check(condition: false, left, operation.rawValue)
        try self.check(condition: false, right, operation.rawValue)
        return try self.combine(
            .arithmetic(operation, left.expression, right.expression), depth: max(left.depth, right.depth), offset: left.offset)
    }

    private mutating func signed() throws(ExpressionError) -> Part {
        var offsets: [Int] = []
        while self.next.kind == .symbol("-") {
            offsets.append(self.next.offset)
            self.position += 1
        }
        // A sign directly before a number is the number's.
        if let sign = offsets.last, case .number(let value) = self.next.kind {
            offsets.removeLast()
            self.position += 1
            let negative = Part(expression: .number(Quantity(milli: -value.milli)), depth: 1, offset: sign)
            return try self.negated(negative, offsets)
        }
        return try self.negated(try self.primary(), offsets)
    }

    private func negated(_ part: Part, _ offsets: [Int]) throws(ExpressionError) -> Part {
        var part = part
        for offset in offsets.reversed() {
            try self.check(condition: false, part, "-")
            part = try self.combine(.negate(part.expression), depth: part.depth, offset: offset)
        }
        return part
    }

    private mutating func primary() throws(ExpressionError) -> Part {
        let token = self.next
        switch token.kind {
        case .number(let value):
            self.position += 1
            return Part(expression: .number(value), depth: 1, offset: token.offset)
        case .duration(_, let text, let unit):
            throw ExpressionToken.runsIntoLetter(String(text.prefix(unit - token.offset)), at: unit)
        case .quoted(let name):
            self.position += 1
            return Part(expression: .metric(name), depth: 1, offset: token.offset)
        case .symbol("("):
            self.position += 1
            let inner = try self.disjunction()
            try self.close(opened: token.offset)
            return Part(expression: inner.expression, depth: inner.depth, offset: token.offset)
        case .word(let word) where !ExpressionToken.keywords.contains(word):
            self.position += 1
            if self.next.kind == .symbol("(") { return try self.call(word, at: token.offset) }
            guard Expression.Function(rawValue: word) == nil, word != Self.change else {
                let message = "“\(word)” is a function and needs its arguments in parentheses; a metric of that name stands in backticks"
                throw ExpressionError(message: message, offset: token.offset)
            }
            if let objection = ManifestName.objection(to: word) { throw ExpressionError(message: objection, offset: token.offset) }
            return Part(expression: .metric(word), depth: 1, offset: token.offset)
        default:
            throw ExpressionError(message: "a number, a metric or “(” is expected here, not \(token.text)", offset: token.offset)
        }
    }

    private mutating func close(opened: Int) throws(ExpressionError) {
        guard self.take(")") else {
            throw ExpressionError(
                message: "“)” is expected here, not \(self.next.text); “(” stands at character \(opened + 1)", offset: self.next.offset)
        }
    }

    private mutating func call(_ word: String, at offset: Int) throws(ExpressionError) -> Part {
        if word == Self.change { return try self.changeCall(at: offset) }
        guard let function = Expression.Function(rawValue: word) else {
            let known = (Expression.Function.allCases.map(\.rawValue) + [Self.change]).joined(separator: ", ")
            throw ExpressionError(message: "there is no function “\(word)”; known are \(known)", offset: offset)
        }
        let opened = self.next.offset
        self.position += 1
        var arguments: [Part] = []
        if self.next.kind != .symbol(")") {
            repeat {
                let argument = try self.disjunction()
                try self.check(condition: false, argument, word)
                arguments.append(argument)
            } while self.take(",")
        }
        try self.close(opened: opened)
        switch function {
        case .abs, .ceil, .floor:
            guard arguments.count == 1 else { throw ExpressionError(message: "“\(word)” takes one argument", offset: offset) }
        case .min, .max, .avg:
            guard !arguments.isEmpty else { throw ExpressionError(message: "“\(word)” needs at least one argument", offset: offset) }
        }
        return try self.combine(.call(function, arguments.map(\.expression)), depth: arguments.map(\.depth).max() ?? 0, offset: offset)
    }

    static let change = "change"

    /// `change(METRIC, DURATION)`: not a number but a metric's name stands first, since it is the metric's past that is asked.
    private mutating func changeCall(at offset: Int) throws(ExpressionError) -> Part {
        let opened = self.next.offset
        self.position += 1
        let name = self.next
        let wrong = ExpressionError(message: "“change” takes the name of a metric and a duration, as in change(queue, 5m)", offset: name.offset)
        let metric: String
        switch name.kind {
        case .quoted(let quoted): metric = quoted
        case .word(let word) where !ExpressionToken.keywords.contains(word) && Expression.Function(rawValue: word) == nil && word != Self.change:
            if let objection = ManifestName.objection(to: word) { throw ExpressionError(message: objection, offset: name.offset) }
            metric = word
        default: throw wrong
        }
        self.position += 1
        guard self.take(",") else { throw wrong }
        guard case .duration(let duration, _, _) = self.next.kind, Expression.lookbackRange.contains(duration) else {
            let range = Expression.lookbackRange
            let message = "a duration from \(range.lowerBound.text) to \(range.upperBound.text) is expected here, not \(self.next.text)"
            throw ExpressionError(message: message, offset: self.next.offset)
        }
        self.position += 1
        try self.close(opened: opened)
        return Part(expression: .change(metric: metric, over: duration), depth: 1, offset: offset)
    }

    private func check(condition: Bool, _ part: Part, _ operation: String) throws(ExpressionError) {
        guard part.expression.isCondition != condition else { return }
        let message =
            condition
            ? "“\(operation)” joins conditions, and this is a number; compare it with something"
            : "“\(operation)” works on numbers, and this is a condition"
        throw ExpressionError(message: message, offset: part.offset)
    }
}
