public import Model

/// What must survive a leader: written with each decision, read back by the next leader, who then decides exactly as
/// the old one would have.
///
/// It holds facts only (samples, since when a condition holds, when the last changes were), never conclusions, so that
/// a new version of a policy reads it as well as the old one did. Everything a policy no longer names is dropped at the
/// next evaluation.
///
/// Its size is bounded by the policy: see ``maximumBytes(for:)``.
public struct Memory: Sendable, Hashable {
    /// One metric's past.
    public struct Series: Sendable, Hashable {
        public let metric: String
        /// Ascending by time, no two of one time, at most ``Memory/maximumSamples``.
        public internal(set) var samples: [Sample]
        /// The last value that was fresh, and when it was used.
        public internal(set) var lastGood: Sample?

        /// Sorts `samples`, keeps the last of each time and the newest ``Memory/maximumSamples`` of all.
        public init(metric: String, samples: [Sample] = [], lastGood: Sample? = nil) {
            self.metric = metric
            self.samples = []
            self.lastGood = lastGood
            for sample in samples { self.insert(sample) }
        }
    }

    /// Since when a `step` rule's condition has held without a break.
    public struct Condition: Sendable, Hashable {
        public enum Side: String, Sendable, Hashable, CaseIterable { case above, below }
        public let metric: String
        public let side: Side
        public let threshold: Quantity
        public internal(set) var since: WallTime

        public init(metric: String, side: Side, threshold: Quantity, since: WallTime) {
            self.metric = metric
            self.side = side
            self.threshold = threshold
            self.since = since
        }
    }

    /// The most samples that are kept of one metric: two hours at the default period of 15 s, and 8 minutes at the
    /// shortest of 1 s. A window that would need more sees the newest ones only.
    public static let maximumSamples = 512

    /// In the order of the policy's metrics.
    public internal(set) var series: [Series]
    /// In the order of the policy's rules.
    public internal(set) var conditions: [Condition]
    /// When the last change in each direction was decided.
    public internal(set) var lastUp: WallTime?
    public internal(set) var lastDown: WallTime?
    /// Since when no metric that a rule names is fresh; nil while one is.
    public internal(set) var missingSince: WallTime?

    public init(
        series: [Series] = [], conditions: [Condition] = [], lastUp: WallTime? = nil, lastDown: WallTime? = nil,
        missingSince: WallTime? = nil
    ) {
        self.series = series
        self.conditions = conditions
        self.lastUp = lastUp
        self.lastDown = lastDown
        self.missingSince = missingSince
    }

    /// An upper bound of the JSON text in bytes of a memory that an evaluation under `policy` returns.
    public static func maximumBytes(for policy: Policy) -> Int {
        /// `[-9223372036854775808,"-9223372036854775.808"],`
        let sample = 50
        /// Field names, brackets and five times.
        let frame = 256
        var bytes = frame
        for metric in policy.metrics {
            bytes +=
                frame + 6 * metric.name.utf8.count + sample * (1 + (metric.window == nil ? 1 : Self.maximumSamples))
        }
        for rule in policy.rules { bytes += 2 * (frame + 6 * rule.metric.utf8.count) }
        return bytes
    }
}

extension Memory.Series {
    /// Adds a sample; one of the same time is replaced, so that a sample that is delivered twice counts once.
    mutating func insert(_ sample: Sample) {
        var index = self.samples.endIndex
        while index > 0, self.samples[index - 1].at >= sample.at { index -= 1 }
        if index < self.samples.endIndex, self.samples[index].at == sample.at {
            self.samples[index] = sample
        } else {
            self.samples.insert(sample, at: index)
            if self.samples.count > Memory.maximumSamples { self.samples.removeFirst() }
        }
    }

    /// Drops what no later evaluation needs, the newest sample excepted, and what lies too far in the future to be
    /// dated: a clock went back.
    mutating func prune(window: Duration?, now: WallTime) {
        let horizon = now + Engine.clockAllowance
        while let last = self.samples.last, last.at > horizon { self.samples.removeLast() }
        guard let newest = self.samples.last else { return }
        guard let window else {
            self.samples = [newest]
            return
        }
        let oldest = now - window
        let firstKept = self.samples.firstIndex { $0.at >= oldest } ?? self.samples.endIndex - 1
        self.samples.removeFirst(firstKept)
    }
}

extension Memory {
    func series(of metric: String) -> Series? { self.series.first { $0.metric == metric } }

    /// Since when the condition has held without a break; nil when it does not hold.
    func since(_ metric: String, _ side: Condition.Side, _ threshold: Quantity) -> WallTime? {
        self.conditions.first { $0.metric == metric && $0.side == side && $0.threshold == threshold }?.since
    }

    /// When any metric that a rule names was last fresh, or since when none has been.
    func lastUsable(by policy: Policy) -> WallTime? {
        var latest: WallTime?
        for rule in policy.rules {
            guard let good = self.series(of: rule.metric)?.lastGood?.at else { continue }
            latest = max(latest ?? good, good)
        }
        return latest ?? self.missingSince
    }

    /// Takes up what this evaluation's readings say about the rules' conditions.
    mutating func follow(_ policy: Policy, _ readings: Readings, at now: WallTime) {
        var held: [Condition] = []
        func hold(_ metric: String, _ side: Condition.Side, _ threshold: Quantity) {
            guard !held.contains(where: { $0.metric == metric && $0.side == side && $0.threshold == threshold }) else {
                return
            }
            let since = self.since(metric, side, threshold) ?? now
            held.append(Condition(metric: metric, side: side, threshold: threshold, since: since))
        }
        var anyFresh = false
        for rule in policy.rules {
            guard let reading = readings[rule.metric], let value = reading.value else { continue }
            if reading.quality == .fresh { anyFresh = true }
            guard case .step(let step) = rule.body, step.sustained > .zero else { continue }
            if let above = step.above, value > above { hold(step.metric, .above, above) }
            // A stale reading may raise but never lower, so it can't carry a condition to lower on.
            if let below = step.below, value < below, reading.quality == .fresh { hold(step.metric, .below, below) }
        }
        self.conditions = held
        self.missingSince = anyFresh ? nil : self.missingSince ?? now
    }

    /// Records that a change was decided. A clock that went back does not bring the next change closer.
    mutating func changed(up: Bool, at now: WallTime) {
        if up { self.lastUp = max(self.lastUp ?? now, now) } else { self.lastDown = max(self.lastDown ?? now, now) }
    }
}
