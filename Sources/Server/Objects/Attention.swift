import Model
import Store

/// Something that needs a person, most urgent first. Pure.
struct Attention: Sendable {
    enum Severity: Int, Sendable, Comparable {
        case critical, warning, notice
        static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
        var name: String {
            switch self {
            case .critical: "critical"
            case .warning: "warning"
            case .notice: "notice"
            }
        }
    }

    var id: String
    var severity: Severity
    var title: String
    var detail: String?
    var since: WallTime?
    var subject: (kind: String, id: String)
    /// What may be done: a label and the path of the thing, and the command where there is one.
    var remedies: [(label: String, route: String, command: String?)]

    var json: JSON {
        .fields([
            "id": self.id.json, "severity": self.severity.name.json, "title": self.title.json, "detail": self.detail?.json, "since": self.since?.json,
            "subject": ["kind": self.subject.kind.json, "id": self.subject.id.json],
            "do": .array(self.remedies.map { .fields(["label": $0.label.json, "route": $0.route.json, "command": $0.command?.json]) }),
        ])
    }
}

/// What the list is made from.
struct AttentionInput: Sendable {
    var fleet: FleetView
    var control: Switch
    var leader: LeaderRecord
    var nodes: [NodeRecord]
    /// The newest actions, newest first.
    var recentActions: [ActionRecord]
    var audit: NodeSnapshot.Audit
}

extension Attention {
    static func list(_ input: AttentionInput) -> [Attention] {
        let all = Self.cluster(input) + Self.nodes(input) + Self.workloads(input) + Self.approvals(input) + Self.actions(input) + Self.readings(input)
        return Array(all.sorted { ($0.severity, $0.id) < ($1.severity, $1.id) }.prefix(Limits.attention))
    }

    private static func cluster(_ input: AttentionInput) -> [Attention] {
        var items: [Attention] = []
        if input.audit.state == .diverged {
            items.append(
                Attention(
                    id: "audit-diverged", severity: .critical, title: "The audit log does not add up", detail: "Somebody changed what was written.",
                    subject: ("log", "audit"), remedies: [("Verify", "/audit", "muster audit verify")]))
        }
        if !input.leader.held || input.leader.resigned {
            items.append(
                Attention(
                    id: "no-leader", severity: .critical, title: "No node leads",
                    detail: input.leader.node.map { "The last leader was \($0), epoch \(input.leader.epoch). Nothing is scaled meanwhile." },
                    subject: ("leader", "main"), remedies: [("Look at the nodes", "/nodes", "muster get nodes")]))
        }
        if !input.control.enabled {
            items.append(
                Attention(
                    id: "switch-off", severity: .warning, title: "Scaling is disabled",
                    detail: input.control.actor.isEmpty ? input.control.reason : "by \(input.control.actor): \(input.control.reason)", since: input.control.at,
                    subject: ("switch", "main"),
                    remedies: [("Enable", "/switch", "muster enable --reason TEXT")]))
        }
        for region in input.fleet.regions {
            let name = region.value.name
            guard let state = input.fleet.regionStates[name], state.state == .down else { continue }
            let targets = region.value.failover?.to ?? []
            items.append(
                Attention(
                    id: "region-down:\(name)", severity: .critical, title: "Region \(name) is down",
                    detail:
                        "Nothing is lowered there. \(targets.isEmpty ? "No region takes its load." : "Its load goes to \(targets.joined(separator: ", ")).")",
                    since: state.since, subject: ("region", name), remedies: [("Look at the regions", "/regions/\(name)", "muster get regions")]))
        }
        return items
    }

    private static func nodes(_ input: AttentionInput) -> [Attention] {
        input.nodes.compactMap { node in
            let silence = input.fleet.now - node.seenAt
            guard NodeCondition(node, now: input.fleet.now) == .failed, silence < NodeCondition.forgottenAfter else { return nil }
            return Attention(
                id: "node:\(node.name)", severity: .warning, title: "Node \(node.name) has not been heard of since \(node.seenAt)",
                detail: "It was last seen at \(node.address).", since: node.seenAt, subject: ("node", node.name),
                remedies: [("Look at the node", "/nodes/\(node.name)", "muster get nodes")])
        }
    }

