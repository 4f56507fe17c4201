import Model
import Schedule
import SeededRandom
import Testing

/// Against implementations of other people: Python's `zoneinfo` and Debian's `croniter`.
@Suite("Other implementations")
struct IndependentTests {
    private static let zoneScript = """
        import sys, zoneinfo
        from datetime import datetime, timedelta, timezone
        first, last, step = 0, int(datetime(2051, 1, 1, tzinfo=timezone.utc).timestamp()), 86400 * 10
        epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
        for name in sys.stdin.read().split():
            zone = zoneinfo.ZoneInfo(name)
            def offset(t):
                return int((epoch + timedelta(seconds=t)).astimezone(zone).utcoffset().total_seconds())
            found, t, now = [(first, offset(first))], first, offset(first)
            while t < last:
                to = min(t + step, last)
                then = offset(to)
                if then != now:
                    low, high = t, to
                    while high - low > 1:
                        middle = (low + high) // 2
                        if offset(middle) == now: low = middle
                        else: high = middle
                    t, now = high, offset(high)
                    found.append((t, now))
                else:
                    t = to
            print(name, *("%d:%d" % change for change in found))
        """

    @Test("every zone of the tz database has the offsets that zoneinfo gives it, from 1970 to 2050")
    func zones() throws {
        let names = try Python.run("import zoneinfo\nprint(*sorted(zoneinfo.available_timezones()))").split(whereSeparator: \.isWhitespace).map(String.init)
        let usable = names.filter { TimeZoneName.objection(to: $0) == nil }
        #expect(usable.count > 400, "\(names.count)")
        #expect(Set(names).subtracting(usable).isSubset(of: ["localtime", "posixrules"]))
        // Most names are other names of one of few hundred zones.
        var seen: Set<[UInt8]> = []
        let different = try usable.filter { seen.insert(try Zone.bytes($0)).inserted }
        let lines = try Python.run(Self.zoneScript, input: different.joined(separator: "\n")).split(separator: "\n")
        #expect(lines.count == different.count)
        let end = try time("2051-01-01T00:00:00Z")
        for (name, line) in zip(different, lines) {
            let zone = try Zone.rules(name)
            var now = WallTime(seconds: 0)
            var changes = ["0:\(zone.utcOffset(at: now))"]
            while let change = zone.nextChange(after: now), change.at <= end {
                changes.append("\(change.at.seconds):\(change.offset)")
                now = change.at
            }
            #expect(([name] + changes).joined(separator: " ") == line)
        }
    }

    /// Reads `SPECIFICATION|LOCAL START|COUNT|+ or -`, answers what follows or precedes, as seconds of the local calendar.
    private static let cronScript = """
        import sys
        from datetime import datetime, timedelta
        from croniter import croniter, CroniterBadDateError
        epoch = datetime(1970, 1, 1)
        for line in sys.stdin:
            text, start, count, direction = line.rstrip("\\n").split("|")
            times = croniter(text, epoch + timedelta(seconds=int(start)), max_years_between_matches=12)
            found = []
            try:
                for _ in range(int(count)):
                    at = times.get_next(datetime) if direction == "+" else times.get_prev(datetime)
                    found.append(str(int((at - epoch).total_seconds())))
            except CroniterBadDateError:
                found.append("none")
            print(*found)
        """

    @Test("random specifications fire when another cron says so, over 20 years in zones of all kinds")
    func specifications() throws {
        var questions: [(specification: Specification, zone: TimeZoneRules, start: Int, forward: Bool, seed: UInt64)] = []
        let zones = try ["UTC", "UTC", "Asia/Kathmandu", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"].map(Zone.rules)
        let occurrences = 40
        for seed in 0..<UInt64(count("MUSTER_TEST_SPECIFICATIONS", default: 20) * 50) {
            var random = Seeded(seed: seed)
            // 2010 to 2030, from the first second of a local minute.
            let start = random.int(21_036_960...31_556_160) * 60
            questions.append((.random(&random), random.pick(zones), start, random.chance(70), seed))
        }
        let input = questions.map { "\($0.specification.text)|\($0.start)|\(occurrences)|\($0.forward ? "+" : "-")\n" }.joined()
        let answers = try Python.run(Self.cronScript, input: input).split(separator: "\n", omittingEmptySubsequences: false)
        try #require(answers.count == questions.count + 1)
        var compared = 0
        for (question, answer) in zip(questions, answers) {
            let cron = try CronExpression(parsing: question.specification.text)
            guard case .once(let start) = question.zone.instants(of: LocalTime(seconds: question.start)) else { continue }
            // Other crons know nothing of gaps: times that a clock shows once are what both must agree on.
            func isPlain(_ local: Int) -> Bool {
                if case .once = question.zone.instants(of: LocalTime(seconds: local)) { return cron.matches(LocalTime(seconds: local)) }
                return false
            }
            let theirs = answer.split(separator: " ").compactMap { Int($0) }
            #expect((theirs.isEmpty && answer.contains("none")) == cron.neverFires, "seed \(question.seed): \(question.specification): \(answer)")
            guard let last = theirs.last else { continue }
            var ours: [Int] = []
            var now = start
            while true {
                let next =
                    question.forward
                    ? cron.next(after: now, in: question.zone) : cron.previous(atOrBefore: now - .microseconds(1), in: question.zone)
                guard let next else { break }
                let local = question.zone.localTime(at: next).seconds
                guard question.forward ? local <= last : local >= last else { break }
                ours.append(local)
                now = next
            }
            #expect(
                ours.filter(isPlain) == theirs.filter(isPlain),
                "seed \(question.seed): \(question.specification) in \(question.zone.name) from \(LocalTime(seconds: question.start))")
            compared += theirs.count
        }
        #expect(compared > questions.count)
    }
}
