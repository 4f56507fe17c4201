/// The rules for a set of workloads. Versioned: version n+1 never edits version n.
public struct Policy: Sendable, Hashable {
    public var name: String
    public var selector: Selector
    public var mode: Mode
    public var minReplicas: Int
    public var maxReplicas: Int
    public var evaluateEvery: Duration
    public var metrics: [Metric]
    public var rules: [Rule]
    public var combine: Combine
    public var cooldown: Cooldown
    public var emergency: Emergency?
    /// A ladder tried in order as time passes without a usable reading. Empty: hold for ever.
    public var onMissing: [MissingStep]
    public var verify: Verify
    public var preset: Preset?
    /// nil: no window and no rate limit, or HPA's older ones where `arithmetic` is HPA's.
    public var behavior: Behavior?
    public var arithmetic: Arithmetic
    public var schedule: [ScheduleEntry]
    public var freeze: [Freeze]
    public var plausible: Plausible?
    public var guards: [Guard]
    public var approval: Approval?
    /// A region whose nodes or drivers have failed for this long counts as down.
    public var regionDownAfter: Duration

    public init(
        name: String, selector: Selector, mode: Mode = .recommend, minReplicas: Int = 1, maxReplicas: Int,
        evaluateEvery: Duration = Policy.defaultEvaluateEvery, metrics: [Metric], rules: [Rule], combine: Combine = .max,
        cooldown: Cooldown = Cooldown(), emergency: Emergency? = nil, onMissing: [MissingStep] = [], verify: Verify = Verify(),
        preset: Preset? = nil, behavior: Behavior? = nil, arithmetic: Arithmetic = .exact, schedule: [ScheduleEntry] = [], freeze: [Freeze] = [],
        plausible: Plausible? = nil, guards: [Guard] = [], approval: Approval? = nil, regionDownAfter: Duration = Policy.defaultRegionDownAfter
    ) {
        self.name = name
        self.selector = selector
        self.mode = mode
        self.minReplicas = minReplicas
        self.maxReplicas = maxReplicas
        self.evaluateEvery = evaluateEvery
        self.metrics = metrics
        self.rules = rules
        self.combine = combine
        self.cooldown = cooldown
        self.emergency = emergency
        self.onMissing = onMissing
        self.verify = verify
        self.preset = preset
        self.behavior = behavior
        self.arithmetic = arithmetic
        self.schedule = schedule
        self.freeze = freeze
        self.plausible = plausible
        self.guards = guards
        self.approval = approval
        self.regionDownAfter = regionDownAfter
    }

    /// Long enough for a node to be restarted, short enough that the load has not been lost.
    public static var defaultRegionDownAfter: Duration { .seconds(30) }

    /// What is in force: explicit fields, then the preset's; the defaults for what neither says.
    public var inForce: (behavior: Behavior?, cooldown: (up: Duration, down: Duration)) {
        let preset = self.preset?.behavior
        var behavior = self.behavior
        if let preset {
            let own = self.behavior ?? Behavior()
            behavior = Behavior(scaleUp: own.scaleUp.filled(from: preset.scaleUp), scaleDown: own.scaleDown.filled(from: preset.scaleDown))
        }
        let cooldown = self.preset?.cooldown
        return (behavior, (self.cooldown.up ?? cooldown?.up ?? .zero, self.cooldown.down ?? cooldown?.down ?? .zero))
    }

    /// Kubernetes HPA's sync period.
    public static var defaultEvaluateEvery: Duration { .seconds(15) }

    /// Whether decisions act. New policies recommend until somebody says `live`.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        case live, dryRun, recommend, off
    }

    public enum Combine: String, Sendable, Hashable, CaseIterable {
        /// The largest proposal, as HPA.
        case max
        /// Each rule votes up, down or keep with its weight.
        case weighted
    }

    /// The least time between two changes in one direction; nil: the preset's, or none.
    public struct Cooldown: Sendable, Hashable {
        public var up: Duration?
        public var down: Duration?
        public init(up: Duration? = nil, down: Duration? = nil) {
            self.up = up
            self.down = down
        }
    }

    /// Past its cooldowns when its condition holds, never past `maxReplicas`.
    public struct Emergency: Sendable, Hashable {
        public var when: Expression
        public var replicas: Replicas
        public init(when: Expression, replicas: Replicas) {
            self.when = when
            self.replicas = replicas
        }
        public enum Replicas: Sendable, Hashable {
            case max
            case count(Int)
        }
    }

    public enum MissingStep: Sendable, Hashable {
        /// Keep the current size for this long after the last usable reading.
        case hold(Duration)
        /// Go on with the last good values for this long (it may raise, never lower).
        case lastGood(Duration)
        /// From then on at least this many replicas (it may raise, never lower).
        case replicas(Int)
        /// Ask the metric's second source; it counts for as long as it answers.
        case secondary
    }

    /// When a change counts as arrived.
    public struct Verify: Sendable, Hashable {
        /// Share of the asked replicas that must be ready, 0–1 in thousandths.
        public var ready: Quantity
        public var within: Duration
        /// A change that has not arrived by then is taken back.
        public var rollback: Bool
        public init(ready: Quantity = Quantity(milli: 900), within: Duration = .seconds(180), rollback: Bool = false) {
            self.ready = ready
            self.within = within
            self.rollback = rollback
        }
    }
}

