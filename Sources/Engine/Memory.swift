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
        /// Its name.
        public let metric: String
        /// Ascending by time, no two of one time, at most ``Memory/maximumSamples``.
        public internal(set) var samples: [Sample]
        /// The last value that was fresh, and when it was used.
        public internal(set) var lastGood: Sample?
        /// Since when it has been asked for without ever having been fresh; nil once it was. `onMissing` counts from then.
        public internal(set) var askedSince: WallTime?
        /// Under `plausible`: the last value that was believed, and for how many evaluations another one has held since.
        public internal(set) var believed: Sample?
        /// For how many evaluations another value than the believed one has held.
        public internal(set) var doubtedFor = 0

        /// Sorts `samples`, keeps the last of each time and the newest ``Memory/maximumSamples`` of all.
        public init(metric: String, samples: [Sample] = [], lastGood: Sample? = nil, askedSince: WallTime? = nil) {
            self.metric = metric
            self.samples = []
            self.lastGood = lastGood
            self.askedSince = askedSince
            for sample in samples { self.insert(sample) }
        }
    }

    /// Since when a `step` rule's condition has held without a break.
    public struct Condition: Sendable, Hashable {
        /// Which of a rule's two thresholds.
        public enum Side: String, Sendable, Hashable, CaseIterable { case above, below }
        /// The metric's name.
        public let metric: String
        /// Which side of the threshold the reading is on.
        public let side: Side
        /// What the reading is compared with.
        public let threshold: Quantity
        /// The first evaluation at which it held.
        public internal(set) var since: WallTime

        public init(metric: String, side: Side, threshold: Quantity, since: WallTime) {
            self.metric = metric
            self.side = side
            self.threshold = threshold
            self.since = since
        }
    }

    /// A number of replicas and when it was recommended, or when a change by it was made. To the millisecond.
    public struct Entry: Sendable, Hashable {
        /// The number.
        public let replicas: Int
        /// When.
        public let at: WallTime
        public init(replicas: Int, at: WallTime) {
            self.replicas = replicas
            self.at = at
        }
    }

    /// A guard's past.
    public struct Guarded: Sendable, Hashable {
        /// What it is: its condition, how long that has to last, and its effect.
        public let guarding: String
        /// Since when the condition has held without a break; nil when it does not hold.
        public let since: WallTime?
        /// When it last took effect, ascending.
        public let fired: [WallTime]
        public init(guarding: String, since: WallTime?, fired: [WallTime]) {
            self.guarding = guarding
            self.since = since
            self.fired = fired
        }
    }

    /// See ``Metric/Window/maximumSamples``.
    public static let maximumSamples = Metric.Window.maximumSamples

    /// In the order of the policy's metrics.
    public internal(set) var series: [Series]
    /// In the order of the policy's rules.
    public internal(set) var conditions: [Condition]
    /// When the last change in each direction was decided.
    public internal(set) var lastUp: WallTime?
    /// When the last change down was decided.
    public internal(set) var lastDown: WallTime?
    /// Since when no metric that a rule names is fresh; nil while one is.
    public internal(set) var missingSince: WallTime?
    /// What the rules wanted before limits, as long as a stabilization window may ask for it. Of equal ones in a row the newest.
    public internal(set) var recommendations: [Entry] = []
    /// Changes by so many, as long as a rate limit may count them.
    public internal(set) var ups: [Entry] = []
    /// Changes down by so many, likewise.
    public internal(set) var downs: [Entry] = []
    /// Those of the policy's guards that have a past, in its order.
    public internal(set) var guards: [Guarded] = []
    /// How the last changes turned out; see ``TrackRecord``.
    public internal(set) var record: Int64 = 0
    /// When the change was made whose outcome is still to be seen, and what it is; see ``PendingOutcome``.
    public internal(set) var pendingAt: WallTime?
    var pending: Int64 = 0

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
        for guarded in policy.guards { bytes += frame + 6 * (guarded.when.text.utf8.count + 64) + 24 * Program.mostFirings }
        /// `[-9223372036854775808,2147483647],`
        let entry = 36
        if policy.inForce.behavior != nil || policy.arithmetic == .hpa { bytes += 3 * entry * CellLayout.mostEntries }
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
}

extension Memory {
    /// The change that was noted with this memory did not come about, or not whole.
    /// - Parameters:
    ///   - before: what was remembered before it.
    ///   - replicas: the size that was decided instead of the one noted.
    public mutating func amend(to replicas: Int, from: Int, before: Memory, under policy: Policy, at now: WallTime) {
        (self.lastUp, self.lastDown, self.ups, self.downs) = (before.lastUp, before.lastDown, before.ups, before.downs)
        guard replicas != from else {
            (self.pendingAt, self.pending) = (before.pendingAt, before.pending)
            return
        }
        let isUp = replicas > from
        if isUp { self.lastUp = max(self.lastUp ?? now, now) } else { self.lastDown = max(self.lastDown ?? now, now) }
        guard policy.inForce.behavior != nil else { return }
        let milliseconds = now.microseconds / 1000
        let entry = Entry(replicas: abs(replicas - from), at: WallTime(microseconds: milliseconds * 1000))
        if isUp { self.ups.append(entry) } else { self.downs.append(entry) }
    }

    /// nil: nothing is remembered of the metric.
    public func series(of metric: String) -> Series? { self.series.first { $0.metric == metric } }

    /// Since when the condition has held without a break; nil when it does not hold.
    func since(_ metric: String, _ side: Condition.Side, _ threshold: Quantity) -> WallTime? {
        self.conditions.first { $0.metric == metric && $0.side == side && $0.threshold == threshold }?.since
    }
}
