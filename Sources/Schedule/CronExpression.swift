import Model

/// When something recurs: five fields, `minute hour day-of-month month day-of-week`, as cron reads them.
///
/// A value is five sets of numbers as bit masks, and which fields were written as wildcards. It knows no time zone and no clock: what it selects are
/// minutes of a local calendar; ``next(after:in:)`` and ``previous(atOrBefore:in:)`` say which instants those are.
///
/// - A day matches when its month does and its *day*: with day of month and day of week both restricted, either suffices (as in every cron); with one
///   of them a wildcard, the other one decides. In these two fields `*`, `?` and `*/1` restrict nothing, `*/2` does.
/// - With a wildcard (`*` or `*/n`) in minute or hour the expression follows the clock on the wall, see ``followsTheClock``.
public struct CronExpression: Sendable, Hashable {
    /// Bit n stands for the value n.
    var minutes: UInt64
    var hours: UInt32
    var daysOfMonth: UInt32
    var months: UInt16
    /// Bit 0 is Sunday.
    var daysOfWeek: UInt8
    var wildcards: Wildcards

    struct Wildcards: OptionSet, Sendable, Hashable {
        var rawValue: UInt8
        static let minute = Wildcards(rawValue: 1)
        static let hour = Wildcards(rawValue: 2)
        static let dayOfMonth = Wildcards(rawValue: 4)
        static let dayOfWeek = Wildcards(rawValue: 8)
    }

    /// Whether minute or hour is a wildcard, so that the expression means “whenever the clock shows such a time” (every minute, every quarter of an
    /// hour) and not “at these times of the day”. The two differ only where a clock is put forward or back.
    public var followsTheClock: Bool { !self.wildcards.isDisjoint(with: [.minute, .hour]) }

    /// Whether no calendar has a day for it, as for 30 February.
    public var neverFires: Bool {
        if !self.wildcards.contains(.dayOfWeek) || self.wildcards.contains(.dayOfMonth) { return false }
        // A leap year has every day that there is.
        return !(1...12).contains { month in
            self.months & (1 << month) != 0 && self.daysOfMonth & Self.mask(upTo: CivilDate.daysInMonth(year: 2000, month: month)) != 0
        }
    }

    /// Whether the clock's minute is one of its minutes.
    public func matches(_ time: LocalTime) -> Bool {
        let (day, second) = time.dayAndSecond
        guard self.matches(day: day) else { return false }
        return self.hours & (1 << (second / 3600)) != 0 && self.minutes & (1 << (second / 60 % 60)) != 0
    }

    /// `day` is counted from 1970-01-01.
    func matches(day: Int) -> Bool {
        let date = CivilDate(daysSinceEpoch: day)
        return self.months & (1 << date.month) != 0 && self.days(year: date.year, month: date.month) & (1 << date.day) != 0
    }

    /// The matching days of a month that itself matches, bit n for day n.
    func days(year: Int, month: Int) -> UInt32 {
        let all = Self.mask(upTo: CivilDate.daysInMonth(year: year, month: month))
        if self.wildcards.isSuperset(of: [.dayOfMonth, .dayOfWeek]) { return all }
        if self.wildcards.contains(.dayOfWeek) { return self.daysOfMonth & all }
        let first = CivilDate(year: year, month: month, day: 1)?.weekday ?? 0
        // Bit n of the week is the weekday of the month's day 1 + n; five weeks in a row, and day 1 at bit 1.
        let week = (UInt64(self.daysOfWeek) >> first | UInt64(self.daysOfWeek) << (7 - first)) & 0x7F
        let weeks = UInt32(truncatingIfNeeded: week &* 0x1020_4081 << 1)
        let byWeek = weeks & all
        return self.wildcards.contains(.dayOfMonth) ? byWeek : byWeek | self.daysOfMonth & all
    }

    /// Bits 1 to `day`.
    private static func mask(upTo day: Int) -> UInt32 { UInt32(truncatingIfNeeded: (UInt64(1) << (day + 1)) - 2) }
}

/// One of a cron expression's five fields.
public enum CronField: String, Sendable, Hashable, CaseIterable {
    case minute
    case hour
    case dayOfMonth = "day-of-month"
    case month
    case dayOfWeek = "day-of-week"

    /// Lowest and highest number. Day of week: 0 is Sunday; 7, which is Sunday too, is turned into 0 on reading.
    var range: ClosedRange<Int> {
        switch self {
        case .minute: 0...59
        case .hour: 0...23
        case .dayOfMonth: 1...31
        case .month: 1...12
        case .dayOfWeek: 0...6
        }
    }

    /// The names of its values from the lowest on; empty when they have none.
    var names: [String] {
        switch self {
        case .minute, .hour, .dayOfMonth: []
        case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        case .dayOfWeek: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        }
    }

    /// What may stand there, for messages.
    var allowed: String {
        switch self {
        case .minute, .hour, .dayOfMonth: "\(self.range.lowerBound) to \(self.range.upperBound)"
        case .month: "1 to 12 or JAN to DEC"
        case .dayOfWeek: "0 to 7 (0 and 7 are Sunday) or MON to SUN"
        }
    }
}
