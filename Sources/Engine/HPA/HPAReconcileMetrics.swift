extension HPA {
    /// The ways in which one metric of a whole evaluation fails; which one it was does not show in the conditions.
    private enum Unusable: Error { case source, target, requests(RequestFailure), metric(MetricFailure) }

    /// What one metric wants. An average value goes before any other target of the same metric, except for Object
    /// metrics, whose target says which it is.
    static func replicas(_ metric: MetricSpec, _ input: Reconciliation) throws -> (replicas: Int32, utilization: Int32?) {
        guard let source = metric.source else { throw Unusable.source }
        if case .failed = metric.answer { throw Unusable.metric(.noMetrics) }
        let target = metric.target
        switch source {
        case .resource, .containerResource:
            if let average = target.averageValue { return (try Self.averageUsage(metric, average, input).replicas, nil) }
            guard let percent = target.utilization else { throw Unusable.target }
            let result = try Self.utilization(metric, percent, input)
            return (result.replicas, result.utilization)
        case .pods:
            guard let average = target.averageValue else { throw Unusable.target }
            return (try Self.averageUsage(metric, average, input).replicas, nil)
        case .object:
            guard case .value(let value) = metric.answer else { throw Unusable.metric(.noMetrics) }
            switch target.type {
            case .value: return (try Self.value(value, target.value, input), nil)
            case .averageValue: return (try Self.averageValue(value, target.averageValue, input), nil)
            case .utilization: throw Unusable.target
            }
        case .external:
            guard case .series(let series) = metric.answer, let total = Self.total(series) else { throw Unusable.metric(.noMetrics) }
            if target.averageValue != nil { return (try Self.averageValue(total, target.averageValue, input), nil) }
            return (try Self.value(total, target.value, input), nil)
        }
    }

    private static func value(_ value: Int64, _ target: Int64?, _ input: Reconciliation) throws -> Int32 {
        guard let target else { throw Unusable.target }
        let readyPods = Int64(input.pods.count(where: Self.isReadyToCount))
        let result = try Self.value(
            value, target: target, current: input.specReplicas, readyPods: readyPods, tolerances: input.effectiveTolerances,
            arithmetic: input.arithmetic)
        // The pods are asked for only when they are needed.
        if input.specReplicas != 0, !result.keeps, input.pods.isEmpty { throw Unusable.metric(.noPods) }
        return result.replicas
    }

    private static func averageValue(_ value: Int64, _ target: Int64?, _ input: Reconciliation) throws -> Int32 {
        guard let target else { throw Unusable.target }
        return try Self.averageValue(
            value, target: target, statusReplicas: input.statusReplicas, tolerances: input.effectiveTolerances,
            arithmetic: input.arithmetic
        ).replicas
    }

    private static func utilization(_ metric: MetricSpec, _ target: Int32, _ input: Reconciliation) throws -> PodMetricResult {
        let container = metric.source == .containerResource ? metric.container ?? "" : nil
        var tally = PodTally(targetUtilization: target)
        try Self.tally(metric, input, into: &tally) {
            try Self.request(of: $0, container: container, podLevel: input.features.podLevelResources)
        }
        return try Self.utilization(
            tally, target: target, current: input.specReplicas, tolerances: input.effectiveTolerances, arithmetic: input.arithmetic)
    }

    private static func averageUsage(_ metric: MetricSpec, _ target: Int64, _ input: Reconciliation) throws -> PodMetricResult {
        var tally = PodTally()
        try Self.tally(metric, input, into: &tally) { _ in 0 }
        return try Self.averageUsage(
            tally, target: target, current: input.specReplicas, tolerances: input.effectiveTolerances, arithmetic: input.arithmetic)
    }

    /// - Parameter request: throws when a pod, even one that is ignored, does not say what it requests.
    private static func tally(
        _ metric: MetricSpec, _ input: Reconciliation, into tally: inout PodTally, request: (PodRequests) throws -> Int64
    ) throws {
        guard case .pods(let samples, let others) = metric.answer else { throw Unusable.metric(.noMetrics) }
        guard others > 0 || samples.contains(where: { $0 != nil }) else { throw Unusable.metric(.noMetrics) }
        guard !input.pods.isEmpty else { throw Unusable.metric(.noPods) }
        for (index, pod) in input.pods.enumerated() {
            let sample = index < samples.count ? samples[index] : nil
            let group = Self.group(pod, sample: sample, isCPU: metric.isCPU, periods: input.periods)
            let requests = index < input.requests.count ? input.requests[index] : PodRequests()
            tally.add(group, usage: sample?.usage ?? 0, request: try request(requests))
        }
    }
}

extension HPA.Reconciliation {
    /// Those of `behavior` where they are given and the cluster honours them, else the controller's.
    var effectiveTolerances: HPA.Tolerances {
        guard self.features.configurableTolerance, let behavior = self.behavior else { return self.tolerances }
        return HPA.Tolerances(
            down: behavior.scaleDown?.tolerance ?? self.tolerances.down, up: behavior.scaleUp?.tolerance ?? self.tolerances.up)
    }
}
