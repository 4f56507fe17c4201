public import Model

/// RFC 9562 version 7: time-ordered, so that indexes on it grow at one end.
public enum UUIDv7 {
    /// A fresh identifier: 48 bits of milliseconds, 74 random bits.
    public static func generate(at time: WallTime) -> String {
        var generator = SystemRandomNumberGenerator()
        return Self.make(at: time, using: &generator)
    }

    static func make(at time: WallTime, using generator: inout some RandomNumberGenerator) -> String {
        let milliseconds = UInt64(max(0, time.microseconds / 1000)) & 0xFFFF_FFFF_FFFF
        let high = milliseconds << 16 | 0x7000 | UInt64.random(in: 0...0xFFF, using: &generator)
        let low = 0x8000_0000_0000_0000 | UInt64.random(in: 0...0x3FFF_FFFF_FFFF_FFFF, using: &generator)
        let digits = Self.hex(high) + Self.hex(low)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index == 8 || index == 12 || index == 16 || index == 20 { text.append("-") }
            text.append(digit)
        }
        return text
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
