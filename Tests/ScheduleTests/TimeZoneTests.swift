import Model
import Schedule
import SeededRandom
import Testing

@Suite("Time zones")
struct TimeZoneTests {
    @Test(
        "a zone has its offset at a time",
        arguments: [
            ("Europe/Berlin", "2026-01-01T00:00:00Z", 3600), ("Europe/Berlin", "2026-07-01T00:00:00Z", 7200),
            ("Europe/Berlin", "2026-03-29T00:59:59Z", 3600), ("Europe/Berlin", "2026-03-29T01:00:00Z", 7200),
            ("Europe/Berlin", "2026-10-25T00:59:59Z", 7200), ("Europe/Berlin", "2026-10-25T01:00:00Z", 3600),
            ("America/New_York", "2026-03-08T06:59:59Z", -18_000), ("America/New_York", "2026-03-08T07:00:00Z", -14_400),
            // Half an hour of daylight saving.
            ("Australia/Lord_Howe", "2026-01-01T00:00:00Z", 39_600), ("Australia/Lord_Howe", "2026-07-01T00:00:00Z", 37_800),
            ("Asia/Kathmandu", "2026-01-01T00:00:00Z", 20_700), ("Asia/Kathmandu", "1985-12-31T18:29:59Z", 19_800),
            // Daylight saving that pauses for Ramadan, in February and March 2026.
            ("Africa/Casablanca", "2026-01-01T00:00:00Z", 3600), ("Africa/Casablanca", "2026-03-01T00:00:00Z", 0),
            ("America/Sao_Paulo", "2018-12-01T00:00:00Z", -7200), ("America/Sao_Paulo", "2026-12-01T00:00:00Z", -10_800),
            ("Pacific/Apia", "2011-12-30T09:59:59Z", -36_000), ("Pacific/Apia", "2011-12-30T10:00:00Z", 50_400),
            // Behind the table the rule speaks: the last Sunday of March in a century that has no leap day.
            ("Europe/Berlin", "2100-03-28T00:59:59Z", 3600), ("Europe/Berlin", "2100-03-28T01:00:00Z", 7200),
            ("Europe/Berlin", "9999-07-01T00:00:00Z", 7200), ("Europe/Dublin", "2090-01-01T00:00:00Z", 0), ("Europe/Dublin", "2090-07-01T00:00:00Z", 3600),
            // Two changes in the south, around the turn of the year.
            ("America/Santiago", "2090-01-01T00:00:00Z", -10_800), ("America/Santiago", "2090-07-01T00:00:00Z", -14_400),
            ("UTC", "2026-01-01T00:00:00Z", 0), ("Etc/GMT+12", "2026-01-01T00:00:00Z", -43_200), ("Pacific/Kiritimati", "2026-01-01T00:00:00Z", 50_400),
            ("Africa/Monrovia", "1971-06-01T00:00:00Z", -2670),
        ])
    func offsets(_ name: String, _ instant: String, _ offset: Int) throws {
        #expect(try Zone.rules(name).utcOffset(at: time(instant)) == offset)
    }

    @Test(
        "a local time happens once, never or twice",
        arguments: [
            ("Europe/Berlin", "2026-03-29T01:59:00", "once 2026-03-29T00:59:00Z"), ("Europe/Berlin", "2026-03-29T02:00:00", "gap 2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T02:59:59", "gap 2026-03-29T01:00:00Z"), ("Europe/Berlin", "2026-03-29T03:00:00", "once 2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-10-25T01:59:59", "once 2026-10-24T23:59:59Z"),
            ("Europe/Berlin", "2026-10-25T02:00:00", "twice 2026-10-25T00:00:00Z 2026-10-25T01:00:00Z"),
            ("Europe/Berlin", "2026-10-25T02:59:59", "twice 2026-10-25T00:59:59Z 2026-10-25T01:59:59Z"),
            ("Europe/Berlin", "2026-10-25T03:00:00", "once 2026-10-25T02:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:29:00", "gap 2026-10-03T15:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:30:00", "once 2026-10-03T15:30:00Z"),
            ("Australia/Lord_Howe", "2026-04-05T01:45:00", "twice 2026-04-04T14:45:00Z 2026-04-04T15:15:00Z"),
            ("America/Sao_Paulo", "2018-11-04T00:00:00", "gap 2018-11-04T03:00:00Z"),
            ("America/Sao_Paulo", "2018-02-17T23:30:00", "twice 2018-02-18T01:30:00Z 2018-02-18T02:30:00Z"),
            ("Asia/Beirut", "2026-03-29T00:30:00", "gap 2026-03-28T22:00:00Z"),
            ("Asia/Beirut", "2026-10-24T23:30:00", "twice 2026-10-24T20:30:00Z 2026-10-24T21:30:00Z"),
            ("Pacific/Apia", "2011-12-30T12:00:00", "gap 2011-12-30T10:00:00Z"), ("UTC", "2026-03-29T02:30:00", "once 2026-03-29T02:30:00Z"),
        ])
    func local(_ name: String, _ local: String, _ expected: String) throws {
        let zone = try Zone.rules(name)
        let asUTC = try time(local + "Z")
        let text =
            switch zone.instants(of: LocalTime(seconds: asUTC.seconds)) {
            case .once(let instant): "once \(instant.rfc3339(fractionDigits: 0))"
            case .gap(let end): "gap \(end.rfc3339(fractionDigits: 0))"
            case .overlap(let first, let last): "twice \(first.rfc3339(fractionDigits: 0)) \(last.rfc3339(fractionDigits: 0))"
            }
        #expect(text == expected)
    }

