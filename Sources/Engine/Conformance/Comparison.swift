import Model

/// Compares an answer with what a case expects: each field that it names must hold.
enum Comparison {
    /// Lists of names, in any order.
    private static let sets: Set<String> = ["unready", "missing", "ignored"]
    /// Doubles went through decimal text.
    private static let relativeError = 1e-12

    static func problems(_ answer: ConformanceKind.Answer, _ expected: [String: JSON]) -> [String] {
        let error = expected["error"]
        switch (answer, error) {
        case (.failed(let message), nil): return ["fails with “\(message)”, expected \(JSON.object(expected).text)"]
        case (.failed(let message), let error?):
            guard let text = error.stringValue else { return ["expected.error is not a string"] }
            return message.contains(text) ? [] : ["error: got “\(message)”, expected “\(text)”"]
        case (.fields(let fields), let error?): return ["got \(JSON.object(fields).text), expected the error \(error.text)"]
        case (.fields(let fields), nil):
            return expected.keys.sorted().compactMap { name in
                let wanted = expected[name] ?? .null
                guard let got = fields[name] else { return "\(name): got nothing, expected \(wanted.text)" }
                if Self.sets.contains(name), let left = Self.names(got), let right = Self.names(wanted), left == right { return nil }
                return Self.holds(got, wanted) ? nil : "\(name): got \(got.text), expected \(wanted.text)"
            }
        }
    }

    private static func names(_ json: JSON) -> [String]? { json.arrayValue?.map { $0.stringValue ?? $0.text }.sorted() }

    /// Whether `got` is what is `wanted`; objects may have more fields.
    static func holds(_ got: JSON, _ wanted: JSON) -> Bool {
        switch (got, wanted) {
        case (.array(let left), .array(let right)): left.count == right.count && zip(left, right).allSatisfy { Self.holds($0, $1) }
        case (.object(let left), .object(let right)): right.allSatisfy { name, value in left[name].map { Self.holds($0, value) } ?? false }
        default:
            if let left = got.intValue, let right = wanted.intValue {
                left == right
            } else if let left = got.doubleValue, let right = wanted.doubleValue {
                abs(left - right) <= Self.relativeError * max(abs(left), abs(right))
            } else {
                got == wanted
            }
        }
    }
}
