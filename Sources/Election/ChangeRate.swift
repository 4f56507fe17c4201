import Model

/// Counts leader changes and stretches the timers while there are too many: a network or a database that is too slow for
/// them makes leaders lose their sessions, which makes it slower still.
struct ChangeRate: Sendable, Hashable {
    /// More changes than this within `window` double the timers.
    static let tolerated = 3
    static let window = Duration.seconds(60)
    /// Timers are at most this many times as long as configured.
    static let greatestFactor = 8
    /// Without a change for this long the timers are as configured again.
    static let calm = Duration.seconds(600)

    private(set) var factor = 1
    private var changes: [Instant] = []
    private var lastChange: Instant?
    private var epoch: Epoch?

    /// Takes note of an epoch seen in force. The first one is no change.
    mutating func note(_ epoch: Epoch, at now: Instant) {
        guard let known = self.epoch else {
            self.epoch = epoch
            return
        }
        guard epoch > known else { return }
        self.epoch = epoch
        self.lastChange = now
        self.changes.removeAll { now - $0 > Self.window }
        self.changes.append(now)
        if self.changes.count > Self.tolerated {
            self.factor = min(self.factor * 2, Self.greatestFactor)
            self.changes.removeAll()
        }
    }

    /// Looks whether it has been calm long enough. To be asked between terms, never during one.
    mutating func settle(at now: Instant) {
        if let last = self.lastChange, now - last > Self.calm { self.factor = 1 }
    }
}
