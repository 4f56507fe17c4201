import Model

extension HPA {
    /// One line of `behavior.scaleUp.policies` or `.scaleDown.policies`: so many in so long.
    struct RatePolicy: Hashable, Sendable {
        enum Unit: String, CaseIterable, Sendable {
            case pods = "Pods"
            case percent = "Percent"
        }
        var unit: Unit
        var value: Int32
        var period: Int64
    }

    /// Which of several policies counts.
    typealias SelectPolicy = Model.ScalingRules.Select

    enum Direction: String, CaseIterable, Sendable { case up, down }

    /// One direction of `behavior` as written: nil for what is left out.
    struct ScalingRules: Hashable, Sendable {
        var stabilizationWindow: Int64?
        var selectPolicy: SelectPolicy?
        /// Empty is as if left out.
        var policies: [RatePolicy] = []
        /// In billionths, as in ``Tolerances``.
        var tolerance: Int64?

        /// With Kubernetes' defaults, field by field; a list of policies replaces the default one whole. A scale-down
        /// window stays nil here: it is the controller's own (300 s).
        static func defaulted(_ given: ScalingRules?, _ direction: Direction) -> ScalingRules {
            var rules = given ?? ScalingRules()
            let period: Int64 = 15_000
            if direction == .up, rules.stabilizationWindow == nil { rules.stabilizationWindow = 0 }
            if rules.selectPolicy == nil { rules.selectPolicy = .max }
            if rules.policies.isEmpty {
                let doubling = RatePolicy(unit: .percent, value: 100, period: period)
                rules.policies = direction == .up ? [RatePolicy(unit: .pods, value: 4, period: period), doubling] : [doubling]
            }
            return rules
        }

        /// How long an event of this direction can count.
        var longestPeriod: Int64 { self.policies.reduce(0) { max($0, $1.period) } }
    }

    /// The smallest and the largest number of replicas that a policy allows.
    struct Bounds: Hashable, Sendable {
        var min: Int32
        var max: Int32
    }

    /// What kept a recommendation from being carried out as it is.
    enum LimitReason: String, CaseIterable, Sendable {
        case desiredWithinRange = "DesiredWithinRange"
        case tooFewReplicas = "TooFewReplicas"
        case tooManyReplicas = "TooManyReplicas"
        case scaleUpLimit = "ScaleUpLimit"
        case scaleDownLimit = "ScaleDownLimit"
    }

    struct Limited: Hashable, Sendable {
        var replicas: Int32
        var reason: LimitReason
    }

    /// Something that happened `age` ago: a recommendation of so many replicas, or a change by so many.
    struct LogEntry: Hashable, Sendable {
        var replicas: Int32
        var age: Int64
    }

    // MARK: - With behavior

    /// The number that the policies of one direction allow now, counted from the size at the start of each policy's
    /// period: what was added since is taken off and what was removed since is added again.
    ///
    /// It may lie on the other side of `current` when more has happened than a policy allows; ``limit(_:current:bounds:scaleUp:scaleDown:ups:downs:arithmetic:)``
    /// then stays where it is. An event exactly a period old no longer counts.
    @inline(__always)
    static func scaleLimit(
        _ direction: Direction, current: Int32, select: SelectPolicy, policies: some Sequence<RatePolicy>,
        ups: some Sequence<LogEntry>, downs: some Sequence<LogEntry>, arithmetic: Arithmetic
    ) -> Int32 {
        // Up, the largest change is the largest number; down, it is the smallest.
        let takesLargest: Bool
        switch select {
        case .disabled: return current
        case .max: takesLargest = direction == .up
        case .min: takesLargest = direction == .down
        }
        var limit: Int32 = takesLargest ? .min : .max
        for policy in policies {
            let start = Self.add(
                Self.subtract(Int64(current), Self.change(within: policy.period, ups)), Self.change(within: policy.period, downs))
            let proposed = Self.proposal(direction, from: Int64(Int32(clamping: start)), policy, arithmetic)
            limit = takesLargest ? Swift.max(limit, proposed) : Swift.min(limit, proposed)
        }
        return limit
    }

    /// The replicas that events younger than `period` add up to.
    @inline(__always)
    static func change(within period: Int64, _ events: some Sequence<LogEntry>) -> Int64 {
        var sum: Int64 = 0
        for event in events where event.age < period { sum = Self.add(sum, Int64(event.replicas)) }
        return sum
    }

