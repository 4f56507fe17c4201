import Model
import Schedule
import SeededRandom
import Testing

@Suite("Cron expressions")
struct CronTests {
    @Test(
        "an expression has one spelling",
        arguments: [
            ("* * * * *", "* * * * *"), ("0 8 * * MON-FRI", "0 8 * * MON-FRI"), (" 0\t8  * * 1-5 ", "0 8 * * MON-FRI"),
            ("*/15 * * * *", "*/15 * * * *"), ("0,15,30,45 * * * *", "0-45/15 * * * *"), ("0-59 0-23 1-31 1-12 0-6", "0-59 0-23 1-31 * MON-SUN"),
            ("5/15 * * * *", "5-50/15 * * * *"), ("3,2,1,7,9 * * * *", "1-3,7,9 * * * *"), ("0 */6 * * *", "0 */6 * * *"), ("0 */1 * * *", "0 * * * *"),
            ("0 0 1 JAN *", "0 0 1 JAN *"), ("0 0 1 1,4,7,10 *", "0 0 1 */3 *"), ("0 0 */2 * *", "0 0 */2 * *"), ("0 0 ? * ?", "0 0 * * *"),
            ("0 0 * * 7", "0 0 * * SUN"), ("0 0 * * 0", "0 0 * * SUN"), ("0 0 * * 5-7", "0 0 * * FRI-SUN"), ("0 0 * * 0-7", "0 0 * * MON-SUN"),
            ("0 0 * * 7-2", "0 0 * * MON,TUE,SUN"), ("0 0 * * FRI-MON", "0 0 * * MON,FRI-SUN"), ("0 0 * * 6,0", "0 0 * * SAT,SUN"),
            ("0 0 * * sat-sun", "0 0 * * SAT,SUN"), ("0 0 * * 1-7/2", "0 0 * * MON-SUN/2"), ("0 22-6 * * *", "0 0-6,22,23 * * *"),
            ("0 0 1 NOV-FEB *", "0 0 1 JAN,FEB,NOV,DEC *"), ("50-10/10 * * * *", "0,10,50 * * * *"), ("0 0 13 * FRI", "0 0 13 * FRI"),
            ("@yearly", "0 0 1 JAN *"), ("@annually", "0 0 1 JAN *"), ("@monthly", "0 0 1 * *"), ("@weekly", "0 0 * * SUN"), ("@daily", "0 0 * * *"),
            ("@Midnight", "0 0 * * *"), ("@hourly", "0 * * * *"), ("007 08 01 01 00", "7 8 1 JAN SUN"),
        ])
    func spelling(_ text: String, _ canonical: String) throws {
        let cron = try CronExpression(parsing: text)
        #expect(cron.text == canonical)
        #expect(try CronExpression(parsing: canonical) == cron)
    }

