public import Model

/// Which instants a cron expression selects in a time zone.
///
/// An expression with fixed times (`30 2 * * *`) fires **once for each of them, at the first instant at which the clock shows that time or a later one**:
/// - a time that the clock shows once: then;
/// - a time that it skips when it is put forward: at the first instant after the gap, together with every other one in that gap;
/// - a time that it shows twice when it is put back: the first time only.
///
/// An expression with a wildcard in minute or hour (`*/15 * * * *`) fires **whenever the clock shows such a time**: not at all in a gap, and again when a
/// time comes again. Through both changes its rhythm in elapsed time goes on.
///
/// Everything here is bounded: a date is searched for 8 years, a clock that skips each of the times for 40 years, in the years 0 to 9999.
extension CronExpression {
    /// The first instant after `time`; nil when there is none.
    public func next(after time: WallTime, in zone: TimeZoneRules) -> WallTime? {
        let second = time.wholeSeconds
        guard !self.neverFires, second < Bounds.latest else { return nil }
        let from = max(second, Bounds.earliest)
        let found = self.followsTheClock ? self.nextShown(after: from, zone) : self.nextFixed(after: from, zone)
        return found.map(WallTime.init(wholeSeconds:))
    }

    /// The last instant at or before `time`; nil when there is none.
    public func previous(atOrBefore time: WallTime, in zone: TimeZoneRules) -> WallTime? {
        let second = time.wholeSeconds
        guard !self.neverFires, second > Bounds.earliest else { return nil }
        let from = min(second, Bounds.latest)
        let found = self.followsTheClock ? self.previousShown(atOrBefore: from, zone) : self.previousFixed(atOrBefore: from, zone)
        return found.map(WallTime.init(wholeSeconds:))
    }

    /// Fixed times pass in their order: all up to the latest time that the clock ever showed have fired.
    private func nextFixed(after second: Int, _ zone: TimeZoneRules) -> Int? {
        self.first(from: zone.latestShown(by: second) + 1).map(zone.firstInstant(showing:))
    }
    private func previousFixed(atOrBefore second: Int, _ zone: TimeZoneRules) -> Int? {
        self.last(through: zone.latestShown(by: second)).map(zone.firstInstant(showing:))
    }

    private func nextShown(after second: Int, _ zone: TimeZoneRules) -> Int? {
        var from = second + 1
        while from <= second + Bounds.horizon {
            let span = zone.span(at: from)
            guard let local = self.first(from: from + span.offset) else { return nil }
            let instant = local - span.offset
            if instant < span.end { return instant }
            // A clock put back may show an earlier time again: the search goes on right there.
            from = span.end
        }
        return nil
    }
    private func previousShown(atOrBefore second: Int, _ zone: TimeZoneRules) -> Int? {
        var from = second
        while from >= second - Bounds.horizon {
            let span = zone.span(at: from)
            guard let local = self.last(through: from + span.offset) else { return nil }
            let instant = local - span.offset
            if instant >= span.start { return instant }
            from = span.start - 1
        }
        return nil
    }

    private enum Bounds {
        /// 0000-01-01 and 9999-12-31, in seconds.
        static let earliest = -62_167_219_200
        static let latest = 253_402_300_799
        /// 40 years, in seconds: a zone's rules that name weekdays put a change on each date within 28.
        static let horizon = 40 * 366 * 86_400
    }
}
