import Model
import Store

/// One workload as the API shows it.
struct WorkloadView: Sendable {
    /// What it is doing, in one word. Clients show a word that they don't know as it is.
    enum State: String, CaseIterable {
        /// A change is on its way.
        case moving
        /// A person's number stands in place of the rules'.
        case overridden
        /// It wants another size and something keeps it from it.
        case held
        case atMax, atMin
        /// It wants another size, nothing holds it, and it is not there.
        case unmet
        case steady
        /// The driver can't see it.
        case unobserved
        /// No leader has looked at it yet.
        case notEvaluated
        /// No policy speaks of it.
        case unmanaged
    }

    var id: WorkloadID
    var now: WallTime
    var service: Service
    var target: DriverTarget
    var policy: InForce<Policy>?
    var region: Region?
    var record: WorkloadRecord?
    /// The change under way.
    var action: ActionRecord?
    var override: Override?
    /// Those that cover it now.
    var pauses: [Pause]

    var running: Int? { self.record?.current }
    var wanted: Int? { self.record?.evaluation.wanted }

    var state: State {
        guard self.policy != nil else { return .unmanaged }
        guard let evaluation = self.record?.evaluation else { return .notEvaluated }
        if self.action != nil { return .moving }
        if self.override != nil { return .overridden }
        if evaluation.from == nil { return .unobserved }
        let wantsAnother = evaluation.wanted.map { $0 != evaluation.from } ?? false || (evaluation.to != evaluation.from && !evaluation.acted)
        if wantsAnother, evaluation.reasons.contains(where: \.holdsBack) { return .held }
        if evaluation.reasons.contains(.atMax) { return .atMax }
        if evaluation.reasons.contains(.atMin) { return .atMin }
        return wantsAnother && !evaluation.acted ? .unmet : .steady
    }

    /// How much more it wants than its policy's maximum gives.
    var beyondMaximum: Int? {
        guard let wanted = self.wanted, let maximum = self.policy?.value.maxReplicas, wanted > maximum, let running = self.running, running >= maximum
        else { return nil }
        return wanted - maximum
    }

    /// Everything that keeps it from moving, or would: who or what, why, until when.
    var holds: [JSON] {
        var holds: [JSON] = self.pauses.map { pause in
            .fields([
                "code": "paused", "by": pause.owner.json, "why": pause.reason.json, "until": pause.until.json, "direction": pause.direction.rawValue.json,
                "scope": pause.scope.description.json, "pause": .int(pause.id), "rolledBack": pause.rolledBack.map { ActionRecord.name($0).json },
            ])
        }
        if let override = self.override {
            holds.append([
                "code": "override", "by": override.owner.json, "why": override.reason.json, "until": override.until.json,
                "replicas": override.replicas.json,
            ])
        }
        for reason in self.record?.evaluation.reasons ?? [] where reason.holdsBack {
            switch reason {
            // Said above, from the pause and override themselves.
            case .paused, .override, .rolledBack: continue
            default: holds.append(reason.json)
            }
        }
        return holds
    }

    /// What is known to come, soonest first.
    var next: [(at: WallTime, json: JSON)] { self.next(withPauses: true) }

    static func end(of pause: Pause) -> (at: WallTime, json: JSON) {
        let text =
            pause.rolledBack.map { "The hold after \(ActionRecord.name($0)) was taken back ends" } ?? "The pause of \(pause.scope) by \(pause.owner) ends"
        return (pause.until, ["at": pause.until.json, "kind": pause.rolledBack == nil ? "pause-ends" : "rollback-hold-ends", "text": text.json])
    }

