/// How fast and how readily a workload may move in each direction: `behavior` of the Kubernetes HorizontalPodAutoscaler (autoscaling/v2), every field.
public struct Behavior: Sendable, Hashable {
    /// For changes up.
    public var scaleUp: ScalingRules
    /// For changes down.
    public var scaleDown: ScalingRules

    public init(scaleUp: ScalingRules = ScalingRules(), scaleDown: ScalingRules = ScalingRules()) {
        self.scaleUp = scaleUp
        self.scaleDown = scaleDown
    }

    /// The longest window and period: HPA's own limit for windows, and half an hour more than its limit for periods.
    public static var longest: Duration { .seconds(3600) }

    /// HPA's defaults in the place of what is not given, field by field. A list of policies that is given replaces the default list whole.
    public var defaulted: (up: ScalingRules.Resolved, down: ScalingRules.Resolved) {
        (
            self.scaleUp.resolved(window: .zero, policies: [RatePolicy(.replicas(4), period: .seconds(15)), RatePolicy(.percent(100), period: .seconds(15))]),
            self.scaleDown.resolved(window: Self.defaultDownWindow, policies: [RatePolicy(.percent(100), period: .seconds(15))])
        )
    }

    /// HPA's `--horizontal-pod-autoscaler-downscale-stabilization`.
    public static var defaultDownWindow: Duration { .seconds(300) }
}

/// The rules of one direction; nil stands for HPA's default.
public struct ScalingRules: Sendable, Hashable {
    /// Nothing is lowered below the highest, or raised above the lowest, that was recommended within this time.
    public var stabilizationWindow: Duration?
    /// Which of several policies counts.
    public var select: Select?
    /// How much may change within which time.
    public var policies: [RatePolicy]?
    /// No change while the ratio is this close to 1; nil: the rule's own.
    public var tolerance: Quantity?

    public init(stabilizationWindow: Duration? = nil, select: Select? = nil, policies: [RatePolicy]? = nil, tolerance: Quantity? = nil) {
        self.stabilizationWindow = stabilizationWindow
        self.select = select
        self.policies = policies
        self.tolerance = tolerance
    }

    /// Which policy counts when several allow different changes.
    public enum Select: String, Sendable, Hashable, CaseIterable {
        /// The one that allows the largest change.
        case max = "Max"
        /// The one that allows the smallest.
        case min = "Min"
        /// None: the workload does not move in this direction.
        case disabled = "Disabled"
    }

    /// With every field given.
    public struct Resolved: Sendable, Hashable {
        /// Nothing is lowered below the highest, or raised above the lowest, that was recommended within this time.
        public var stabilizationWindow: Duration
        /// Which of several policies counts.
        public var select: Select
        /// How much may change within which time.
        public var policies: [RatePolicy]
        /// nil: the rule's own.
        public var tolerance: Quantity?
    }

    func filled(from other: ScalingRules) -> ScalingRules {
        ScalingRules(
            stabilizationWindow: self.stabilizationWindow ?? other.stabilizationWindow, select: self.select ?? other.select,
            policies: self.policies ?? other.policies, tolerance: self.tolerance ?? other.tolerance)
    }

    func resolved(window: Duration, policies: [RatePolicy]) -> Resolved {
        Resolved(
            stabilizationWindow: self.stabilizationWindow ?? window, select: self.select ?? .max, policies: self.policies ?? policies,
            tolerance: self.tolerance)
    }
}

/// At most so much change within a period.
public struct RatePolicy: Sendable, Hashable {
    /// How large a change is.
    public enum Amount: Sendable, Hashable {
        /// HPA's `Pods`.
        case replicas(Int)
        /// Of the replicas at the period's start.
        case percent(Int)
    }
    /// At most so much.
    public var amount: Amount
    /// Within so long.
    public var period: Duration

    public init(_ amount: Amount, period: Duration) {
        self.amount = amount
        self.period = period
    }
}

/// A named temper: fills in behaviour and cooldown; whatever the policy says explicitly wins.
public enum Preset: String, Sendable, Hashable, CaseIterable {
    case conservative, balanced, aggressive

    /// What it stands for.
    public var behavior: Behavior {
        switch self {
        case .conservative:
            Behavior(
                scaleUp: ScalingRules(stabilizationWindow: .seconds(60), select: .max, policies: [RatePolicy(.percent(50), period: .seconds(60))]),
                scaleDown: ScalingRules(stabilizationWindow: .seconds(900), select: .min, policies: [RatePolicy(.percent(10), period: .seconds(120))]))
        case .balanced:
            Behavior(
                scaleUp: ScalingRules(
                    stabilizationWindow: .zero, select: .max,
                    policies: [RatePolicy(.replicas(4), period: .seconds(15)), RatePolicy(.percent(100), period: .seconds(15))]),
                scaleDown: ScalingRules(stabilizationWindow: .seconds(300), select: .max, policies: [RatePolicy(.percent(50), period: .seconds(60))]))
        case .aggressive:
            Behavior(
                scaleUp: ScalingRules(
                    stabilizationWindow: .zero, select: .max,
                    policies: [RatePolicy(.replicas(10), period: .seconds(15)), RatePolicy(.percent(200), period: .seconds(15))]),
                scaleDown: ScalingRules(stabilizationWindow: .seconds(60), select: .max, policies: [RatePolicy(.percent(100), period: .seconds(15))]))
        }
    }

    /// What it stands for between two changes in one direction.
    public var cooldown: Policy.Cooldown {
        switch self {
        case .conservative: Policy.Cooldown(up: .seconds(60), down: .seconds(600))
        case .balanced: Policy.Cooldown(up: .zero, down: .seconds(120))
        case .aggressive: Policy.Cooldown(up: .zero, down: .zero)
        }
    }
}
