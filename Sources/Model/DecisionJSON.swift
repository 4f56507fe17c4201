/// The JSON forms of decisions: one table of field names for database, API, command line and console.
extension Decision: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "workload": .string(self.workload.description),
            "policy": self.policy.json,
            "at": self.at.json,
            "kind": .string(self.kind.rawValue),
            "from": self.from.map { .int(Int64($0)) },
            "to": self.to.map { .int(Int64($0)) },
            "wanted": self.wanted.map { .int(Int64($0)) },
            "acted": .bool(self.acted),
            "sentence": .string(self.sentence),
            "readings": .array(self.readings.map(\.json)),
            "proposals": .array(self.proposals.map(\.json)),
            "steps": .array(self.steps.map(\.json)),
            "reasons": .array(self.reasons.map(\.json)),
            "confidence": self.confidence.json,
            "urgency": .string(self.urgency.rawValue),
        ])
    }

    public init(json: JSON) throws(JSONError) {
        let workload = try json.string("workload")
        guard let id = WorkloadID(workload) else { throw JSONError(pointer: "/workload", message: "is not service/region") }
        self.init(
            workload: id, policy: try json.decode("policy"), at: try json.time("at"),
            kind: try json.choice("kind", of: Kind.self), from: try json.intIfPresent("from").map(Int.init),
            to: try json.intIfPresent("to").map(Int.init), wanted: try json.intIfPresent("wanted").map(Int.init),
            acted: try json.bool("acted"), readings: try json.list("readings"),
            proposals: try json.list("proposals"), steps: try json.list("steps"), reasons: try json.list("reasons"),
            confidence: try json.decode("confidence"), urgency: try json.choice("urgency", of: Urgency.self),
            sentence: try json.string("sentence"))
    }
}

extension Decision.PolicyReference: JSONEncodable, JSONDecodable {
    public var json: JSON { ["name": .string(self.name), "version": .int(Int64(self.version)), "sha256": .string(self.sha256)] }
    public init(json: JSON) throws(JSONError) {
        self.init(name: try json.string("name"), version: Int(try json.int("version")), sha256: try json.string("sha256"))
    }
}

extension Decision.Proposal: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "rule": .string(self.rule), "replicas": self.replicas.map { .int(Int64($0)) }, "because": .string(self.because),
            "abstains": self.abstains?.json,
        ])
    }
    public init(json: JSON) throws(JSONError) {
        self.init(
            rule: try json.string("rule"), replicas: try json.intIfPresent("replicas").map(Int.init), because: try json.string("because"),
            abstains: try json.decodeIfPresent("abstains"))
    }
}

extension Decision.Step: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "step": .string(self.name.rawValue), "in": .int(Int64(self.input)), "out": .int(Int64(self.output)),
            "text": self.text.map { .string($0) }, "reason": self.reason?.json,
        ])
    }
    public init(json: JSON) throws(JSONError) {
        self.init(
            try json.choice("step", of: Name.self), input: Int(try json.int("in")), output: Int(try json.int("out")),
            text: try json.stringIfPresent("text"), reason: try json.decodeIfPresent("reason"))
    }
}

