import HTTPTypes
import Manifests
import Membership
import Model
import Store

/// Status, nodes and leadership.
extension API {
    /// Actions looked at for what failed lately.
    private static let recentActions = 200

    func status(_ call: Call) async throws -> Answer {
        let snapshot = self.node.snapshot()
        let control = try await self.store.switchState()
        let recent = try await self.store.actions(ActionFilter(limit: Self.recentActions))
        let open = try await self.store.actions(ActionFilter(open: true, limit: Limits.page))
        let fleet = FleetView(
            now: call.head.now, manifests: try await self.store.manifests(), records: try await self.store.workloads(),
            regionStates: try await self.store.regionStates(), pauses: try await self.store.pauses(), overrides: try await self.store.overrides(),
            openActions: open, approvals: try await self.store.approvals())
        let status = StatusObject(
            cluster: self.store.cluster, answeredBy: self.configuration.nodeName, fleet: fleet, control: control,
            leader: try await self.store.leader(), nodes: try await self.store.nodes(), round: try await self.store.round(), openActions: open,
            recentActions: recent, decisions: try await self.decisions(of: open.prefix(Limits.moving)), audit: snapshot.audit,
            auditSize: call.head.seq + 1)
        return Answer(.ok, status.json)
    }

    /// The decisions behind actions: the newest ones in one read, older ones by their number.
    private func decisions(of actions: some Collection<ActionRecord>) async throws -> [Int64: DecisionRecord] {
        guard !actions.isEmpty else { return [:] }
        var found: [Int64: DecisionRecord] = [:]
        for decision in try await self.store.decisions(DecisionFilter(limit: Limits.defaultPage)) { found[decision.id] = decision }
        for action in actions where found[action.decision] == nil {
            found[action.decision] = try await self.store.decision(id: action.decision)
        }
        return found
    }

    func nodes(_ call: Call) async throws -> Answer {
        let leader = try await self.store.leader()
        let nodes = try await self.store.nodes()
        let peers = self.node.membership()
        return try Page(nodes.map { ($0.name, $0.json(now: call.head.now, leader: leader, peers: peers)) }, call: call).answer(call)
    }

    func node(_ call: Call) async throws -> Answer {
        let leader = try await self.store.leader()
        guard let node = try await self.store.nodes().first(where: { $0.name == call.part("node") }) else {
            throw Problem(.notFound, "No node is called “\(call.part("node"))”.", next: "muster get nodes")
        }
        var fields = node.json(now: call.head.now, leader: leader, peers: self.node.membership()).objectValue ?? [:]
        if node.name == self.configuration.nodeName {
            // What only the node itself knows.
            let snapshot = self.node.snapshot()
            fields["role"] = snapshot.role.name.json
            if case .refused(let why) = snapshot.role { fields["refused"] = why.json }
            fields["leaseMs"] = snapshot.leaseRemaining.map { .int($0.milliseconds) }
            fields["beatAgeMs"] = snapshot.lastBeatAge.map { .int($0.milliseconds) }
            fields["roundAgeMs"] = snapshot.lastRoundAge.map { .int($0.milliseconds) }
            fields["degraded"] = .array(snapshot.degraded.map(\.json))
            fields["audit"] = .fields(["state": snapshot.audit.state.rawValue.json, "verifiedTo": snapshot.audit.verifiedTo.map { .int($0) }])
        }
        return Answer(.ok, .object(fields))
    }

    /// Hands leadership over. Another node than the leader commits a request that the leader carries out.
    ///
    /// The key is taken in a transaction before anything happens: repeated, the request must not depose the next leader.
    func resign(_ call: Call) async throws -> Answer {
        let reason = try call.body.reason()
        let leader = try await self.store.leader()
        guard leader.held, !leader.resigned, let name = leader.node else {
            throw Problem(.noLeader, "Nobody leads now; the last leader was \(leader.node ?? "nobody"), epoch \(leader.epoch).").retrying(after: .seconds(1))
        }
        let successor = try call.body.optionalText("to")
        let objection = if let successor { try await self.objection(to: successor, leader: name, at: call.head.now) } else { nil as Problem? }
        let leadsHere = self.node.snapshot().role == .leader
        let answer = try await self.write(call) { write in
            // Inside the write, behind the look for the key: repeating a request that was carried out is no conflict.
            if let objection { throw objection }
            if leadsHere {
                write.resign(node: name, epoch: leader.epoch, because: reason, to: successor)
                return (202, .fields(["leader": name.json, "epoch": .int(leader.epoch), "state": "resigning", "to": successor?.json]))
            }
            let id = try await write.requestResign(reason: reason, to: successor)
            return (202, .fields(["leader": name.json, "epoch": .int(leader.epoch), "state": "requested", "request": .int(id), "to": successor?.json]))
        }
        if leadsHere, !answer.isReplay {
            // False only when it has lost leadership meanwhile, which is what was asked for.
            _ = await self.node.resign(reason: "\(call.token?.name ?? "?"): \(reason)", to: successor)
        }
        return answer.with(header: .location, "/v1/status")
    }

    /// Why that node can't be the next leader, or could not be made to be it; nil when it can.
    private func objection(to name: String, leader: String, at now: WallTime) async throws -> Problem? {
        let nodes = try await self.store.nodes()
        guard let node = nodes.first(where: { $0.name == name }) else {
            return Fields.fault("to", "unknown-node", "names no node of this cluster", near: nearest(name, in: nodes.map(\.name)))
        }
        if name == leader { return Problem(.conflict, "Node \(name) leads already.", next: "muster status") }
        let peer = self.node.membership()?.view.peers.first { $0.name == name && ($0.bootID ?? node.incarnation) == node.incarnation }
        // It has to answer its peers, and to be heard of by the database, without which nobody leads.
        let conditions = [NodeCondition(node, now: now), NodeCondition(node, peer: peer, now: now)]
        if let condition = conditions.first(where: { $0 != .alive }) {
            return Problem(.conflict, "Node \(name) is \(condition.rawValue) and can’t lead; nothing was done.", next: "muster get nodes")
        }
        guard node.state["peers"]?.stringValue != nil else {
            return Problem(
                .conflict, "Node \(name) does not speak with the others, so that they can’t be asked to let it lead; nothing was done.",
                next: "Set peers.listen on every node, or resign without naming a successor.")
        }
        return nil
    }
}