/// A named number that rules speak of, and where its readings come from.
public struct Metric: Sendable, Hashable {
    public var name: String
    public var source: Source
    public var window: Window?
    /// Older readings are stale.
    public var maxAge: Duration
    public var unit: String?
    /// What to do without it; nil: the policy's own ladder.
    public var onMissing: [Policy.MissingStep]?
    /// Where to ask when `source` does not answer; nil: nowhere.
    public var secondary: Source?
    /// Answers a number above 0 while the source can be believed; nil: nobody asks.
    public var health: Source?

    public init(
        name: String, source: Source, window: Window? = nil, maxAge: Duration = Metric.defaultMaxAge, unit: String? = nil,
        onMissing: [Policy.MissingStep]? = nil, secondary: Source? = nil, health: Source? = nil
    ) {
        self.name = name
        self.source = source
        self.window = window
        self.maxAge = maxAge
        self.unit = unit
        self.onMissing = onMissing
        self.secondary = secondary
        self.health = health
    }

    public static var defaultMaxAge: Duration { .seconds(120) }

    public enum Source: Sendable, Hashable {
        /// One statement for all workloads that share it. Columns `service` and `region` say for which workload a row is; `:service` and `:region`
        /// are bound, never pasted.
        case sql(connection: String, statement: String)
        /// What Kubernetes' metrics APIs say of the workload.
        case kubernetes(KubernetesMetric)

        public var kind: String {
            switch self {
            case .sql: "sql"
            case .kubernetes: "kubernetes"
            }
        }
    }

    /// Several samples become one reading.
    public struct Window: Sendable, Hashable {
        /// The most samples that are kept of one metric: two hours at the default period of 15 s, and 8 minutes at the shortest of 1 s.
        /// A window that would need more sees the newest ones only.
        public static var maximumSamples: Int { 512 }

        public var last: Duration
        public var aggregate: Aggregate
        public init(last: Duration, aggregate: Aggregate) {
            self.last = last
            self.aggregate = aggregate
        }
    }

    public enum Aggregate: String, Sendable, Hashable, CaseIterable {
        case avg, min, max, sum, last, p50, p90, p95, p99
        /// Change per second between the first and last sample of the window; a fall (a reset counter) starts anew.
        case rate
    }
}

/// What one rule says. Rules propose replicas, or abstain with a reason.
public struct Rule: Sendable, Hashable {
    public var body: Body
    /// Its weight under `combine: weighted`; relative, greater than 0.
    public var weight: Quantity

    public init(_ body: Body, weight: Quantity = Quantity(1)) {
        self.body = body
        self.weight = weight
    }

    public enum Body: Sendable, Hashable {
        case track(Track)
        case step(Step)
        case capacity(Capacity)
    }

    public var metric: String {
        switch self.body {
        case .track(let track): track.metric
        case .step(let step): step.metric
        case .capacity(let capacity): capacity.metric
        }
    }

    /// As explanations name it: `track(queue)`.
    public var label: String {
        switch self.body {
        case .track: "track(\(self.metric))"
        case .step: "step(\(self.metric))"
        case .capacity: "capacity(\(self.metric))"
        }
    }

    /// The Kubernetes HPA v2 algorithm.
    public struct Track: Sendable, Hashable {
        public var metric: String
        public var target: Target
        /// No change while |ratio − 1| is within it; HPA's default is 0.1.
        public var tolerance: Quantity
        public init(metric: String, target: Target, tolerance: Quantity = Quantity(milli: 100)) {
            self.metric = metric
            self.target = target
            self.tolerance = tolerance
        }
        public enum Target: Sendable, Hashable {
            /// The reading is the mean utilization of the replicas in percent.
            case averageUtilization(Quantity)
            /// The reading is a total; each replica should carry this much.
            case averageValue(Quantity)
            /// The reading itself should be this.
            case value(Quantity)
        }
    }

    /// Thresholds with fixed steps.
    public struct Step: Sendable, Hashable {
        public var metric: String
        public var above: Quantity?
        public var add: Amount?
        public var below: Quantity?
        public var remove: Amount?
        /// The condition must have held without a break for this long.
        public var sustained: Duration
        public init(metric: String, above: Quantity? = nil, add: Amount? = nil, below: Quantity? = nil, remove: Amount? = nil, sustained: Duration = .zero) {
            self.metric = metric
            self.above = above
            self.add = add
            self.below = below
            self.remove = remove
            self.sustained = sustained
        }
        public enum Amount: Sendable, Hashable {
            case replicas(Int)
            /// Percent of the current replicas, rounded up to at least one.
            case percent(Int)
        }
    }

    /// Units of load that one replica carries, with a threshold in each direction.
    public struct Capacity: Sendable, Hashable {
        public var metric: String
        public var perReplica: Quantity
        /// Up when load ≥ this share of the present capacity.
        public var upAt: Quantity
        /// Down when load ≤ this share of the present capacity.
        public var downAt: Quantity
        public var step: Int
        public init(
            metric: String, perReplica: Quantity, upAt: Quantity = Quantity(milli: 800), downAt: Quantity = Quantity(milli: 300), step: Int = 1
        ) {
            self.metric = metric
            self.perReplica = perReplica
            self.upAt = upAt
            self.downAt = downAt
            self.step = step
        }
    }
}
