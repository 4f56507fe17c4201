import Model

/// The kinds that ask for one metric.
extension CaseFields {
    private struct SampledPod {
        var name: String
        var pod: HPA.Pod
        var request: Int64?
        var sample: HPA.PodSample?
    }

    private mutating func sampledPods() throws(JSONError) -> [SampledPod] {
        _ = try self.required("pods")
        return try self.objects("pods", "a pod") { fields throws(JSONError) in
            let (name, pod) = try fields.pod()
            let request = try fields.optionalInt64("requestMilli"), usage = try fields.optionalInt64("usageMilli")
            let age = try fields.optionalSeconds("metricAgeSeconds"), window = try fields.optionalSeconds("metricWindowSeconds")
            let sample = usage.map { HPA.PodSample(usage: $0, age: age ?? Self.zeroTime, window: window ?? 0) }
            return SampledPod(name: name, pod: pod, request: request, sample: sample)
        }
    }

    mutating func utilization(_ arithmetic: HPA.Arithmetic) throws(JSONError) -> ConformanceKind.Answer {
        let current = try self.int32("currentReplicas"), target = try self.int32("targetUtilizationPercent")
        let resource = try self.string("resource"), scope = try self.optionalString("scope") ?? "pod"
        let container = try self.optionalString("container")
        let tolerances = try self.tolerances("tolerance"), periods = try self.periods()
        let pods = try self.sampledPods()
        let others = try self.objects("samplesForUnknownPods", "a sample") { fields throws(JSONError) in
            (name: try fields.string("name"), usage: try fields.int64("usageMilli"))
        }
        guard ["pod", "container"].contains(scope) else { throw JSONError(pointer: "/scope", message: "is neither pod nor container") }

        if others.isEmpty, pods.allSatisfy({ $0.sample == nil }) {
            return .failed("unable to get metrics for resource \(resource): no metrics returned from resource metrics API")
        }
        if pods.isEmpty { return .failed(HPA.MetricFailure.noPods.caseText) }
        var tally = HPA.PodTally(targetUtilization: target)
        var withoutRequest: String?
        for pod in pods {
            if pod.request == nil, withoutRequest == nil { withoutRequest = pod.name }
            let group = HPA.group(pod.pod, sample: pod.sample, isCPU: resource == "cpu", periods: periods)
            tally.add(group, usage: pod.sample?.usage ?? 0, request: pod.request ?? 0)
        }
        if tally.readyPods == 0, others.isEmpty { return .failed(HPA.MetricFailure.noSamples.caseText) }
        if let withoutRequest {
            return .failed("missing request for \(resource) in container \(container ?? "") of Pod \(withoutRequest)")
        }
        if tally.readyPods == 0 { return .failed(HPA.MetricFailure.noMatchingPods.caseText) }
        do {
            let result = try HPA.utilization(tally, target: target, current: current, tolerances: tolerances, arithmetic: arithmetic)
            return .fields([
                "replicas": .count(result.replicas), "utilizationPercent": .count(result.utilization ?? 0),
                "rawAverageMilli": .int(result.average),
            ])
        } catch { return .failed(error.caseText) }
    }

    mutating func podsAverageValue(_ arithmetic: HPA.Arithmetic) throws(JSONError) -> ConformanceKind.Answer {
        let current = try self.int32("currentReplicas"), target = try self.int64("targetAverageMilli")
        let tolerances = try self.tolerances("tolerance")
        let pods = try self.sampledPods()
        if pods.allSatisfy({ $0.sample == nil }) { return .failed("unable to get metric: no metrics returned from custom metrics API") }
        var tally = HPA.PodTally()
        for pod in pods {
            let group = HPA.group(pod.pod, sample: pod.sample, isCPU: false, periods: HPA.ReadinessPeriods())
            tally.add(group, usage: pod.sample?.usage ?? 0)
        }
        do {
            let result = try HPA.averageUsage(tally, target: target, current: current, tolerances: tolerances, arithmetic: arithmetic)
            return .fields(["replicas": .count(result.replicas), "usageMilli": .int(result.average)])
        } catch { return .failed(error.caseText) }
    }

    /// The value of an Object metric, or the sum of an External one's series; nil when it has none.
    private mutating func total(isExternal: Bool) throws(JSONError) -> Int64? {
        isExternal ? HPA.total(try self.series()) : try self.int64("valueMilli")
    }
    private static let noSeries = ConformanceKind.Answer.failed("unable to get external metric: no metrics returned from external metrics API")

