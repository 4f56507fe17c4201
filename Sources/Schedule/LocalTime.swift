public import Model

/// What a clock on the wall shows: a date and a time of day to the second, in no particular zone.
public struct LocalTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since this clock showed 1970-01-01T00:00:00, with 86,400 of them on each day.
    public var seconds: Int

    /// - Parameter seconds: since this clock showed 1970-01-01T00:00:00; may be negative.
    public init(seconds: Int) { self.seconds = seconds }

    /// nil when there is no such date or time of day.
    public init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        guard let date = CivilDate(year: year, month: month, day: day), (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        self.seconds = date.daysSinceEpoch * secondsPerDay + hour * 3600 + minute * 60 + second
    }

    /// The day that the clock shows.
    public var date: CivilDate { CivilDate(daysSinceEpoch: self.dayAndSecond.day) }
    /// 0 to 23.
    public var hour: Int { self.dayAndSecond.second / 3600 }
    /// 0 to 59.
    public var minute: Int { self.dayAndSecond.second / 60 % 60 }
    /// 0 to 59: such a clock shows no leap seconds.
    public var second: Int { self.dayAndSecond.second % 60 }

    /// Days since 1970-01-01 and the second of that day.
    var dayAndSecond: (day: Int, second: Int) {
        let day = floorDivide(self.seconds, secondsPerDay)
        return (day, self.seconds &- day &* secondsPerDay)
    }

    /// Earlier on the same clock. Where clocks are put back, that need not have come earlier.
    public static func < (left: LocalTime, right: LocalTime) -> Bool { left.seconds < right.seconds }

    /// ISO 8601 without a zone: `2026-03-29T02:30:00`.
    public var description: String {
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
        return "\(self.date)T\(padded(self.hour)):\(padded(self.minute)):\(padded(self.second))"
    }
}

let secondsPerDay = 86_400

/// Rounds towards minus infinity; `divisor` is positive.
@inline(__always)
func floorDivide(_ value: Int, _ divisor: Int) -> Int {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
}

extension WallTime {
    /// The second that it is in.
    var wholeSeconds: Int { floorDivide(Int(self.microseconds), 1_000_000) }

    /// Saturates.
    init(wholeSeconds: Int) {
        let (microseconds, overflow) = Int64(wholeSeconds).multipliedReportingOverflow(by: 1_000_000)
        self.init(microseconds: overflow ? (wholeSeconds < 0 ? .min : .max) : microseconds)
    }
}
