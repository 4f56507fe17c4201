import Engine
import Model

/// What the engine can't know of, because it sees one workload and not what is under way: its decision is changed here, with a step and a reason of its own.
extension LeaderState {
    /// A decision for the number that a change under way already leads to is that change: made again it would never be given up, however long the platform
    /// does not do what it said.
    func unlessUnderWay(_ item: Pending) -> Pending {
        let decision = item.evaluation.decision
        guard decision.acted, let from = decision.from, let to = decision.to, to != from, let index = self.indices[item.workload],
            let action = self.entries[index].open?.action, action.kind == .scale, action.state.isOpen, action.to == to
        else { return item }
        let name = ActionRecord.name(action.id)
        return self.amended(item, to: from, .mode, text: "\(name) to \(to) has not ended", reason: .inFlight(action: name))
    }

    /// The same decision with another result.
    func amended(_ item: Pending, to replicas: Int, _ step: Decision.Step.Name, text: String, reason: Reason) -> Pending {
        var item = item
        var decision = item.evaluation.decision
        guard let from = decision.from, let to = decision.to else { return item }
        let amendment = Decision.Step(step, input: to, output: replicas, text: text, reason: reason)
        // Before the last rung, which says what was decided.
        if decision.steps.last?.name == .decision { decision.steps[decision.steps.count - 1].output = replicas }
        decision.insert(amendment)
        decision.reasons.append(reason)
        decision.sentence += "; \(text) → \(replicas)"
        decision.to = replicas
        decision.kind = replicas == from ? .held : replicas > from ? .up : .down
        decision.acted = replicas != from
        let before = self.indices[item.workload].map { self.entries[$0] }
        // What did not change has not to cool down, and takes up nothing of a rate.
        if let before {
            item.evaluation.memory.amend(to: replicas, from: from, before: before.facts.memory, under: before.member.policy, at: decision.at)
        }
        item.evaluation.decision = decision
        item.isAmended = true
        return self.reconsidered(item)
    }

    /// Whether the decision, as it is now, belongs in the log.
    func reconsidered(_ item: Pending) -> Pending {
        var item = item
        item.isRecorded = self.indices[item.workload].map { Recording.isNew(item.evaluation.decision, after: self.entries[$0].recorded) } ?? true
        return item
    }
}

extension Decision {
    /// Adds a rung before the last one, which says what was decided.
    mutating func insert(_ step: Step) {
        self.steps.insert(step, at: self.steps.last?.name == .decision ? self.steps.count - 1 : self.steps.count)
    }
}