    @Test("a local time found at an instant leads back to it", arguments: ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"])
    func inverse(name: String) throws {
        let zone = try Zone.rules(name)
        var random = Seeded(seed: 1)
        for _ in 0..<5000 {
            let instant = WallTime(seconds: random.int(-2_000_000_000...5_000_000_000))
            switch zone.instants(of: zone.localTime(at: instant)) {
            case .once(let found): #expect(found == instant)
            case .overlap(let first, let last): #expect((first...last).contains(instant))
            case .gap: Issue.record("\(instant) is shown, and yet in a gap")
            }
        }
    }

    @Test("the next change is told, and that there is none")
    func changes() throws {
        let change = try #require(try Zone.rules("Europe/Berlin").nextChange(after: try time("2040-06-01T00:00:00Z")))
        #expect(change.at.description == "2040-10-28T01:00:00.000Z")
        #expect(change.offset == 3600)
        #expect(TimeZoneRules.utc.nextChange(after: WallTime(seconds: 0)) == nil)
        #expect(try Zone.rules("Asia/Kathmandu").nextChange(after: try time("2026-01-01T00:00:00Z")) == nil)
    }

    @Test("times at the ends of what can be said are answered", arguments: ["UTC", "Europe/Berlin", "America/Santiago", "Asia/Kathmandu"])
    func extremes(name: String) throws {
        let zone = try Zone.rules(name)
        for microseconds in [Int64.min, .min + 1, -1, 0, 1, .max - 1, .max] {
            let instant = WallTime(microseconds: microseconds)
            #expect(abs(zone.utcOffset(at: instant)) < 20 * 3600)
            _ = zone.nextChange(after: instant)
            for cron in [try CronExpression(parsing: "30 2 * * *"), try CronExpression(parsing: "*/7 * 29 2 *")] {
                if let next = cron.next(after: instant, in: zone) { #expect(next > instant) }
                if let previous = cron.previous(atOrBefore: instant, in: zone) { #expect(previous <= instant) }
                for duration in [Duration.seconds(1), .seconds(Int64.max / 1000), .zero] {
                    _ = Recurrence(cron: cron, zone: zone, duration: duration).state(at: instant)
                }
            }
        }
        for seconds in [Int.min, -1, 0, .max] {
            _ = zone.instants(of: LocalTime(seconds: seconds))
            _ = LocalTime(seconds: seconds).description
        }
    }

    @Test(
        "a file's rule is read",
        arguments: [
            ("UTC0", "2026-07-01T00:00:00Z", 0), ("<+0545>-5:45", "2026-07-01T00:00:00Z", 20_700), ("EST5EDT,M3.2.0,M11.1.0", "2026-07-01T00:00:00Z", -14_400),
            ("EST5EDT,M3.2.0,M11.1.0", "2026-12-01T00:00:00Z", -18_000), ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-03-29T00:59:59Z", -10_800),
            ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-03-29T01:00:00Z", -7200), ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3600), ("AAA-2BBB,J60/0,J300", "2024-02-29T12:00:00Z", 7200),
            ("AAA-2BBB,J60/0,J300", "2024-02-29T22:00:00Z", 10_800), ("AAA0BBB,59/0,300", "2024-02-29T00:00:00Z", 3600),
            ("AAA0BBB,59/0,300", "2023-02-28T23:59:59Z", 0), ("AAA0BBB,59/0,300", "2023-03-01T00:00:00Z", 3600),
            // Daylight saving all year round, as RFC 8536 writes it.
            ("XXX3EDT4,0/0,J365/23", "2026-12-31T23:59:59Z", -14_400), ("XXX3EDT4,0/0,J365/23", "2026-07-01T00:00:00Z", -14_400),
            ("XXX3EDT4,0/0,J365/23", "2027-01-01T03:30:00Z", -14_400),
        ])
    func rules(_ footer: String, _ instant: String, _ offset: Int) throws {
        let zone = try TimeZoneRules(name: "Test", tzif: Self.file(footer: footer))
        #expect(try zone.utcOffset(at: time(instant)) == offset)
    }

    @Test(
        "a file that is none, or not to be relied on, is refused",
        arguments: [
            ("", "ends too early"), ("hello, I am no time zone at all, whoever says so", "does not begin with “TZif”"),
        ])
    func notFiles(_ text: String, _ words: String) {
        let error = #expect(throws: TimeZoneError.self) { try TimeZoneRules(name: "X", tzif: Array(text.utf8)) }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test(
        "a bad rule is refused with its place",
        arguments: [
            "5", "AB5", "<+05", "EST", "ESTx", "EST25", "EST5EDT", "EST5EDT,", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0",
            "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J5", "EST5EDT,366,5", "EST5EDT,M3.2.0/168,M11.1.0", "EST5EDT,M3.2.0,M11.1.0 ", "EST99999999999999999999",
        ])
    func badRules(footer: String) {
        let error = #expect(throws: TimeZoneError.self) { try TimeZoneRules(name: "X", tzif: Self.file(footer: footer)) }
        #expect(error?.message.contains("at character") == true, "\(error?.message ?? "")")
    }

    @Test("a file that is cut short anywhere is refused or, behind its data, never read")
    func truncated() throws {
        let bytes = try Zone.bytes("Europe/Berlin")
        for length in 0..<bytes.count { #expect(throws: TimeZoneError.self) { try TimeZoneRules(name: "X", tzif: Array(bytes[..<length])) } }
    }

    @Test("a file with version 1, leap seconds, wrong kinds, order or offsets is refused")
    func wrongFiles() {
        #expect(throws: TimeZoneError("the file has version 1 of the TZif format; version 2 or later is needed")) {
            try TimeZoneRules(name: "X", tzif: Self.file(footer: "", version: 0))
        }
        for (file, words) in [
            (Self.file(footer: "", leapSeconds: 1), "leap seconds"), (Self.file(footer: "", types: []), "kinds of local time"),
            (Self.file(footer: "", times: [5, 5], kinds: [0, 0]), "order"), (Self.file(footer: "", times: [5], kinds: [1]), "does not have"),
            (Self.file(footer: "", times: [.min], kinds: [0]), "no calendar"), (Self.file(footer: "", types: [100_000]), "26 h"),
            ([UInt8](repeating: 0, count: TimeZoneRules.maximumFileSize + 1), "larger"),
        ] {
            let error = #expect(throws: TimeZoneError.self) { try TimeZoneRules(name: "X", tzif: file) }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }

    @Test("changed bytes never trap the reader or what asks the zone", arguments: 0..<40 as Range<UInt64>)
    func fuzz(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let original = try Zone.bytes(random.pick(["Europe/Berlin", "Africa/Casablanca", "Asia/Kathmandu", "America/Sao_Paulo"]))
        let cron = try CronExpression(parsing: random.pick(["30 2 * * *", "*/15 * * * *"]))
        for _ in 0..<100 {
            var bytes = original
            for _ in 0...random.int(0...4) {
                // Headers and footers are what decides.
                let place = random.chance(50) ? random.int(0...bytes.count - 1) : random.pick([random.int(0...43), bytes.count - 1 - random.int(0...29)])
                bytes[place] = UInt8(random.int(0...255))
            }
            guard let zone = try? TimeZoneRules(name: "X", tzif: bytes) else { continue }
            let instant = WallTime(microseconds: random.int64(Int64.min...Int64.max))
            _ = zone.instants(of: zone.localTime(at: instant))
            let now = WallTime(seconds: random.int(0...3_000_000_000))
            if let next = cron.next(after: now, in: zone) { #expect(next > now, "seed \(seed)") }
            if let previous = cron.previous(atOrBefore: now, in: zone) { #expect(previous <= now, "seed \(seed)") }
        }
    }

    @Test(
        "a name is a name and no path",
        arguments: [
            ("Europe/Berlin", true), ("UTC", true), ("Etc/GMT+12", true), ("America/Argentina/Buenos_Aires", true), ("EST5EDT", true), ("", false),
            ("/etc/passwd", false), ("../../etc/passwd", false), ("Europe/../Berlin", false), ("Europe//Berlin", false), ("Europe/", false),
            ("Europe/.hidden", false), ("America/New York", false), ("Europe/Berlin\u{0}", false), ("posix/Europe/Berlin", false), ("right/UTC", false),
            ("localtime", false), ("posixrules", false), ("tzdata.zi", false), (String(repeating: "a", count: 65), false), ("Ëurope/Berlin", false),
        ])
    func names(_ name: String, _ isName: Bool) {
        #expect((TimeZoneName.objection(to: name) == nil) == isName)
    }

    /// A small TZif file; offsets are the `types`.
    static func file(
        footer: String, version: UInt8 = UInt8(ascii: "2"), leapSeconds: Int = 0, times: [Int64] = [], kinds: [UInt8] = [], types: [Int32] = [0]
    ) -> [UInt8] {
        func integer(_ value: some FixedWidthInteger) -> [UInt8] {
            (0..<value.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        func header(_ counts: [Int]) -> [UInt8] {
            Array("TZif".utf8) + [version] + [UInt8](repeating: 0, count: 15) + counts.flatMap { integer(Int32($0)) }
        }
        var bytes = header([0, 0, 0, 0, 1, 1]) + [0, 0, 0, 0, 0, 0] + [0]
        bytes += header([0, 0, leapSeconds, times.count, types.count, 1])
        bytes += times.flatMap { integer($0) } + kinds + types.flatMap { integer($0) + [0, 0] } + [0]
        return bytes + [UInt8](repeating: 0, count: leapSeconds * 12) + Array("\n\(footer)\n".utf8)
    }
}