    mutating func value(_ arithmetic: HPA.Arithmetic, isExternal: Bool) throws(JSONError) -> ConformanceKind.Answer {
        let current = try self.int32("currentReplicas"), readyPods = try self.int64("readyPods")
        let total = try self.total(isExternal: isExternal)
        let target = try self.int64("targetValueMilli"), tolerances = try self.tolerances("tolerance")
        guard let total else { return Self.noSeries }
        do {
            let result = try HPA.value(
                total, target: target, current: current, readyPods: readyPods, tolerances: tolerances, arithmetic: arithmetic)
            return .fields(["replicas": .count(result.replicas), "usageMilli": .int(total)])
        } catch { return .failed(error.caseText) }
    }

    mutating func averageValue(_ arithmetic: HPA.Arithmetic, isExternal: Bool) throws(JSONError) -> ConformanceKind.Answer {
        let status = try self.int32("statusReplicas"), total = try self.total(isExternal: isExternal)
        let target = try self.int64("targetAverageMilli"), tolerances = try self.tolerances("tolerance")
        guard let total else { return Self.noSeries }
        do {
            let result = try HPA.averageValue(total, target: target, statusReplicas: status, tolerances: tolerances, arithmetic: arithmetic)
            let usage = HPA.usagePerPod(total, statusReplicas: status, arithmetic: arithmetic)
            return .fields(["replicas": .count(result.replicas), "usageMilli": .int(usage)])
        } catch { return .failed(error.caseText) }
    }

    mutating func perPodUsage(_ arithmetic: HPA.Arithmetic) throws(JSONError) -> ConformanceKind.Answer {
        let usage = try self.int64("usageMilli"), status = try self.int32("statusReplicas")
        return .fields(["usageMilli": .int(HPA.usagePerPod(usage, statusReplicas: status, arithmetic: arithmetic))])
    }

    mutating func usageRatio(_ arithmetic: HPA.Arithmetic) throws(JSONError) -> ConformanceKind.Answer {
        let samples = try Self.integers(try self.required("samplesMilli"), "samplesMilli")
        let requests = try self.optional("requestsMilli").map { json throws(JSONError) in try Self.integers(json, "requestsMilli") }
        let target = try self.int64("target")
        var usage: Int128 = 0, requested: Int128 = 0, pods: Int128 = 0
        for (name, sample) in samples {
            // Only pods that request something count where a share of it is asked for.
            guard requests == nil || requests?[name] != nil else { continue }
            usage += Int128(sample)
            requested += Int128(requests?[name] ?? 0)
            pods += 1
        }
        guard pods > 0, requests == nil || requested > 0 else { return .failed(HPA.MetricFailure.noMatchingPods.caseText) }
        let average = Int64(clamping: usage / pods)
        let percent = requests == nil ? nil : HPA.percent(usage, of: requested)
        guard let ratio = HPA.UsageRatio(percent.map(Int64.init) ?? average, of: target, arithmetic) else {
            return .failed(HPA.MetricFailure.targetNotPositive.caseText)
        }
        var answer: [String: JSON] = ["ratio": .double(ratio.approximate)]
        if let percent {
            answer["utilizationPercent"] = .count(percent)
            answer["rawAverageMilli"] = .int(average)
        } else {
            answer["usageMilli"] = .int(average)
        }
        return .fields(answer)
    }

    /// An object of names and integers.
    private static func integers(_ json: JSON, _ name: String) throws(JSONError) -> [String: Int64] {
        guard case .object(let fields) = json else { throw JSONError(pointer: "/\(name)", message: "is not an object of names and integers") }
        var integers: [String: Int64] = [:]
        for key in fields.keys.sorted() {
            guard let value = fields[key]?.intValue else { throw JSONError(message: "is not an integer of 64 bits").inside(key).inside(name) }
            integers[key] = value
        }
        return integers
    }
}

extension HPA.MetricFailure {
    /// The controller's words, which cases look for.
    var caseText: String {
        switch self {
        case .noMetrics: "no metrics returned"
        case .noPods: "no pods returned by selector while calculating replica count"
        case .noSamples: "did not receive metrics for targeted pods (pods might be unready)"
        case .noMatchingPods: "no metrics returned matched known pods"
        case .targetNotPositive: "the target is not above 0"
        }
    }
}
