import Engine
import Model

/// A second person's word on a change: what the engine is told of it, and which change uses it up.
extension LeaderState {
    /// What a second person agreed to and no change has used up, where it is for the policy in force.
    func approval(of member: Fleet.Member, at now: WallTime) -> Approval? {
        guard let approval = self.fleet.approvals[member.id], approval.verdict == .approved, now < approval.until,
            approval.policy == member.reference.name, approval.policyVersion == member.reference.version, !self.usedApprovals.contains(approval.id)
        else { return nil }
        return approval
    }

    /// The number that a second person agreed to, from what is asked for now.
    func agreed(_ member: Fleet.Member, _ observation: Observation, at now: WallTime) -> Int? {
        guard member.policy.approval != nil, case .seen(let desired, _, _, _) = observation else { return nil }
        return self.approval(of: member, at: now)?.agreed(from: desired)
    }

    /// The same with who agreed to it, where the plan would have waited otherwise.
    func approved(_ item: Pending, at now: WallTime) -> Pending {
        guard let plan = item.plan, let index = self.indices[item.workload] else { return item }
        let member = self.entries[index].member
        guard let above = member.policy.approval?.above, abs(plan.to - plan.from) > above, let approval = self.approval(of: member, at: now),
            !(plan.to > plan.from && item.evaluation.decision.reasons.contains(.emergency))
        else { return item }
        var item = item
        item.approval = approval
        let words = "\(approval.decisionName) was approved by \(approval.actor)" + (approval.reason.map { ": \($0)" } ?? "")
        var decision = item.evaluation.decision
        decision.insert(Decision.Step(.mode, input: plan.to, output: plan.to, text: words))
        decision.sentence += "; \(words)"
        item.evaluation.decision = decision
        return item
    }
}
