internal import Ledger
public import Model
internal import Postgres

extension Store {
    /// What second persons said that has not ended and that no change has used up, by workload.
    public func approvals() async throws -> [Approval] { try await self.run(self.approvalsRead) }

    fileprivate static let approvalColumns = """
        id, service, region, policy, policy_version, decision_id, replicas_from, replicas_to, verdict, actor, reason, since, until
        """

    var approvalsRead: Read<[Approval]> {
        Read(
            """
            SELECT \(Self.approvalColumns) FROM muster.approval WHERE ended_at IS NULL AND until > clock_timestamp() ORDER BY service, region
            """
        ) { try $0.map(Self.approval(row:)) }
    }

    fileprivate static func approval(row: Row) throws -> Approval {
        let verdict = try row["verdict"].string()
        guard let parsed = Approval.Verdict(rawValue: verdict) else { throw StoreError.unreadable(what: "an approval", why: "its verdict is “\(verdict)”") }
        return Approval(
            id: try row["id"].int(), workload: WorkloadID(service: try row["service"].string(), region: try row["region"].string()),
            policy: try row["policy"].string(), policyVersion: Int(try row["policy_version"].int()), decision: try row["decision_id"].int(),
            from: Int(try row["replicas_from"].int()), to: Int(try row["replicas_to"].int()), verdict: parsed, actor: try row["actor"].string(),
            reason: try row["reason"].stringOrNil(), since: try row["since"].wallTime(), until: try row["until"].wallTime())
    }
}

extension WorkloadRecord {
    /// The decision that waits for a second person; nil when none does.
    public var awaitingApproval: Int64? {
        guard !self.evaluation.acted, self.evaluation.reasons.contains(.awaitingApproval), self.evaluation.from != nil, self.evaluation.to != nil
        else { return nil }
        return self.decision
    }
}

extension Approval {
    /// For the event of the change that it let through.
    var cause: JSON {
        .fields([
            "decision": .string(self.decisionName), "by": .string(self.actor), "at": self.since.json, "reason": self.reason.map { .string($0) },
        ])
    }
}

extension Write {
    /// What waits for a second person at this moment, as no other write can change it any more.
    public func awaiting(_ workload: WorkloadID) async throws -> WorkloadRecord? {
        let read = self.store.workloadRead(workload)
        return try read.value(await self.transaction.query(read.statement)).flatMap { $0.awaitingApproval == nil ? nil : $0 }
    }

    /// A second person's word on what waits. It takes the place of an older one.
    /// - Parameter record: as ``awaiting(_:)`` gave it.
    public func settle(_ record: WorkloadRecord, _ verdict: Approval.Verdict, reason: String?) async throws -> Approval {
        let evaluation = record.evaluation
        guard let decision = record.awaitingApproval, let from = evaluation.from, let to = evaluation.to else { throw StoreConflict.alreadyEnded }
        _ = try await self.transaction.query(
            "UPDATE muster.approval SET ended_at = $3 WHERE service = $1 AND region = $2 AND ended_at IS NULL",
            [.text(record.id.service), .text(record.id.region), .time(self.at)])
        let approval = try Store.approval(
            row: await self.transaction.query(
                """
                INSERT INTO muster.approval (service, region, policy, policy_version, decision_id, replicas_from, replicas_to, verdict, actor, reason,
                                             since, until)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING \(Store.approvalColumns)
                """,
                [
                    .text(record.id.service), .text(record.id.region), .text(evaluation.policy.name), .int(Int64(evaluation.policy.version)),
                    .int(decision), .int(Int64(from)), .int(Int64(to)), .text(verdict.rawValue), .text(self.principal.id), .optional(reason),
                    .time(self.at), .time(self.at + Approval.validFor),
                ]
            ).one())
        self.record(
            verdict == .approved ? .decisionApproved : .decisionRejected, severity: .notice, action: verdict == .approved ? .approve : .reject,
            subject: .init(kind: .workload, id: record.id.description),
            after: .fields([
                "from": .int(Int64(from)), "to": .int(Int64(to)), "policy": .string(evaluation.policy.name),
                "policy_version": .int(Int64(evaluation.policy.version)), "until": approval.until.json, "reason": reason.map { .string($0) },
            ]), correlation: .init(decisionID: approval.decisionName))
        self.configurationChanged()
        return approval
    }

    /// Changes have used up what second persons said.
    /// - Throws: ``StoreConflict/alreadyEnded`` when one of them has ended meanwhile: then nobody agrees to the change any more.
    func useUp(_ used: [(approval: Approval, decision: Int64)]) async throws {
        for (approval, decision) in used {
            let rows = try await self.transaction.query(
                "UPDATE muster.approval SET ended_at = $2, used_by = $3 WHERE id = $1 AND ended_at IS NULL RETURNING id",
                [.int(approval.id), .time(self.at), .int(decision)])
            guard !rows.isEmpty else { throw StoreConflict.alreadyEnded }
            self.configurationChanged()
        }
    }
}
