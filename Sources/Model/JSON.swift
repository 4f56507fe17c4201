/// A JSON value, and the one form in which Muster stores, hashes and answers with structured data.
///
/// Objects are unordered; the canonical text sorts keys (RFC 8785), so that equal values are equal bytes.
/// Numbers that matter are `int` or decimal strings: a `double` never enters a hashed document (see ``canonical()``).
public enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// An object from fields of which some are absent: `nil` means "unknown" and is left out; `.null` means "known to be none".
    public static func fields(_ fields: [String: JSON?]) -> JSON {
        .object(fields.compactMapValues { $0 })
    }

    /// The field `name` of an object; nil when absent or when this is not an object.
    public subscript(_ name: String) -> JSON? {
        if case .object(let fields) = self { fields[name] } else { nil }
    }

    /// The text, when it is one.
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    /// Whether it is true, when it is `true` or `false`.
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements, when it is a list.
    public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
    /// The fields, when it is an object.
    public var objectValue: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
    /// The value as an integer; a double with an exact integer value counts.
    public var intValue: Int64? {
        switch self {
        case .int(let value): value
        case .double(let value): Int64(exactly: value)
        default: nil
        }
    }
    /// The number, when it is one; an integer beyond 2⁵³ loses its last digits.
    public var doubleValue: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
    /// Whether it is known to be none.
    public var isNull: Bool { self == .null }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}

/// A value that has a JSON form which Muster stores or answers with.
public protocol JSONEncodable {
    /// Of the same value always the same.
    var json: JSON { get }
}

/// A value that can be read back from its JSON form.
public protocol JSONDecodable {
    /// - Throws: ``JSONError`` that names the field.
    init(json: JSON) throws(JSONError)
}

/// Text that is not JSON, or JSON that is not what was expected there.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// An RFC 6901 pointer to the place, or "" for the whole document.
    public var pointer: String
    /// What is wrong there, as what follows the place: `is not an integer`.
    public var message: String
    /// Byte offset in the text, when the text itself is at fault.
    public var offset: Int?

    public init(pointer: String = "", message: String, offset: Int? = nil) {
        self.pointer = pointer
        self.message = message
        self.offset = offset
    }

    /// The same error seen from the object or list that holds the faulty value under `name` (RFC 6901 escapes included).
    public func inside(_ name: String) -> JSONError {
        var token = ""
        for character in name {
            switch character {
            case "~": token += "~0"
            case "/": token += "~1"
            default: token.append(character)
            }
        }
        return JSONError(pointer: "/\(token)\(self.pointer)", message: self.message, offset: self.offset)
    }

    public var description: String {
        var text = self.pointer.isEmpty ? self.message : "\(self.pointer): \(self.message)"
        if let offset { text += " (at byte \(offset))" }
        return text
    }
}

extension JSON {
    /// A required field of an object.
    public func required(_ name: String) throws(JSONError) -> JSON {
        guard case .object(let fields) = self else { throw JSONError(message: "is not an object") }
        guard let value = fields[name], value != .null else { throw JSONError(pointer: "/\(name)", message: "is missing") }
        return value
    }
    /// The required text `name`.
    public func string(_ name: String) throws(JSONError) -> String {
        guard let value = try self.required(name).stringValue else { throw JSONError(pointer: "/\(name)", message: "is not a string") }
        return value
    }
    /// The required integer `name`; a double with an exact integer value counts.
    public func int(_ name: String) throws(JSONError) -> Int64 {
        guard let value = try self.required(name).intValue else { throw JSONError(pointer: "/\(name)", message: "is not an integer") }
        return value
    }
    /// The required truth value `name`.
    public func bool(_ name: String) throws(JSONError) -> Bool {
        guard let value = try self.required(name).boolValue else { throw JSONError(pointer: "/\(name)", message: "is not true or false") }
        return value
    }
    /// The required list `name`.
    public func array(_ name: String) throws(JSONError) -> [JSON] {
        guard let value = try self.required(name).arrayValue else { throw JSONError(pointer: "/\(name)", message: "is not a list") }
        return value
    }
    /// Decodes the required field `name`; an error's pointer starts with it.
    public func decode<Value: JSONDecodable>(_ name: String, as type: Value.Type = Value.self) throws(JSONError) -> Value {
        let field = try self.required(name)
        do { return try Value(json: field) } catch { throw error.inside(name) }
    }
    /// Decodes the field `name`; nil when it is absent or null.
    public func decodeIfPresent<Value: JSONDecodable>(_ name: String, as type: Value.Type = Value.self) throws(JSONError) -> Value? {
        guard let field = self[name], !field.isNull else { return nil }
        do { return try Value(json: field) } catch { throw error.inside(name) }
    }
    /// The integer in the field `name`; nil when it is absent or null.
    public func intIfPresent(_ name: String) throws(JSONError) -> Int64? {
        guard let field = self[name], !field.isNull else { return nil }
        guard let value = field.intValue else { throw JSONError(pointer: "/\(name)", message: "is not an integer") }
        return value
    }
    /// The string in the field `name`; nil when it is absent or null.
    public func stringIfPresent(_ name: String) throws(JSONError) -> String? {
        guard let field = self[name], !field.isNull else { return nil }
        guard let value = field.stringValue else { throw JSONError(pointer: "/\(name)", message: "is not a string") }
        return value
    }
    /// Decodes the list in the field `name`; an absent field is an empty list.
    public func list<Element: JSONDecodable>(_ name: String, of type: Element.Type = Element.self) throws(JSONError) -> [Element] {
        guard let field = self[name] else { return [] }
        guard let values = field.arrayValue else { throw JSONError(pointer: "/\(name)", message: "is not a list") }
        var elements: [Element] = []
        elements.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            do { elements.append(try Element(json: value)) } catch {
                throw error.inside(String(index)).inside(name)
            }
        }
        return elements
    }
}

