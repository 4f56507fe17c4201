import Model
import SeededRandom
import Testing

@Suite("Time")
struct TimeTests {
    static let known: [(String, Int64)] = [
        ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:00:00Z", 951_825_600_000_000),
        ("2024-02-29T23:59:59.999999Z", 1_709_251_199_999_999),
        ("2026-05-28T03:12:04.120Z", 1_779_937_924_120_000), ("1969-12-31T23:59:59.5Z", -500_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000_000), ("1900-03-01T00:00:00Z", -2_203_891_200_000_000),
        ("2038-01-19T03:14:08Z", 2_147_483_648_000_000),
        ("2026-05-28T05:12:04+02:00", 1_779_937_924_000_000), ("2026-05-27T22:12:04-05:00", 1_779_937_924_000_000),
        ("2026-05-28t03:12:04z", 1_779_937_924_000_000), ("2016-12-31T23:59:60Z", 1_483_228_799_000_000),
        ("2026-05-28T03:12:04.1234567Z", 1_779_937_924_123_456),
    ]

    @Test("known dates have their known instants", arguments: Self.known)
    func reads(text: String, microseconds: Int64) {
        #expect(WallTime(rfc3339: text)?.microseconds == microseconds)
    }

    @Test(
        "what is no RFC 3339 time is refused",
        arguments: [
            "", "2026", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+24:00", "2026-1-1T00:00:00Z", "2026-01-01T00:00:00+0100",
        ])
    func refuses(text: String) {
        #expect(WallTime(rfc3339: text) == nil)
    }

    @Test("every instant of years 0 to 9999 survives its text", arguments: 0..<500 as Range<UInt64>)
    func roundTrip(seed: UInt64) {
        var random = Seeded(seed: seed)
        let time = WallTime(microseconds: random.int64(-62_167_219_200_000_000...253_402_300_799_999_999))
        #expect(WallTime(rfc3339: time.rfc3339(fractionDigits: 6)) == time, "seed \(seed)")
    }

    @Test(
        "consecutive days follow one another across leap years and centuries",
        arguments: ["1599", "1896", "1999", "2096", "2399"])
    func consecutiveDays(year: String) throws {
        var time = try #require(WallTime(rfc3339: "\(year)-01-01T00:00:00Z"))
        var previous = ""
        for _ in 0..<(6 * 366) {
            let text = time.rfc3339(fractionDigits: 0)
            guard text > previous, WallTime(rfc3339: text) == time else {
                Issue.record("\(previous) is followed by \(text)")
                return
            }
            previous = text
            time = time + .seconds(86_400)
        }
    }

    @Test("arithmetic at the ends saturates")
    func saturation() {
        let latest = WallTime(microseconds: .max)
        let earliest = WallTime(microseconds: .min)
        #expect(latest + .seconds(1) == latest)
        #expect(earliest - .seconds(1) == earliest)
        #expect(latest - earliest == .microseconds(Int64.max))
        #expect(earliest - latest == .microseconds(Int64.min))
        #expect(latest.description == "9999-12-31T23:59:59.999Z")
        #expect(earliest.description == "0000-01-01T00:00:00.000Z")
    }

    @Test("fractions are cut, not rounded")
    func fractions() {
        let time = WallTime(microseconds: 1_999_999)
        #expect(time.description == "1970-01-01T00:00:01.999Z")
        #expect(time.rfc3339(fractionDigits: 0) == "1970-01-01T00:00:01Z")
        #expect(WallTime(microseconds: -1).rfc3339(fractionDigits: 6) == "1969-12-31T23:59:59.999999Z")
    }

    static let durations: [(String, Int64)] = [
        ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("250ms", 250), ("1d", 86_400_000), ("1m30s", 90_000),
        ("0s", 0), ("1h0m5s", 3_605_000),
    ]
    @Test("durations are read", arguments: Self.durations)
    func readsDuration(text: String, milliseconds: Int64) {
        #expect(Duration(text: text)?.milliseconds == milliseconds)
    }

    @Test(
        "what is no duration is refused",
        arguments: [
            "", "5", "s", "-5s", "5 s", "1.5h", "5S", "1h30", "99999999999999999999s", "36601d", "9223372036854775807d",
            "٣s",
        ])
    func refusesDuration(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test("every duration in whole milliseconds survives its text", arguments: 0..<300 as Range<UInt64>)
    func durationRoundTrip(seed: UInt64) {
        var random = Seeded(seed: seed)
        let duration = Duration.milliseconds(random.int64(0...100 * 366 * 86_400_000) >> random.int64(0...40))
        #expect(Duration(text: duration.text) == duration, "seed \(seed)")
    }

    @Test("durations are written in their shortest exact form")
    func durationText() {
        #expect(Duration.seconds(90).text == "1m30s")
        #expect(Duration.seconds(7200).text == "2h")
        #expect(Duration.milliseconds(250).text == "250ms")
        #expect(Duration.zero.text == "0s")
        #expect(Duration.seconds(-90).text == "-1m30s")
        #expect(Duration.seconds(Int64.max).microseconds == .max)
        #expect(Duration.seconds(Int64.min).microseconds == .min)
    }
}
