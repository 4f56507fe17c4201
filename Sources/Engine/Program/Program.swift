public import Model

/// A policy made ready to be evaluated a million times a second: names are indices, durations microseconds, conditions
/// postfix code, and every remembered fact has its place among a workload's ``Cells``.
///
/// It is made once for each version of a policy and says nothing that the policy does not.
///
/// `@unchecked Sendable`: nothing of it changes once it is made.
public final class Program: @unchecked Sendable {
    struct Metric {
        let maxAge: Int64
        /// nil: the newest sample is the reading.
        let window: Window?
        let plausible: Plausible?
        /// Its own steps without a reading, as offsets from when it was last fresh; nil: the policy's, once nothing is fresh.
        let ladder: UnsafeBufferPointer<Rung>?
        let cells: MetricCells
    }
    struct Window: Sendable {
        let length: Int64
        let aggregate: Model.Metric.Aggregate
    }
    struct Plausible: Sendable {
        /// What may be left after one period, in thousandths.
        let leastShare: Int64
        let period: Int64
    }
    struct Rung: Sendable {
        enum Step: Sendable { case hold, lastGood, secondary, replicas(Int) }
        let step: Step
        /// In force until this long after the last fresh reading; `.max`: from the step before on, without end.
        let until: Int64
    }
    struct RulePlan {
        let rule: Rule
        /// Among the metrics; −1: the policy defines none of that name.
        let metric: Int
        let weight: Int128
        let tolerance: HPA.Tolerance
        /// Where since-when lies; −1 for conditions that count at once.
        let sinceAbove: Int
        let sinceBelow: Int
    }
    struct GuardPlan {
        let condition: Postfix
        let sustained: Int64
        let since: Int
        /// The times at which it last took effect.
        let fired: Int
        let count: Int
        let per: Int64
    }
    /// One direction's rules of `behavior`, with HPA's defaults filled in.
    struct Direction {
        let window: Int64
        let select: ScalingRules.Select
        let policies: UnsafeBufferPointer<HPA.RatePolicy>
        let longestPeriod: Int64
    }
    enum Limits {
        case none
        /// The controller's limits before `behavior` existed: five minutes of highest recommendations, twice the size or 4.
        case legacy
        case behavior(up: Direction, down: Direction)
    }

    /// What it was made of.
    public let policy: Policy
    /// Which version of the policy that is.
    public let reference: Decision.PolicyReference
    /// The policy's metrics, the first of each name: lint refuses others.
    let distinctMetrics: [Model.Metric]
    let metrics: UnsafeBufferPointer<Metric>
    let rules: UnsafeBufferPointer<RulePlan>
    let emergency: Postfix?
    let emergencyReplicas: Int
    let guards: UnsafeBufferPointer<GuardPlan>
    let limits: Limits
    let evaluateEvery: Int64
    let cooldownUp: Int64
    let cooldownDown: Int64
    let ladder: UnsafeBufferPointer<Rung>
    let minReplicas: Int
    let maxReplicas: Int
    let arithmetic: Policy.Arithmetic
    let cells: CellLayout
    /// Of the runs above.
    private let arena: Arena

    /// - Parameter reference: nil where nothing is recorded; the policy's name then stands for it.
    public init(_ policy: Policy, reference: Decision.PolicyReference? = nil) {
        self.policy = policy
        self.reference = reference ?? Decision.PolicyReference(name: policy.name, version: 0, sha256: "")
        let arena = Arena()
        self.arena = arena
        let inForce = policy.inForce
        let metrics = Self.distinct(policy.metrics)
        self.distinctMetrics = metrics
        var layout = CellLayout()
        let conditions = ConditionSet(metrics: metrics.map(\.name))
        let retention = Retention(policy)
        let plans = metrics.map { metric in
            let cells = layout.metric(
                retention: retention.length(of: metric), every: policy.evaluateEvery.microseconds, doubts: policy.plausible != nil)
            return Metric(
                maxAge: metric.maxAge.microseconds, window: metric.window.map { Window(length: $0.last.microseconds, aggregate: $0.aggregate) },
                plausible: policy.plausible.map {
                    Plausible(leastShare: 1000 - min(max($0.maxDrop.milli / 100, 0), 1000), period: max(1, $0.per.microseconds))
                }, ladder: metric.onMissing.map { arena.keep(Self.rungs($0)) }, cells: cells)
        }
        self.metrics = arena.keep(plans)
        self.rules = arena.keep(policy.rules.map { Self.plan($0, behavior: inForce.behavior, metrics, &layout) })
        self.emergency = policy.emergency.map { conditions.postfix($0.when) }
        self.emergencyReplicas =
            switch policy.emergency?.replicas {
            case .count(let count)?: Exact.replicas(count)
            case .max?, nil: Exact.maximumReplicas
            }
        let guards = policy.guards.map { guarded in
            let count = min(max(guarded.atMost.count, 1), Self.mostFirings)
            return GuardPlan(
                condition: conditions.postfix(guarded.when), sustained: guarded.sustained.microseconds, since: layout.cell(),
                fired: layout.cells(count), count: count, per: guarded.atMost.per.microseconds)
        }
        self.guards = arena.keep(guards)
        self.limits = Self.limits(inForce.behavior, policy.arithmetic, in: arena)
        layout.logs(self.limits, every: policy.evaluateEvery.milliseconds)
        self.evaluateEvery = policy.evaluateEvery.microseconds
        self.cooldownUp = inForce.cooldown.up.microseconds
        self.cooldownDown = inForce.cooldown.down.microseconds
        self.ladder = arena.keep(Self.rungs(policy.onMissing))
        self.maxReplicas = Exact.replicas(policy.maxReplicas)
        self.minReplicas = Exact.replicas(policy.minReplicas)
        self.arithmetic = policy.arithmetic
        self.cells = layout
    }

