/// A day of the proleptic Gregorian calendar, in no time zone. Years reach from −9999 to 99999.
public struct CivilDate: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// −9999 to 99999.
    public let year: Int
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
    public let day: Int

    /// nil when there is no such day.
    public init?(year: Int, month: Int, day: Int) {
        guard Self.years.contains(year), (1...12).contains(month), day >= 1, day <= Self.daysInMonth(year: year, month: month) else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day that begins this many days after 1970-01-01; days outside the years become the first or last day inside.
    public init(daysSinceEpoch days: Int) {
        // Years are counted from 1 March, so that the leap day comes last.
        let shifted = min(max(days, Self.firstDay), Self.lastDay) + 719_468
        let era = Self.floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        self.year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        self.month = month
        self.day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    }

    /// Days since 1970-01-01; negative before it.
    public var daysSinceEpoch: Int { Self.daysSinceEpoch(year: self.year, month: self.month, day: self.day) }

    /// 0 is Sunday, 6 is Saturday.
    public var weekday: Int { Self.weekday(daysSinceEpoch: self.daysSinceEpoch) }

    /// 0 is Sunday, 6 is Saturday: 1970-01-01 was a Thursday.
    public static func weekday(daysSinceEpoch days: Int) -> Int {
        let rest = days % 7
        return (rest + 11) % 7
    }

    /// Whether the year has a 29 February.
    public static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// `month` is 1 to 12; any other one counts as one with 31 days.
    public static func daysInMonth(year: Int, month: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: Self.isLeap(year) ? 29 : 28
        default: 31
        }
    }

    public static func < (left: CivilDate, right: CivilDate) -> Bool { (left.year, left.month, left.day) < (right.year, right.month, right.day) }

    /// ISO 8601: `2026-05-28`.
    public var description: String { "\(Self.padded(self.year, 4))-\(Self.padded(self.month, 2))-\(Self.padded(self.day, 2))" }

    private static let years = -9999...99999
    private static let firstDay = Self.daysSinceEpoch(year: -9999, month: 1, day: 1)
    private static let lastDay = Self.daysSinceEpoch(year: 99999, month: 12, day: 31)

    private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = Self.floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
    private static func floorDivide(_ value: Int, _ divisor: Int) -> Int {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }
    private static func padded(_ value: Int, _ width: Int) -> String {
        let text = String(abs(value))
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
