extension HPA {
    /// Why one metric gives no number of replicas.
    enum MetricFailure: Error, Hashable, Sendable {
        /// The source has no sample at all.
        case noMetrics
        /// No pod is selected.
        case noPods
        /// Every sample is of a pod that is not ready or about to end.
        case noSamples
        /// The samples' pods request nothing, or are none of the selected ones.
        case noMatchingPods
        /// Kubernetes refuses a target that is not above 0.
        case targetNotPositive
    }

    /// The pods of one metric, added one by one.
    struct PodTally: Sendable {
        private(set) var readyPods: Int64 = 0
        private(set) var unreadyPods: Int64 = 0
        private(set) var missingPods: Int64 = 0
        /// Over ready pods.
        private(set) var usage: Int128 = 0
        private(set) var requests: Int128 = 0
        fileprivate var missingRequests: Int128 = 0
        fileprivate var missingUsage: Int128 = 0
        fileprivate var unreadyRequests: Int128 = 0
        /// A missing pod counts as using this share of its request when the others ask for less.
        private let fallbackPercent: Int128

        /// - Parameter targetUtilization: in percent; a target above 100 is what missing pods count as.
        init(targetUtilization: Int32 = 100) { self.fallbackPercent = Int128(max(100, targetUtilization)) }

        /// Pods of which only a mean is known.
        @inline(__always)
        mutating func add(ready: Int, usage: Int64, unready: Int) {
            self.readyPods += Int64(ready)
            self.usage += Int128(usage) * Int128(ready)
            self.unreadyPods += Int64(unready)
        }

        /// - Parameters:
        ///   - usage: of a ready pod; not looked at for others.
        ///   - request: of the pod; 0 for metrics that are not a share of it, and for what no pod can request.
        @inline(__always)
        mutating func add(_ group: PodGroup, usage: Int64, request: Int64 = 0) {
            let request = max(0, request)
            switch group {
            case .ignored: break
            case .ready:
                self.readyPods += 1
                self.usage += Int128(usage)
                self.requests += Int128(request)
            case .unready:
                self.unreadyPods += 1
                self.unreadyRequests += Int128(request)
            case .missing:
                self.missingPods += 1
                self.missingRequests += Int128(request)
                self.missingUsage += Int128(request) * self.fallbackPercent / 100
            }
        }
    }

    /// What one metric of pods comes to. Utilization and average are over ready pods, before anything is filled in.
    struct PodMetricResult: Hashable, Sendable {
        var replicas: Int32
        /// Of the request, in whole percent; nil for metrics that are not a share of it.
        var utilization: Int32?
        var average: Int64
        /// The size that there is: within the tolerance, or what is not known could turn the change around.
        var keeps: Bool
    }

    /// Usage as a share of requests, in percent. It is cut to whole percent before anything else is done with it.
    /// - Parameter tally: made for this `target`.
    static func utilization(
        _ tally: PodTally, target: Int32, current: Int32, tolerances: Tolerances, arithmetic: Arithmetic
    ) throws(MetricFailure) -> PodMetricResult {
        guard tally.readyPods > 0 else { throw .noSamples }
        guard tally.requests > 0 else { throw .noMatchingPods }
        let percent = Self.percent(tally.usage, of: tally.requests)
        guard let ratio = UsageRatio(Int64(percent), of: Int64(target), arithmetic) else { throw .targetNotPositive }
        let proposal = Self.rebalance(ratio, tally, current: current, tolerances) { fill in
            var usage = tally.usage, requests = tally.requests
            if fill.missing { requests += tally.missingRequests }
            if fill.missing, !fill.idle { usage += tally.missingUsage }
            if fill.unready { requests += tally.unreadyRequests }
            return UsageRatio(Int64(Self.percent(usage, of: requests)), of: Int64(target), arithmetic)
        }
        return PodMetricResult(
            replicas: proposal ?? current, utilization: percent,
            average: Int64(clamping: tally.usage / Int128(tally.readyPods)), keeps: proposal == nil)
    }

    /// A mean per pod against a target in the metric's own unit (Pods metrics, and resources with an average value).
    static func averageUsage(
        _ tally: PodTally, target: Int64, current: Int32, tolerances: Tolerances, arithmetic: Arithmetic
    ) throws(MetricFailure) -> PodMetricResult {
        guard tally.readyPods > 0 else { throw .noSamples }
        let average = Int64(clamping: tally.usage / Int128(tally.readyPods))
        guard let ratio = UsageRatio(average, of: target, arithmetic) else { throw .targetNotPositive }
        let proposal = Self.rebalance(ratio, tally, current: current, tolerances) { fill in
            var usage = tally.usage
            if fill.missing, !fill.idle { usage += Int128(target) * Int128(tally.missingPods) }
            return UsageRatio(Int64(clamping: usage / Int128(fill.pods)), of: target, arithmetic)
        }
        return PodMetricResult(
            replicas: proposal ?? current, utilization: nil, average: average, keeps: proposal == nil)
    }

    /// Which pods without a believable sample are counted after all, and as what.
    private struct Fill {
        var missing = false
        /// Missing pods count as idle (the others ask for more), not as busy (they ask for less).
        var idle = false
        /// Unready pods count as idle.
        var unready = false
        /// All that are counted.
        var pods: Int64
    }

    /// What is not known counts against the change: as idle when the others ask for more, as busy when they ask for
    /// less. It may damp a change or prevent it, never turn it around.
    /// - Parameter refilled: the ratio with the pods of a fill.
    /// - Returns: nil to keep the present size.
    @inline(__always)
    private static func rebalance(
        _ ratio: UsageRatio, _ tally: PodTally, current: Int32, _ tolerances: Tolerances, refilled: (Fill) -> UsageRatio?
    ) -> Int32? {
        var fill = Fill(pods: tally.readyPods)
        fill.unready = tally.unreadyPods > 0 && ratio.isAboveOne
        if !fill.unready, tally.missingPods == 0 {
            return ratio.isWithin(tolerances) ? nil : ratio.replicas(times: tally.readyPods)
        }
        fill.idle = ratio.isAboveOne
        fill.missing = tally.missingPods > 0 && (ratio.isAboveOne || ratio.isBelowOne)
        if fill.missing { fill.pods += tally.missingPods }
        if fill.unready { fill.pods += tally.unreadyPods }
        guard let second = refilled(fill), !second.isWithin(tolerances) else { return nil }
        if ratio.isBelowOne && second.isAboveOne || ratio.isAboveOne && second.isBelowOne { return nil }
        let replicas = second.replicas(times: fill.pods)
        if second.isBelowOne && replicas > current || second.isAboveOne && replicas < current { return nil }
        return replicas
    }

    /// In whole percent, cut. `requests` is above 0.
    @inline(__always)
    static func percent(_ usage: Int128, of requests: Int128) -> Int32 {
        Int32(clamping: Exact.multiply(usage, 100) / requests)
    }
}
