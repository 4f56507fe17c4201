import Model

extension HPA {
    /// What one Object or External metric comes to.
    struct ValueResult: Hashable, Sendable {
        var replicas: Int32
        /// The size that there is, within the tolerance.
        var keeps: Bool
    }

    /// A `Value` target: the metric itself should be the target. The ratio is taken times the pods that are running and
    /// ready, not times the present size; at size 0 it is the number of replicas, whatever the tolerance.
    static func value(
        _ value: Int64, target: Int64, current: Int32, readyPods: Int64, tolerances: Tolerances, arithmetic: Arithmetic
    ) throws(MetricFailure) -> ValueResult {
        guard let ratio = UsageRatio(value, of: target, arithmetic) else { throw .targetNotPositive }
        if current == 0 { return ValueResult(replicas: ratio.replicas(times: 1), keeps: false) }
        if ratio.isWithin(tolerances) { return ValueResult(replicas: current, keeps: true) }
        return ValueResult(replicas: ratio.replicas(times: max(0, readyPods)), keeps: false)
    }

    /// An `AverageValue` target: the metric should be the target times the replicas that the workload's status shows.
    static func averageValue(
        _ value: Int64, target: Int64, statusReplicas: Int32, tolerances: Tolerances, arithmetic: Arithmetic
    ) throws(MetricFailure) -> ValueResult {
        guard let needed = UsageRatio(value, of: target, arithmetic) else { throw .targetNotPositive }
        // At size 0 the ratio is infinite, or 0 / 0: within no tolerance.
        let ratio = UsageRatio(value, of: target, times: statusReplicas, arithmetic)
        if let ratio, ratio.isWithin(tolerances) { return ValueResult(replicas: statusReplicas, keeps: true) }
        return ValueResult(replicas: needed.replicas(times: 1), keeps: false)
    }

    /// The value that an `AverageValue` target reports: rounded up, 0 at size 0; a total at its end stays there.
    static func usagePerPod(_ value: Int64, statusReplicas: Int32, arithmetic: Arithmetic) -> Int64 {
        switch arithmetic {
        case .hpa:
            if Double(value) >= Double(Int64.max) { return .max }
            guard statusReplicas > 0 else { return 0 }
            return Int64((Double(value) / Double(statusReplicas)).rounded(.up))
        case .exact:
            if value == .max { return .max }
            guard statusReplicas > 0 else { return 0 }
            return Int64(clamping: Exact.ceilDivide(Int128(value), by: Int128(statusReplicas)))
        }
    }

    /// An External metric is the sum of its series. nil when it has none: that is no 0.
    static func total(_ series: some Sequence<Int64>) -> Int64? {
        var sum: Int128?
        for value in series { sum = (sum ?? 0) + Int128(value) }
        return sum.map { Int64(clamping: $0) }
    }

    /// The pods that an Object or External metric with a `Value` target counts.
    static func isReadyToCount(_ pod: Pod) -> Bool { pod.phase == .running && pod.isReady == true }
}
