/// A point in wall time: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// In decisions and memory it is *cluster time*: the leader's reading of the database's clock, carried on by a monotonic
/// clock and never going back. It is data; nothing in the pure targets reads a clock.
public struct WallTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Since 1970-01-01T00:00:00Z; negative before it.
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    public static func < (left: WallTime, right: WallTime) -> Bool { left.microseconds < right.microseconds }
    /// Saturates instead of overflowing.
    public static func + (time: WallTime, duration: Duration) -> WallTime {
        let (sum, overflow) = time.microseconds.addingReportingOverflow(duration.microseconds)
        return WallTime(microseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }
    /// Saturates instead of overflowing.
    public static func - (time: WallTime, duration: Duration) -> WallTime { time + (.zero - duration) }
    /// How long from `right` to `left`; saturates instead of overflowing.
    public static func - (left: WallTime, right: WallTime) -> Duration {
        let (difference, overflow) = left.microseconds.subtractingReportingOverflow(right.microseconds)
        return .microseconds(overflow ? (left < right ? Int64.min : Int64.max) : difference)
    }

    /// RFC 3339 in UTC with milliseconds, as the API answers: `2026-05-28T03:12:04.120Z`.
    public var description: String { self.rfc3339(fractionDigits: 3) }

    /// RFC 3339 in UTC with 0, 3 or 6 fraction digits; the rest is cut, not rounded. Years before 0 or after 9999 are clamped.
    public func rfc3339(fractionDigits: Int) -> String {
        let clamped = min(max(self.microseconds, Self.earliest), Self.latest)
        let day = Self.floorDivide(clamped, 86_400_000_000)
        let inDay = clamped - day * 86_400_000_000
        let seconds = inDay / 1_000_000
        var text = CivilDate(daysSinceEpoch: Int(day)).description + "T"
        text += Self.padded(seconds / 3600, 2) + ":" + Self.padded(seconds / 60 % 60, 2) + ":" + Self.padded(seconds % 60, 2)
        switch fractionDigits {
        case 3: text += "." + Self.padded(inDay % 1_000_000 / 1000, 3)
        case 6: text += "." + Self.padded(inDay % 1_000_000, 6)
        default: break
        }
        return text + "Z"
    }

    /// Reads RFC 3339 with `Z` or a numeric offset; nil for anything else, impossible dates included.
    public init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        func number(_ from: Int, _ count: Int) -> Int64? {
            guard from + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[from..<from + count] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }
        func has(_ character: Character, at index: Int) -> Bool { index < bytes.count && bytes[index] == character.asciiValue }
        guard let year = number(0, 4), has("-", at: 4), let month = number(5, 2), has("-", at: 7), let day = number(8, 2),
            has("T", at: 10) || has("t", at: 10) || has(" ", at: 10), let hour = number(11, 2), has(":", at: 13),
            let minute = number(14, 2), has(":", at: 16), let second = number(17, 2),
            let date = CivilDate(year: Int(year), month: Int(month), day: Int(day)), hour < 24, minute < 60, second < 61
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if has(".", at: index) {
            index += 1
            var scale: Int64 = 100_000
            let first = index
            while index < bytes.count, let digit = number(index, 1) {
                fraction += digit * scale
                scale /= 10
                index += 1
            }
            guard index > first else { return nil }
        }
        var offsetMinutes: Int64 = 0
        if has("Z", at: index) || has("z", at: index) {
            index += 1
        } else if has("+", at: index) || has("-", at: index) {
            guard let hours = number(index + 1, 2), has(":", at: index + 3), let minutes = number(index + 4, 2), hours < 24, minutes < 60
            else { return nil }
            offsetMinutes = (has("-", at: index) ? -1 : 1) * (hours * 60 + minutes)
            index += 6
        } else {
            return nil
        }
        guard index == bytes.count else { return nil }
        let seconds = Int64(date.daysSinceEpoch) * 86_400 + hour * 3600 + minute * 60 + min(second, 59) - offsetMinutes * 60
        self.microseconds = seconds * 1_000_000 + fraction
    }

    private static let earliest: Int64 = -62_167_219_200_000_000  // 0000-01-01
    private static let latest: Int64 = 253_402_300_799_999_999  // 9999-12-31T23:59:59.999999

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }
}

extension WallTime: JSONEncodable {
    public var json: JSON { .string(self.description) }
}

extension Duration {
    /// Whole microseconds, rounded towards zero, saturating.
    public var microseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }
    /// Whole milliseconds, rounded towards zero.
    public var milliseconds: Int64 { self.microseconds / 1000 }

    /// Reads `30s`, `5m`, `2h`, `250ms`, `1d` and sums such as `1m30s`; nil for anything else, negative or empty text included.
    public init?(text: String) {
        var total: Int64 = 0
        var digits = ""
        var rest = Substring(text)
        guard !rest.isEmpty else { return nil }
        while let character = rest.first {
            if character.isASCII, character.isNumber {
                digits.append(character)
                rest.removeFirst()
                continue
            }
            let unit: (suffix: String, milliseconds: Int64)? = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
                .first { rest.hasPrefix($0.0) }.map { (suffix: $0.0, milliseconds: $0.1) }
            guard let unit, let count = Int64(digits) else { return nil }
            let (part, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
            let (sum, sumOverflow) = total.addingReportingOverflow(part)
            guard !overflow, !sumOverflow, sum <= Self.longestMilliseconds else { return nil }
            total = sum
            digits = ""
            rest.removeFirst(unit.suffix.count)
        }
        guard digits.isEmpty else { return nil }
        self = .milliseconds(total)
    }

    /// Longer than any window, hold or lease that makes sense (100 years), and far from overflow.
    private static var longestMilliseconds: Int64 { 100 * 366 * 86_400_000 }

    /// As manifests write it, the shortest exact form down to milliseconds: `1m30s`, `2h`, `250ms`, `0s`.
    public var text: String {
        var rest = self.milliseconds
        if rest == 0 { return "0s" }
        let sign = rest < 0 ? "-" : ""
        rest = abs(rest)
        var text = ""
        for (suffix, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] as [(String, Int64)] where rest >= size {
            text += "\(rest / size)\(suffix)"
            rest %= size
        }
        return sign + text
    }
}
