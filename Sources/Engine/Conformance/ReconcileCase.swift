import Model

/// The kind that asks for a whole evaluation.
extension CaseFields {
    mutating func reconcile(_ arithmetic: HPA.Arithmetic) throws(JSONError) -> ConformanceKind.Answer {
        let bounds = try self.bounds()
        let spec = try self.int32("specReplicas"), status = try self.int32("statusReplicas")
        _ = try self.optionalString("targetKind")
        let pods = try self.objects("pods", "a pod") { fields throws(JSONError) in
            let (name, pod) = try fields.pod()
            return (name: name, pod: pod, requests: try fields.requests())
        }
        let names = pods.map(\.name)
        var input = HPA.Reconciliation(
            bounds: bounds, specReplicas: spec, statusReplicas: status, selector: try self.optionalChoice("selector") ?? .valid,
            metrics: try self.objects("metrics", "a metric") { fields throws(JSONError) in try fields.metric(pods: names) },
            pods: pods.map(\.pod), requests: pods.map(\.requests), arithmetic: arithmetic)
        input.behavior = try self.optionalObject("behavior", "behavior") { fields throws(JSONError) in
            HPA.Behavior(scaleUp: try fields.rules("scaleUp"), scaleDown: try fields.rules("scaleDown"))
        }
        try self.controller(&input)
        let mayWriteStatus = try self.bool("statusWriteExpected", default: true)

        let outcome = HPA.reconcile(input)
        // A case does not hold the whole status from before; but a new size is always written there.
        if !mayWriteStatus, outcome.scaleUpdated { return .failed("the status is written with the new size, \(outcome.replicas)") }
        var answer: [String: JSON] = [
            "replicas": .count(outcome.replicas), "scaleUpdated": .bool(outcome.scaleUpdated), "errorReturned": .bool(outcome.errorReturned),
            "conditions": .array(
                outcome.conditions.list.map { ["type": .string($0.type), "status": .string($0.status), "reason": .string($0.reason)] }),
        ]
        if let utilization = outcome.cpuUtilization { answer["cpuUtilizationPercent"] = .count(utilization) }
        return .fields(answer)
    }

    /// The controller's options, what it remembers and what befalls it.
    private mutating func controller(_ input: inout HPA.Reconciliation) throws(JSONError) {
        if let tolerance = self.optional("defaultTolerance") {
            if tolerance.objectValue != nil {
                input.tolerances = try self.tolerances("defaultTolerance")
            } else {
                let both = try self.optionalFraction("defaultTolerance") ?? 0
                input.tolerances = HPA.Tolerances(down: both, up: both)
            }
        }
        input.periods = try self.periods()
        if let window = try self.optionalSeconds("downscaleStabilizationSeconds") { input.downscaleStabilization = window }
        input.scaleUpLimit = try self.scaleUpLimit()
        input.recommendations = self.optional("recommendations") == nil ? nil : try self.recommendations()
        input.ups = try self.events("scaleUpEvents")
        input.downs = try self.events("scaleDownEvents")
        input.conditions = try self.objects("priorConditions", "a condition") { fields throws(JSONError) in
            // For people only.
            _ = try fields.optionalString("message")
            return HPA.Condition(type: try fields.string("type"), status: try fields.string("status"), reason: try fields.optionalString("reason") ?? "")
        }
        input.features =
            try self.optionalObject("features", "features") { fields throws(JSONError) in
                HPA.Reconciliation.Features(
                    scaleToZero: try fields.bool("scaleToZero", default: false),
                    configurableTolerance: try fields.bool("configurableTolerance", default: true),
                    podLevelResources: try fields.bool("podLevelResources", default: false))
            } ?? HPA.Reconciliation.Features()
        input.scaleCanBeRead = try self.optionalString("getScaleError") == nil
        if let conflicts = try self.optionalInt32("updateConflictsFirst") { input.write = .conflicts(Int(conflicts)) }
        if try self.optionalString("updateScaleError") != nil { input.write = .fails }
        // When it last scaled is shown to people; nothing is decided by it.
        _ = try self.optionalSeconds("lastScaleAgeSeconds")
    }

    private mutating func metric(pods: [String]) throws(JSONError) -> HPA.MetricSpec {
        let source = HPA.MetricSpec.Source(rawValue: try self.string("type"))
        _ = try self.optionalString("name")
        let resource = try self.optionalString("resource"), container = try self.optionalString("container")
        let target = try self.optionalObject("target", "a target") { fields throws(JSONError) in
            HPA.MetricSpec.Target(
                type: try fields.choice("type"), utilization: try fields.optionalInt32("averageUtilizationPercent"),
                averageValue: try fields.optionalInt64("averageValueMilli"), value: try fields.optionalInt64("valueMilli"))
        }
        guard let source else {
            return HPA.MetricSpec(source: nil, target: target ?? HPA.MetricSpec.standard.target, answer: .failed)
        }
        guard let target else { throw JSONError(pointer: "/target", message: "is missing") }
        let answer = try self.optionalString("error") == nil ? try self.answer(source, pods: pods) : .failed
        return HPA.MetricSpec(source: source, resource: resource, container: container, target: target, answer: answer)
    }

    private mutating func answer(_ source: HPA.MetricSpec.Source, pods: [String]) throws(JSONError) -> HPA.MetricSpec.Answer {
        switch source {
        case .object: return .value(try self.int64("valueMilli"))
        case .external: return .series(try self.series())
        case .resource, .containerResource, .pods: break
        }
        _ = try self.required("samples")
        let samples = try self.objects("samples", "a sample") { fields throws(JSONError) in
            let usage = try fields.int64("valueMilli")
            let age = try fields.optionalSeconds("ageSeconds") ?? 0, window = try fields.optionalSeconds("windowSeconds") ?? 0
            return (pod: try fields.string("pod"), sample: HPA.PodSample(usage: usage, age: age, window: window))
        }
        var byPod: [HPA.PodSample?] = Array(repeating: nil, count: pods.count), others = 0
        for sample in samples {
            if let index = pods.firstIndex(of: sample.pod) { byPod[index] = sample.sample } else { others += 1 }
        }
        return .pods(byPod, others: others)
    }
}
