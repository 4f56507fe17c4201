import Model
import Schedule
import SeededRandom
import Testing

@Suite("Occurrences")
struct OccurrenceTests {
    /// Where a clock is put forward or back: the zone, the expression, a time before, and when it fires then.
    static let changes: [(zone: String, cron: String, after: String, fires: [String])] = [
        // Berlin, forward: 02:00 to 03:00 on 29 March 2026. A skipped time fires when the clock goes on, once.
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T00:00+01:00", ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("Europe/Berlin", "0,20,40 2 * * *", "2026-03-29T00:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"]),
        ("Europe/Berlin", "0 2,3 * * *", "2026-03-29T00:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00", "2026-03-30T03:00+02:00"]),
        ("Europe/Berlin", "59 1 * * SUN", "2026-03-29T00:00+01:00", ["2026-03-29T01:59+01:00", "2026-04-05T01:59+02:00"]),
        ("Europe/Berlin", "30 * * * *", "2026-03-29T00:00+01:00", ["2026-03-29T00:30+01:00", "2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"]),
        ("Europe/Berlin", "*/30 2 * * *", "2026-03-28T02:15+01:00", ["2026-03-28T02:30+01:00", "2026-03-30T02:00+02:00"]),
        ("Europe/Berlin", "0 */2 * * *", "2026-03-28T23:00+01:00", ["2026-03-29T00:00+01:00", "2026-03-29T04:00+02:00"]),
        // Berlin, back: 03:00 to 02:00 on 25 October 2026. A repeated time fires the first time only.
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T02:45+02:00", ["2026-10-26T02:30+01:00"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T02:15+01:00", ["2026-10-26T02:30+01:00"]),
        ("Europe/Berlin", "0 2,3 * * *", "2026-10-25T00:00+02:00", ["2026-10-25T02:00+02:00", "2026-10-25T03:00+01:00", "2026-10-26T02:00+01:00"]),
        (
            "Europe/Berlin", "30 * * * *", "2026-10-25T01:00+02:00",
            [
                "2026-10-25T01:30+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00",
            ]
        ),
        (
            "Europe/Berlin", "*/30 2 * * *", "2026-10-25T00:00+02:00",
            [
                "2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00", "2026-10-26T02:00+01:00",
            ]
        ),
        // New York: 8 March and 1 November 2026.
        ("America/New_York", "30 2 * * *", "2026-03-08T00:00-05:00", ["2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"]),
        ("America/New_York", "30 1 * * *", "2026-11-01T00:00-04:00", ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]),
        ("America/New_York", "15 * * * *", "2026-11-01T00:30-04:00", ["2026-11-01T01:15-04:00", "2026-11-01T01:15-05:00", "2026-11-01T02:15-05:00"]),
        // Lord Howe moves by half an hour: forward at 02:00 on 4 October, back at 02:00 on 5 April 2026.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-04T00:00+10:30", ["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"]),
        ("Australia/Lord_Howe", "45 2 * * *", "2026-10-04T00:00+10:30", ["2026-10-04T02:45+11:00", "2026-10-05T02:45+11:00"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-05T00:00+11:00", ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"]),
        (
            "Australia/Lord_Howe", "*/15 * * * *", "2026-04-05T01:20+11:00",
            [
                "2026-04-05T01:30+11:00", "2026-04-05T01:45+11:00", "2026-04-05T01:30+10:30", "2026-04-05T01:45+10:30", "2026-04-05T02:00+10:30",
            ]
        ),
        ("Australia/Lord_Howe", "*/15 * * * *", "2026-10-04T01:40+10:30", ["2026-10-04T01:45+10:30", "2026-10-04T02:30+11:00", "2026-10-04T02:45+11:00"]),
        // Casablanca puts clocks back for Ramadan: 15 February, and forward on 22 March 2026.
        ("Africa/Casablanca", "30 2 * * *", "2026-02-15T00:00+01:00", ["2026-02-15T02:30+01:00", "2026-02-16T02:30+00:00"]),
        ("Africa/Casablanca", "30 2 * * *", "2026-03-22T00:00+00:00", ["2026-03-22T03:00+01:00", "2026-03-23T02:30+01:00"]),
        // Three quarters of an hour from a whole one, and no change.
        ("Asia/Kathmandu", "0 8 * * *", "2026-03-28T00:00+05:45", ["2026-03-28T08:00+05:45", "2026-03-29T08:00+05:45"]),
        ("Asia/Kathmandu", "*/30 * * * *", "2026-03-28T00:00+05:45", ["2026-03-28T00:30+05:45", "2026-03-28T01:00+05:45"]),
        // Changes at midnight: a day that begins at one o'clock, and one that has two ends.
        ("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00-03:00", ["2018-11-04T01:00-02:00", "2018-11-05T00:00-02:00"]),
        ("America/Sao_Paulo", "30 23 * * *", "2018-02-17T12:00-02:00", ["2018-02-17T23:30-02:00", "2018-02-18T23:30-03:00"]),
        ("Asia/Beirut", "0 0 * * *", "2026-03-28T12:00+02:00", ["2026-03-29T01:00+03:00", "2026-03-30T00:00+03:00"]),
        ("Asia/Beirut", "0 0 * * SUN", "2026-10-24T22:00+03:00", ["2026-10-25T00:00+02:00", "2026-11-01T00:00+02:00"]),
        ("Asia/Beirut", "30 23 24 10 *", "2026-10-24T22:00+03:00", ["2026-10-24T23:30+03:00", "2027-10-24T23:30+03:00"]),
        // Samoa went over the date line and had no 30 December 2011.
        ("Pacific/Apia", "0 8 * * *", "2011-12-29T00:00-10:00", ["2011-12-29T08:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T08:00+14:00"]),
        ("Pacific/Apia", "0 8 30 12 *", "2011-12-29T00:00-10:00", ["2011-12-31T00:00+14:00", "2012-12-30T08:00+14:00"]),
        ("Pacific/Apia", "0 * * * *", "2011-12-29T22:30-10:00", ["2011-12-29T23:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T01:00+14:00"]),
        // Kwajalein went the other way over the date line: its clocks were put back by 23 hours.
        ("Pacific/Kwajalein", "0 12 * * *", "1969-09-30T06:00+11:00", ["1969-09-30T12:00+11:00", "1969-10-01T12:00-12:00"]),
    ]

    @Test("clocks that are put forward or back", arguments: Self.changes.indices)
    func changing(index: Int) throws {
        let (name, text, after, expected) = Self.changes[index]
        let zone = try Zone.rules(name)
        let cron = try CronExpression(parsing: text)
        var found: [String] = []
        var now = try time(after)
        for _ in expected {
            now = try #require(cron.next(after: now, in: zone))
            found.append(shown(now, zone))
        }
        #expect(found == expected, "\(text) in \(name)")
        for _ in expected {
            #expect(shown(now, zone) == found.popLast(), "\(text) in \(name), backwards")
            now = try #require(cron.previous(atOrBefore: now - .microseconds(1), in: zone))
        }
        #expect(try now <= time(after))
    }

    @Test(
        "leap years, ends of months, and both day fields",
        arguments: [
            ("0 0 29 2 *", "2096-03-01", ["2104-02-29", "2108-02-29"]), ("0 0 29 2 *", "1896-03-01", ["1904-02-29"]),
            ("0 0 31 * *", "2026-01-31", ["2026-03-31", "2026-05-31"]),
            ("0 0 13 * FRI", "2026-11-01", ["2026-11-06", "2026-11-13", "2026-11-20", "2026-11-27", "2026-12-04", "2026-12-11", "2026-12-13"]),
            ("0 0 */10 * MON", "2026-06-01", ["2026-06-08", "2026-06-11", "2026-06-15", "2026-06-21", "2026-06-22"]),
            ("0 0 1 1 ?", "2026-01-01", ["2027-01-01"]),
            ("0 0 ? * FRI-MON", "2026-11-18", ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-27"]),
            ("0 0 29 FEB MON", "2027-02-01", ["2027-02-08", "2027-02-15", "2027-02-22", "2028-02-07"]),
        ])
    func days(_ text: String, _ after: String, _ expected: [String]) throws {
        let cron = try CronExpression(parsing: text)
        var now = try time("\(after)T00:00:00Z")
        for day in expected {
            now = try #require(cron.next(after: now, in: .utc))
            #expect(now.description == "\(day)T00:00:00.000Z")
        }
    }

    @Test("an instant with a fraction of a second is after the minute that it is in")
    func fractions() throws {
        let cron = try CronExpression(parsing: "* * * * *")
        let minute = try time("2026-01-01T00:05:00Z")
        #expect(cron.next(after: minute - .microseconds(1), in: .utc) == minute)
        #expect(cron.next(after: minute, in: .utc) == minute + .seconds(60))
        #expect(cron.previous(atOrBefore: minute - .microseconds(1), in: .utc) == minute - .seconds(60))
        #expect(cron.previous(atOrBefore: minute, in: .utc) == minute)
        #expect(cron.previous(atOrBefore: minute + .microseconds(1), in: .utc) == minute)
    }

    @Test("a wildcard whose time is skipped each year never fires, and is not searched for ever")
    func alwaysInGap() throws {
        // Clocks that go forward at two o'clock on each 1 April.
        let zone = try TimeZoneRules(name: "Test", tzif: TimeZoneTests.file(footer: "AAA0BBB,J91/2,J300/2"))
        #expect(try CronExpression(parsing: "*/10 2 1 4 *").next(after: WallTime(seconds: 0), in: zone) == nil)
        #expect(try CronExpression(parsing: "*/10 2 1 4 *").previous(atOrBefore: WallTime(seconds: 0), in: zone) == nil)
        #expect(try CronExpression(parsing: "10 2 1 4 *").next(after: WallTime(seconds: 0), in: zone)?.description == "1970-04-01T02:00:00.000Z")
        let never = Recurrence(cron: try CronExpression(parsing: "*/10 2 1 4 *"), zone: zone, duration: .seconds(60)).state(at: WallTime(seconds: 0))
        #expect(!never.isActive && never.until == nil)
    }

    static let zones = [
        "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "America/Sao_Paulo", "Asia/Beirut",
        "Pacific/Apia", "America/St_Johns", "Antarctica/Troll", "Europe/Dublin", "Asia/Gaza", "America/Santiago",
    ]

    @Test("next and previous are each other's inverse, in the order of time", arguments: 0..<300 as Range<UInt64>)
    func inverse(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let zone = try Zone.rules(random.pick(Self.zones))
        let specification = Specification.random(&random)
        let cron = try CronExpression(parsing: specification.text)
        let start = WallTime(microseconds: random.int64(0...4_000_000_000_000_000))
        guard var at = cron.next(after: start, in: zone) else {
            #expect(cron.neverFires, "seed \(seed): \(specification)")
            return
        }
        let before = cron.previous(atOrBefore: start, in: zone)
        #expect(cron.previous(atOrBefore: at - .microseconds(1), in: zone) == before, "seed \(seed): \(specification) in \(zone.name)")
        for _ in 0..<40 {
            #expect(cron.previous(atOrBefore: at, in: zone) == at, "seed \(seed): \(specification) in \(zone.name)")
            guard let following = cron.next(after: at, in: zone) else { break }
            let between = WallTime(microseconds: random.int64(at.microseconds...following.microseconds - 1))
            #expect(following > at, "seed \(seed): \(specification) in \(zone.name)")
            #expect(cron.next(after: between, in: zone) == following, "seed \(seed): \(specification) in \(zone.name) after \(between)")
            #expect(cron.previous(atOrBefore: between, in: zone) == at, "seed \(seed): \(specification) in \(zone.name) before \(between)")
            at = following
        }
    }
}
