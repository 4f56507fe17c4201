import Model
import Store

/// The whole first screen in one answer. Pure: from records and the database's time.
struct StatusObject: Sendable {
    var cluster: String
    var answeredBy: String
    var fleet: FleetView
    var control: Switch
    var leader: LeaderRecord
    var nodes: [NodeRecord]
    var round: RoundRecord?
    var openActions: [ActionRecord]
    var recentActions: [ActionRecord]
    /// Decisions of the open actions, by id, where they were found.
    var decisions: [Int64: DecisionRecord]
    var audit: NodeSnapshot.Audit
    var auditSize: Int64

    var json: JSON {
        let attention = Attention.list(
            AttentionInput(
                fleet: self.fleet, control: self.control, leader: self.leader, nodes: self.nodes, recentActions: self.recentActions, audit: self.audit))
        return .fields([
            "asOf": self.fleet.now.json,
            "cluster": self.cluster.json,
            "enabled": .bool(self.control.enabled),
            "switch": self.control.json,
            "answeredBy": self.answeredBy.json,
            "minVersion": self.minVersion?.json,
            "leader": self.leaderJSON,
            "nodes": self.nodesJSON,
            "round": self.roundJSON,
            "readings": self.readingsJSON,
            "replicas": ReplicaSums(self.fleet.workloads).json,
            "cost": costPerHour(self.fleet.workloads).map { ["perHour": $0.json] },
            "workloads": self.workloadsJSON,
            "audit": .fields(["state": self.audit.state.rawValue.json, "size": .int(self.auditSize), "verifiedTo": self.audit.verifiedTo.map { .int($0) }]),
            "approvals": self.fleet.awaitingApproval.count.json,
            "attention": .array(attention.map(\.json)),
            "moving": .array(self.moving),
            "held": .array(self.held),
            "next": .array(self.next),
            "regions": .array(self.fleet.regions.map { self.fleet.region($0) }),
        ])
    }

    private var living: [NodeRecord] {
        self.nodes.filter { $0.leftAt == nil && self.fleet.now - $0.seenAt < NodeCondition.forgottenAfter }
    }

    private var leaderJSON: JSON {
        let leads = self.leader.held && !self.leader.resigned
        return .fields([
            "node": leads ? self.leader.node?.json : .null,
            "epoch": .int(self.leader.epoch),
            "since": leads ? self.leader.since?.json : nil,
            // While nobody leads, the last leader is the previous one.
            "previous": leads ? self.leader.previous.map { .string($0) } ?? .null : self.leader.node.map { .string($0) } ?? .null,
        ])
    }

    private var nodesJSON: JSON {
        let alive = self.living.filter { NodeCondition($0, now: self.fleet.now) == .alive }
        return ["alive": alive.count.json, "total": self.living.count.json, "degraded": alive.filter(\.isDegraded).count.json]
    }

    /// What all living nodes can do: the lowest version among them.
    private var minVersion: String? {
        self.living.map(\.version).min { left, right in
            let numbers = { (text: String) in text.split(whereSeparator: { !$0.isNumber }).map { Int($0) ?? 0 } }
            return numbers(left).lexicographicallyPrecedes(numbers(right))
        }
    }

    private var roundJSON: JSON {
        guard let round = self.round else { return .null }
        return .fields([
            "at": round.at.json, "ms": round.summary["ms"], "every": round.summary["every"], "evaluated": round.summary["evaluated"],
            "changed": round.summary["changed"],
        ])
    }

    private var readingsJSON: JSON {
        var total = 0
        var stale = 0
        var doubted = 0
        var missing = 0
        for reading in self.fleet.workloads.lazy.compactMap(\.record).flatMap(\.evaluation.readings) {
            total += 1
            switch reading.quality {
            case .fresh: break
            case .stale: stale += 1
            case .doubted: doubted += 1
            case .missing: missing += 1
            }
        }
        return ["total": total.json, "stale": stale.json, "doubted": doubted.json, "missing": missing.json]
    }

    private var workloadsJSON: JSON {
        var counts: [String: JSON] = ["total": self.fleet.workloads.count.json]
        var states: [String: Int] = [:]
        for workload in self.fleet.workloads { states[workload.state.rawValue, default: 0] += 1 }
        counts["states"] = .object(states.mapValues(\.json))
        return .object(counts)
    }

