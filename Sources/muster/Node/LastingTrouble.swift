/// Trouble that goes on, so that a log says it when it begins, when it changes, and now and then, but not each second.
struct LastingTrouble {
    private let reminder: Duration
    private var said: (words: String, at: ContinuousClock.Instant)?

    init(reminder: Duration) { self.reminder = reminder }

    mutating func isWorthSaying(_ words: String, at now: ContinuousClock.Instant) -> Bool {
        if let said, said.words == words, now < said.at + self.reminder { return false }
        self.said = (words, now)
        return true
    }

    /// Whether there was any until now.
    mutating func ended() -> Bool {
        defer { self.said = nil }
        return self.said != nil
    }
}
