import Model

/// How soon a workload may get from one size to another when its rules want it at once and for ever: what step sizes, rate limits,
/// stabilization, cooldowns and the period of evaluation leave. A lower bound; readings, the platform and ceilings can only make it longer.
struct FastestPath {
    enum Outcome: Equatable {
        /// From the first evaluation that wants it to the change that arrives there.
        case reached(after: Duration, changes: Int)
        /// No change is ever allowed beyond this size.
        case stuck(at: Int)
        /// Still on the way after so many changes.
        case long(atLeast: Duration)
    }

    /// Changes that are followed: what takes more is long enough to be told so.
    static let maximumChanges = 500

    private struct Event {
        var at: Int64
        var change: Int
    }
    private struct Limit {
        var amount: RatePolicy.Amount
        var period: Int64
    }

    private let up: Bool
    private let rules: [Rule]
    private let isExact: Bool
    /// All times are whole milliseconds.
    private let every: Int64
    private let cooldown: Int64
    private let window: Int64
    private let limits: [Limit]
    private let select: ScalingRules.Select
    /// HPA's limit where there is no behaviour: twice the size, or 4.
    private let hasOldLimit: Bool

    init(_ policy: Policy, up: Bool) {
        self.up = up
        self.rules = policy.rules
        self.isExact = policy.arithmetic == .exact
        self.every = max(1, policy.evaluateEvery.milliseconds)
        let inForce = policy.inForce
        self.cooldown = max(0, (up ? inForce.cooldown.up : inForce.cooldown.down).milliseconds)
        let resolved = inForce.behavior.map { up ? $0.defaulted.up : $0.defaulted.down }
        let oldWindow: Duration = !up && policy.arithmetic == .hpa ? Behavior.defaultDownWindow : .zero
        self.window = max(0, (resolved?.stabilizationWindow ?? oldWindow).milliseconds)
        self.limits = (resolved?.policies ?? []).map { Limit(amount: $0.amount, period: $0.period.milliseconds) }
        self.select = resolved?.select ?? .max
        self.hasOldLimit = up && resolved == nil && policy.arithmetic == .hpa
    }

    func outcome(from start: Int, to end: Int) -> Outcome {
        guard start != end else { return .reached(after: .zero, changes: 0) }
        var size = start
        var events: [Event] = []
        // Nothing moves before the window has seen the new recommendation only; the first of them counts with its own period.
        var now = self.tick(atOrAfter: max(0, self.window - self.every))
        for changes in 1...Self.maximumChanges {
            guard let next = self.change(of: size, towards: end, events, &now) else { return .stuck(at: size) }
            events.append(Event(at: now, change: next - size))
            let longest = self.limits.reduce(0) { max($0, $1.period) }
            events.removeAll { now - $0.at >= longest }
            size = next
            if size == end { return .reached(after: .milliseconds(now), changes: changes) }
            now = self.tick(atOrAfter: now + max(self.cooldown, self.every))
        }
        return .long(atLeast: .milliseconds(now))
    }

    /// The next size, and in `now` when; nil when there is none however long one waits.
    private func change(of size: Int, towards end: Int, _ events: [Event], _ now: inout Int64) -> Int? {
        let wanted = self.wanted(from: size, end)
        while true {
            let allowed = self.allowed(from: size, events, at: now)
            let next = self.up ? min(end, wanted, allowed) : max(end, wanted, allowed)
            if self.up ? next > size : next < size { return next }
            // An event of the past that leaves a period allows more; after the last one nothing new comes.
            guard let release = self.release(after: now, events) else { return nil }
            now = release
        }
    }

    private func release(after now: Int64, _ events: [Event]) -> Int64? {
        var first: Int64?
        for event in events {
            for limit in self.limits {
                let time = self.tick(atOrAfter: event.at + limit.period)
                if time > now { first = min(first ?? time, time) }
            }
        }
        return first
    }

    private func tick(atOrAfter time: Int64) -> Int64 { (time + self.every - 1) / self.every * self.every }

    /// The largest step of the rules.
    private func wanted(from size: Int, _ end: Int) -> Int {
        self.rules.reduce(size) { best, rule in
            let next: Int =
                switch rule.body {
                case .track: end
                case .step(let step): self.up ? size + (step.add?.replicas(of: size) ?? 0) : size - (step.remove?.replicas(of: size) ?? 0)
                // The last replica is never removed by a rule of capacity.
                case .capacity(let capacity):
                    self.up
                        ? size + min(capacity.step, ManifestLimits.replicas)
                        : max(min(size, 1), size - min(capacity.step, ManifestLimits.replicas))
                }
            return self.up ? max(best, next) : min(best, next)
        }
    }

    private func allowed(from size: Int, _ events: [Event], at now: Int64) -> Int {
        if self.select == .disabled { return size }
        if self.hasOldLimit { return max(2 * size, 4) }
        guard let first = self.limits.first else { return self.up ? Int.max : 0 }
        var best = self.bound(first, size, events, now)
        for limit in self.limits.dropFirst() {
            let other = self.bound(limit, size, events, now)
            best = (self.select == .max) == self.up ? max(best, other) : min(best, other)
        }
        return self.up ? max(size, best) : min(size, best)
    }

    private func bound(_ limit: Limit, _ size: Int, _ events: [Event], _ now: Int64) -> Int {
        let start = events.reduce(size) { now - $1.at < limit.period ? $0 - $1.change : $0 }
        switch limit.amount {
        case .replicas(let count): return self.up ? start + min(count, ManifestLimits.replicas) : start - min(count, ManifestLimits.replicas)
        case .percent(let percent):
            let share = min(percent, ManifestLimits.replicas)
            guard self.isExact else {
                let factor = 1 + (self.up ? 1 : -1) * Double(share) / 100
                return Int((Double(start) * factor).rounded(self.up ? .up : .towardZero))
            }
            return self.up ? start + (start * share + 99) / 100 : max(0, start * (100 - min(share, 100)) / 100)
        }
    }
}

extension Rule.Step.Amount {
    var isPercent: Bool { if case .percent = self { true } else { false } }

    /// Replicas of a fleet of `current`; percent rounds up to at least one.
    func replicas(of current: Int) -> Int {
        switch self {
        case .replicas(let count): min(count, ManifestLimits.replicas)
        case .percent(let percent): max(1, (current * percent + 99) / 100)
        }
    }
}
