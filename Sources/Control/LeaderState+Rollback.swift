import Engine
public import Model

/// A change that did not arrive within its time is taken back, where the policy says so and nothing speaks against it.
///
/// It is a decision like any other, of an evaluation that has just seen the workload and its readings. So what speaks against it is looked at anew each time,
/// and a new leader goes on with it. In doubt the change stays: taking replicas away that are needed harms more than keeping some that do not work.
extension LeaderState {
    /// How long after its deadline a change may still be taken back. What nobody could take back by then has become how things are.
    public static let rollbackWindow = Duration.seconds(900)
    /// A hold of this term stays in force for so long whatever the configuration says: the one that is read next may be from before it. The one after that
    /// knows it, or that a person has ended it already.
    static let freshHold = Duration.seconds(2)

    /// An action has failed: with its policy's consent the next evaluation, which comes at once, may take it back.
    mutating func failed(_ action: ActionRecord, at index: Int, _ now: WallTime) {
        guard action.kind == .scale, action.from != action.to, action.decision != self.entries[index].rollbackDecision else { return }
        self.entries[index].failed = action
        if self.entries[index].member.policy.verify.rollback { self.entries[index].dueAt = min(self.entries[index].dueAt, now) }
    }

    /// The commit of `item` succeeded.
    mutating func settled(_ item: Pending, _ action: ActionRecord?, at index: Int) {
        if let approval = item.approval { self.usedApprovals.insert(approval.id) }
        if item.plan?.kind == .scale { self.entries[index].failed = nil }
        guard item.rollback != nil, let action else { return }
        self.entries[index].rolledBackAt = action.createdAt
        self.entries[index].rollbackDecision = action.decision
    }

    /// Holds that commits of this term have made are in force from now on.
    public mutating func held(_ pauses: [Pause]) {
        if pauses.isEmpty { return }
        self.freshHolds += pauses
        self.fleet.pauses += pauses
    }

    /// The configuration with the holds of this term that it may be too old to know.
    mutating func withFreshHolds(_ fleet: Fleet, at now: WallTime) -> Fleet {
        self.freshHolds.removeAll { $0.since + Self.freshHold <= now }
        var fleet = fleet
        for var hold in self.freshHolds where !fleet.pauses.contains(where: { $0.id == hold.id }) {
            // It ends by itself: nothing may come that says that it has ended.
            hold.until = min(hold.until, hold.since + Self.freshHold)
            fleet.pauses.append(hold)
        }
        return fleet
    }

    /// The same evaluation, with a change back in the place of what was decided where a failed change is to be taken back.
    func rolledBack(_ item: Pending, _ entry: Boxed<Entry>, at now: WallTime) -> Pending {
        guard let failed = entry.failed, entry.member.policy.verify.rollback, !item.evaluation.decision.acted, self.isStill(failed, item.observation, at: now),
            entry.open?.action.state.isOpen != true
        else { return item }
        let name = ActionRecord.name(failed.id), decision = item.evaluation.decision
        let from = decision.from ?? failed.to
        switch self.wayBack(from: failed, item, entry, at: now) {
        case .closed(let why):
            var item = item
            item.evaluation.decision.insert(.init(.rollback, input: from, output: from, text: "\(name) has not arrived, and is not taken back: \(why)"))
            return item
        case .to(let replicas):
            let text = "\(name) to \(failed.to) did not become ready in time and is taken back"
            var item = self.amended(
                item, to: replicas, .rollback, text: text, reason: .rolledBack(action: name, until: now + Rollback.hold))
            item.rollback = Rollback(
                action: failed.id, decision: failed.decision, to: failed.to, direction: failed.to > failed.from ? .up : .down)
            return item
        }
    }

    /// Whether the platform still shows the failed change, and shows that it has not arrived.
    private func isStill(_ failed: ActionRecord, _ observation: Observation, at now: WallTime) -> Bool {
        guard case .seen(failed.to, let current, let ready, _) = observation, now < failed.deadline + Self.rollbackWindow else { return false }
        return !ActionMachine.hasArrived(failed, current: current, ready: ready)
    }

    private enum WayBack {
        case to(Int)
        case closed(String)
    }

    private func wayBack(from failed: ActionRecord, _ item: Pending, _ entry: Boxed<Entry>, at now: WallTime) -> WayBack {
        let decision = item.evaluation.decision, id = entry.member.id
        if let last = entry.rolledBackAt, now < last + Rollback.hold { return .closed("another change was taken back at \(last)") }
        if decision.readings.isEmpty || decision.readings.contains(where: { $0.quality != .fresh }) { return .closed("not every reading is fresh") }
        var back = failed
        (back.from, back.to) = (failed.to, failed.from)
        if let obstacle = self.obstacle(to: back, in: entry, at: now) { return .closed(obstacle) }
        if let override = self.fleet.overrides[id], override.isInForce(for: id, at: now) { return .closed("the override by \(override.owner) is in force") }
        if let freeze = self.schedules[entry.member.policy.name]?.schedule.freeze { return .closed("frozen until \(freeze.until): \(freeze.reason)") }
        return failed.to > failed.from ? self.wayDown(failed, item, entry, at: now) : self.wayUp(failed, entry, at: now)
    }

    /// Back from a change up, as far as the policy's rates allow; never while the load needs more than there was before.
    private func wayDown(_ failed: ActionRecord, _ item: Pending, _ entry: Boxed<Entry>, at now: WallTime) -> WayBack {
        let decision = item.evaluation.decision
        guard let wanted = decision.wanted, wanted <= failed.from, !decision.reasons.contains(.emergency) else {
            return .closed("the load needs \(decision.wanted.map { "\($0)" } ?? "more"), which is more than the \(failed.from) before")
        }
        var input = self.input(entry, observation: item.observation, answers: [:], at: now)
        input.memory = entry.facts.memory
        // The cooldown counts from the very change that failed, and who agreed to that one agreed to what was there before.
        input.policy.cooldown = Policy.Cooldown(up: .zero, down: .zero)
        input.policy.approval = nil
        guard let lowest = Engine.yield(input)?.gently, lowest < failed.to else { return .closed("its limits allow no change down now") }
        return .to(max(failed.from, lowest))
    }

    private func wayUp(_ failed: ActionRecord, _ entry: Boxed<Entry>, at now: WallTime) -> WayBack {
        let policy = entry.member.policy
        let schedule = self.schedules[policy.name]?.schedule ?? EvaluationInput.Schedule()
        let lowest = Engine.lowest(policy, schedule: schedule, floors: self.floors(of: entry.member.id, at: now), at: now)
        let back = min(failed.from, max(lowest, schedule.max?.replicas ?? policy.maxReplicas))
        return back > failed.to ? .to(back) : .closed("its limits allow no change up now")
    }
}
