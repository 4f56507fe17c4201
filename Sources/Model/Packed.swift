/// A compact binary form for what is written often and read rarely: whole numbers take as many bytes as they need, a text is written once and then
/// referred to.
///
/// Numbers are LEB128, signed ones zigzag (the encodings of Protocol Buffers, protobuf.dev/programming-guides/encoding). There are no tags: writer and
/// reader agree on the order, and whoever frames a block puts a version first.
public struct PackedWriter: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8] = []
    private var texts: [String: UInt64] = [:]

    /// Nothing is written yet.
    public init() {}

    /// A whole number of 0 and above, 1 to 10 bytes.
    @inline(__always)
    public mutating func write(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            self.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A whole number, the smaller its magnitude the fewer bytes.
    @inline(__always)
    public mutating func write(_ number: Int64) { self.write(UInt64(bitPattern: (number << 1) ^ (number >> 63))) }
    /// A whole number, the smaller its magnitude the fewer bytes.
    public mutating func write(_ number: Int) { self.write(Int64(number)) }
    /// How many of something follow.
    public mutating func write(count: Int) { self.write(UInt64(count)) }

    /// The difference, which wraps around and back again.
    @inline(__always)
    public mutating func write(_ time: WallTime, after base: WallTime) { self.write(time.microseconds &- base.microseconds) }

    /// A text, or the number of an earlier one that is the same.
    public mutating func write(_ text: String) {
        if let known = self.texts[text] { return self.write(known) }
        self.texts[text] = UInt64(self.texts.count + 1)
        self.write(UInt64(0))
        self.write(count: text.utf8.count)
        self.bytes.append(contentsOf: text.utf8)
    }
}

/// Reads what a ``PackedWriter`` wrote. Total: any bytes give values or an error, and nothing is reserved on the word of a number.
public struct PackedReader: Sendable {
    private let bytes: [UInt8]
    private var place = 0
    private var texts: [String] = []

    /// Reads from the first byte on.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether everything was read.
    public var isAtEnd: Bool { self.place == self.bytes.count }

    /// A whole number of 0 and above.
    /// - Throws: where the bytes end, or make no number of 64 bits.
    @inline(__always)
    public mutating func number() throws(PackedError) -> UInt64 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while self.place < self.bytes.count {
            let byte = self.bytes[self.place]
            self.place += 1
            guard shift < 63 || byte <= 1 else { break }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
            shift += 7
        }
        throw PackedError(offset: self.place)
    }

    /// What `write(_: Int64)` wrote.
    @inline(__always)
    public mutating func int64() throws(PackedError) -> Int64 {
        let number = try self.number()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }
    /// What `write(_: Int)` wrote.
    public mutating func int() throws(PackedError) -> Int { Int(try self.int64()) }

    /// Of things that take at least one byte each.
    public mutating func count() throws(PackedError) -> Int {
        let number = try self.number()
        guard number <= UInt64(self.bytes.count - self.place) else { throw PackedError(offset: self.place) }
        return Int(number)
    }

    /// A time that was written after the same base.
    @inline(__always)
    public mutating func time(after base: WallTime) throws(PackedError) -> WallTime {
        WallTime(microseconds: base.microseconds &+ (try self.int64()))
    }

    /// A text; bytes that are no UTF-8 become U+FFFD.
    public mutating func text() throws(PackedError) -> String {
        let reference = try self.number()
        if reference > 0 {
            guard reference <= UInt64(self.texts.count) else { throw PackedError(offset: self.place) }
            return self.texts[Int(reference) - 1]
        }
        let count = try self.count()
        let text = String(decoding: self.bytes[self.place..<self.place + count], as: UTF8.self)
        self.place += count
        self.texts.append(text)
        return text
    }
}

/// The bytes are not what a ``PackedWriter`` wrote.
public struct PackedError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where reading ended, in bytes from the start.
    public let offset: Int
    public init(offset: Int) { self.offset = offset }
    public var description: String { "the packed form can't be read from byte \(self.offset) on" }
}
