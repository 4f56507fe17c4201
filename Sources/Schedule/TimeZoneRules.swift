public import Model

/// A time zone: which offset from UTC its clocks have when. Read from the bytes of a TZif file (RFC 8536); ``utc`` is built in.
///
/// Offsets change at the instants of a table; behind the table's last one the file's rule says when they do, year by year.
public struct TimeZoneRules: Sendable, Hashable {
    /// As tz database names it: `Europe/Berlin`.
    public let name: String
    /// Ascending, in seconds since 1970-01-01T00:00:00Z.
    let transitions: [Int]
    /// In seconds east of UTC; one more than there are transitions, the first holding before all of them.
    let offsets: [Int]
    /// What holds from the last transition on; nil: the last offset does, for ever.
    let rule: PosixRule?

    /// Coordinated Universal Time: no offset, no changes. It needs no file.
    public static let utc = TimeZoneRules(name: "UTC", transitions: [], offsets: [0], rule: nil)

    /// No offset is larger, in seconds (RFC 8536, section 3.2, has them between −25 h and 26 h).
    static let largestOffset = 26 * 3600

    /// A stretch of time with one offset.
    struct Span {
        /// The first second of it; `Int.min` without a beginning.
        var start: Int
        /// The first second behind it; `Int.max` without an end.
        var end: Int
        var offset: Int
    }

    init(name: String, transitions: [Int], offsets: [Int], rule: PosixRule?) {
        self.name = name
        self.transitions = transitions
        self.offsets = offsets
        self.rule = rule
    }

    /// The offset from UTC of this zone's clocks, in seconds; east is positive.
    public func utcOffset(at time: WallTime) -> Int { self.span(at: time.wholeSeconds).offset }

    /// What this zone's clocks show.
    public func localTime(at time: WallTime) -> LocalTime {
        let second = time.wholeSeconds
        return LocalTime(seconds: second + self.span(at: second).offset)
    }

    /// When the offset changes next, and to what; nil: it doesn't any more.
    public func nextChange(after time: WallTime) -> (at: WallTime, offset: Int)? {
        var span = self.span(at: time.wholeSeconds)
        let offset = span.offset
        // A table may hold changes of a zone's name alone; a rule has two of a kind at most.
        while span.end != .max {
            span = self.span(at: span.end)
            if span.offset != offset { return (WallTime(wholeSeconds: span.start), span.offset) }
        }
        return nil
    }

    /// When clocks show a local time.
    public enum Instants: Sendable, Hashable {
        case once(WallTime)
        /// Never: clocks are put forward past it. `end` is the first instant after the gap.
        case gap(end: WallTime)
        /// More than once, because clocks are put back: the first and the last time.
        case overlap(first: WallTime, last: WallTime)
    }

    /// When clocks of this zone show `local`: once, never, or twice and more. Times beyond the calendar count as its ends.
    public func instants(of local: LocalTime) -> Instants {
        // Times as far from the epoch as no calendar goes are the calendar's ends.
        let seconds = min(max(local.seconds, -Self.farthest), Self.farthest)
        var first: Int?
        var last = 0
        var span = self.span(at: seconds - Self.largestOffset)
        while true {
            let instant = seconds - span.offset
            if instant >= span.start, instant < span.end {
                if first == nil { first = instant }
                last = instant
            }
            if span.end > seconds + Self.largestOffset { break }
            span = self.span(at: span.end)
        }
        guard let first else { return .gap(end: WallTime(wholeSeconds: self.firstInstant(showing: seconds))) }
        return first == last
            ? .once(WallTime(wholeSeconds: first)) : .overlap(first: WallTime(wholeSeconds: first), last: WallTime(wholeSeconds: last))
    }

    /// In seconds: beyond the years that a calendar date can have, and far from overflow.
    private static let farthest = 4_000_000_000_000

    /// The first instant at which clocks show this local time or a later one.
    func firstInstant(showing local: Int) -> Int {
        var span = self.span(at: local - Self.largestOffset)
        while true {
            let instant = max(span.start, local - span.offset)
            if instant < span.end { return instant }
            span = self.span(at: span.end)
        }
    }

    /// The latest local time that clocks have shown up to this second: not what they show now while a time repeats itself.
    func latestShown(by second: Int) -> Int {
        var span = self.span(at: second)
        var latest = second + span.offset
        // Before that no clock was so far ahead.
        while span.start > second - 2 * Self.largestOffset {
            let before = span.start - 1
            span = self.span(at: before)
            latest = max(latest, before + span.offset)
        }
        return latest
    }

    func span(at second: Int) -> Span {
        let index = self.countOfTransitions(upTo: second)
        let start = index > 0 ? self.transitions[index - 1] : Int.min
        if index < self.transitions.count { return Span(start: start, end: self.transitions[index], offset: self.offsets[index]) }
        guard let rule = self.rule else { return Span(start: start, end: .max, offset: self.offsets[index]) }
        var span = rule.span(at: second)
        span.start = max(span.start, start)
        return span
    }

    private func countOfTransitions(upTo second: Int) -> Int {
        var (low, high) = (0, self.transitions.count)
        // Most questions are about now, behind the table or near its end.
        if let last = self.transitions.last, second >= last { return high }
        while low < high {
            let middle = (low + high) / 2
            if self.transitions[middle] <= second { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