    private static func workloads(_ input: AttentionInput) -> [Attention] {
        input.fleet.workloads.compactMap { workload in
            guard let policy = workload.policy?.value, workload.beyondMaximum != nil, let wanted = workload.wanted else { return nil }
            return Attention(
                id: "at-max:\(workload.id)", severity: .critical, title: "\(workload.id) is at its maximum of \(policy.maxReplicas) and wants \(wanted)",
                detail: workload.record?.evaluation.sentence, subject: ("workload", workload.id.description),
                remedies: [
                    ("Raise the maximum", "/policies/\(policy.name)", nil), ("Explain", "/workloads/\(workload.id)", "muster explain \(workload.id)"),
                ])
        }
    }

    private static func approvals(_ input: AttentionInput) -> [Attention] {
        input.fleet.awaitingApproval.map { waiting in
            Attention(
                id: "approval:\(waiting.name)", severity: .warning, title: "\(waiting.workload) \(waiting.from) -> \(waiting.to) waits for a second person",
                detail: waiting.sentence, subject: ("workload", waiting.workload.description),
                remedies: [
                    ("Approve", "/approvals/\(waiting.name)", "muster approve \(waiting.name)"),
                    ("Reject", "/approvals/\(waiting.name)", "muster reject \(waiting.name)"),
                ])
        }
    }

    /// A workload whose newest change failed, or whose outcome is not known.
    private static func actions(_ input: AttentionInput) -> [Attention] {
        var seen: Set<WorkloadID> = []
        return input.recentActions.compactMap { action in
            guard seen.insert(action.workload).inserted else { return nil }
            let name = ActionRecord.name(action.id)
            let remedies =
                [
                    ("Look at the action", "/actions/\(name)", nil), ("Explain", "/workloads/\(action.workload)", "muster explain \(action.workload)"),
                ] as [(String, String, String?)]
            switch action.state {
            case .failed:
                return Attention(
                    id: "action:\(name)", severity: .warning, title: Self.failed(action),
                    detail: action.history.last?.text, since: action.history.last?.at, subject: ("workload", action.workload.description),
                    remedies: remedies)
            case .unknown:
                return Attention(
                    id: "action:\(name)", severity: .critical,
                    title: Self.unknown(action),
                    detail: action.history.last?.text, since: action.history.last?.at, subject: ("workload", action.workload.description),
                    remedies: remedies)
            default: return nil
            }
        }
    }

    private static func unknown(_ action: ActionRecord) -> String {
        switch action.kind {
        case .scale: "Whether \(action.workload) went from \(action.from) to \(action.to) is not known"
        case .restart: "Whether \(action.workload) was restarted is not known"
        }
    }

    private static func failed(_ action: ActionRecord) -> String {
        switch action.kind {
        case .scale: "The change of \(action.workload) from \(action.from) to \(action.to) failed"
        case .restart: "The restart of \(action.workload) failed"
        }
    }

    /// Readings that are missing or stale, one item a policy and metric: a source that is away must not fill the screen with its workloads.
    private static func readings(_ input: AttentionInput) -> [Attention] {
        struct Doubt {
            var workloads: [WorkloadID] = []
            var words: Set<String> = []
            var oldest: Duration?
        }
        var doubts: [String: (policy: String, metric: String, doubt: Doubt)] = [:]
        for workload in input.fleet.workloads {
            guard let policy = workload.policy?.value, policy.mode != .off, let evaluation = workload.record?.evaluation else { continue }
            for reading in evaluation.readings where reading.quality != .fresh {
                let key = "\(policy.name)/\(reading.metric)"
                var entry = doubts[key] ?? (policy.name, reading.metric, Doubt())
                entry.doubt.workloads.append(workload.id)
                entry.doubt.words.insert(reading.missing.map { "missing (\($0.rawValue))" } ?? reading.quality.rawValue)
                if let age = reading.age { entry.doubt.oldest = max(entry.doubt.oldest ?? .zero, age) }
                doubts[key] = entry
            }
        }
        return doubts.map { key, entry in
            let whose = entry.doubt.workloads.count == 1 ? "\(entry.doubt.workloads[0])" : "\(entry.doubt.workloads.count) workloads"
            let words = entry.doubt.words.sorted().joined(separator: ", ")
            return Attention(
                id: "reading:\(key)", severity: .warning, title: "\(entry.metric) is \(words) for \(whose)",
                detail: entry.doubt.oldest.map { "The oldest reading is \($0.text) old. Nothing goes down meanwhile." }
                    ?? "There never was a reading. Nothing goes down meanwhile.",
                subject: ("policy", entry.policy),
                remedies: [("Explain", "/workloads/\(entry.doubt.workloads[0])", "muster explain \(entry.doubt.workloads[0])")])
        }
    }
}
