import Model
import Schedule
import SeededRandom
import Testing

/// The rules around a change of clocks, carried out minute by minute as the documentation words them, against the search.
@Suite("Occurrences, minute by minute")
struct BruteForceTests {
    /// A zone, and a moment within a day of a change of its clocks.
    static let changes: [(zone: String, near: String)] = [
        ("Europe/Berlin", "2026-03-29T01:00:00Z"), ("Europe/Berlin", "2026-10-25T01:00:00Z"), ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"), ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"), ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Africa/Casablanca", "2026-02-15T02:00:00Z"), ("Africa/Casablanca", "2026-03-22T02:00:00Z"), ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
        ("America/Sao_Paulo", "2018-02-18T02:00:00Z"), ("Asia/Beirut", "2026-03-28T22:00:00Z"), ("Asia/Beirut", "2026-10-24T21:00:00Z"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z"), ("Asia/Kathmandu", "1985-12-31T18:30:00Z"), ("Europe/Dublin", "2080-03-31T01:00:00Z"),
        ("Antarctica/Troll", "2026-03-29T01:00:00Z"), ("Antarctica/Troll", "2026-10-25T01:00:00Z"), ("Asia/Kathmandu", "2026-05-01T00:00:00Z"),
        ("America/St_Johns", "2006-10-29T02:31:00Z"), ("Pacific/Kwajalein", "1969-09-30T13:00:00Z"),
    ]

    /// What a wall clock did over a few days: the local minute that it showed at each minute of real time.
    struct Days {
        var first: Int
        var local: [Int]
        var firstShown: [Int: Int] = [:]

        init(zone: TimeZoneRules, near: WallTime) {
            self.first = near.seconds / 60 - 3 * 1440
            self.local = (self.first..<self.first + 6 * 1440).map { minute in
                minute + zone.utcOffset(at: WallTime(seconds: minute * 60)) / 60
            }
            for (index, local) in self.local.enumerated() where self.firstShown[local] == nil { self.firstShown[local] = self.first + index }
        }

        /// The minutes of real time at which the specification fires.
        func fires(_ specification: Specification) -> [Int] {
            if specification.followsTheClock {
                return self.local.indices.filter { specification.matches(minute: self.local[$0]) }.map { self.first + $0 }
            }
            var fires: Set<Int> = []
            for minute in self.local[0]...(self.local.max() ?? self.local[0]) where specification.matches(minute: minute) {
                if let shown = self.firstShown[minute] {
                    fires.insert(shown)
                } else if let index = self.local.indices.dropFirst().first(where: { self.local[$0 - 1] < minute && self.local[$0] > minute }) {
                    fires.insert(self.first + index)
                }
            }
            return fires.sorted()
        }
    }

    /// Specifications that mostly fire around the change.
    static func near(_ random: inout Seeded) -> Specification {
        var specification = Specification.random(&random)
        if random.chance(70) { specification.dayOfMonth = Specification.Field(text: "*", values: Set(1...31), isWildcard: true, isAny: true) }
        if random.chance(80) { specification.month = Specification.Field(text: "*", values: Set(1...12), isWildcard: true, isAny: true) }
        if random.chance(50) {
            let hour = random.pick([0, 1, 2, 3, 23, 12])
            specification.hour = Specification.Field(text: "\(hour)", values: [hour])
        }
        return specification
    }

    @Test("around each change the search finds what going through the minutes does", arguments: Self.changes.indices)
    func minuteByMinute(index: Int) throws {
        let (name, near) = Self.changes[index]
        let zone = try Zone.rules(name)
        let days = Days(zone: zone, near: try time(near))
        for seed in 0..<UInt64(count("MUSTER_TEST_SPECIFICATIONS", default: 20)) {
            var random = Seeded(seed: seed)
            let specification = Self.near(&random)
            let cron = try CronExpression(parsing: specification.text)
            let expected = days.fires(specification)
            let end = WallTime(seconds: (days.first + days.local.count) * 60)
            var now = WallTime(seconds: days.first * 60 - 1)
            var found: [Int] = []
            while let next = cron.next(after: now, in: zone), next < end {
                found.append(next.seconds / 60)
                now = next
            }
            #expect(found == expected, "seed \(seed): \(specification) in \(name)")
            var backwards: [Int] = []
            now = end
            while let previous = cron.previous(atOrBefore: now - .microseconds(1), in: zone), previous.seconds >= days.first * 60 {
                backwards.append(previous.seconds / 60)
                now = previous
            }
            #expect(backwards.reversed() == expected, "seed \(seed): \(specification) in \(name), backwards")
        }
    }

    /// 1 January 2010, a Friday, and how many days there are from then to the end of 2029.
    private static let first = (day: 14_610, weekday: 5, count: 7305)

    @Test("over 20 years each day that matches, found by counting the days, begins and ends with the first and last time that the search finds")
    func twentyYears() throws {
        for seed in 0..<UInt64(count("MUSTER_TEST_SPECIFICATIONS", default: 20) * 5) {
            var random = Seeded(seed: seed)
            let specification = Specification.random(&random)
            let cron = try CronExpression(parsing: specification.text)
            let (hours, minutes) = (specification.hour.values, specification.minute.values)
            let firstTime = (try #require(hours.min()) * 60 + (try #require(minutes.min()))) * 60
            let lastTime = (try #require(hours.max()) * 60 + (try #require(minutes.max()))) * 60
            var now = WallTime(seconds: Self.first.day * 86_400 - 1)
            var (year, month, dayOfMonth, weekday) = (2010, 1, 1, Self.first.weekday)
            for day in Self.first.day..<Self.first.day + Self.first.count {
                if specification.selects(month: month, day: dayOfMonth, weekday: weekday) {
                    let midnight = day * 86_400
                    let next = cron.next(after: now, in: .utc)
                    let last = cron.previous(atOrBefore: WallTime(seconds: midnight + 86_399), in: .utc)
                    guard next == WallTime(seconds: midnight + firstTime), last == WallTime(seconds: midnight + lastTime) else {
                        let found = "from \(String(describing: next)) to \(String(describing: last))"
                        Issue.record("seed \(seed): \(specification) on \(year)-\(month)-\(dayOfMonth): \(found)")
                        break
                    }
                    now = WallTime(seconds: midnight + 86_399)
                }
                // The calendar, by hand: 2010 to 2029 has no century's end.
                let lengths = [31, year % 4 == 0 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
                weekday = (weekday + 1) % 7
                dayOfMonth += 1
                if dayOfMonth > lengths[month - 1] { (month, dayOfMonth) = (month + 1, 1) }
                if month > 12 { (year, month) = (year + 1, 1) }
            }
        }
    }
}

extension Specification {
    /// By the words of the documentation; 0 is Sunday.
    fileprivate func selects(month: Int, day: Int, weekday: Int) -> Bool {
        guard self.month.values.contains(month) else { return false }
        if self.dayOfMonth.isAny { return self.dayOfWeek.isAny || self.dayOfWeek.values.contains(weekday) }
        if self.dayOfWeek.isAny { return self.dayOfMonth.values.contains(day) }
        return self.dayOfMonth.values.contains(day) || self.dayOfWeek.values.contains(weekday)
    }
}
