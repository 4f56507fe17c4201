import Model

/// Which column of a statement's answer is what. Pure.
struct SQLLayout: Sendable, Hashable {
    var value: Int
    var service: Int?
    var region: Int?
    var sampledAt: Int?

    /// Why an answer of these columns gives no number, in words that say what to write.
    struct Problem: Error, Sendable, Hashable {
        var reason: MissingReason
        var message: String
    }

    /// - Parameters:
    ///   - columns: their names and the OIDs of their types, in order.
    init(columns: [(name: String, oid: UInt32)]) throws(Problem) {
        func position(_ name: String) throws(Problem) -> Int? {
            let found = columns.indices.filter { columns[$0].name == name }
            guard found.count < 2 else {
                throw Problem(
                    reason: .ambiguous,
                    message: "the statement returns \(found.count) columns named “\(name)”: name one of them otherwise")
            }
            return found.first
        }
        self.service = try position("service")
        self.region = try position("region")
        self.sampledAt = try position("sampled_at")
        let keys = [self.service, self.region, self.sampledAt].compactMap { $0 }
        let others = columns.indices.filter { !keys.contains($0) }
        if let named = try position("value") {
            self.value = named
        } else if others.count == 1 {
            self.value = others[0]
        } else if others.isEmpty {
            throw Problem(
                reason: .absent, message: "the statement returns no column with a number: add one, named “value”")
        } else {
            let names = others.map { "“\(columns[$0].name)”" }.joined(separator: ", ")
            throw Problem(
                reason: .ambiguous,
                message:
                    "the statement returns several columns that may be the number (\(names)): name one of them “value”")
        }
        if let objection = Self.objection(toNumber: columns[self.value]) {
            throw Problem(reason: .unparsable, message: objection)
        }
        if let sampledAt, columns[sampledAt].oid != Self.timestamptz {
            throw Problem(
                reason: .unparsable,
                message:
                    "the column “sampled_at” has no time zone, so it does not say when: write sampled_at::timestamptz"
            )
        }
    }

    /// What a parameter of this type makes of a name; nil when it takes text.
    static func objection(toParameter oid: UInt32, _ parameter: SQLQuery.Parameter) -> String? {
        guard let name = Self.numbers.contains(oid) ? "a number" : Self.others[oid]?.name else { return nil }
        return
            "the statement uses :\(parameter.rawValue) as \(name), but it is a name: compare it with a column of text"
    }

    private static func objection(toNumber column: (name: String, oid: UInt32)) -> String? {
        if Self.numbers.contains(column.oid) { return nil }
        let (type, advice) =
            Self.others[column.oid]
            ?? (Self.texts.contains(column.oid)
                ? ("text", "cast it: (…)::numeric") : ("no number", "cast it: (…)::numeric"))
        return "the column “\(column.name)” is \(type): \(advice)"
    }

    // OIDs of built-in types, from the server's pg_type: they never change.
    private static let timestamptz: UInt32 = 1184
    /// int8, int2, int4, float4, float8, numeric
    private static let numbers: Set<UInt32> = [20, 21, 23, 700, 701, 1700]
    /// unknown, text, char(n), varchar, name
    private static let texts: Set<UInt32> = [705, 25, 1042, 1043, 19]
    private static let others: [UInt32: (name: String, advice: String)] = [
        16: ("true or false", "write (…)::int, or count(*) filter (where …)"),
        1186: ("an interval", "write extract(epoch from …), which is its seconds"),
        1082: ("a date", "write extract(epoch from …), or take the difference of two times"),
        1114: ("a timestamp", "write extract(epoch from …), or take the difference of two times"),
        1184: ("a timestamp", "write extract(epoch from …), or take the difference of two times"),
        790: ("money", "write (…)::numeric"),
    ]
}
