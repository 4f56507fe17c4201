public import Model

/// How far a workload may be lowered now to make room for others.
public struct Yield: Sendable, Hashable {
    /// Within its own rate limits and cooldown.
    public var gently: Int
    /// For an emergency elsewhere, which its rates and cooldown do not keep waiting. Its minimum, and what a second person has to agree to, hold even then.
    public var atOnce: Int

    public init(gently: Int, atOnce: Int) {
        self.gently = gently
        self.atOnce = atOnce
    }
}

extension Engine {
    /// How far the workload may be lowered now, by what it remembers; nil: not at all.
    ///
    /// What would keep a decision of its own from lowering it keeps others from doing so: a pause, a freeze, an override, a mode other than live, a change
    /// under way, a region that can't be seen, a disabled direction. Answers are not looked at.
    public static func yield(_ input: EvaluationInput) -> Yield? {
        let situation = Situation(input), policy = input.policy
        guard situation.sight == .seen, policy.mode == .live, situation.isEnabled, !situation.isPausedDown, !situation.isInFlight, situation.override < 0,
            !situation.isRegionDown, !situation.schedule.isFrozen
        else { return nil }
        let current = situation.asked
        let lowest = Self.lowest(policy, schedule: input.schedule, floors: input.floors, at: input.now)
        guard current > lowest else { return nil }
        var yield = Yield(gently: lowest, atOnce: lowest)
        if let approval = policy.approval {
            let agreed = situation.approved >= 0 ? min(situation.approved, current) : current
            yield.atOnce = max(lowest, min(agreed, current - min(max(approval.above, 0), current)))
        }
        let (behavior, cooldown) = policy.inForce
        if let behavior {
            let down = behavior.defaulted.down
            guard down.select != .disabled else { return nil }
            let limit = HPA.scaleLimit(
                .down, current: Int32(current), select: down.select, policies: down.policies.map(HPA.RatePolicy.init),
                ups: Self.entries(input.memory.ups, at: input.now), downs: Self.entries(input.memory.downs, at: input.now), arithmetic: policy.arithmetic)
            yield.gently = min(max(Int(limit), lowest), current)
        }
        if let last = [input.memory.lastUp, input.memory.lastDown].compactMap({ $0 }).max(), cooldown.down > .zero, input.now < last + cooldown.down {
            yield.gently = current
        }
        yield.gently = max(yield.gently, yield.atOnce)
        return yield.atOnce < current ? yield : nil
    }

    /// The least that a workload may have: its minimum, or the schedule's, raised by floors as far as the maximum allows.
    public static func lowest(_ policy: Policy, schedule: EvaluationInput.Schedule, floors: EvaluationInput.Floors, at now: WallTime) -> Int {
        let lowest = Exact.replicas(schedule.min?.replicas ?? policy.minReplicas)
        let highest = max(lowest, Exact.replicas(schedule.max?.replicas ?? policy.maxReplicas))
        var floor = Exact.replicas(floors.failover?.replicas ?? 0)
        if let inbound = floors.inbound, now < inbound.until { floor = max(floor, Exact.replicas(inbound.replicas)) }
        return min(max(lowest, floor), highest)
    }

    private static func entries(_ entries: [Memory.Entry], at now: WallTime) -> some Sequence<HPA.LogEntry> {
        entries.lazy.map { entry in
            HPA.LogEntry(replicas: Int32(clamping: entry.replicas), age: max(0, (now - entry.at).milliseconds))
        }
    }
}
