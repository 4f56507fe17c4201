/// A SHA-256 value: 32 bytes, stored in place.
public struct Digest: Sendable, Hashable, CustomStringConvertible {
    /// Its length in bytes.
    public static let byteCount = 32

    // The bytes in memory order; the words' numeric values mean nothing.
    private let word0: UInt64
    private let word1: UInt64
    private let word2: UInt64
    private let word3: UInt64

    /// nil unless there are exactly 32 bytes.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self = Array(bytes).withUnsafeBytes { Digest(loading: $0) }
    }

    /// - Precondition: `raw` holds 32 bytes at least.
    init(loading raw: UnsafeRawBufferPointer) {
        self.word0 = raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
        self.word1 = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        self.word2 = raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        self.word3 = raw.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
    }

    /// - Precondition: `raw` has room for 32 bytes from `offset` on.
    func store(to raw: UnsafeMutableRawBufferPointer, at offset: Int) {
        raw.storeBytes(of: self.word0, toByteOffset: offset, as: UInt64.self)
        raw.storeBytes(of: self.word1, toByteOffset: offset + 8, as: UInt64.self)
        raw.storeBytes(of: self.word2, toByteOffset: offset + 16, as: UInt64.self)
        raw.storeBytes(of: self.word3, toByteOffset: offset + 24, as: UInt64.self)
    }

    /// In the order in which SHA-256 gives them, as they stand in the database.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            self.store(to: UnsafeMutableRawBufferPointer(buffer), at: 0)
            count = Self.byteCount
        }
    }

    /// Lower-case hexadecimal, 64 digits.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * Self.byteCount)
        for byte in self.bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// RFC 4648 base64 with padding, 44 characters, as checkpoints write it.
    public var base64: String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let bytes = self.bytes
        var text: [UInt8] = []
        text.reserveCapacity(44)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for offset in 0..<3 { bits = bits << 8 | (offset < group.count ? UInt32(group[start + offset]) : 0) }
            for place in 0..<4 {
                text.append(place <= group.count ? alphabet[Int(bits >> (18 - 6 * UInt32(place)) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Its ``hex``, for messages and tests.
    public var description: String { self.hex }
}