    /// The most times of a guard's effect that are remembered, for `atMost`.
    static let mostFirings = 16

    private static func distinct(_ metrics: [Model.Metric]) -> [Model.Metric] {
        var kept: [Model.Metric] = []
        for metric in metrics where !kept.contains(where: { $0.name == metric.name }) { kept.append(metric) }
        return kept
    }

    private static func plan(_ rule: Rule, behavior: Behavior?, _ metrics: [Model.Metric], _ layout: inout CellLayout) -> RulePlan {
        var tolerance = HPA.Tolerance(.zero)
        var above = -1, below = -1
        let metric = metrics.firstIndex { $0.name == rule.metric } ?? -1
        switch rule.body {
        case .track(let track):
            tolerance = HPA.Tolerance(
                down: behavior?.scaleDown.tolerance ?? track.tolerance, up: behavior?.scaleUp.tolerance ?? track.tolerance)
        case .step(let step) where step.sustained > .zero:
            if let threshold = step.above { above = layout.condition(metric, .above, threshold) }
            if let threshold = step.below { below = layout.condition(metric, .below, threshold) }
        case .step, .capacity: break
        }
        return RulePlan(
            rule: rule, metric: metric, weight: max(0, Int128(rule.weight.milli)), tolerance: tolerance, sinceAbove: above, sinceBelow: below)
    }

    private static func rungs(_ steps: [Policy.MissingStep]) -> [Rung] {
        var begins: Int64 = 0
        return steps.map { step in
            switch step {
            case .hold(let length):
                begins = begins.addingSaturating(length.microseconds)
                return Rung(step: .hold, until: begins)
            case .lastGood(let length):
                begins = begins.addingSaturating(length.microseconds)
                return Rung(step: .lastGood, until: begins)
            case .secondary: return Rung(step: .secondary, until: .max)
            case .replicas(let count): return Rung(step: .replicas(Exact.replicas(count)), until: .max)
            }
        }
    }

    private static func limits(_ behavior: Behavior?, _ arithmetic: Policy.Arithmetic, in arena: Arena) -> Limits {
        guard let behavior else { return arithmetic == .hpa ? .legacy : .none }
        let (up, down) = behavior.defaulted
        func direction(_ rules: ScalingRules.Resolved) -> Direction {
            let policies = rules.policies.map(HPA.RatePolicy.init)
            return Direction(
                window: rules.stabilizationWindow.milliseconds, select: rules.select, policies: arena.keep(policies),
                longestPeriod: policies.reduce(0) { max($0, $1.period) })
        }
        return .behavior(up: direction(up), down: direction(down))
    }
}

/// How long samples of each metric are needed: for its window, and for conditions that look back.
private struct Retention {
    private var lookback: [String: Duration] = [:]

    init(_ policy: Policy) {
        for expression in [policy.emergency?.when].compactMap({ $0 }) + policy.guards.map(\.when) {
            self.lookback.merge(expression.lookback, uniquingKeysWith: max)
        }
    }

    /// In microseconds; 0: the newest sample is enough. A sample serves as an earlier value until it is stale.
    func length(of metric: Metric) -> Int64 {
        let past = self.lookback[metric.name].map { $0.microseconds.addingSaturating(metric.maxAge.microseconds) } ?? 0
        return max(metric.window?.last.microseconds ?? 0, past)
    }
}

extension Program: Hashable {
    public static func == (left: Program, right: Program) -> Bool {
        left === right || left.reference == right.reference && left.policy == right.policy
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(self.reference) }
}
