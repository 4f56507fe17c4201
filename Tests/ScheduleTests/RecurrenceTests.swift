import Model
import Schedule
import SeededRandom
import Testing

@Suite("Recurrences")
struct RecurrenceTests {
    /// `active SINCE UNTIL` or `idle SINCE UNTIL` by the zone's clocks.
    private func state(_ cron: String, _ name: String, _ duration: String, at instant: String) throws -> String {
        let zone = try Zone.rules(name)
        let recurrence = Recurrence(cron: try CronExpression(parsing: cron), zone: zone, duration: try #require(Duration(text: duration)))
        let state = recurrence.state(at: try time(instant))
        if let until = state.until { #expect(state.validUntil == until) }
        func text(_ time: WallTime?) -> String { time.map { shown($0, zone) } ?? "never" }
        return "\(state.isActive ? "active" : "idle") \(text(state.since)) \(text(state.until))"
    }

    @Test(
        "a stretch begins at its occurrence and ends when its time has passed",
        arguments: [
            ("0 8 * * MON-FRI", "Europe/Berlin", "10h", "2026-11-20T07:59+01:00", "idle 2026-11-19T18:00+01:00 2026-11-20T08:00+01:00"),
            ("0 8 * * MON-FRI", "Europe/Berlin", "10h", "2026-11-20T08:00+01:00", "active 2026-11-20T08:00+01:00 2026-11-20T18:00+01:00"),
            ("0 8 * * MON-FRI", "Europe/Berlin", "10h", "2026-11-20T17:59+01:00", "active 2026-11-20T08:00+01:00 2026-11-20T18:00+01:00"),
            ("0 8 * * MON-FRI", "Europe/Berlin", "10h", "2026-11-20T18:00+01:00", "idle 2026-11-20T18:00+01:00 2026-11-23T08:00+01:00"),
            ("0 18 * * FRI", "Europe/Berlin", "62h", "2026-11-22T12:00+01:00", "active 2026-11-20T18:00+01:00 2026-11-23T08:00+01:00"),
            // Durations are elapsed time: the weekends on which clocks change end an hour later or earlier by the clock.
            ("0 18 * * FRI", "Europe/Berlin", "62h", "2026-03-28T12:00+01:00", "active 2026-03-27T18:00+01:00 2026-03-30T09:00+02:00"),
            ("0 18 * * FRI", "Europe/Berlin", "62h", "2026-10-24T12:00+02:00", "active 2026-10-23T18:00+02:00 2026-10-26T07:00+01:00"),
            // Longer than the distance between two: one stretch.
            ("0 8,12 * * *", "UTC", "6h", "2026-01-01T09:00:00Z", "active 2026-01-01T08:00+00:00 2026-01-01T18:00+00:00"),
            ("0 8,12 * * *", "UTC", "6h", "2026-01-01T17:00:00Z", "active 2026-01-01T08:00+00:00 2026-01-01T18:00+00:00"),
            // Touching ones are one as well.
            ("0 8,12 * * *", "UTC", "4h", "2026-01-01T12:00:00Z", "active 2026-01-01T08:00+00:00 2026-01-01T16:00+00:00"),
            ("0 0 * * MON-FRI", "UTC", "24h", "2026-11-18T12:00:00Z", "active 2026-11-16T00:00+00:00 2026-11-21T00:00+00:00"),
            ("0 0 * * *", "UTC", "24h", "2026-11-18T12:00:00Z", "active never never"),
            ("* * * * *", "UTC", "1h", "2026-11-18T12:00:30Z", "active never never"),
            // The day on which clocks are put forward is an hour short; the one on which they are put back leaves a gap.
            ("0 0 * * *", "Europe/Berlin", "24h", "2026-10-25T23:30+01:00", "idle 2026-10-25T23:00+01:00 2026-10-26T00:00+01:00"),
            ("0 0 30 2 *", "UTC", "1h", "2026-11-18T12:00:00Z", "idle never never"), ("0 0 * * *", "UTC", "0s", "2026-11-18T00:00:00Z", "idle never never"),
            ("0 0 29 2 *", "UTC", "1d", "2024-02-29T12:00:00Z", "active 2024-02-29T00:00+00:00 2024-03-01T00:00+00:00"),
            ("0 0 29 2 *", "UTC", "1d", "2026-02-28T12:00:00Z", "idle 2024-03-01T00:00+00:00 2028-02-29T00:00+00:00"),
            ("30 2 * * *", "Europe/Berlin", "30m", "2026-03-29T03:15+02:00", "active 2026-03-29T03:00+02:00 2026-03-29T03:30+02:00"),
            // Half an hour after the first 02:30 the clock is put back to 02:00.
            ("30 2 * * *", "Europe/Berlin", "30m", "2026-10-25T02:45+01:00", "idle 2026-10-25T02:00+01:00 2026-10-26T02:30+01:00"),
        ])
    func stretches(_ cron: String, _ zone: String, _ duration: String, _ instant: String, _ expected: String) throws {
        #expect(try self.state(cron, zone, duration, at: instant) == expected)
    }

    @Test("an endless stretch is certain for a while, and asked again later")
    func endless() throws {
        let recurrence = Recurrence(cron: try CronExpression(parsing: "* * * * *"), zone: .utc, duration: .seconds(3600))
        let now = try time("2026-11-18T12:00:30Z")
        let state = recurrence.state(at: now)
        #expect(state.until == nil)
        #expect(state.validUntil > now + .seconds(86_400))
        let never = Recurrence(cron: try CronExpression(parsing: "0 0 30 2 *"), zone: .utc, duration: .seconds(3600)).state(at: now)
        #expect(never.validUntil == WallTime(microseconds: .max))
    }

    @Test("what state says is what going through all occurrences does", arguments: 0..<100 as Range<UInt64>)
    func stretchesByHand(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let zone = try Zone.rules(random.pick(OccurrenceTests.zones))
        var specification = Specification.random(&random)
        // Frequent enough to see some in a few weeks.
        specification.month = Specification.Field(text: "*", values: Set(1...12), isWildcard: true, isAny: true)
        specification.dayOfMonth = Specification.Field(text: "*", values: Set(1...31), isWildcard: true, isAny: true)
        specification.minute = Specification.Field(text: "5", values: [5])
        let cron = try CronExpression(parsing: specification.text)
        let duration = Duration.seconds(random.pick([60, 1800, 3600, 7200, 36_000, 86_400, 200_000]))
        let recurrence = Recurrence(cron: cron, zone: zone, duration: duration)
        let start = WallTime(seconds: random.int(1_000_000_000...2_000_000_000))
        let end = start + .seconds(60 * 86_400)
        var stretches: [(from: WallTime, to: WallTime)] = []
        var now = start
        while let next = cron.next(after: now, in: zone), next < end {
            if let last = stretches.last, next <= last.to {
                stretches[stretches.count - 1].to = next + duration
            } else {
                stretches.append((next, next + duration))
            }
            now = next
        }
        // The ends of the 60 days are seen by halves only.
        guard stretches.count > 3 else { return }
        for _ in 0..<30 {
            let at = WallTime(microseconds: random.int64(stretches[1].from.microseconds...stretches[stretches.count - 2].from.microseconds))
            guard let index = stretches.lastIndex(where: { $0.from <= at }) else { continue }
            let isActive = at < stretches[index].to
            let since = isActive ? stretches[index].from : stretches[index].to
            let until = isActive ? stretches[index].to : stretches[index + 1].from
            #expect(
                recurrence.state(at: at) == Recurrence.State(isActive: isActive, since: since, until: until, validUntil: until),
                "seed \(seed): \(specification) \(duration.text) in \(zone.name) at \(at)")
        }
    }
}
