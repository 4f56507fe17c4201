/// Why bytes are not the leaf that they should be.
struct LeafFault: Error, Sendable, Hashable {
    var message: String
    var offset: Int
}

/// Reads canonical JSON (RFC 8785) as leaves hold it, and nothing else, in one pass without building values.
///
/// What it accepts is exactly the text that writing the parsed value again would give: keys in order and once, no white space, the shortest
/// escapes, integers without detours, no floating-point numbers, valid UTF-8. So no second text means the same leaf.
struct CanonicalReader {
    /// A string's place: between its quotes, still escaped. Canonical text escapes in one way only, so equal strings are equal bytes.
    struct Text: Sendable, Hashable {
        var range: Range<Int>
        var escaped: Bool
        static let none = Text(range: 0..<0, escaped: false)
    }

    let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var next: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    func fault(_ message: String) -> LeafFault { LeafFault(message: message, offset: self.position) }

    mutating func take(_ byte: UInt8) -> Bool {
        guard self.next == byte else { return false }
        self.position += 1
        return true
    }

    mutating func expect(_ byte: UInt8) throws(LeafFault) {
        guard self.take(byte) else { throw self.fault("expected “\(Character(Unicode.Scalar(byte)))”") }
    }

    func end() throws(LeafFault) {
        guard self.position == self.bytes.count else { throw self.fault("has text after its end") }
    }

    // MARK: Values

