import Manifests
import Model

/// The query of a request, checked against the parameters that its route takes.
struct Query: Sendable, Hashable {
    private(set) var values: [String: [String]] = [:]

    init() {}

    /// - Throws: ``Problem`` for a parameter that is unknown, repeated, or not what its schema says.
    init(_ text: Substring?, of parameters: [Parameter]) throws(Problem) {
        guard let text, !text.isEmpty else { return }
        for pair in text.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(halves[0], plusIsSpace: true),
                let value = PercentEncoding.decode(halves.count > 1 ? halves[1] : "", plusIsSpace: true)
            else { throw Problem(.badRequest, "The query holds a percent sign that is not followed by two hexadecimal digits, or bytes that are not UTF-8.") }
            guard let parameter = parameters.first(where: { $0.name == name }) else { throw Self.unknown(name, of: parameters) }
            if self.values[name] != nil, !parameter.repeats { throw Problem(.badRequest, "The parameter “\(name)” stands more than once.") }
            if let objection = Self.objection(to: value, as: parameter.schema) {
                throw Problem(.badRequest, "The parameter “\(name)” \(objection).", members: ["parameter": .string(name)])
            }
            self.values[name, default: []].append(value)
        }
    }

    private static func unknown(_ name: String, of parameters: [Parameter]) -> Problem {
        let shown = String(name.prefix(64))
        guard let near = nearest(name, in: parameters.map(\.name)) else {
            let known = parameters.map(\.name).sorted().joined(separator: ", ")
            return Problem(
                .unknownParameter, "“\(shown)” is not a parameter of this route. \(known.isEmpty ? "It takes none." : "It takes \(known).")",
                members: ["parameter": .string(shown)])
        }
        return Problem(
            .unknownParameter, "“\(shown)” is not a parameter of this route; did you mean “\(near)”?",
            members: ["parameter": .string(shown), "near": .string(near)])
    }

    private static func objection(to value: String, as schema: Parameter.Schema) -> String? {
        switch schema {
        case .integer(let range):
            guard let number = Int64(value), range.contains(number) else { return "must be a whole number from \(range.lowerBound) to \(range.upperBound)" }
        case .text(let maximum):
            if value.isEmpty { return "is empty" }
            if value.count > maximum { return "is longer than \(maximum) characters" }
            // PostgreSQL's text can't hold it, and no name does.
            if value.contains("\0") { return "holds a NUL character" }
        case .choice(let choices):
            if !choices.contains(value) { return "must be one of \(choices.joined(separator: ", "))" }
        case .time:
            if WallTime(rfc3339: value) == nil { return "must be an RFC 3339 time such as 2026-05-28T03:12:04Z" }
        }
        return nil
    }

    subscript(_ name: String) -> String? { self.values[name]?.first }
    func all(_ name: String) -> [String] { self.values[name] ?? [] }
    func int(_ name: String) -> Int64? { self[name].flatMap { Int64($0) } }
    func time(_ name: String) -> WallTime? { self[name].flatMap { WallTime(rfc3339: $0) } }
    var limit: Int { self.int("limit").map { Int($0) } ?? Limits.defaultPage }

    /// Whether `value` passes the filter: one of its values, or it is not there.
    func allows(_ name: String, _ value: String?) -> Bool {
        guard let wanted = self.values[name] else { return true }
        return value.map(wanted.contains) ?? false
    }

    /// The filter without the place in it: what a cursor is bound to.
    var filterText: String {
        self.values.filter { $0.key != "cursor" && $0.key != "limit" && $0.key != "minSeq" }
            .sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.sorted().joined(separator: "\u{1F}"))" }.joined(separator: "\u{1E}")
    }
}

/// RFC 3986 percent encoding.
enum PercentEncoding {
    /// - Returns: nil when an escape is cut short or the result is not UTF-8.
    static func decode(_ text: some StringProtocol, plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(Self.hexDigit), let low = rest.popFirst().flatMap(Self.hexDigit) else { return nil }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
