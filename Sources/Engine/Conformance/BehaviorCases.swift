import Model

/// The kinds that ask for limits and logs.
extension CaseFields {
    mutating func defaulting() throws(JSONError) -> ConformanceKind.Answer {
        let direction: HPA.Direction = try self.choice("direction")
        return .fields(["rules": HPA.ScalingRules.defaulted(try self.rules("rules"), direction).caseJSON])
    }

    mutating func clamp() throws(JSONError) -> ConformanceKind.Answer {
        let current = try self.int32("currentReplicas"), desired = try self.int32("desiredReplicas"), bounds = try self.bounds()
        return .limited(HPA.clamp(desired, current: current, bounds: bounds, scaleUpLimit: try self.scaleUpLimit()))
    }

    mutating func scaleUpLimit() throws(JSONError) -> HPA.ScaleUpLimit {
        var limit = HPA.ScaleUpLimit()
        if let factor = try self.optionalInt32("scaleUpLimitFactor") { limit.factor = factor }
        if let minimum = try self.optionalInt32("scaleUpLimitMinimum") { limit.minimum = minimum }
        return limit
    }

    mutating func behaviorLimit(_ arithmetic: HPA.Arithmetic) throws(JSONError) -> ConformanceKind.Answer {
        let direction: HPA.Direction = try self.choice("direction"), current = try self.int32("currentReplicas")
        let rules = HPA.ScalingRules.defaulted(try self.rules("rules"), direction)
        let ups = try self.events("scaleUpEvents"), downs = try self.events("scaleDownEvents")
        let limit = HPA.scaleLimit(
            direction, current: current, select: rules.selectPolicy ?? .max, policies: rules.policies, ups: ups.map(\.entry),
            downs: downs.map(\.entry), arithmetic: arithmetic)
        return .fields(["limit": .count(limit)])
    }

    mutating func behaviorRate(_ arithmetic: HPA.Arithmetic) throws(JSONError) -> ConformanceKind.Answer {
        let current = try self.int32("currentReplicas"), desired = try self.int32("desiredReplicas"), bounds = try self.bounds()
        let up = HPA.ScalingRules.defaulted(try self.rules("scaleUp"), .up)
        let down = HPA.ScalingRules.defaulted(try self.rules("scaleDown"), .down)
        let ups = try self.events("scaleUpEvents"), downs = try self.events("scaleDownEvents")
        return .limited(
            HPA.limit(
                desired, current: current, bounds: bounds, scaleUp: up, scaleDown: down, ups: ups.map(\.entry), downs: downs.map(\.entry),
                arithmetic: arithmetic))
    }

    /// Each direction of `applyTo` must do the same with its own log.
    mutating func scaleEventLog() throws(JSONError) -> ConformanceKind.Answer {
        let rules = try self.rules("rules"), events = try self.events("events")
        let period = try self.seconds("sumPeriodSeconds"), change = try self.int32("storeChange")
        _ = try self.required("applyTo")
        let directions = try self.elements("applyTo") { element throws(JSONError) in
            guard let direction = element.stringValue.flatMap(HPA.Direction.init(rawValue:)) else {
                throw JSONError(message: "is neither up nor down")
            }
            return direction
        }
        let answers = directions.map { direction -> [String: JSON] in
            var log = events
            let before = HPA.change(within: period, log.map(\.entry))
            if let rules {
                HPA.record(change: change, in: &log, longestPeriod: HPA.ScalingRules.defaulted(rules, direction).longestPeriod)
            }
            return [
                "changeInPeriodBefore": .int(before),
                "eventsAfter": .array(log.map { ["change": .count($0.change), "outdated": .bool($0.isOutdated)] }),
            ]
        }
        guard let first = answers.first else { throw JSONError(pointer: "/applyTo", message: "is empty") }
        guard let other = answers.first(where: { $0 != first }) else { return .fields(first) }
        return .failed("the directions differ: \(JSON.object(first).text) and \(JSON.object(other).text)")
    }

    mutating func stabilizationLegacy() throws(JSONError) -> ConformanceKind.Answer {
        var log = try self.recommendations()
        let desired = try self.int32("desiredReplicas"), window = try self.seconds("downscaleStabilizationSeconds")
        let result = HPA.stabilize(desired, window: window, log: log)
        HPA.record(desired, at: result.freeSlot, in: &log)
        return .fields(["replicas": .count(result.replicas), "logLength": .int(Int64(log.count)), "logAfter": .recommendations(log)])
    }

    mutating func stabilization() throws(JSONError) -> ConformanceKind.Answer {
        var log = try self.recommendations()
        let current = try self.int32("currentReplicas"), desired = try self.int32("desiredReplicas")
        let up = try self.seconds("scaleUpWindowSeconds"), down = try self.seconds("scaleDownWindowSeconds")
        let result = HPA.stabilize(desired, current: current, upWindow: up, downWindow: down, log: log)
        HPA.record(desired, at: result.freeSlot, in: &log)
        return .fields(["replicas": .count(result.replicas), "logAfter": .recommendations(log), "logLength": .int(Int64(log.count))])
    }
}

extension ConformanceKind.Answer {
    static func limited(_ limited: HPA.Limited) -> Self {
        .fields(["replicas": .count(limited.replicas), "reason": .string(limited.reason.rawValue)])
    }
}

extension JSON {
    static func recommendations(_ log: [HPA.LogEntry]) -> JSON { .array(log.map { .count($0.replicas) }) }
}
