/// The rules for a set of workloads. Versioned: version n+1 never edits version n.
public struct Policy: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// The workloads that it is for.
    public var selector: Selector
    /// Whether its decisions act.
    public var mode: Mode
    /// The lower bound, where no schedule says another.
    public var minReplicas: Int
    /// The upper bound, in an emergency too; a schedule may say another.
    public var maxReplicas: Int
    /// Time between two evaluations.
    public var evaluateEvery: Duration
    /// What is read, in the order in which decisions tell it.
    public var metrics: [Metric]
    /// What proposes replicas.
    public var rules: [Rule]
    /// How proposals become one number.
    public var combine: Combine
    /// The least time between two changes.
    public var cooldown: Cooldown
    /// What raises past windows, rates and cooldowns; nil: nothing does.
    public var emergency: Emergency?
    /// A ladder tried in order as time passes without a usable reading. Empty: hold for ever.
    public var onMissing: [MissingStep]
    /// When a change counts as arrived, and whether one that has not is taken back.
    public var verify: Verify
    /// A named temper that fills in what is not said; nil: none.
    public var preset: Preset?
    /// nil: no window and no rate limit, or HPA's older ones where `arithmetic` is HPA's.
    public var behavior: Behavior?
    /// Whose arithmetic replica counts follow.
    public var arithmetic: Arithmetic
    /// Windows with other bounds.
    public var schedule: [ScheduleEntry]
    /// Windows in which only emergencies act.
    public var freeze: [Freeze]
    /// How fast readings may fall and be believed; nil: however fast.
    public var plausible: Plausible?
    /// What is done beside scaling.
    public var guards: [Guard]
    /// Changes that wait for a second person; nil: none does.
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

    /// How proposals become one number.
    public enum Combine: String, Sendable, Hashable, CaseIterable {
        /// The largest proposal, as HPA.
        case max
        /// Each rule votes up, down or keep with its weight.
        case weighted
    }

    /// The least time between two changes in one direction; nil: the preset's, or none.
    public struct Cooldown: Sendable, Hashable {
        /// Since the last change up.
        public var up: Duration?
        /// Since the last change in either direction.
        public var down: Duration?
        public init(up: Duration? = nil, down: Duration? = nil) {
            self.up = up
            self.down = down
        }
    }

    /// Past its cooldowns when its condition holds, never past `maxReplicas`.
    public struct Emergency: Sendable, Hashable {
        /// The condition, over metrics of the policy.
        public var when: Expression
        /// At least so many while it holds.
        public var replicas: Replicas
        public init(when: Expression, replicas: Replicas) {
            self.when = when
            self.replicas = replicas
        }
        /// A number, or whatever the policy's `maxReplicas` is.
        public enum Replicas: Sendable, Hashable {
            case max
            case count(Int)
        }
    }

    /// A step of the ladder without readings. Times are since the last fresh reading; each step begins where the one before ends.
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
        /// How long it may take from being applied, beside the service's start-up.
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
    /// Its name, alone among the policy's metrics.
    public var name: String
    /// Where to ask.
    public var source: Source
    /// How samples become one reading; nil: the newest one is it.
    public var window: Window?
    /// Older readings are stale.
    public var maxAge: Duration
    /// For people, such as `jobs` or `%`; not interpreted.
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

    /// Where the manifest says nothing: eight evaluations at the default period.
    public static var defaultMaxAge: Duration { .seconds(120) }

    /// Where readings come from.
    public enum Source: Sendable, Hashable {
        /// One statement for all workloads that share it. Columns `service` and `region` say for which workload a row is; `:service` and `:region`
        /// are bound, never pasted.
        case sql(connection: String, statement: String)
        /// What Kubernetes' metrics APIs say of the workload.
        case kubernetes(KubernetesMetric)

        /// As decisions name it.
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

        /// How far back it reaches.
        public var last: Duration
        /// What becomes of its samples.
        public var aggregate: Aggregate
        public init(last: Duration, aggregate: Aggregate) {
            self.last = last
            self.aggregate = aggregate
        }
    }

    /// How several samples become one number. Percentiles are samples (nearest rank).
    public enum Aggregate: String, Sendable, Hashable, CaseIterable {
        case avg, min, max, sum, last, p50, p90, p95, p99
        /// Change per second between the first and last sample of the window; a fall (a reset counter) starts anew.
        case rate
    }
}

/// What one rule says. Rules propose replicas, or abstain with a reason.
public struct Rule: Sendable, Hashable {
    /// What it says.
    public var body: Body
    /// Its weight under `combine: weighted`; relative, greater than 0.
    public var weight: Quantity

    public init(_ body: Body, weight: Quantity = Quantity(1)) {
        self.body = body
        self.weight = weight
    }

    /// Which kind of rule it is.
    public enum Body: Sendable, Hashable {
        case track(Track)
        case step(Step)
        case capacity(Capacity)
    }

    /// The metric that it speaks of.
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
        /// The metric that it follows.
        public var metric: String
        /// What the reading should be.
        public var target: Target
        /// No change while |ratio − 1| is within it; HPA's default is 0.1.
        public var tolerance: Quantity
        public init(metric: String, target: Target, tolerance: Quantity = Quantity(milli: 100)) {
            self.metric = metric
            self.target = target
            self.tolerance = tolerance
        }
        /// What the reading means, and what it should be.
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
        /// The metric that it watches.
        public var metric: String
        /// Above it, `add`; nil: it never raises.
        public var above: Quantity?
        /// How much more.
        public var add: Amount?
        /// Below it, `remove`; nil: it never lowers.
        public var below: Quantity?
        /// How much less.
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
        /// A step's size.
        public enum Amount: Sendable, Hashable {
            case replicas(Int)
            /// Percent of the current replicas, rounded up to at least one.
            case percent(Int)
        }
    }

    /// Units of load that one replica carries, with a threshold in each direction.
    public struct Capacity: Sendable, Hashable {
        /// The metric that is the load.
        public var metric: String
        /// What one replica carries, in the metric's unit.
        public var perReplica: Quantity
        /// Up when load ≥ this share of the present capacity.
        public var upAt: Quantity
        /// Down when load ≤ this share of the present capacity.
        public var downAt: Quantity
        /// Replicas that one evaluation adds or removes.
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