    @Test(
        "mistakes name field, place and what is allowed",
        arguments: [
            ("", nil, 0, "empty"), ("   ", nil, 0, "empty"), ("0 8 * *", nil, 7, "there are 4 fields; five are minute, hour"),
            ("5", nil, 1, "there is 1 field"), ("0 0 8 * * *", nil, 10, "seconds or years is not supported"), ("1 2 3 4 5 6 7", nil, 10, "there are 7 fields"),
            ("60 8 * * *", .minute, 0, "60 is out of range; allowed are 0 to 59"), ("0 24 * * *", .hour, 2, "allowed are 0 to 23"),
            ("0 0 0 * *", .dayOfMonth, 4, "1 to 31"), ("0 0 32 * *", .dayOfMonth, 4, "1 to 31"), ("0 0 * 13 *", .month, 6, "1 to 12 or JAN to DEC"),
            ("0 0 * 0 *", .month, 6, "out of range"), ("0 0 * * 8", .dayOfWeek, 8, "0 to 7"), ("0 0 * * MOM", .dayOfWeek, 8, "“MOM” is not known here"),
            ("0 0 * * MONDAY", .dayOfWeek, 8, "MON to SUN"), ("0 0 L * *", .dayOfMonth, 4, "extension"), ("0 0 15W * *", .dayOfMonth, 6, "extension"),
            ("0 0 * * FRI#2", .dayOfWeek, 11, "extension"), ("0 0 * * 5L", .dayOfWeek, 9, "extension"), ("H 0 * * *", .minute, 0, "extension"),
            ("? 0 * * *", .minute, 0, "stands only in the two day fields"), ("0 ? * * *", .hour, 2, "day fields"),
            ("*,5 * * * *", .minute, 1, "stands alone"),
            ("*-5 * * * *", .minute, 1, "stands alone"), ("5,* * * * *", .minute, 2, "unexpected “*”"), ("1,,2 * * * *", .minute, 2, "unexpected “,”"),
            ("1, * * * *", .minute, 2, "a value is missing"), ("5- * * * *", .minute, 2, "a value is missing"), ("-5 * * * *", .minute, 0, "unexpected “-”"),
            ("*/0 * * * *", .minute, 2, "a step is 1 to 59"), ("*/60 * * * *", .minute, 2, "1 to 59"), ("0 */24 * * *", .hour, 4, "1 to 23"),
            ("0 0 */31 * *", .dayOfMonth, 6, "1 to 30"), ("*/ * * * *", .minute, 2, "a number is missing"),
            ("1-5/x * * * *", .minute, 4, "a number is missing"),
            ("1.5 * * * *", .minute, 1, "unexpected “.”"), ("99999 * * * *", .minute, 0, "out of range"), ("** * * * *", .minute, 1, "unexpected “*”"),
            ("@reboot", nil, 0, "no abbreviation"), ("@daily 5", nil, 7, "nothing may follow"), ("TZ=UTC 0 8 * * *", nil, 0, "timeZone"),
            ("é * * * *", .minute, 0, "unexpected “é”"), ("0 0 1-é * *", .dayOfMonth, 6, "unexpected “é”"), ("0 MON * * *", .hour, 2, "not known here"),
        ] as [(String, CronField?, Int, String)])
    func mistakes(_ text: String, _ field: CronField?, _ offset: Int, _ words: String) {
        let error = #expect(throws: CronError.self) { try CronExpression(parsing: text) }
        #expect(error?.field == field)
        #expect(error?.offset == offset)
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test("a text without end is refused")
    func length() {
        let text = Array(repeating: "1", count: CronExpression.maximumLength).joined(separator: ",")
        #expect(throws: CronError.self) { try CronExpression(parsing: text + " * * * *") }
    }

    @Test("an error reads as a sentence with its place")
    func sentence() {
        let error = #expect(throws: CronError.self) { try CronExpression(parsing: "0 25 * * *") }
        #expect(error?.description == "the hour field: 25 is out of range; allowed are 0 to 23 (at character 3)")
    }

    @Test(
        "what never fires is found out without searching",
        arguments: [
            ("0 0 30 2 *", true), ("0 0 31 2,4,6,9,11 *", true), ("* * 30,31 FEB ?", true), ("0 0 29 2 *", false), ("0 0 31 * *", false),
            ("0 0 30 2 MON", false), ("0 0 31 2,3 *", false), ("0 0 30 2 0-6", false), ("* * * * *", false),
        ])
    func never(_ text: String, _ never: Bool) throws {
        let cron = try CronExpression(parsing: text)
        #expect(cron.neverFires == never)
        for year in [0, 1970, 2026, 9990] {
            let local = try #require(LocalTime(year: year, month: 1, day: 1))
            let start = WallTime(seconds: local.seconds)
            #expect((cron.next(after: start, in: .utc) == nil) == never, "\(year)")
            #expect((cron.previous(atOrBefore: start + .seconds(9 * 366 * 86_400), in: .utc) == nil) == never, "\(year)")
        }
    }

    @Test(
        "only a wildcard in minute or hour follows the clock",
        arguments: [
            ("* * * * *", true), ("*/5 * * * *", true), ("30 * * * *", true), ("0 */2 * * *", true), ("*/15 2 * * *", true), ("0 2 * * *", false),
            ("0,30 2 * * *", false), ("0-59 0-23 * * *", false), ("0 8-18/2 * * *", false), ("0/15 2 * * *", false),
        ])
    func wildcards(_ text: String, _ follows: Bool) throws {
        #expect(try CronExpression(parsing: text).followsTheClock == follows)
    }

    @Test("an expression's text reads back to an equal one, and means what its parts do", arguments: 0..<300 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let specification = Specification.random(&random)
        let cron = try CronExpression(parsing: specification.text)
        #expect(try CronExpression(parsing: cron.text) == cron, "seed \(seed): \(specification), \(cron.text)")
        #expect(cron.followsTheClock == specification.followsTheClock, "seed \(seed): \(specification)")
        for _ in 0..<100 {
            let minute = random.int(-40_000_000...40_000_000)
            let local = LocalTime(seconds: minute * 60 + random.int(0...59))
            #expect(cron.matches(local) == specification.matches(minute: minute), "seed \(seed): \(specification) at \(local)")
        }
    }

    @Test("random text never traps the parser", arguments: 0..<50 as Range<UInt64>)
    func fuzz(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let pieces = ["*", "/", "-", ",", "0", "7", "59", "60", " ", "\t", "MON", "jan", "L", "#", "?", "@daily", "é", "9999999999999999999999", "5", "1-2"]
        for _ in 0..<300 {
            let spaced = random.chance(70)
            let text = (0..<random.int(0...14)).map { _ in random.pick(pieces) + (spaced && random.chance(30) ? " " : "") }.joined()
            do throws(CronError) {
                let cron = try CronExpression(parsing: text)
                #expect(try CronExpression(parsing: cron.text) == cron, "seed \(seed): \(text)")
            } catch {
                #expect((0...text.utf8.count).contains(error.offset), "seed \(seed): \(text)")
            }
        }
    }
}
