import Model

/// The rule of a zone for all years, as the footer of a TZif file writes it (the `TZ` of POSIX with the extensions of RFC 8536, section 3.3.1):
/// `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixRule: Sendable, Hashable {
    /// In seconds east of UTC, the reverse of how the text counts them.
    var standard: Int
    var daylight: Daylight?

    struct Daylight: Sendable, Hashable {
        var offset: Int
        var start: Change
        var end: Change
    }

    /// A moment of each year by the clock that it changes.
    struct Change: Sendable, Hashable {
        var day: Day
        /// Seconds from that day's midnight; may be negative or beyond the day.
        var time: Int
    }

    enum Day: Sendable, Hashable {
        /// 1 to 365; 29 February is not counted.
        case julian(Int)
        /// 0 to 365; 29 February is counted.
        case dayOfYear(Int)
        /// Week 5 is the last one of the month.
        case weekday(month: Int, week: Int, weekday: Int)
    }

    func span(at second: Int) -> TimeZoneRules.Span {
        guard let daylight = self.daylight else { return TimeZoneRules.Span(start: .min, end: .max, offset: self.standard) }
        let year = CivilDate(daysSinceEpoch: floorDivide(second, secondsPerDay)).year
        var span = TimeZoneRules.Span(start: .min, end: .max, offset: self.standard)
        for candidate in (year - 1)...(year + 1) {
            // With daylight saving all year round one year's end is the next year's start, which comes later here and holds.
            let end = daylight.end.second(of: candidate, offset: daylight.offset)
            let start = daylight.start.second(of: candidate, offset: self.standard)
            if end <= second, end >= span.start { (span.start, span.offset) = (end, self.standard) }
            if start <= second, start >= span.start { (span.start, span.offset) = (start, daylight.offset) }
            if end > second { span.end = min(span.end, end) }
            if start > second { span.end = min(span.end, start) }
        }
        return span
    }
}

extension PosixRule.Change {
    /// When it comes in this year, by a clock with this offset.
    func second(of year: Int, offset: Int) -> Int { self.day.daysSinceEpoch(in: year) * secondsPerDay + self.time - offset }
}

extension PosixRule.Day {
    func daysSinceEpoch(in year: Int) -> Int {
        let newYear = CivilDate(year: year, month: 1, day: 1)?.daysSinceEpoch ?? 0
        switch self {
        case .julian(let day): return newYear + day - 1 + (CivilDate.isLeap(year) && day >= 60 ? 1 : 0)
        case .dayOfYear(let day): return newYear + day
        case .weekday(let month, let week, let weekday):
            let first = CivilDate(year: year, month: month, day: 1)?.daysSinceEpoch ?? 0
            let toFirst = (weekday - CivilDate.weekday(daysSinceEpoch: first) + 7) % 7
            let day = toFirst + (week - 1) * 7
            return first + (day < CivilDate.daysInMonth(year: year, month: month) ? day : day - 7)
        }
    }
}

extension PosixRule {
    /// - Throws: ``TimeZoneError`` when the text is not such a rule.
    init(parsing text: [UInt8]) throws(TimeZoneError) {
        var parser = PosixRuleParser(bytes: text)
        self = try parser.rule()
    }
}

private struct PosixRuleParser {
    let bytes: [UInt8]
    var index = 0

    private var next: UInt8? { self.index < self.bytes.count ? self.bytes[self.index] : nil }

    private func bad(_ what: String) -> TimeZoneError {
        TimeZoneError("the rule “\(String(decoding: self.bytes.prefix(100), as: UTF8.self))” \(what) at character \(self.index + 1)")
    }

    private mutating func take(_ symbol: Unicode.Scalar) -> Bool {
        guard self.next == UInt8(ascii: symbol) else { return false }
        self.index += 1
        return true
    }

    mutating func rule() throws(TimeZoneError) -> PosixRule {
        try self.skipName()
        var rule = PosixRule(standard: -(try self.time(hours: 24)))
        guard self.next != nil else { return rule }
        try self.skipName()
        let offset = self.next == UInt8(ascii: ",") ? rule.standard + 3600 : -(try self.time(hours: 24))
        guard self.take(",") else { throw self.bad("lacks the start of daylight saving") }
        let start = try self.change()
        guard self.take(",") else { throw self.bad("lacks the end of daylight saving") }
        let end = try self.change()
        guard self.next == nil else { throw self.bad("goes on unexpectedly") }
        // Changes to the same offset are none.
        if offset != rule.standard { rule.daylight = PosixRule.Daylight(offset: offset, start: start, end: end) }
        return rule
    }

    /// `CET` or `<+03>`.
    private mutating func skipName() throws(TimeZoneError) {
        let start = self.index
        if self.take("<") {
            while let byte = self.next, byte != UInt8(ascii: ">") { self.index += 1 }
            guard self.take(">") else { throw self.bad("has a name without an end") }
        } else {
            while let byte = self.next, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) { self.index += 1 }
        }
        guard self.index - start >= 3 else { throw self.bad("lacks a name") }
    }

    /// `[+-]h[h][h][:mm[:ss]]` in seconds.
    private mutating func time(hours limit: Int) throws(TimeZoneError) -> Int {
        let sign = self.take("-") ? -1 : (self.take("+") ? 1 : 1)
        var seconds = try self.number(0...limit) * 3600
        if self.take(":") { seconds += try self.number(0...59) * 60 }
        if self.take(":") { seconds += try self.number(0...59) }
        return sign * seconds
    }

    private mutating func number(_ range: ClosedRange<Int>) throws(TimeZoneError) -> Int {
        let start = self.index
        var value = 0
        while let byte = self.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), self.index - start < 4 {
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            self.index += 1
        }
        guard self.index > start, range.contains(value) else { throw self.bad("lacks a number from \(range.lowerBound) to \(range.upperBound)") }
        return value
    }

    private mutating func change() throws(TimeZoneError) -> PosixRule.Change {
        let day: PosixRule.Day
        if self.take("J") {
            day = .julian(try self.number(1...365))
        } else if self.take("M") {
            let month = try self.number(1...12)
            guard self.take(".") else { throw self.bad("lacks a week") }
            let week = try self.number(1...5)
            guard self.take(".") else { throw self.bad("lacks a weekday") }
            day = .weekday(month: month, week: week, weekday: try self.number(0...6))
        } else {
            day = .dayOfYear(try self.number(0...365))
        }
        // RFC 8536: up to a week before or behind the day; two o'clock when nothing is said.
        return PosixRule.Change(day: day, time: self.take("/") ? try self.time(hours: 167) : 2 * 3600)
    }
}