    mutating func integer() throws(LeafFault) -> Int64 {
        let negative = self.take(UInt8(ascii: "-"))
        let first = self.position
        var value: Int64 = 0
        while let byte = self.next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            guard value <= LeafFormat.maximumInteger else { throw self.fault("has an integer beyond ±(2^53-1)") }
            self.position += 1
        }
        let digits = self.position - first
        guard digits > 0, digits == 1 || self.bytes[first] != UInt8(ascii: "0"), !(negative && value == 0) else {
            throw self.fault("has a number that is not a canonical integer")
        }
        if let byte = self.next, byte == UInt8(ascii: ".") || byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            throw self.fault("has a floating-point number")
        }
        return negative ? -value : value
    }

    /// Any value; `depth` counts the objects and arrays around it.
    mutating func value(depth: Int) throws(LeafFault) {
        switch self.next {
        case UInt8(ascii: "\""): _ = try self.string()
        case UInt8(ascii: "{"): try self.members(depth: depth) { (reader, _) throws(LeafFault) in try reader.value(depth: depth + 1) }
        case UInt8(ascii: "["): try self.elements(depth: depth) { (reader) throws(LeafFault) in try reader.value(depth: depth + 1) }
        case UInt8(ascii: "t"): try self.literal("true")
        case UInt8(ascii: "f"): try self.literal("false")
        case UInt8(ascii: "n"): try self.literal("null")
        default: _ = try self.integer()
        }
    }

    mutating func literal(_ literal: StaticString) throws(LeafFault) {
        for offset in 0..<literal.utf8CodeUnitCount { try self.expect(literal.utf8Start[offset]) }
    }

    /// An object; `body` reads the value that follows each key.
    mutating func members(
        depth: Int, _ body: (inout CanonicalReader, Text) throws(LeafFault) -> Void
    ) throws(LeafFault) {
        try self.open(UInt8(ascii: "{"), depth: depth)
        if self.take(UInt8(ascii: "}")) { return }
        var previous: Text?
        repeat {
            let key = try self.string()
            if let previous, !self.isOrdered(previous, before: key) {
                throw self.fault("has a key twice or out of order")
            }
            previous = key
            try self.expect(UInt8(ascii: ":"))
            try body(&self, key)
        } while self.take(UInt8(ascii: ","))
        try self.expect(UInt8(ascii: "}"))
    }

    /// An array; `body` reads each element.
    mutating func elements(
        depth: Int, _ body: (inout CanonicalReader) throws(LeafFault) -> Void
    ) throws(LeafFault) {
        try self.open(UInt8(ascii: "["), depth: depth)
        if self.take(UInt8(ascii: "]")) { return }
        repeat { try body(&self) } while self.take(UInt8(ascii: ","))
        try self.expect(UInt8(ascii: "]"))
    }

    private mutating func open(_ byte: UInt8, depth: Int) throws(LeafFault) {
        // The leaf itself is one level around its attachments.
        guard depth <= LeafFormat.maximumAttachmentDepth else {
            throw self.fault("is nested deeper than \(LeafFormat.maximumAttachmentDepth + 1) levels")
        }
        try self.expect(byte)
    }

    // MARK: Strings

    mutating func string() throws(LeafFault) -> Text {
        try self.expect(UInt8(ascii: "\""))
        let start = self.position
        var escaped = false
        while let byte = self.next {
            switch byte {
            case UInt8(ascii: "\""):
                self.position += 1
                return Text(range: start..<self.position - 1, escaped: escaped)
            case UInt8(ascii: "\\"):
                escaped = true
                try self.escape()
            case 0..<0x20: throw self.fault("has a raw control character in a string")
            case 0x20..<0x80: self.position += 1
            default: try self.multibyteScalar()
            }
        }
        throw self.fault("ends inside a string")
    }

    /// The escapes that RFC 8785 writes: the short ones, and `\u00xx` in lower case for the control characters that have none.
    private mutating func escape() throws(LeafFault) {
        self.position += 1
        switch self.next {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            self.position += 1
        case UInt8(ascii: "u"):
            self.position += 1
            try self.literal("00")
            guard let value = self.hexDigit(at: self.position), let low = self.hexDigit(at: self.position + 1), value < 2,
                !Self.hasShortEscape(value << 4 | low)
            else { throw self.fault("has an escape that is not canonical") }
            self.position += 2
        default: throw self.fault("has an escape that is not canonical")
        }
    }

    private static func hasShortEscape(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x08, 0x09, 0x0A, 0x0C, 0x0D: true
        default: false
        }
    }

    private func hexDigit(at index: Int) -> UInt8? {
        guard index < self.bytes.count else { return nil }
        let byte = self.bytes[index]
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): return byte - UInt8(ascii: "a") + 10
        default: return nil
        }
    }

    /// One scalar beyond ASCII; the ranges are those of the Unicode Standard's table of well-formed UTF-8.
    private mutating func multibyteScalar() throws(LeafFault) {
        let lead = self.bytes[self.position]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if lead == 0xE0 { second = 0xA0...0xBF }
            if lead == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            length = 4
            if lead == 0xF0 { second = 0x90...0xBF }
            if lead == 0xF4 { second = 0x80...0x8F }
        default: throw self.fault("has a string that is not UTF-8")
        }
        guard self.position + length <= self.bytes.count, second.contains(self.bytes[self.position + 1]) else {
            throw self.fault("has a string that is not UTF-8")
        }
        for offset in 2..<max(length, 2) where !(0x80...0xBF).contains(self.bytes[self.position + offset]) {
            throw self.fault("has a string that is not UTF-8")
        }
        self.position += length
    }

    // MARK: Comparing

    /// The string's own bytes, without escapes.
    func unescaped(_ text: Text) -> [UInt8] {
        guard text.escaped else { return Array(self.bytes[text.range]) }
        var out: [UInt8] = []
        out.reserveCapacity(text.range.count)
        var index = text.range.lowerBound
        while index < text.range.upperBound {
            guard self.bytes[index] == UInt8(ascii: "\\") else {
                out.append(self.bytes[index])
                index += 1
                continue
            }
            switch self.bytes[index + 1] {
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "f"): out.append(0x0C)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "u"):
                out.append((self.hexDigit(at: index + 4) ?? 0) << 4 | (self.hexDigit(at: index + 5) ?? 0))
                index += 4
            case let byte: out.append(byte)
            }
            index += 2
        }
        return out
    }

    /// Whether the string is `other`, byte by byte: equality of `String` would let another spelling of the same letters pass.
    func equals(_ text: Text, _ other: String) -> Bool {
        if text.escaped { return self.unescaped(text).elementsEqual(other.utf8) }
        return other.utf8.count == text.range.count && self.bytes[text.range].elementsEqual(other.utf8)
    }

    /// RFC 8785's order of keys: by UTF-16 code units.
    private func isOrdered(_ left: Text, before right: Text) -> Bool {
        if left.escaped || right.escaped {
            return Self.isOrdered(self.unescaped(left)[...], before: self.unescaped(right)[...])
        }
        return Self.isOrdered(self.bytes[left.range], before: self.bytes[right.range])
    }

    /// UTF-8 sorts by code point. UTF-16 differs in one place: surrogates, which stand for all code points from U+10000 on (lead bytes
    /// F0–F4), come before U+E000–U+FFFF (lead bytes EE and EF).
    private static func isOrdered(_ left: ArraySlice<UInt8>, before right: ArraySlice<UInt8>) -> Bool {
        for (a, b) in zip(left, right) where a != b {
            if a >= 0xEE, b >= 0xEE, (a >= 0xF0) != (b >= 0xF0) { return a >= 0xF0 }
            return a < b
        }
        return left.count < right.count
    }
}
