public import Model

/// Times that come again, such as business hours, release windows, weekends without changes: a cron expression says when each begins, in a time zone,
/// and a duration how long it lasts.
///
/// Durations are elapsed time: 10 hours are 10 hours on the days on which clocks change too. An occurrence is in effect from its start up to, not at, its
/// end. Occurrences that overlap or touch are one stretch, in effect until the last of them ends.
///
/// Nothing here reads a clock or a file: where a zone's bytes come from is somebody else's affair (``TimeZoneRules/init(name:tzif:)``), and the time is
/// an argument. The same arguments give the same answer on every node that has the same tz database.
public struct Recurrence: Sendable, Hashable {
    /// When each occurrence begins, by the clocks of ``zone``.
    public let cron: CronExpression
    /// Whose clocks are meant.
    public let zone: TimeZoneRules
    /// Not negative; zero is never in effect.
    public let duration: Duration

    /// - Parameter duration: how long each occurrence lasts; a negative one counts as zero.
    public init(cron: CronExpression, zone: TimeZoneRules, duration: Duration) {
        self.cron = cron
        self.zone = zone
        self.duration = max(.zero, duration)
    }

    /// What holds at an instant.
    public struct State: Sendable, Hashable {
        /// Whether an occurrence is in effect.
        public var isActive: Bool
        /// Active: when the present stretch began; nil when that is farther back than is looked. Not active: when the last one ended, if there was one.
        public var since: WallTime?
        /// Active: when the present stretch ends; nil when it goes on for longer than is looked. Not active: when the next one begins, if any does.
        public var until: WallTime?
        /// Up to here, not including it, `isActive` is certain to stay as it is; it is `until` unless that is nil. Nobody needs to ask again earlier.
        public var validUntil: WallTime

        /// What holds from the moment that was asked for up to `validUntil`.
        public init(isActive: Bool, since: WallTime?, until: WallTime?, validUntil: WallTime) {
            self.isActive = isActive
            self.since = since
            self.until = until
            self.validUntil = validUntil
        }
    }

    /// A schedule that never fires, or lasts no time, is never active.
    public func state(at now: WallTime) -> State {
        guard self.duration.microseconds > 0, !self.cron.neverFires else {
            return State(isActive: false, since: nil, until: nil, validUntil: WallTime(microseconds: .max))
        }
        let start = self.cron.previous(atOrBefore: now, in: self.zone)
        // All last equally long: the latest to begin is the last to end.
        if let start, now < start + self.duration { return self.active(from: start) }
        let next = self.cron.next(after: now, in: self.zone)
        return State(isActive: false, since: start.map { $0 + self.duration }, until: next, validUntil: next ?? now + Self.unknownFor)
    }

    /// The first start after `time`; nil when there is none.
    public func nextStart(after time: WallTime) -> WallTime? { self.cron.next(after: time, in: self.zone) }

    /// Steps of one duration each way that are looked at before a stretch counts as endless: a schedule such as every minute for an hour never ends.
    private static let lookedAt = 256
    /// How long the absence of a next start is relied on: far less than the years that were searched for it.
    private static let unknownFor = Duration.seconds(365 * 86_400)
    private static let instant = Duration.microseconds(1)

    private func active(from start: WallTime) -> State {
        var end = start + self.duration
        var isEndless = true
        for _ in 0..<Self.lookedAt {
            // The latest one that begins before or just when the stretch would end.
            guard let last = self.cron.previous(atOrBefore: end, in: self.zone), last + self.duration > end else {
                isEndless = false
                break
            }
            end = last + self.duration
        }
        return State(isActive: true, since: self.beginning(of: start), until: isEndless ? nil : end, validUntil: end)
    }

    private func beginning(of start: WallTime) -> WallTime? {
        var start = start
        for _ in 0..<Self.lookedAt {
            // The earliest one that lasts until this one begins.
            guard let earlier = self.cron.next(after: start - self.duration - Self.instant, in: self.zone), earlier < start else { return start }
            start = earlier
        }
        return nil
    }
}
