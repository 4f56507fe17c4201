public import Model

/// One evaluation as a file: what `muster evaluate --input` reads.
///
/// ```json
/// {"workload": "transcode/eu-west", "now": "2026-05-28T12:00:00Z",
///  "observed": {"replicas": 4, "ready": 4},
///  "readings": {"queue": 180, "cpu": {"value": "84", "at": "2026-05-28T11:59:50Z"}, "errors": {"missing": "timeout"}},
///  "memory": {}, "enabled": true, "pauses": [], "override": null, "inFlight": null, "priority": 0, "startup": "40s",
///  "approved": 12, "regionDown": false, "failover": {"replicas": 6, "region": "eu-north", "until": "2026-05-28T12:05:00Z"},
///  "secondaries": {"queue": 170}, "correlated": ["queue"], "unhealthy": [], "accepted": []}
/// ```
/// `workload`, `now`, `observed` and `readings` are required. `observed` is null when the workload could not be seen
/// and `"gone"` when the platform no longer has it; its `ready` and `desired` are `replicas` when absent. A reading
/// without `at` was taken at `now`; a metric without a reading is missing. `memory` is what an earlier evaluation
/// returned. `approved` is the number that a second person agreed to; `failover` the least that another region's load asks for; `secondaries` are what second
/// sources say; the last three name metrics whose fall is one of many, whose source does not vouch for it, and whose value a person accepted.
public enum EvaluationCase {
    private static let fields = [
        "workload", "now", "observed", "readings", "memory", "enabled", "pauses", "override", "inFlight", "priority",
        "startup", "approved", "regionDown", "failover", "secondaries", "correlated", "unhealthy", "accepted",
    ]

    /// - Throws: ``JSONError`` that points at the field, and names the nearest known name for an unknown one.
    public static func input(
        from json: JSON, policy: Policy, reference: Decision.PolicyReference
    ) throws(JSONError) -> EvaluationInput {
        try json.expectFields(Self.fields, of: "a case")
        guard let id = WorkloadID(try json.string("workload")) else {
            throw JSONError(pointer: "/workload", message: "is not service/region")
        }
        let now = try json.time("now")
        var startup = Duration.zero
        if let text = try json.stringIfPresent("startup") {
            guard let duration = Duration(text: text) else {
                throw JSONError(pointer: "/startup", message: "is not a duration; write 40s, 5m or 2h")
            }
            startup = duration
        }
        let workload = Workload(id: id, priority: Int(try json.intIfPresent("priority") ?? 0), startup: startup)
        var memory = Memory()
        if let field = json["memory"], !field.isNull, field != .object([:]) { memory = try json.decode("memory") }
        let pauses: [Pause] = if json["pauses"]?.isNull ?? true { [] } else { try json.list("pauses") }
        return EvaluationInput(
            workload: workload, program: Program(policy, reference: reference), observation: try Self.observation(json),
            answers: try Self.answers(json, "readings", policy: policy, now: now), now: now, enabled: try Self.flag(json, "enabled") ?? true,
            pauses: pauses, override: try json.decodeIfPresent("override"), inFlight: try json.stringIfPresent("inFlight"),
            floors: EvaluationInput.Floors(failover: try Self.failover(json)), approved: try Self.count(json, "approved", required: false),
            isRegionDown: try Self.flag(json, "regionDown") ?? false,
            secondaries: json["secondaries"]?.isNull ?? true ? [:] : try Self.answers(json, "secondaries", policy: policy, now: now),
            doubts: EvaluationInput.Doubts(
                correlatedDrops: try Self.metrics(json, "correlated", of: policy), unhealthy: try Self.metrics(json, "unhealthy", of: policy),
                accepted: try Self.metrics(json, "accepted", of: policy)), memory: memory)
    }

    private static func flag(_ json: JSON, _ name: String) throws(JSONError) -> Bool? {
        guard let field = json[name], !field.isNull else { return nil }
        return try json.bool(name)
    }

