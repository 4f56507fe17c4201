import Model

/// Who may connect before anything is known of them: so many strangers in all, and so many new connections a second from one address.
///
/// Invariants: at most ``PeerLimits/addresses`` addresses are remembered; an address with a full bucket is as good as unknown and is forgotten first;
/// an address that finds no room is refused. Pure: the time is an argument.
struct Admission: Sendable {
    /// In thousandths of a connection.
    private struct Bucket: Sendable {
        var tokens: Int64
        var at: Instant
    }

    let limits: PeerMeshConfiguration.Admission
    private var buckets: [String: Bucket] = [:]
    private(set) var strangers = 0

    init(_ limits: PeerMeshConfiguration.Admission) { self.limits = limits }

    /// A connection from `address`; nil: it may try to show who it is, and ``left()`` is to be called once.
    mutating func arrive(from address: String, at now: Instant) -> PeerFault? {
        // The address pays for what is refused, too.
        guard self.take(address, now) else { return .tooManyFromAddress }
        guard self.strangers < self.limits.unauthenticated else { return .tooManyUnauthenticated }
        self.strangers += 1
        return nil
    }

    /// A stranger showed who it is, or is gone.
    mutating func left() { self.strangers = max(0, self.strangers - 1) }

    private mutating func take(_ address: String, _ now: Instant) -> Bool {
        let full = Int64(self.limits.burst) * 1000
        guard var bucket = self.buckets[address] else {
            if self.buckets.count >= PeerLimits.addresses { self.forget(now) }
            guard full >= 1000, self.buckets.count < PeerLimits.addresses else { return false }
            self.buckets[address] = Bucket(tokens: full - 1000, at: now)
            return true
        }
        bucket.tokens = min(full, self.refilled(bucket, now))
        bucket.at = now
        let has = bucket.tokens >= 1000
        if has { bucket.tokens -= 1000 }
        self.buckets[address] = bucket
        return has
    }

    private func refilled(_ bucket: Bucket, _ now: Instant) -> Int64 {
        // A minute fills any bucket; it also keeps the product small.
        bucket.tokens + min(60_000, max(0, (now - bucket.at).milliseconds)) * Int64(self.limits.perSecond)
    }

    private mutating func forget(_ now: Instant) {
        let full = Int64(self.limits.burst) * 1000
        self.buckets = self.buckets.filter { self.refilled($0.value, now) < full }
    }
}
