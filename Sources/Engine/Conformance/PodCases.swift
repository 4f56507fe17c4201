import Model

/// The kinds that ask for pods.
extension CaseFields {
    mutating func podGrouping() throws(JSONError) -> ConformanceKind.Answer {
        let isCPU = try self.string("resource") == "cpu", periods = try self.periods()
        _ = try self.required("pods")
        let grouped = try self.objects("pods", "a pod") { fields throws(JSONError) in
            let (name, pod) = try fields.pod()
            _ = try fields.optionalInt64("requestMilli")
            let usage = try fields.optionalInt64("usageMilli")
            let age = try fields.optionalSeconds("metricAgeSeconds"), window = try fields.optionalSeconds("metricWindowSeconds")
            let sample = usage.map { HPA.PodSample(usage: $0, age: age ?? Self.zeroTime, window: window ?? 0) }
            return (name: name, group: HPA.group(pod, sample: sample, isCPU: isCPU, periods: periods))
        }
        func names(_ group: HPA.PodGroup) -> JSON { .array(grouped.filter { $0.group == group }.map(\.name).sorted().map(JSON.string)) }
        return .fields([
            "readyCount": .int(Int64(grouped.count { $0.group == .ready })), "unready": names(.unready), "missing": names(.missing),
            "ignored": names(.ignored),
        ])
    }

    mutating func podRequests() throws(JSONError) -> ConformanceKind.Answer {
        let resource = try self.string("resource"), container = try self.optionalString("container")
        let podLevel = try self.bool("podLevelResourcesEnabled", default: false)
        _ = try self.required("pods")
        let pods = try self.objects("pods", "a pod") { fields throws(JSONError) in
            (name: try fields.string("name"), requests: try fields.requests())
        }
        var requests: [String: JSON] = [:]
        for pod in pods {
            do {
                requests[pod.name] = .int(try HPA.request(of: pod.requests, container: container, podLevel: podLevel))
            } catch {
                return switch error {
                case .missing(let container): .failed("missing request for \(resource) in container \(container) of Pod \(pod.name)")
                case .noSuchContainer(let container): .failed("container \(container) not found in Pod \(pod.name)")
                }
            }
        }
        return .fields(["requestsMilli": .object(requests)])
    }
}
