/// When a source that fails again and again is left alone: closed → (failures in a row) → open → (a pause) → half open
/// → closed or open.
///
/// A pure value: whoever holds it brings the time.
public struct CircuitBreaker: Sendable, Hashable {
    /// Failures in a row until it opens: more than a restart of the database costs, few enough to spare a server that
    /// refuses a password.
    public static let failuresToOpen = 5
    /// How long it stays open.
    public static let pause: Duration = .seconds(30)

    private enum State: Sendable, Hashable {
        case closed(failures: Int)
        case open(until: ContinuousClock.Instant)
        /// One attempt is under way that decides.
        case halfOpen(since: ContinuousClock.Instant)
    }
    private var state = State.closed(failures: 0)

    /// Closed: a source is asked until it has failed.
    public init() {}

    /// What may be asked of the source.
    public enum Permission: Sendable, Hashable {
        case ask
        /// Ask, but first see whether it answers at all.
        case probe
        /// Leave it alone for this long.
        case wait(Duration)
    }

    /// Whether to ask now. After a pause the first to ask probes; the others wait for what it finds.
    public mutating func permission(at now: ContinuousClock.Instant) -> Permission {
        switch self.state {
        case .closed: return .ask
        case .open(let until) where now < until: return .wait(until - now)
        // A probe whose end was never told (its task was cancelled) must not keep the source closed for ever.
        case .halfOpen(let since) where now < since + Self.pause: return .wait(since + Self.pause - now)
        case .open, .halfOpen:
            self.state = .halfOpen(since: now)
            return .probe
        }
    }

    /// The source answered, if only to refuse a statement.
    public mutating func succeeded() {
        self.state = .closed(failures: 0)
    }

    /// The source did not answer, or let nobody in.
    public mutating func failed(at now: ContinuousClock.Instant) {
        switch self.state {
        case .closed(let failures) where failures + 1 < Self.failuresToOpen:
            self.state = .closed(failures: failures + 1)
        case .closed, .halfOpen: self.state = .open(until: now + Self.pause)
        case .open: break  // a straggler from before it opened: it does not prolong the pause
        }
    }

    /// Whether the source is left alone now, but for the probe that decides.
    public var isOpen: Bool {
        if case .closed = self.state { false } else { true }
    }
}
