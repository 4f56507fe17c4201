import Manifests
import Model

/// The object in a body: its fields are read by name and type, and whatever is wrong is said with its place.
struct Fields: Sendable {
    private let fields: [String: JSON]

    static let none = Fields(empty: ())
    private init(empty: Void) { self.fields = [:] }

    /// - Throws: ``Problem`` when it is not an object, or holds a field that is not among `known`.
    init(_ json: JSON, known: [String]) throws(Problem) {
        guard let fields = json.objectValue else {
            throw Problem(.badRequest, faults: [.init(pointer: "", code: "wrong-type", message: "the body is not a JSON object")])
        }
        let unknown = fields.keys.filter { !known.contains($0) }.sorted()
        guard unknown.isEmpty else {
            throw Problem(
                .unknownField,
                faults: unknown.prefix(20).map { name in
                    let near = nearest(name, in: known)
                    let shown = String(name.prefix(64))
                    let hint = near.map { "; did you mean “\($0)”?" } ?? "; known are \(known.joined(separator: ", "))"
                    return .init(pointer: "/\(Self.escape(shown))", code: "unknown-field", message: "unknown field “\(shown)”\(hint)", near: near)
                })
        }
        self.fields = fields
    }

    func has(_ name: String) -> Bool { self.fields[name].map { $0 != .null } ?? false }

    func text(_ name: String, length: ClosedRange<Int> = 1...Limits.text) throws(Problem) -> String {
        guard let text = try self.optionalText(name, length: length) else { throw Self.fault(name, "missing-field", "is missing") }
        return text
    }

    func optionalText(_ name: String, length: ClosedRange<Int> = 1...Limits.text) throws(Problem) -> String? {
        guard let value = self.value(name) else { return nil }
        guard let text = value.stringValue else { throw Self.fault(name, "wrong-type", "must be text") }
        guard length.contains(text.count) else {
            throw Self.fault(name, "out-of-range", "must have \(length.lowerBound) to \(length.upperBound) characters, and has \(text.count)")
        }
        // PostgreSQL's text can't hold NUL; other control characters would only forge lines in logs and terminals.
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control && $0 != "\n" && $0 != "\t" }) else {
            throw Self.fault(name, "out-of-range", "holds control characters")
        }
        return text
    }

    /// A reason: why a person does something.
    func reason() throws(Problem) -> String { try self.text("reason", length: Limits.reason) }

    func int(_ name: String, in range: ClosedRange<Int64>) throws(Problem) -> Int64 {
        guard let value = self.value(name) else { throw Self.fault(name, "missing-field", "is missing") }
        guard let number = value.intValue else { throw Self.fault(name, "wrong-type", "must be a whole number") }
        guard range.contains(number) else {
            throw Self.fault(name, "out-of-range", "must be from \(range.lowerBound) to \(range.upperBound), and is \(number)")
        }
        return number
    }

    func bool(_ name: String) throws(Problem) -> Bool {
        guard let value = self.value(name) else { throw Self.fault(name, "missing-field", "is missing") }
        guard let flag = value.boolValue else { throw Self.fault(name, "wrong-type", "must be true or false") }
        return flag
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, of type: Choice.Type) throws(Problem) -> Choice
    where Choice.RawValue == String {
        let text = try self.text(name)
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue)
            throw Self.fault(name, "out-of-range", "must be one of \(known.joined(separator: ", "))", near: nearest(text, in: known))
        }
        return choice
    }

    func array(_ name: String) throws(Problem) -> [JSON] {
        guard let value = self.value(name) else { throw Self.fault(name, "missing-field", "is missing") }
        guard let values = value.arrayValue else { throw Self.fault(name, "wrong-type", "must be a list") }
        return values
    }

    func object(_ name: String) throws(Problem) -> [String: JSON]? {
        guard let value = self.value(name) else { return nil }
        guard let fields = value.objectValue else { throw Self.fault(name, "wrong-type", "must be an object") }
        return fields
    }

    /// When something ends, said as a time (`until`) or as a duration from now (`for`); one of the two.
    ///
    /// - Parameter longest: from now.
    func end(now: WallTime, longest: Duration, default fallback: Duration? = nil) throws(Problem) -> WallTime {
        let until: WallTime
        switch (try self.optionalText("until"), try self.optionalText("for")) {
        case (.some, .some): throw Self.fault("for", "conflict", "stands beside “until”; give one of the two")
        case (nil, nil):
            guard let fallback else { throw Self.fault("until", "missing-field", "is missing; give “until” (a time) or “for” (a duration such as 2h)") }
            until = now + fallback
        case (.some(let text), nil):
            guard let time = WallTime(rfc3339: text) else {
                throw Self.fault("until", "wrong-type", "must be an RFC 3339 time such as 2026-05-28T03:12:04Z")
            }
            until = time
        case (nil, .some(let text)):
            guard let duration = Duration(text: text), duration > .zero else {
                throw Self.fault("for", "wrong-type", "must be a duration such as 30m or 2h")
            }
            until = now + duration
        }
        guard until > now else { throw Problem(.outOfLimits, "The end \(until) has passed; it is \(now) now.") }
        guard until <= now + longest else {
            throw Problem(.outOfLimits, "The end \(until) is further away than the limit of \(longest.text) from now.")
        }
        return until
    }

    private func value(_ name: String) -> JSON? {
        guard let value = self.fields[name], value != .null else { return nil }
        return value
    }

    static func fault(_ name: String, _ code: String, _ message: String, near: String? = nil) -> Problem {
        Problem(.badRequest, faults: [.init(pointer: "/\(Self.escape(name))", code: code, message: message, near: near)])
    }

    /// RFC 6901.
    private static func escape(_ name: String) -> String {
        var out = ""
        for character in name {
            switch character {
            case "~": out += "~0"
            case "/": out += "~1"
            default: out.append(character)
            }
        }
        return out
    }
}
