import Model

/// How many requests a caller may make: so many at once, and so many a second in the long run. Pure: time is an argument.
struct TokenBucket: Sendable, Hashable {
    /// Requests a second.
    static let rate = 100.0
    /// Requests at once.
    static let burst = 200.0

    enum Verdict: Sendable, Hashable {
        case allowed(remaining: Int)
        case refused(retryAfter: Duration)
    }

    private var level = TokenBucket.burst
    private var filledAt: ContinuousClock.Instant

    init(at now: ContinuousClock.Instant) { self.filledAt = now }

    mutating func take(at now: ContinuousClock.Instant) -> Verdict {
        self.fill(at: now)
        guard self.level >= 1 else {
            return .refused(retryAfter: .microseconds(Int64((1 - self.level) / Self.rate * 1_000_000) + 1))
        }
        self.level -= 1
        return .allowed(remaining: Int(self.level))
    }

    /// Whether it is as good as new at `now`, so that forgetting it changes nothing.
    func isFull(at now: ContinuousClock.Instant) -> Bool {
        var copy = self
        copy.fill(at: now)
        return copy.level >= Self.burst
    }

    private mutating func fill(at now: ContinuousClock.Instant) {
        guard now > self.filledAt else { return }
        let seconds = Double((now - self.filledAt).microseconds) / 1_000_000
        self.level = min(Self.burst, self.level + seconds * Self.rate)
        self.filledAt = now
    }
}

/// The buckets of all callers.
struct RateLimit: Sendable {
    /// Callers remembered: far more than there are tokens.
    static let maximumCallers = 10_000

    private var buckets: [String: TokenBucket] = [:]

    mutating func take(_ caller: String, at now: ContinuousClock.Instant) -> TokenBucket.Verdict {
        if self.buckets[caller] == nil, self.buckets.count >= Self.maximumCallers {
            self.buckets = self.buckets.filter { !$0.value.isFull(at: now) }
            // All of them are busy: forgetting one is kinder than refusing a new caller, and costs at most one burst.
            if self.buckets.count >= Self.maximumCallers, let any = self.buckets.keys.first { self.buckets[any] = nil }
        }
        return self.buckets[caller, default: TokenBucket(at: now)].take(at: now)
    }
}

/// Source addresses that keep presenting wrong credentials: five in a minute are free, then each further one doubles the wait. Pure.
struct FailedCredentials: Sendable {
    static let free = 5
    static let window = Duration.seconds(60)
    static let firstWait = Duration.seconds(1)
    static let longestWait = Duration.seconds(60)
    /// Addresses remembered; the ones whose time is over go first.
    static let maximumAddresses = 10_000

    private struct Record: Sendable {
        var count: Int
        var lastAt: ContinuousClock.Instant
        var blockedUntil: ContinuousClock.Instant?
    }
    private var records: [String: Record] = [:]

    /// How long `address` still has to wait; nil when it need not.
    func wait(_ address: String, at now: ContinuousClock.Instant) -> Duration? {
        guard let until = self.records[address]?.blockedUntil, until > now else { return nil }
        return until - now
    }

    mutating func failed(_ address: String, at now: ContinuousClock.Instant) {
        if self.records[address] == nil, self.records.count >= Self.maximumAddresses {
            self.records = self.records.filter { Self.isCurrent($0.value, at: now) }
            if self.records.count >= Self.maximumAddresses, let any = self.records.keys.first { self.records[any] = nil }
        }
        var record = self.records[address] ?? Record(count: 0, lastAt: now, blockedUntil: nil)
        if !Self.isCurrent(record, at: now) { record.count = 0 }
        record.count += 1
        record.lastAt = now
        if record.count > Self.free {
            let doublings = min(record.count - Self.free - 1, 6)
            record.blockedUntil = now + min(Self.firstWait * (1 << doublings), Self.longestWait)
        }
        self.records[address] = record
    }

    private static func isCurrent(_ record: Record, at now: ContinuousClock.Instant) -> Bool {
        now - record.lastAt < Self.window || (record.blockedUntil ?? now) > now
    }
}
