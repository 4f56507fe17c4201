import Engine
import Model

/// Guards that restart: whether what the engine says takes effect is ordered, or held back.
///
/// A restart is ordered by a decision that leaves the number of replicas as it is. It waits for everything else: a person's word, a change of size, an action
/// that has not ended. A guard that is held back counts as if it had not taken effect: it takes it at the first evaluation that nothing speaks against, while
/// its condition holds. Who reads the log is told once for each thing that holds it back.
extension LeaderState {
    /// The same with the restart that its guards order, or with why they don't.
    func restarted(_ item: Pending, at now: WallTime) -> Pending {
        guard let index = self.indices[item.workload] else { return item }
        let entry = self.entries[index], policy = entry.member.policy
        let places = item.evaluation.guards.filter { policy.guards.indices.contains($0) && policy.guards[$0].effect == .restart }
        if places.isEmpty { return item }
        var item = item
        let open = entry.open.flatMap { $0.action.state.isOpen ? ActionRecord.name($0.action.id) : nil }
        let common = GuardObstacle.find(
            self.input(entry, observation: item.observation, answers: [:], at: now), item.evaluation.decision, open: open)
        var ordering: [Policy.Guard] = []
        for place in places {
            let guarded = policy.guards[place]
            guard let obstacle = common ?? GuardObstacle.doubt(of: guarded, item.evaluation.decision.readings) else {
                ordering.append(guarded)
                continue
            }
            item.evaluation.memory.holdBack(guarded, before: entry.facts.memory)
            // A policy that is off is silent.
            if policy.mode != .off { self.heldBack(&item, place, guarded, obstacle, last: entry.recorded) }
        }
        if !ordering.isEmpty { self.order(&item, for: ordering, entry, at: now) }
        item.isAmended = true
        return self.reconsidered(item)
    }

    /// What speaks against restarting a workload whatever was seen of it. A person may have said so since the restart was decided.
    func restartObstacle(_ entry: Boxed<Entry>, at now: WallTime) -> GuardObstacle? {
        GuardObstacle.standing(self.input(entry, observation: .gone, answers: [:], at: now))
    }

    private func heldBack(_ item: inout Pending, _ place: Int, _ guarded: Policy.Guard, _ obstacle: GuardObstacle, last: Recorded?) {
        let reason = Reason.restartHeld(obstacle.hold, when: guarded.when.text)
        let words = "“\(guarded.when.text)” holds and it is not restarted: \(obstacle.words)"
        if let to = item.evaluation.decision.to {
            item.evaluation.decision.insert(Decision.Step(.restart, input: to, output: to, text: words, reason: reason))
        }
        let isKnown = last?.codes.contains(reason.code) ?? false
        item.evaluation.decision.reasons.append(reason)
        item.evaluation.decision.sentence += "; \(words)"
        if isKnown { return }
        let sentence = Self.sentence(guarded, of: item.workload, readings: item.evaluation.decision.readings)
        item.notices.append(
            GuardNotice(
                place: place, severity: .warning, when: guarded.when.text, sustained: guarded.sustained, held: obstacle.hold,
                sentence: "\(sentence); not restarted: \(obstacle.words)"))
    }

    private func order(_ item: inout Pending, for guards: [Policy.Guard], _ entry: Boxed<Entry>, at now: WallTime) {
        guard case .seen(_, _, _, let version) = item.observation, let replicas = item.evaluation.decision.from else { return }
        var decision = item.evaluation.decision
        for guarded in guards {
            let reason = Reason.restart(when: guarded.when.text)
            let words = "restarted, since \(guarded.words(decision.readings))"
            decision.insert(Decision.Step(.restart, input: replicas, output: replicas, text: words, reason: reason))
            decision.reasons.append(reason)
            decision.sentence += "; \(words)"
        }
        decision.acted = true
        item.evaluation.decision = decision
        let policy = entry.member.policy
        item.plan = ActionRecord.Plan(
            kind: .restart, from: replicas, to: replicas, precondition: version, needReady: policy.verify.ready,
            deadline: now + policy.verify.within + entry.member.workload.startup)
    }
}