    private var moving: [JSON] {
        self.openActions.prefix(Limits.moving).map { action in
            .fields([
                "workload": action.workload.description.json,
                "kind": action.kind.rawValue.json,
                "from": action.from.json,
                "to": action.to.json,
                "ready": (self.fleet.workload(action.workload)?.record?.ready).json,
                "state": action.state.rawValue.json,
                "action": ActionRecord.name(action.id).json,
                "decision": DecisionRecord.name(action.decision).json,
                "sentence": self.decisions[action.decision]?.decision.sentence.json,
                "since": action.createdAt.json,
                "until": action.deadline.json,
            ])
        }
    }

    /// What stands still for a reason: by workload, the most important first.
    private var held: [JSON] {
        self.fleet.workloads.filter { $0.state == .held || $0.state == .overridden }
            .sorted { ($0.service.priority, $1.id) > ($1.service.priority, $0.id) }
            .prefix(Limits.held).map { workload in
                .fields([
                    "workload": workload.id.description.json,
                    "state": workload.state.rawValue.json,
                    "running": workload.running.json,
                    "wanted": workload.wanted.json,
                    "holds": .array(workload.holds),
                    "sentence": workload.record?.evaluation.sentence.json,
                ])
            }
    }

    private var next: [JSON] {
        // A pause of a region ends once, however many workloads it holds.
        let pauses = self.fleet.pauses.filter { $0.until > self.fleet.now }.map { WorkloadView.end(of: $0) }
        let others = self.fleet.workloads.flatMap { $0.next(withPauses: false) }
        return Array((pauses + others).sorted { $0.at < $1.at }.prefix(Limits.upcoming).map(\.json))
    }
}

extension FleetView {
    /// One region with what runs there.
    func region(_ region: InForce<Region>) -> JSON {
        let workloads = self.workloads.filter { $0.id.region == region.value.name }
        let state = self.regionStates[region.value.name]
        return .fields([
            "name": region.value.name.json,
            "version": region.stored.version.json,
            "sha256": region.stored.sha256.json,
            "maxReplicas": region.value.maxReplicas.map(\.json) ?? .null,
            "costPerReplicaHour": region.value.costPerReplicaHour.map(\.json) ?? .null,
            "state": (state?.state ?? .up).rawValue.json,
            "since": state?.since.map(\.json) ?? .null,
            "workloads": workloads.count.json,
            "moving": workloads.filter { $0.state == .moving }.count.json,
            "held": workloads.filter { $0.state == .held }.count.json,
            "atMax": workloads.filter { $0.state == .atMax }.count.json,
            "replicas": ReplicaSums(workloads).json,
            "cost": costPerHour(workloads).map { ["perHour": $0.json] },
        ])
    }

    func service(_ service: InForce<Service>) -> JSON {
        let workloads = self.workloads.filter { $0.id.service == service.value.name }
        return .fields([
            "name": service.value.name.json,
            "version": service.stored.version.json,
            "sha256": service.stored.sha256.json,
            "owner": service.value.owner?.json,
            "priority": service.value.priority.json,
            "startup": service.value.startup.text.json,
            "workloads": .array(workloads.map { $0.id.description.json }),
            "replicas": ReplicaSums(workloads).json,
        ])
    }

    func policy(_ policy: InForce<Policy>) -> JSON {
        let workloads = self.workloads.filter { $0.policy?.value.name == policy.value.name }
        return .fields([
            "name": policy.value.name.json,
            "version": policy.stored.version.json,
            "sha256": policy.stored.sha256.json,
            "mode": policy.value.mode.rawValue.json,
            "min": policy.value.minReplicas.json,
            "max": policy.value.maxReplicas.json,
            "selector": ["services": .array(policy.value.selector.services.map(\.json)), "regions": .array(policy.value.selector.regions.map(\.json))],
            "workloads": workloads.count.json,
            "by": policy.stored.actor.json,
            "at": policy.stored.at.json,
        ])
    }

    func budget(_ budget: InForce<Budget>) -> JSON {
        let workloads = self.workloads.filter { budget.value.selector.selects($0.id) }
        return .fields([
            "name": budget.value.name.json,
            "version": budget.stored.version.json,
            "sha256": budget.stored.sha256.json,
            "selector": ["services": .array(budget.value.selector.services.map(\.json)), "regions": .array(budget.value.selector.regions.map(\.json))],
            "maxReplicas": budget.value.maxReplicas.map(\.json) ?? .null,
            "maxCostPerHour": budget.value.maxCostPerHour.map(\.json) ?? .null,
            "workloads": workloads.count.json,
            "used": .fields(["replicas": ReplicaSums(workloads).running.json, "costPerHour": costPerHour(workloads)?.json]),
        ])
    }
}
