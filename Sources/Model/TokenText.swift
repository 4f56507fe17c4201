/// A credential as it is written: `muster_<environment>_<id>_<secret>_<checksum>`, for example `muster_prod_4fK2x9Qa_…_0aB3xZ`.
///
/// The fixed prefix lets secret scanners find a leaked one; the checksum lets them, and us, tell a typing error from a wrong secret without asking
/// the database. What is stored is the id and the SHA-256 of the 32 secret bytes (``secret``), never this text.
///
/// It holds no randomness and no hash of its own: whoever makes one passes random bytes in.
public struct TokenText: Sendable, Hashable {
    /// What every token begins with, for secret scanners.
    public static let prefix = "muster"
    /// Base-62 digits of the id: 47 bits, enough for the number of tokens that a cluster ever makes.
    public static let idLength = 8
    /// Base-62 digits that 256 bits take.
    public static let secretLength = 43
    /// Base-62 digits that a CRC-32 takes.
    public static let checksumLength = 6
    /// Longest environment name, in bytes.
    public static let maximumEnvironment = 32
    /// Bytes of the secret.
    public static let secretByteCount = 32
    /// Random bytes that an id is made of.
    public static let idByteCount = 8

    /// Which cluster it is for, by name: lower-case letters, digits and `-`.
    public let environment: String
    /// Public: it names the token in lists and logs.
    public let id: String
    /// 32 bytes. Its SHA-256 is what the database holds.
    public let secret: [UInt8]

    /// A fresh token.
    ///
    /// - Parameters:
    ///   - environment: usually the cluster's name; characters that a token may not hold are replaced by `-`.
    ///   - idBytes: 8 random bytes.
    ///   - secret: 32 random bytes.
    /// - Returns: nil when a count of bytes is wrong.
    public init?(environment: String, idBytes: [UInt8], secret: [UInt8]) {
        guard idBytes.count == Self.idByteCount, secret.count == Self.secretByteCount else { return nil }
        let cleaned = environment.lowercased().utf8.prefix(Self.maximumEnvironment).map { Self.isEnvironment($0) ? $0 : UInt8(ascii: "-") }
        self.environment = cleaned.isEmpty ? "cluster" : String(decoding: cleaned, as: UTF8.self)
        // Eight random bytes reduced to eight digits: the bias is below 2⁻¹⁶ and an id is no secret.
        self.id = Self.base62(idBytes, digits: Self.idLength)
        self.secret = secret
    }

    /// Reads a token; nil when its form or checksum is wrong.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength else { return nil }
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == Self.prefix, (1...Self.maximumEnvironment).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy(Self.isEnvironment), parts[2].utf8.count == Self.idLength, parts[2].utf8.allSatisfy({ Self.digit($0) != nil }),
            parts[3].utf8.count == Self.secretLength, let secret = Self.bytes(base62: parts[3]),
            parts[4] == Self.checksum(parts.dropLast().joined(separator: "_"))
        else { return nil }
        self.environment = String(parts[1])
        self.id = String(parts[2])
        self.secret = secret
    }

    /// The whole credential. Whoever has it is its bearer: it goes to its owner once, and nowhere else.
    public var text: String {
        let body = "\(Self.prefix)_\(self.environment)_\(self.id)_\(Self.base62(self.secret, digits: Self.secretLength))"
        return "\(body)_\(Self.checksum(body))"
    }

    /// Bytes of the longest token there can be: anything longer is none.
    public static var maximumLength: Int {
        Self.prefix.utf8.count + Self.maximumEnvironment + Self.idLength + Self.secretLength + Self.checksumLength + 4
    }

    // MARK: - Digits

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    private static func isEnvironment(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 36
        default: nil
        }
    }

    /// The lowest `digits` base-62 digits of a big-endian number, most significant first.
    private static func base62(_ bytes: [UInt8], digits: Int) -> String {
        var number = bytes
        var text = [UInt8](repeating: UInt8(ascii: "0"), count: digits)
        for position in stride(from: digits - 1, through: 0, by: -1) {
            var remainder = 0
            for index in number.indices {
                let value = remainder << 8 | Int(number[index])
                number[index] = UInt8(value / 62)
                remainder = value % 62
            }
            text[position] = Self.alphabet[remainder]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The 256-bit big-endian number of base-62 digits; nil when it does not fit or holds another character.
    private static func bytes(base62 text: Substring) -> [UInt8]? {
        var number = [UInt8](repeating: 0, count: Self.secretByteCount)
        for byte in text.utf8 {
            guard let digit = Self.digit(byte) else { return nil }
            var carry = Int(digit)
            for index in number.indices.reversed() {
                let value = Int(number[index]) * 62 + carry
                number[index] = UInt8(value & 0xFF)
                carry = value >> 8
            }
            guard carry == 0 else { return nil }
        }
        return number
    }

    /// CRC-32 (IEEE 802.3, reflected) as base-62 digits.
    static func checksum(_ text: String) -> String {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in text.utf8 {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        crc = ~crc
        let bytes = [UInt8(crc >> 24 & 0xFF), UInt8(crc >> 16 & 0xFF), UInt8(crc >> 8 & 0xFF), UInt8(crc & 0xFF)]
        return Self.base62(bytes, digits: Self.checksumLength)
    }
}

extension TokenText: CustomStringConvertible {
    /// Without the secret, so that a token that strays into a log line gives nothing away.
    public var description: String { "\(Self.prefix)_\(self.environment)_\(self.id)_***" }
}

extension TokenText: CustomDebugStringConvertible, CustomReflectable {
    /// Without the secret.
    public var debugDescription: String { self.description }
    /// Without the secret.
    public var customMirror: Mirror { Mirror(self, children: ["id": self.id]) }
}