extension Reason: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields(["code": .string(self.code), "until": self.until?.json, "by": self.by.map { .string($0) }])
    }

    public init(json: JSON) throws(JSONError) {
        let code = try json.string("code")
        let open = code.firstIndex(of: "(")
        let name = String(code[..<(open ?? code.endIndex)])
        guard open == nil || code.hasSuffix(")") else { throw JSONError(pointer: "/code", message: "“\(code)” lacks its closing parenthesis") }
        let argument = open.map { String(code[code.index(after: $0)...].dropLast()) } ?? ""
        let by = try json.stringIfPresent("by") ?? ""
        switch name {
        case "rule": self = .rule(argument)
        case "within-tolerance": self = .withinTolerance
        case "cooldown": self = .cooldown(until: try json.time("until"))
        case "at-min": self = .atMin
        case "at-max": self = .atMax
        case "emergency": self = .emergency
        case "stale": self = .stale(metric: argument)
        case "missing": self = .missing(metric: argument)
        case "sustaining": self = .sustaining(metric: argument, until: try json.time("until"))
        case "unobserved": self = .unobserved(by)
        case "in-flight": self = .inFlight(action: by)
        case "paused": self = .paused(owner: by, until: try json.time("until"))
        case "override": self = .override(owner: by, until: try json.time("until"))
        case "dry-run": self = .dryRun
        case "recommend-only": self = .recommendOnly
        case "off": self = .off
        case "disabled": self = .disabled
        case "budget-denied": self = .budgetDenied(by: by)
        case "outranked": self = .outranked(by: by)
        case "stabilized": self = .stabilized(until: try json.time("until"))
        case "rate-limited": self = .rateLimited(until: try json.time("until"))
        case "direction-disabled": self = .directionDisabled
        case "schedule-floor": self = .scheduleFloor(until: try json.time("until"))
        case "schedule-ceiling": self = .scheduleCeiling(until: try json.time("until"))
        case "inbound-floor": self = .inboundFloor(by: by, until: try json.time("until"))
        case "failover-floor": self = .failoverFloor(region: argument, until: try json.timeIfPresent("until"))
        case "region-down": self = .regionDown(argument)
        case "frozen": self = .frozen(reason: by, until: try json.time("until"))
        case "awaiting-approval": self = .awaitingApproval
        case "doubted": self = .doubted(metric: argument)
        case "rolled-back": self = .rolledBack(action: by, until: try json.time("until"))
        case "scale-up-limit": self = .scaleUpLimit
        case "restart": self = .restart(when: by)
        case "restart-held":
            guard let hold = RestartHold(rawValue: argument) else {
                throw JSONError(pointer: "/code", message: "“\(code)” is not a reason that this version knows")
            }
            self = .restartHeld(hold, when: by)
        default: throw JSONError(pointer: "/code", message: "“\(code)” is not a reason that this version knows")
        }
    }
}

extension Reading: JSONEncodable, JSONDecodable {
    public var json: JSON {
        .fields([
            "metric": .string(self.metric), "value": self.value?.json, "unit": self.unit.map { .string($0) },
            "quality": .string(self.quality.rawValue), "ageMs": self.age.map { .int($0.milliseconds) }, "maxAge": .string(self.maxAge.text),
            "window": self.window.map { .string($0) }, "source": .string(self.source), "missing": self.missing.map { .string($0.rawValue) },
            "evidence": self.evidence.map { .string($0) }, "target": self.target?.json, "ratio": self.ratio?.json,
        ])
    }
    public init(json: JSON) throws(JSONError) {
        let missing: MissingReason? = if json["missing"] != nil { try json.choice("missing", of: MissingReason.self) } else { nil }
        guard let maxAge = Duration(text: try json.string("maxAge")) else { throw JSONError(pointer: "/maxAge", message: "is not a duration") }
        self.init(
            metric: try json.string("metric"), value: try json.decodeIfPresent("value"), unit: try json.stringIfPresent("unit"),
            quality: try json.choice("quality", of: Quality.self), age: try json.intIfPresent("ageMs").map { .milliseconds($0) },
            maxAge: maxAge, window: try json.stringIfPresent("window"), source: try json.string("source"), missing: missing,
            evidence: try json.stringIfPresent("evidence"), target: try json.decodeIfPresent("target"), ratio: try json.decodeIfPresent("ratio"))
    }
}

extension JSON {
    /// A required RFC 3339 time.
    public func time(_ name: String) throws(JSONError) -> WallTime {
        guard let time = WallTime(rfc3339: try self.string(name)) else { throw JSONError(pointer: "/\(name)", message: "is not an RFC 3339 time") }
        return time
    }
    /// An optional RFC 3339 time.
    public func timeIfPresent(_ name: String) throws(JSONError) -> WallTime? { self[name] == nil ? nil : try self.time(name) }
    /// A required value of a closed list.
    public func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, of type: Choice.Type) throws(JSONError) -> Choice
    where Choice.RawValue == String {
        guard let choice = Choice(rawValue: try self.string(name)) else {
            throw JSONError(pointer: "/\(name)", message: "is none of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }
}