    private static func failover(_ json: JSON) throws(JSONError) -> EvaluationInput.Floors.Failover? {
        guard let field = json["failover"], !field.isNull else { return nil }
        do throws(JSONError) {
            try field.expectFields(["replicas", "region", "until"], of: "a failover")
            let until: WallTime? = field["until"]?.isNull ?? true ? nil : try field.time("until")
            return EvaluationInput.Floors.Failover(replicas: try Self.count(field, "replicas") ?? 0, region: try field.string("region"), until: until)
        } catch { throw error.inside("failover") }
    }

    private static func metrics(_ json: JSON, _ name: String, of policy: Policy) throws(JSONError) -> Set<String> {
        guard let field = json[name], !field.isNull else { return [] }
        var metrics: Set<String> = []
        for (index, element) in try json.array(name).enumerated() {
            do throws(JSONError) {
                guard let metric = element.stringValue else { throw JSONError(message: "is not a string") }
                try Self.expectMetric(metric, of: policy)
                metrics.insert(metric)
            } catch { throw error.inside("\(index)").inside(name) }
        }
        return metrics
    }

    private static func expectMetric(_ name: String, of policy: Policy) throws(JSONError) {
        let known = policy.metrics.map(\.name)
        guard !known.contains(name) else { return }
        let near = nearestName(to: name, in: known).map { "; did you mean “\($0)”?" } ?? "; it has \(known.joined(separator: ", "))"
        throw JSONError(message: "is not a metric of policy “\(policy.name)”\(near)")
    }

    private static func observation(_ json: JSON) throws(JSONError) -> Observation {
        guard let observed = json["observed"] else { throw JSONError(pointer: "/observed", message: "is missing") }
        if observed.isNull {
            return .unseen(DriverError(code: "case.unseen", message: "the case says that it could not be seen"))
        }
        if observed == "gone" { return .gone }
        do throws(JSONError) {
            guard observed.objectValue != nil else {
                throw JSONError(message: "is neither {\"replicas\": n, \"ready\": n} nor null nor \"gone\"")
            }
            try observed.expectFields(["replicas", "ready", "desired"], of: "what was observed")
            let replicas = try Self.count(observed, "replicas") ?? 0
            return .seen(
                desired: try Self.count(observed, "desired", required: false) ?? replicas, current: replicas,
                ready: try Self.count(observed, "ready", required: false) ?? replicas, version: nil)
        } catch { throw error.inside("observed") }
    }

    private static func count(_ json: JSON, _ name: String, required: Bool = true) throws(JSONError) -> Int? {
        let value = required ? try json.int(name) : try json.intIfPresent(name)
        guard let value else { return nil }
        guard value >= 0, value <= Int64(Exact.maximumReplicas) else {
            throw JSONError(pointer: "/\(name)", message: "is not within 0 and \(Exact.maximumReplicas)")
        }
        return Int(value)
    }

    private static func answers(_ json: JSON, _ field: String, policy: Policy, now: WallTime) throws(JSONError) -> [String: ReadingAnswer] {
        guard case .object(let fields) = try json.required(field) else {
            throw JSONError(pointer: "/\(field)", message: "is not an object of metric names and readings")
        }
        var answers: [String: ReadingAnswer] = [:]
        for name in fields.keys.sorted() {
            do throws(JSONError) {
                try Self.expectMetric(name, of: policy)
                answers[name] = try Self.answer(fields[name] ?? .null, now: now)
            } catch { throw error.inside(name).inside(field) }
        }
        return answers
    }

    private static func answer(_ json: JSON, now: WallTime) throws(JSONError) -> ReadingAnswer {
        switch json {
        case .null: return .missing(.null, evidence: "")
        case .int, .double, .string: return .value(Sample(value: try Quantity(json: json), at: now))
        case .bool, .array: throw JSONError(message: "is neither a number nor {\"value\": …} nor {\"missing\": …}")
        case .object: break
        }
        try json.expectFields(["value", "at", "missing", "evidence"], of: "a reading")
        if json["missing"] != nil {
            guard json["value"] == nil else { throw JSONError(message: "has both “value” and “missing”; keep one") }
            return .missing(
                try json.choice("missing", of: MissingReason.self), evidence: try json.stringIfPresent("evidence") ?? ""
            )
        }
        let at = json["at"] == nil ? now : try json.time("at")
        return .value(Sample(value: try json.decode("value"), at: at))
    }
}
