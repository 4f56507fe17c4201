import Model
import Store

/// A change that waits for a second person, or what one said of it. Pure.
struct ApprovalObject: Sendable {
    var decision: Int64
    var workload: WorkloadID
    var policy: (name: String, version: Int)
    var from: Int
    var to: Int
    /// Absent once the workload's last evaluation says something else.
    var sentence: String?
    var since: WallTime
    /// The person whose override asks for it; nil: the policy does.
    var requester: String?
    var said: Approval?

    /// nil when nothing of the workload waits.
    init?(record: WorkloadRecord) {
        let evaluation = record.evaluation
        guard let decision = record.awaitingApproval, let from = evaluation.from, let to = evaluation.to else { return nil }
        self.decision = decision
        self.workload = record.id
        self.policy = (evaluation.policy.name, evaluation.policy.version)
        self.from = from
        self.to = to
        self.sentence = evaluation.sentence
        self.since = evaluation.at
        self.requester = evaluation.reasons.lazy.compactMap { reason in if case .override(let owner, _) = reason { owner } else { nil } }.first
    }

    init(approval: Approval) {
        self.decision = approval.decision
        self.workload = approval.workload
        self.policy = (approval.policy, approval.policyVersion)
        self.from = approval.from
        self.to = approval.to
        self.since = approval.since
        self.said = approval
    }

    func with(_ approval: Approval) -> ApprovalObject {
        var object = self
        object.said = approval
        return object
    }

    /// What waits, and what was said and has not ended, by decision.
    static func list(records: [WorkloadRecord], said: [Approval]) -> [ApprovalObject] {
        var byDecision = Dictionary(said.map { ($0.decision, ApprovalObject(approval: $0)) }, uniquingKeysWith: { first, _ in first })
        for object in records.compactMap(ApprovalObject.init(record:)) {
            byDecision[object.decision] = byDecision[object.decision]?.said.map { object.with($0) } ?? object
        }
        return byDecision.values.sorted { $0.decision < $1.decision }
    }

    var isWaiting: Bool { self.said == nil }
    var name: String { DecisionRecord.name(self.decision) }

    var json: JSON {
        .fields([
            "id": self.name.json, "state": (self.said?.verdict.rawValue ?? "waiting").json, "workload": self.workload.description.json,
            "policy": ["name": self.policy.name.json, "version": self.policy.version.json], "from": self.from.json, "to": self.to.json,
            "sentence": self.sentence?.json, "by": (self.requester ?? "policy \(self.policy.name)").json, "at": self.since.json,
            "mayApprove": .array(Route.Access.operate.roles.map(\.rawValue).sorted().map(\.json)),
            "said": self.said.map { said in
                .fields(["by": said.actor.json, "at": said.since.json, "reason": said.reason?.json, "until": said.until.json])
            } ?? .null,
        ])
    }
}

extension FleetView {
    /// Changes that nobody has said anything of yet.
    var awaitingApproval: [ApprovalObject] {
        ApprovalObject.list(records: self.workloads.compactMap(\.record), said: self.approvals).filter(\.isWaiting)
    }
}
