/// A strict RFC 8259 parser: no comments, no trailing commas, no duplicate keys, no lone surrogates, a bound on depth.
extension JSON {
    /// Nesting that an honest document does not reach; deeper input would only cost stack.
    public static let maximumDepth = 32

    /// - Throws: ``JSONError`` with the byte offset.
    public init(parsing text: some Sequence<UInt8>, maximumDepth: Int = JSON.maximumDepth) throws(JSONError) {
        var parser = JSONParser(bytes: Array(text), maximumDepth: maximumDepth)
        self = try parser.document()
    }

    /// - Throws: ``JSONError`` with the byte offset.
    public init(parsing text: String) throws(JSONError) {
        try self.init(parsing: text.utf8)
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    let maximumDepth: Int
    var position = 0

    init(bytes: [UInt8], maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    mutating func document() throws(JSONError) -> JSON {
        let value = try self.value(depth: 0)
        self.skipSpace()
        guard self.position == self.bytes.count else { throw self.error("has text after its end") }
        return value
    }

    private func error(_ message: String) -> JSONError { JSONError(message: message, offset: self.position) }

    private var next: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    private mutating func skipSpace() {
        while let byte = self.next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { self.position += 1 }
    }

    private mutating func take(_ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard self.position + count <= self.bytes.count else { return false }
        for index in 0..<count where self.bytes[self.position + index] != literal.utf8Start[index] { return false }
        self.position += count
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        self.skipSpace()
        guard let first = self.next else { throw self.error("ends too early") }
        switch first {
        case UInt8(ascii: "{"): return try self.object(depth: depth)
        case UInt8(ascii: "["): return try self.list(depth: depth)
        case UInt8(ascii: "\""): return .string(try self.string())
        case UInt8(ascii: "t"): if self.take("true") { return .bool(true) }
        case UInt8(ascii: "f"): if self.take("false") { return .bool(false) }
        case UInt8(ascii: "n"): if self.take("null") { return .null }
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try self.number()
        default: break
        }
        throw self.error("is not JSON")
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        guard depth < self.maximumDepth else { throw self.error("is nested deeper than \(self.maximumDepth) levels") }
        self.position += 1
        var fields: [String: JSON] = [:]
        self.skipSpace()
        if self.next == UInt8(ascii: "}") { self.position += 1; return .object(fields) }
        while true {
            self.skipSpace()
            guard self.next == UInt8(ascii: "\"") else { throw self.error("expected a field name in quotes") }
            let name = try self.string()
            self.skipSpace()
            guard self.next == UInt8(ascii: ":") else { throw self.error("expected “:” after “\(name)”") }
            self.position += 1
            guard fields.updateValue(try self.value(depth: depth + 1), forKey: name) == nil else {
                throw self.error("has the field “\(name)” twice")
            }
            self.skipSpace()
            switch self.next {
            case UInt8(ascii: ","): self.position += 1
            case UInt8(ascii: "}"): self.position += 1; return .object(fields)
            default: throw self.error("expected “,” or “}”")
            }
        }
    }

    private mutating func list(depth: Int) throws(JSONError) -> JSON {
        guard depth < self.maximumDepth else { throw self.error("is nested deeper than \(self.maximumDepth) levels") }
        self.position += 1
        var values: [JSON] = []
        self.skipSpace()
        if self.next == UInt8(ascii: "]") { self.position += 1; return .array(values) }
        while true {
            values.append(try self.value(depth: depth + 1))
            self.skipSpace()
            switch self.next {
            case UInt8(ascii: ","): self.position += 1
            case UInt8(ascii: "]"): self.position += 1; return .array(values)
            default: throw self.error("expected “,” or “]”")
            }
        }
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = self.position
        var integral = true
        if self.next == UInt8(ascii: "-") { self.position += 1 }
        let firstDigit = self.position
        guard self.digits() > 0 else { throw self.error("expected a digit") }
        if self.bytes[firstDigit] == UInt8(ascii: "0"), self.position - firstDigit > 1 { throw self.error("has a number with a leading zero") }
        if self.next == UInt8(ascii: ".") {
            integral = false
            self.position += 1
            guard self.digits() > 0 else { throw self.error("expected a digit after “.”") }
        }
        if self.next == UInt8(ascii: "e") || self.next == UInt8(ascii: "E") {
            integral = false
            self.position += 1
            if self.next == UInt8(ascii: "+") || self.next == UInt8(ascii: "-") { self.position += 1 }
            guard self.digits() > 0 else { throw self.error("expected a digit in the exponent") }
        }
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        if integral, let value = Int64(text) { return .int(value) }
        guard let value = Double(text), value.isFinite else { throw self.error("has a number out of range") }
        return .double(value)
    }

    private mutating func digits() -> Int {
        let start = self.position
        while let byte = self.next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { self.position += 1 }
        return self.position - start
    }

    private mutating func string() throws(JSONError) -> String {
        self.position += 1
        var out: [UInt8] = []
        while let byte = self.next {
            self.position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else { throw self.error("has a string that is not UTF-8") }
                return text
            case UInt8(ascii: "\\"): try self.escape(into: &out)
            case 0..<0x20: throw self.error("has a raw control character in a string")
            default: out.append(byte)
            }
        }
        throw self.error("ends inside a string")
    }

    private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
        guard let byte = self.next else { throw self.error("ends inside a string") }
        self.position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "u"):
            var scalar = try self.hexQuad()
            if (0xD800..<0xDC00).contains(scalar) {
                guard self.take("\\u") else { throw self.error("has a lone surrogate") }
                let low = try self.hexQuad()
                guard (0xDC00..<0xE000).contains(low) else { throw self.error("has a lone surrogate") }
                scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let unicode = Unicode.Scalar(scalar) else { throw self.error("has a lone surrogate") }
            out.append(contentsOf: String(Character(unicode)).utf8)
        default: throw self.error("has an unknown escape")
        }
    }

    private mutating func hexQuad() throws(JSONError) -> UInt32 {
        guard self.position + 4 <= self.bytes.count,
            self.bytes[self.position..<self.position + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: self.bytes[self.position..<self.position + 4], as: UTF8.self), radix: 16)
        else { throw self.error("expected four hexadecimal digits") }
        self.position += 4
        return value
    }
}
