import Model

/// The arithmetic of the Kubernetes HorizontalPodAutoscaler (autoscaling/v2) for one value, in exact integers.
///
/// It differs from the controller on purpose, always towards keeping:
/// - The controller multiplies doubles (100 × 1.1 = 110.00000000000001, which rounds up to 111); this gives the exact
///   110.
/// - When no replica is ready, the controller computes ⌈ratio × 0⌉ = 0 for a value target and scales down because
///   nothing works; here the present size stands in for the ready count.
/// - Replicas that are asked for but do not exist yet count as not ready.
/// - A utilization keeps its thousandths; the controller's API holds whole percent.
///
/// Targets must be above 0: nil for others.
enum HPA {
    /// No change while 1 − down ≤ ratio ≤ 1 + up.
    struct Tolerance {
        let down: Quantity
        let up: Quantity
        init(down: Quantity, up: Quantity) {
            self.down = down
            self.up = up
        }
        init(_ both: Quantity) { self.init(down: both, up: both) }
    }

    struct Result {
        let replicas: Int
        /// nil where HPA's is infinite: a total over no replicas.
        let ratio: Ratio?
        /// Inside the tolerance, or kept for HPA's other reasons.
        let keeps: Bool
    }

    /// Object and External metrics with a `Value` target: the metric itself should be the target.
    static func value(
        _ value: Quantity, target: Quantity, current: Int, ready: Int, tolerance: Tolerance, arithmetic: Arithmetic = .exact
    ) -> Result? {
        let counted = ready == 0 && arithmetic == .exact ? current : ready
        guard
            let result = try? Self.value(
                value.milli, target: target.milli, current: Int32(clamping: current), readyPods: Int64(counted), tolerances: Tolerances(tolerance),
                arithmetic: arithmetic)
        else { return nil }
        return Result(replicas: Int(result.replicas), ratio: Ratio(Int128(value.milli), of: Int128(target.milli)), keeps: result.keeps)
    }

    /// Object and External metrics with an `AverageValue` target: the total should be the target times the replicas
    /// that exist.
    static func averageValue(
        _ total: Quantity, target: Quantity, existing: Int, tolerance: Tolerance, arithmetic: Arithmetic = .exact
    ) -> Result? {
        guard
            let result = try? Self.averageValue(
                total.milli, target: target.milli, statusReplicas: Int32(clamping: existing), tolerances: Tolerances(tolerance), arithmetic: arithmetic)
        else { return nil }
        let whole = Exact.multiply(Int128(target.milli), Int128(existing))
        return Result(replicas: Int(result.replicas), ratio: Ratio(Int128(total.milli), of: whole), keeps: result.keeps)
    }

    /// A per-replica mean (utilization) over the ready replicas. Replicas that are asked for or exist but are not ready
    /// count as idle when the mean asks for more, and not at all when it asks for less; a mean above the target
    /// therefore never lowers. `current` is above 0.
    static func utilization(
        _ mean: Quantity, target: Quantity, current: Int, existing: Int, ready: Int, tolerance: Tolerance
    ) -> Result? {
        guard let ratio = Ratio(Int128(mean.milli), of: Int128(target.milli)) else { return nil }
        let keep = Result(replicas: current, ratio: ratio, keeps: true)
        let counted = ready > 0 ? ready : current
        let wanted = ratio.replicas(times: counted)
        let all = max(existing, current, counted)
        guard ratio.isAboveOne, all > counted else {
            return ratio.isWithin(tolerance) ? keep : Result(replicas: wanted, ratio: ratio, keeps: false)
        }
        let spread = Ratio(Exact.multiply(ratio.part, Int128(counted)), of: Exact.multiply(ratio.whole, Int128(all)))
        // Above 1 over all of them, it is above the present size.
        guard let spread, !spread.isWithin(tolerance), spread.isAboveOne else { return keep }
        return Result(replicas: wanted, ratio: ratio, keeps: false)
    }
}