// MARK: - Canonical text (RFC 8785)

extension JSON {
    /// The RFC 8785 text as UTF-8: keys sorted by UTF-16 code units, no white space, shortest numbers.
    ///
    /// Non-finite doubles have no JSON form and are written as `null`; integers beyond ±(2⁵³−1) are written exactly, which
    /// RFC 8785 would not do: documents that are hashed hold such numbers as strings (``Ledger`` checks that).
    public func canonical() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(256)
        self.write(to: &out)
        return out
    }

    /// ``canonical()`` as a string.
    public var text: String { String(decoding: self.canonical(), as: UTF8.self) }

    private func write(to out: inout [UInt8]) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let value): out.append(contentsOf: value ? "true".utf8 : "false".utf8)
        case .int(let value): out.append(contentsOf: String(value).utf8)
        case .double(let value): out.append(contentsOf: Self.number(value).utf8)
        case .string(let value): Self.write(value, to: &out)
        case .array(let values):
            out.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                value.write(to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let fields):
            out.append(UInt8(ascii: "{"))
            var first = true
            for key in fields.keys.sorted(by: { $0.utf16.lexicographicallyPrecedes($1.utf16) }) {
                if !first { out.append(UInt8(ascii: ",")) }
                first = false
                Self.write(key, to: &out)
                out.append(UInt8(ascii: ":"))
                fields[key, default: .null].write(to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ string: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): out.append(contentsOf: "\\\"".utf8)
            case UInt8(ascii: "\\"): out.append(contentsOf: "\\\\".utf8)
            case 0x08: out.append(contentsOf: "\\b".utf8)
            case 0x09: out.append(contentsOf: "\\t".utf8)
            case 0x0A: out.append(contentsOf: "\\n".utf8)
            case 0x0C: out.append(contentsOf: "\\f".utf8)
            case 0x0D: out.append(contentsOf: "\\r".utf8)
            case 0..<0x20:
                out.append(contentsOf: "\\u00".utf8)
                out.append(Self.hex[Int(byte >> 4)])
                out.append(Self.hex[Int(byte & 15)])
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    private static let hex = Array("0123456789abcdef".utf8)

    /// ECMAScript's Number::toString, which RFC 8785 names: the shortest digits, plain between 1e-7 and 1e21.
    private static func number(_ value: Double) -> String {
        guard value.isFinite else { return "null" }
        if value == 0 { return "0" }
        let sign = value < 0 ? "-" : ""
        let (digits, point) = Self.shortestDigits(value.magnitude)
        if point > 0, point <= 21 {
            if digits.count <= point { return sign + digits + String(repeating: "0", count: point - digits.count) }
            let split = digits.index(digits.startIndex, offsetBy: point)
            return sign + digits[..<split] + "." + digits[split...]
        }
        if point > -6, point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        let exponent = point - 1
        let rest = digits.dropFirst()
        let mantissa = String(digits.prefix(1)) + (rest.isEmpty ? "" : "." + rest)
        return sign + mantissa + "e" + (exponent < 0 ? "-" : "+") + String(exponent.magnitude)
    }

    /// The shortest digits that read back as `value`, and where the decimal point stands relative to their start.
    private static func shortestDigits(_ value: Double) -> (digits: String, point: Int) {
        let parts = value.description.split(separator: "e")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = mantissa[0]
        let fraction = mantissa.count > 1 && mantissa[1] != "0" ? mantissa[1] : ""
        let all = whole + fraction
        let leading = all.prefix(while: { $0 == "0" }).count
        var digits = String(all.dropFirst(leading))
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        return (digits, whole.count - leading + exponent)
    }
}
