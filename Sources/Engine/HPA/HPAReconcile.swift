extension HPA {
    /// Writes are tried this often while they conflict.
    static let writeAttempts = 5

    /// One full evaluation, in the controller's order: the size is read; size 0 and sizes out of bounds are settled
    /// without metrics; else metrics, stabilization and limits; then the new size is written.
    static func reconcile(_ input: Reconciliation) -> Outcome {
        let current = input.specReplicas
        var outcome = Outcome(
            replicas: current, conditions: Conditions(input.conditions), recommendations: input.recommendations ?? [],
            ups: input.ups, downs: input.downs)
        guard input.scaleCanBeRead else {
            outcome.conditions.set(Conditions.ableToScale, false, "FailedGetScale")
            outcome.errorReturned = true
            return outcome
        }
        outcome.conditions.set(Conditions.ableToScale, true, "SucceededGetScale")
        // Without this a controller that has just started would shrink at once.
        if input.recommendations == nil { outcome.recommendations = [LogEntry(replicas: current, age: 0)] }

        var desired: Int32
        if current == 0, !Self.mayLeaveZero(input) {
            outcome.conditions.set(Conditions.scalingActive, false, "ScalingDisabled")
            if !input.features.scaleToZero { outcome.conditions.remove(Conditions.scaledToZero) }
            return outcome
        } else if current > input.bounds.max {
            desired = input.bounds.max
        } else if current > 0, current < input.bounds.min {
            desired = input.bounds.min
        } else {
            guard let wanted = Self.desiredByMetrics(input, &outcome) else {
                outcome.errorReturned = true
                return outcome
            }
            desired = Self.normalized(wanted, input, &outcome)
            if current == 0 { desired = max(desired, input.bounds.min) }
            if desired == current { return outcome }
        }
        Self.write(desired, input, &outcome)
        return outcome
    }

    /// Size 0 is a manual pause, unless it was reached by scaling to zero and something can lead out of it again.
    private static func mayLeaveZero(_ input: Reconciliation) -> Bool {
        guard input.features.scaleToZero, Conditions(input.conditions).isTrue(Conditions.scaledToZero) else { return false }
        return input.bounds.min > 0 || Self.hasMetricWithoutPods(input)
    }
    /// Object and External metrics have a value at size 0 as well.
    private static func hasMetricWithoutPods(_ input: Reconciliation) -> Bool {
        input.metrics.contains { $0.source == .object || $0.source == .external }
    }

    /// - Returns: nil when nothing may be done.
    private static func desiredByMetrics(_ input: Reconciliation, _ outcome: inout Outcome) -> Int32? {
        switch input.selector {
        case .valid, .disjoint: break
        case .missing, .unparsable:
            outcome.conditions.set(Conditions.scalingActive, false, "InvalidSelector")
            return nil
        case .same, .overlapping:
            // It takes a pod to find out that two select the same.
            guard input.pods.isEmpty else {
                outcome.conditions.set(Conditions.scalingActive, false, "AmbiguousSelector")
                return nil
            }
        }
        var combination = MetricCombination<String>()
        for metric in input.metrics.isEmpty ? [MetricSpec.standard] : input.metrics {
            do {
                let result = try Self.replicas(metric, input)
                combination.add(result.replicas)
                if metric.isCPU, outcome.cpuUtilization == nil { outcome.cpuUtilization = result.utilization }
            } catch {
                combination.add(failure: metric.failureReason)
            }
        }
        switch combination.verdict(current: input.specReplicas) {
        case .act(let replicas, let failed)?:
            outcome.errorReturned = failed
            outcome.conditions.set(Conditions.scalingActive, true, "ValidMetricFound")
            return replicas
        case .hold(let reason)?:
            outcome.conditions.set(Conditions.scalingActive, false, reason)
            return nil
        case nil: return nil
        }
    }

    private static func normalized(_ desired: Int32, _ input: Reconciliation, _ outcome: inout Outcome) -> Int32 {
        let stabilized: Stabilized
        let limited: Limited
        let current = input.specReplicas
        if let behavior = input.behavior {
            let up = ScalingRules.defaulted(behavior.scaleUp, .up), down = ScalingRules.defaulted(behavior.scaleDown, .down)
            stabilized = Self.stabilize(
                desired, current: current, upWindow: up.stabilizationWindow ?? 0,
                downWindow: down.stabilizationWindow ?? input.downscaleStabilization, log: outcome.recommendations)
            limited = Self.limit(
                stabilized.replicas, current: current, bounds: input.bounds, scaleUp: up, scaleDown: down,
                ups: input.ups.map(\.entry), downs: input.downs.map(\.entry), arithmetic: input.arithmetic)
        } else {
            stabilized = Self.stabilize(desired, window: input.downscaleStabilization, log: outcome.recommendations)
            limited = Self.clamp(stabilized.replicas, current: current, bounds: input.bounds, scaleUpLimit: input.scaleUpLimit)
        }
        Self.record(desired, at: stabilized.freeSlot, in: &outcome.recommendations)
        outcome.conditions.set(Conditions.ableToScale, true, stabilized.reason?.rawValue ?? "ReadyForNewScale")
        outcome.conditions.set(Conditions.scalingLimited, limited.replicas != stabilized.replicas, limited.reason.rawValue)
        return limited.replicas
    }

    private static func write(_ desired: Int32, _ input: Reconciliation, _ outcome: inout Outcome) {
        let current = input.specReplicas
        switch input.write {
        case .succeeds: break
        case .conflicts(let count) where count < Self.writeAttempts: break
        case .conflicts, .fails:
            outcome.conditions.set(Conditions.ableToScale, false, "FailedUpdateScale")
            outcome.errorReturned = true
            return
        }
        outcome.replicas = desired
        outcome.scaleUpdated = true
        outcome.conditions.set(Conditions.ableToScale, true, "SucceededRescale")
        if let behavior = input.behavior {
            let change = Int32(clamping: abs(Int64(desired) - Int64(current)))
            if desired > current {
                Self.record(change: change, in: &outcome.ups, longestPeriod: ScalingRules.defaulted(behavior.scaleUp, .up).longestPeriod)
            } else {
                Self.record(change: change, in: &outcome.downs, longestPeriod: ScalingRules.defaulted(behavior.scaleDown, .down).longestPeriod)
            }
        }
        if !input.features.scaleToZero {
            outcome.conditions.remove(Conditions.scaledToZero)
        } else if desired == 0, input.bounds.min == 0, Self.hasMetricWithoutPods(input) {
            outcome.conditions.set(Conditions.scaledToZero, true, "ScaledToZero")
        } else if outcome.conditions.contains(Conditions.scaledToZero) {
            outcome.conditions.set(Conditions.scaledToZero, false, "NotScaledToZero")
        }
    }
}

extension HPA.ScaleEvent {
    var entry: HPA.LogEntry { HPA.LogEntry(replicas: self.change, age: self.age) }
}
