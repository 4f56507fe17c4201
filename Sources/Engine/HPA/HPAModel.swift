import Model

/// From the terms of manifests to those of the algorithm: 32-bit counts, milliseconds and billionths.
extension HPA.RatePolicy {
    init(_ policy: Model.RatePolicy) {
        let period = policy.period.milliseconds
        switch policy.amount {
        case .replicas(let count): self.init(unit: .pods, value: Int32(clamping: count), period: period)
        case .percent(let percent): self.init(unit: .percent, value: Int32(clamping: percent), period: period)
        }
    }
}

extension HPA.ScalingRules {
    init(_ rules: Model.ScalingRules) {
        self.init(
            stabilizationWindow: rules.stabilizationWindow?.milliseconds, selectPolicy: rules.select,
            policies: (rules.policies ?? []).map(HPA.RatePolicy.init), tolerance: rules.tolerance.map { HPA.multiply($0.milli, 1_000_000) })
    }
}
