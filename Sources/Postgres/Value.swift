/// A statement's parameter. Sent in text format, `bytes` in binary.
public enum Value: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case text(String)
    case bytes([UInt8])
    case textArray([String?])
    case intArray([Int64])
    case bytesArray([[UInt8]])
    /// Microseconds since 1970-01-01T00:00:00Z.
    case timestamp(microseconds: Int64)
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral {
    /// Text; the server turns it into the parameter's own type.
    public init(stringLiteral value: String) { self = .text(value) }
    /// An integer; the server refuses it where the parameter's own type has no room for it.
    public init(integerLiteral value: Int64) { self = .int(value) }
    /// A `boolean`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// NULL, of whatever type the parameter has.
    public init(nilLiteral: ()) { self = .null }
}

/// One statement with its parameters.
public struct Statement: Sendable, Hashable {
    /// With `$1`, `$2` … where the parameters stand. Never made from values: those are parameters.
    public var sql: String
    /// In the order of their numbers.
    public var parameters: [Value]
    /// - Parameter sql: one statement, with `$1`, `$2` … where parameters stand.
    public init(_ sql: String, _ parameters: [Value] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}

extension Statement {
    /// What it takes on its way to the server, in bytes, about.
    var size: Int { self.parameters.reduce(self.sql.utf8.count) { $0 + $1.size } }
}

extension Value {
    /// In bytes, about. Numbers and times are short.
    var size: Int {
        switch self {
        case .null, .bool, .int, .double, .timestamp: 32
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .textArray(let texts): texts.reduce(0) { $0 + ($1?.utf8.count ?? 4) + 3 }
        case .intArray(let values): values.count * 12
        case .bytesArray(let values): values.reduce(0) { $0 + $1.count * 2 + 6 }
        }
    }

    /// The text form that the server parses; nil for NULL and for `bytes`, which travel as they are.
    var text: String? {
        switch self {
        case .null, .bytes: nil
        case .bool(let value): value ? "t" : "f"
        case .int(let value): String(value)
        case .double(let value): value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : value.description
        case .text(let value): value
        case .textArray(let values): Self.array(values.map { $0.map(Self.quoted) })
        case .intArray(let values): Self.array(values.map { String($0) })
        case .bytesArray(let values): Self.array(values.map { "\"\\\\x" + Self.hex($0) + "\"" })
        case .timestamp(let microseconds): Self.timestampText(microseconds)
        }
    }

    private static func array(_ elements: [String?]) -> String {
        "{" + elements.map { $0 ?? "NULL" }.joined(separator: ",") + "}"
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { out.unicodeScalars.append("\\") }
            out.unicodeScalars.append(scalar)
        }
        return out + "\""
    }

    static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[index * 2] = digits[Int(byte >> 4)]
                buffer[index * 2 + 1] = digits[Int(byte & 15)]
            }
            return bytes.count * 2
        }
    }

    /// ISO 8601 in UTC; the server reads years from 4714 BC, we clamp to the years 1 to 9999.
    private static func timestampText(_ microseconds: Int64) -> String {
        let clamped = min(max(microseconds, -62_135_596_800_000_000), 253_402_300_799_999_999)
        var days = clamped / 86_400_000_000
        var rest = clamped % 86_400_000_000
        if rest < 0 { days -= 1; rest += 86_400_000_000 }
        let (year, month, day) = CivilDate.date(daysSinceEpoch: days)
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let seconds = rest / 1_000_000
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2)) "
            + "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2)).\(padded(rest % 1_000_000, 6))+00"
    }
}

/// The proleptic Gregorian calendar, counted in days since 1970-01-01; a year begins on 1 March here so that the leap day comes last.
enum CivilDate {
    static func date(daysSinceEpoch days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