    func next(withPauses: Bool) -> [(at: WallTime, json: JSON)] {
        var items: [(at: WallTime, kind: String, text: String)] = []
        if let action = self.action {
            let otherwise = action.kind == .scale && self.policy?.value.verify.rollback == true ? "is taken back to \(action.from)" : "counts as failed"
            let arrival = action.kind == .restart ? "be ready again after its restart" : "have arrived at \(action.to)"
            items.append((action.deadline, "verify", "\(ActionRecord.name(action.id)) must \(arrival), else it \(otherwise)"))
        }
        for reason in self.record?.evaluation.reasons ?? [] {
            guard let until = reason.until else { continue }
            switch reason {
            case .cooldown: items.append((until, "cooldown-ends", "The cooldown ends"))
            case .stabilized: items.append((until, "window-ends", "The stabilization window ends"))
            case .rateLimited: items.append((until, "rate-limit-ends", "More change is allowed again"))
            case .frozen: items.append((until, "freeze-ends", "The change freeze ends"))
            case .scheduleFloor, .scheduleCeiling: items.append((until, "schedule-ends", "The schedule’s bounds end"))
            case .failoverFloor(let region, _): items.append((until, "floor-ends", "What it has for \(region) has faded"))
            case .inboundFloor(let by, _): items.append((until, "floor-ends", "The floor asked for by \(by) ends"))
            case .sustaining(let metric, _): items.append((until, "sustained", "\(metric) has then held long enough"))
            default: continue
            }
        }
        if let override = self.override {
            items.append((override.until, "override-ends", "\(override.owner)’s \(override.replicas) replicas end, the rules decide again"))
        }
        var next = items.map { item -> (at: WallTime, json: JSON) in
            (item.at, ["at": item.at.json, "kind": item.kind.json, "text": item.text.json, "workload": self.id.description.json])
        }
        if withPauses { next += self.pauses.map { Self.end(of: $0) } }
        return next.filter { $0.at > self.now }.sorted { ($0.at, $0.json.text) < ($1.at, $1.json.text) }
    }

    /// When the leader looks at it again.
    private var nextEvaluation: (at: WallTime, json: JSON)? {
        guard let record = self.record, let policy = self.policy?.value, policy.mode != .off else { return nil }
        let at = record.evaluatedAt + policy.evaluateEvery
        guard at > self.now else { return nil }
        return (at, ["at": at.json, "kind": "evaluation", "text": "Evaluated again", "workload": self.id.description.json])
    }

    var json: JSON {
        let next = (self.next + [self.nextEvaluation].compactMap { $0 }).sorted { $0.at < $1.at }
        return .fields([
            "id": self.id.description.json,
            "service": self.id.service.json,
            "region": self.id.region.json,
            "owner": self.service.owner?.json,
            "driver": ["kind": self.target.kind.json, "target": self.target.summary.json, "restart": .bool(self.target.canRestart)],
            "policy": self.policy.map {
                ["name": $0.value.name.json, "version": $0.stored.version.json, "mode": $0.value.mode.rawValue.json]
            } ?? .null,
            "priority": self.service.priority.json,
            "min": (self.policy?.value.minReplicas).json,
            "max": (self.policy?.value.maxReplicas).json,
            "replicas": .fields([
                "running": self.running.json, "ready": (self.record?.ready).json, "asked": (self.action?.to ?? self.record?.desired).json,
                "wanted": self.wanted.json,
            ]),
            "state": self.state.rawValue.json,
            "holds": .array(self.holds),
            "action": self.action.map { ActionRecord.name($0.id).json } ?? .null,
            "lastDecision": self.record.map { $0.decision.map { DecisionRecord.name($0).json } ?? .null },
            "sentence": self.record?.evaluation.sentence.json,
            "next": .array(next.map(\.json)),
            "observedAt": self.record?.observedAt?.json,
            "evaluatedAt": self.record?.evaluatedAt.json,
        ])
    }
}

extension Reason {
    /// Whether it keeps a workload at a size that its rules would leave.
    var holdsBack: Bool {
        switch self {
        case .cooldown, .stale, .missing, .sustaining, .unobserved, .inFlight, .paused, .override, .dryRun, .recommendOnly, .off, .disabled, .budgetDenied,
            .outranked, .stabilized, .rateLimited, .directionDisabled, .frozen, .awaitingApproval, .doubted, .rolledBack, .regionDown, .scaleUpLimit:
            true
        case .rule, .withinTolerance, .atMin, .atMax, .emergency, .scheduleFloor, .scheduleCeiling, .inboundFloor, .failoverFloor,
            .restart, .restartHeld:
            false
        }
    }
}
