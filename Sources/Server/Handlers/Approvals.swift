import HTTPTypes
import Model
import Store

/// Changes that wait for a second person, and what was said of them.
extension API {
    func approvals(_ call: Call) async throws -> Answer {
        let items = try await self.approvalObjects()
        return try Page(items.map { (Self.risingKey($0.decision), $0.json) }, call: call).answer(call)
    }

    func approval(_ call: Call) async throws -> Answer {
        let id = Self.number(call.part("id"), prefix: "d-")
        guard let item = try await self.approvalObjects().first(where: { $0.decision == id }) else { throw Self.noApproval(call) }
        return Answer(.ok, item.json)
    }

    func approve(_ call: Call) async throws -> Answer { try await self.settle(call, .approved) }
    func reject(_ call: Call) async throws -> Answer { try await self.settle(call, .rejected) }

    private func settle(_ call: Call, _ verdict: Approval.Verdict) async throws -> Answer {
        let reason = try call.body.optionalText("reason", length: Limits.reason)
        guard let id = Self.number(call.part("id"), prefix: "d-"), let decision = try await self.store.decision(id: id) else { throw Self.noApproval(call) }
        let workload = decision.decision.workload
        return try await self.write(call) { write in
            guard let record = try await write.awaiting(workload), let waiting = record.awaitingApproval else {
                throw Problem(.alreadyEnded, "Nothing of \(workload) waits for a second person any more.", next: "muster explain \(workload)")
            }
            guard waiting == id else {
                let name = DecisionRecord.name(waiting)
                throw Problem(
                    .conflict, "\(call.part("id")) was overtaken by \(name): \(record.evaluation.sentence)",
                    next: "Look at that one, then: muster \(verdict == .approved ? "approve" : "reject") \(name)")
            }
            let object = ApprovalObject(record: record)
            if let requester = object?.requester, requester == write.principal.id {
                throw Problem(
                    .selfApproval, "\(requester) asked for this change by an override, so somebody else has to look at it.",
                    members: ["by": requester.json])
            }
            let approval = try await write.settle(record, verdict, reason: reason)
            return (200, (object?.with(approval) ?? ApprovalObject(approval: approval)).json)
        }
    }

    private func approvalObjects() async throws -> [ApprovalObject] {
        ApprovalObject.list(records: try await self.store.workloads(), said: try await self.store.approvals())
    }

    private static func noApproval(_ call: Call) -> Problem {
        Problem(.notFound, "Nothing that waits for a second person is called “\(call.part("id"))”.", next: "muster get approvals")
    }
}
