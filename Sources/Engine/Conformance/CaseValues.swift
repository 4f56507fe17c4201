import Model

/// The values that several kinds of cases share.
extension CaseFields {
    /// Go's zero time: an age that stands for one same instant wherever it occurs.
    static let zeroTime: Int64 = 1_000_000_000_000

    mutating func tolerances(_ name: String) throws(JSONError) -> HPA.Tolerances {
        try self.object(name, "a tolerance") { fields throws(JSONError) in
            _ = try (fields.required("down"), fields.required("up"))
            return HPA.Tolerances(down: try fields.optionalFraction("down") ?? 0, up: try fields.optionalFraction("up") ?? 0)
        }
    }

    mutating func periods() throws(JSONError) -> HPA.ReadinessPeriods {
        var periods = HPA.ReadinessPeriods()
        if let period = try self.optionalSeconds("cpuInitializationSeconds") { periods.cpuInitialization = period }
        if let delay = try self.optionalSeconds("initialReadinessDelaySeconds") { periods.initialReadinessDelay = delay }
        return periods
    }

    /// The name and what the controller knows of a pod.
    mutating func pod() throws(JSONError) -> (name: String, pod: HPA.Pod) {
        let name = try self.string("name")
        var pod = HPA.Pod(phase: try self.choice("phase"), isDeleted: try self.bool("deleted", default: false))
        if self.optional("ready") != nil { pod.isReady = try self.bool("ready", default: false) }
        pod.startAge = try self.optionalSeconds("startAgeSeconds")
        pod.readyTransitionAge = try self.optionalSeconds("readyTransitionAgeSeconds") ?? Self.zeroTime
        return (name, pod)
    }

    /// A pod's own request of one resource, or those of its containers.
    mutating func requests() throws(JSONError) -> HPA.PodRequests {
        var requests = HPA.PodRequests(pod: try self.optionalInt64("podLevelRequestMilli"))
        requests.containers = try self.objects("containers", "a container") { fields throws(JSONError) in
            HPA.PodRequests.Container(name: try fields.string("name"), request: try fields.optionalInt64("requestMilli"))
        }
        requests.initContainers = try self.objects("initContainers", "an init container") { fields throws(JSONError) in
            HPA.PodRequests.Container(
                name: try fields.string("name"), request: try fields.optionalInt64("requestMilli"),
                isRestartable: try fields.bool("restartPolicyAlways", default: false))
        }
        return requests
    }

    mutating func rules(_ name: String) throws(JSONError) -> HPA.ScalingRules? {
        try self.optionalObject(name, "scaling rules") { fields throws(JSONError) in
            var rules = HPA.ScalingRules()
            rules.tolerance = try fields.optionalFraction("tolerance")
            rules.stabilizationWindow = try fields.optionalSeconds("stabilizationWindowSeconds")
            rules.selectPolicy = try fields.optionalChoice("selectPolicy")
            rules.policies = try fields.objects("policies", "a policy") { policy throws(JSONError) in
                HPA.RatePolicy(unit: try policy.choice("type"), value: try policy.int32("value"), period: try policy.seconds("periodSeconds"))
            }
            return rules
        }
    }

    mutating func bounds() throws(JSONError) -> HPA.Bounds {
        HPA.Bounds(min: try self.optionalInt32("minReplicas") ?? 1, max: try self.int32("maxReplicas"))
    }

    mutating func events(_ name: String) throws(JSONError) -> [HPA.ScaleEvent] {
        try self.objects(name, "an event") { fields throws(JSONError) in
            HPA.ScaleEvent(change: try fields.int32("change"), age: try fields.seconds("ageSeconds"))
        }
    }

    mutating func recommendations() throws(JSONError) -> [HPA.LogEntry] {
        try self.objects("recommendations", "a recommendation") { fields throws(JSONError) in
            HPA.LogEntry(replicas: try fields.int32("replicas"), age: try fields.seconds("ageSeconds"))
        }
    }

    mutating func series() throws(JSONError) -> [Int64] {
        _ = try self.required("seriesMilli")
        return try self.elements("seriesMilli") { element throws(JSONError) in
            guard let value = element.intValue else { throw JSONError(message: "is not an integer of 64 bits") }
            return value
        }
    }
}

extension HPA.ScalingRules {
    /// As a case writes them.
    var caseJSON: JSON {
        [
            "tolerance": self.tolerance.map { .double(Double($0) / Double(HPA.Tolerances.one)) } ?? .null,
            "stabilizationWindowSeconds": self.stabilizationWindow.map { .double(Double($0) / 1000) } ?? .null,
            "selectPolicy": self.selectPolicy.map { .string($0.rawValue) } ?? .null,
            "policies": .array(
                self.policies.map { ["type": .string($0.unit.rawValue), "value": .int(Int64($0.value)), "periodSeconds": .double(Double($0.period) / 1000)] }),
        ]
    }
}
