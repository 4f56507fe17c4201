import Model

/// Searching the local calendar, field by field: whole months and days are passed over at once.
extension CronExpression {
    /// How far a day is searched, in months. The rarest day there is, 29 February, is at most 8 years from the next one.
    private static var searchedMonths: Int { 9 * 12 }
    private static var minutesPerDay: Int { 24 * 60 }

    /// The first matching minute at or after this second of the local calendar, in seconds; nil when there is none within 8 years.
    func first(from local: Int) -> Int? {
        let minute = -floorDivide(-local, 60)
        let day = floorDivide(minute, Self.minutesPerDay)
        if self.matches(day: day), let time = self.firstTime(from: minute - day * Self.minutesPerDay) {
            return (day * Self.minutesPerDay + time) * 60
        }
        guard let next = self.firstDay(from: day + 1), let time = self.firstTime(from: 0) else { return nil }
        return (next * Self.minutesPerDay + time) * 60
    }

    /// The last matching minute at or before this second of the local calendar, in seconds; nil when there is none within 8 years.
    func last(through local: Int) -> Int? {
        let minute = floorDivide(local, 60)
        let day = floorDivide(minute, Self.minutesPerDay)
        if self.matches(day: day), let time = self.lastTime(through: minute - day * Self.minutesPerDay) {
            return (day * Self.minutesPerDay + time) * 60
        }
        guard let previous = self.lastDay(through: day - 1), let time = self.lastTime(through: Self.minutesPerDay - 1) else { return nil }
        return (previous * Self.minutesPerDay + time) * 60
    }

    private func firstDay(from day: Int) -> Int? {
        let date = CivilDate(daysSinceEpoch: day)
        var (year, month, least) = (date.year, date.month, date.day)
        for _ in 0..<Self.searchedMonths {
            if self.months & (1 << month) != 0 {
                let days = self.days(year: year, month: month) & (.max << UInt32(least))
                if days != 0 { return CivilDate(year: year, month: month, day: days.trailingZeroBitCount)?.daysSinceEpoch }
            }
            (year, month, least) = (month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1)
        }
        return nil
    }

    private func lastDay(through day: Int) -> Int? {
        let date = CivilDate(daysSinceEpoch: day)
        var (year, month, most) = (date.year, date.month, date.day)
        for _ in 0..<Self.searchedMonths {
            if self.months & (1 << month) != 0 {
                let days = self.days(year: year, month: month) & (.max >> UInt32(31 - most))
                if days != 0 { return CivilDate(year: year, month: month, day: 31 - days.leadingZeroBitCount)?.daysSinceEpoch }
            }
            (year, month, most) = (month == 1 ? year - 1 : year, month == 1 ? 12 : month - 1, 31)
        }
        return nil
    }

    /// The first minute of the day that matches, from this one on.
    private func firstTime(from minute: Int) -> Int? {
        let (hour, rest) = (minute / 60, minute % 60)
        if self.hours & (1 << hour) != 0 {
            let minutes = self.minutes & (.max << UInt64(rest))
            if minutes != 0 { return hour * 60 + minutes.trailingZeroBitCount }
        }
        let hours = self.hours & (.max << UInt32(hour + 1))
        return hours == 0 ? nil : hours.trailingZeroBitCount * 60 + self.minutes.trailingZeroBitCount
    }

    /// The last minute of the day that matches, up to this one.
    private func lastTime(through minute: Int) -> Int? {
        let (hour, rest) = (minute / 60, minute % 60)
        if self.hours & (1 << hour) != 0 {
            let minutes = self.minutes & (.max >> UInt64(63 - rest))
            if minutes != 0 { return hour * 60 + 63 - minutes.leadingZeroBitCount }
        }
        let hours = self.hours & ((1 << hour) - 1)
        return hours == 0 ? nil : (31 - hours.leadingZeroBitCount) * 60 + 63 - self.minutes.leadingZeroBitCount
    }
}