    /// A percentage rounds up what remains when growing, so that it can always grow, and cuts it when shrinking.
    @inline(__always)
    private static func proposal(_ direction: Direction, from start: Int64, _ policy: RatePolicy, _ arithmetic: Arithmetic) -> Int32 {
        let value = Int64(policy.value)
        switch (policy.unit, direction, arithmetic) {
        case (.pods, .up, _): return Int32(clamping: start + value)
        case (.pods, .down, _): return Int32(clamping: start - value)
        case (.percent, .up, .exact): return Int32(clamping: Exact.ceilDivide(Int128(start) * Int128(100 + value), by: 100))
        case (.percent, .down, .exact): return Int32(clamping: Int128(start) * Int128(100 - value) / 100)
        case (.percent, .up, .hpa): return Self.clamped((Double(start) * (1 + Double(value) / 100)).rounded(.up))
        case (.percent, .down, .hpa): return Self.clamped((Double(start) * (1 - Double(value) / 100)).rounded(.towardZero))
        }
    }
    @inline(__always)
    private static func clamped(_ count: Double) -> Int32 {
        count >= Double(Int32.max) ? .max : count <= Double(Int32.min) ? .min : Int32(count)
    }

    /// Rate limits, then the bounds; after ``stabilize(_:current:upWindow:downWindow:log:)``.
    ///
    /// - Parameters:
    ///   - scaleUp: with its defaults filled in, as ``ScalingRules/defaulted(_:_:)`` does.
    ///   - ups: changes upwards, their sizes above 0; `downs` likewise.
    static func limit(
        _ desired: Int32, current: Int32, bounds: Bounds, scaleUp: ScalingRules, scaleDown: ScalingRules,
        ups: some Sequence<LogEntry>, downs: some Sequence<LogEntry>, arithmetic: Arithmetic
    ) -> Limited {
        if desired > current {
            let limit = Self.scaleLimit(
                .up, current: current, select: scaleUp.selectPolicy ?? .max, policies: scaleUp.policies, ups: ups, downs: downs,
                arithmetic: arithmetic)
            return Self.limitUp(desired, to: Swift.max(limit, current), bounds)
        }
        if desired < current {
            let limit = Self.scaleLimit(
                .down, current: current, select: scaleDown.selectPolicy ?? .max, policies: scaleDown.policies, ups: ups,
                downs: downs, arithmetic: arithmetic)
            return Self.limitDown(desired, to: Swift.min(limit, current), bounds)
        }
        return Limited(replicas: desired, reason: .desiredWithinRange)
    }

    /// An increase that the rate allows up to `limit`.
    @inline(__always)
    static func limitUp(_ desired: Int32, to limit: Int32, _ bounds: Bounds) -> Limited {
        let most = Swift.min(bounds.max, limit)
        guard desired > most else { return Limited(replicas: desired, reason: .desiredWithinRange) }
        return Limited(replicas: most, reason: bounds.max > limit ? .scaleUpLimit : .tooManyReplicas)
    }

    /// A decrease that the rate allows down to `limit`.
    @inline(__always)
    static func limitDown(_ desired: Int32, to limit: Int32, _ bounds: Bounds) -> Limited {
        let least = Swift.max(bounds.min, limit)
        guard desired < least else { return Limited(replicas: desired, reason: .desiredWithinRange) }
        return Limited(replicas: least, reason: bounds.min < limit ? .scaleDownLimit : .tooFewReplicas)
    }

    // MARK: - Without behavior

    /// The fixed limit that applies only where no `behavior` is given.
    struct ScaleUpLimit: Hashable, Sendable {
        var factor: Int32 = 2
        var minimum: Int32 = 4

        /// The most that one evaluation may reach.
        func most(from current: Int32) -> Int32 {
            Int32(clamping: Swift.max(Int64(self.factor) * Int64(current), Int64(self.minimum)))
        }
    }

    static func clamp(_ desired: Int32, current: Int32, bounds: Bounds, scaleUpLimit: ScaleUpLimit) -> Limited {
        if desired < bounds.min { return Limited(replicas: bounds.min, reason: .tooFewReplicas) }
        return Self.limitUp(desired, to: scaleUpLimit.most(from: current), bounds)
    }
}
