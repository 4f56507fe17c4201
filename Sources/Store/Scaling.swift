public import Ledger
public import Model
internal import Postgres

/// One evaluation that is to be committed.
public struct EvaluationCommit: Sendable, Hashable {
    public var record: WorkloadRecord
    /// The evaluation becomes a decision in the log. Without it, only the workload's row is brought up to date.
    public var isRecorded: Bool
    /// What is carried out once this has committed; only with ``isRecorded``.
    public var action: Plan?

    /// A change before it has a number.
    public struct Plan: Sendable, Hashable {
        public var from: Int
        public var to: Int
        /// The platform's own version of what was observed, as a precondition of the write.
        public var precondition: String?
        public var needReady: Quantity
        public var deadline: WallTime
        public init(from: Int, to: Int, precondition: String?, needReady: Quantity, deadline: WallTime) {
            self.from = from
            self.to = to
            self.precondition = precondition
            self.needReady = needReady
            self.deadline = deadline
        }
    }

    public init(record: WorkloadRecord, isRecorded: Bool, action: Plan? = nil) {
        self.record = record
        self.isRecorded = isRecorded
        self.action = action
    }
}

/// What committing gave numbers to.
public struct CommittedEvaluation: Sendable, Hashable {
    public var workload: WorkloadID
    public var decision: Int64
    public var action: ActionRecord?
}

extension Write {
    /// Commits evaluations of the leader: workload rows and memory, decisions, intents and their events.
    ///
    /// - Parameters:
    ///   - now: cluster time of the round.
    ///   - summary: what status shows of the round.
    public func commit(_ evaluations: [EvaluationCommit], summary: JSON, at now: WallTime) async throws -> [CommittedEvaluation] {
        let recorded = evaluations.filter(\.isRecorded)
        // One that the leader has lost sight of would otherwise refuse this action, and with it the whole commit, for ever.
        try await self.endOpenActions(of: recorded.filter { $0.action != nil }.map(\.record.id), because: "a newer decision took its place")
        let (decisionIDs, actionIDs) = try await self.numbers(decisions: recorded.count, actions: recorded.count { $0.action != nil })
        var nextAction = actionIDs.makeIterator()
        var nextDecision = decisionIDs.makeIterator()
        var committed: [CommittedEvaluation] = []
        var records: [WorkloadRecord] = []
        for evaluation in evaluations {
            var record = evaluation.record
            if evaluation.isRecorded, let id = nextDecision.next() {
                record.decision = id
                self.insert(decision: record.evaluation, id: id)
                let action = evaluation.action.flatMap { plan in nextAction.next().map { (plan, $0) } }.map { plan, number in
                    self.insert(plan, id: number, decision: id, workload: record.id, at: now)
                }
                committed.append(CommittedEvaluation(workload: record.id, decision: id, action: action))
            }
            records.append(record)
        }
        self.upsert(records)
        self.deferred.append(
            Statement(
                """
                INSERT INTO muster.round (shard, writer_epoch, at, summary) VALUES ($1, $2, $3, $4)
                ON CONFLICT (shard) DO UPDATE SET writer_epoch = excluded.writer_epoch, at = excluded.at, summary = excluded.summary
                """, [.text(self.store.shard), .int(self.epoch), .time(now), .text(summary.text)]))
        return committed
    }

    private func numbers(decisions: Int, actions: Int) async throws -> ([Int64], [Int64]) {
        if decisions == 0 { return ([], []) }
        let answers = try await self.transaction.pipeline([
            Statement("SELECT nextval('muster.decision_id') AS id FROM generate_series(1, $1::int)", [.int(Int64(decisions))]),
            Statement("SELECT nextval('muster.action_id') AS id FROM generate_series(1, $1::int)", [.int(Int64(actions))]),
        ])
        return (try answers[0].map { try $0["id"].int() }, try answers[1].map { try $0["id"].int() })
    }

    private func insert(decision: Decision, id: Int64) {
        let name = DecisionRecord.name(id)
        let seq = self.record(
            decision.acted ? .decisionProposed : .decisionSuppressed, severity: decision.urgency == .critical ? .warning : .info,
            action: decision.kind == .held ? .evaluate : .scale, subject: .init(kind: .workload, id: decision.workload.description),
            by: .policy(decision.policy.name, version: decision.policy.version), decision: Self.summary(of: decision, id: name),
            cause: .object(["readings": .array(decision.readings.map(\.json)), "proposals": .array(decision.proposals.map(\.json))]),
            correlation: .init(decisionID: name))
        self.deferred.append(
            Statement(
                """
                INSERT INTO muster.decision (id, idem, shard, epoch, writer_epoch, node, at, seq, service, region, policy, policy_version, kind,
                                             replicas_from, replicas_to, acted, sentence, body)
                VALUES ($1, $2::uuid, $3, $4, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
                """,
                [
                    .int(id), .text(UUIDv7.generate(at: self.at)), .text(self.store.shard), .int(self.epoch), .text(self.store.node),
                    .time(decision.at), .int(seq), .text(decision.workload.service), .text(decision.workload.region), .text(decision.policy.name),
                    .int(Int64(decision.policy.version)), .text(decision.kind.rawValue), .optional(decision.from), .optional(decision.to),
                    .bool(decision.acted), .text(decision.sentence), .text(decision.json.text),
                ]))
    }

    private static func summary(of decision: Decision, id: String) -> JSON {
        .fields([
            "id": .string(id), "policy_id": .string(decision.policy.name), "policy_version": .int(Int64(decision.policy.version)),
            "policy_sha256": .string(decision.policy.sha256), "kind": .string(decision.kind.rawValue), "acted": .bool(decision.acted),
            "from": decision.from.map { .int(Int64($0)) }, "to": decision.to.map { .int(Int64($0)) }, "unit": "replicas",
            "reasons": .array(decision.reasons.map { .string($0.code) }), "sentence": .string(decision.sentence),
        ])
    }

    private func insert(_ plan: EvaluationCommit.Plan, id: Int64, decision: Int64, workload: WorkloadID, at now: WallTime) -> ActionRecord {
        let action = ActionRecord(
            id: id, idem: UUIDv7.generate(at: self.at), decision: decision, epoch: self.epoch, workload: workload, from: plan.from, to: plan.to,
            precondition: plan.precondition, state: .committed, attempt: 0, needReady: plan.needReady, deadline: plan.deadline, createdAt: now,
            history: [.init(state: .committed, at: now)])
        self.deferred.append(
            Statement(
                """
                INSERT INTO muster.action (id, idem, decision_id, shard, epoch, writer_epoch, service, region, replicas_from, replicas_to,
                                           precondition, state, attempt, need_ready, deadline, created_at, updated_at, history)
                VALUES ($1, $2::uuid, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16)
                """,
                [
                    .int(id), .text(action.idem), .int(decision), .text(self.store.shard), .int(self.epoch), .text(workload.service),
                    .text(workload.region), .int(Int64(plan.from)), .int(Int64(plan.to)), .optional(plan.precondition),
                    .text(action.state.rawValue), .int(0), .text(plan.needReady.description), .time(plan.deadline), .time(now),
                    .text(JSON.array(action.history.map(\.json)).text),
                ]))
        return action
    }

    private func upsert(_ records: [WorkloadRecord]) {
        for record in records {
            self.deferred.append(
                Statement(
                    """
                    INSERT INTO muster.workload (shard, service, region, writer_epoch, policy, policy_version, evaluated_at, desired, current, ready,
                                                 observed_at, memory, evaluation, decision_id)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
                    ON CONFLICT (shard, service, region) DO UPDATE SET writer_epoch = excluded.writer_epoch, policy = excluded.policy,
                        policy_version = excluded.policy_version, evaluated_at = excluded.evaluated_at, desired = excluded.desired,
                        current = excluded.current, ready = excluded.ready, observed_at = excluded.observed_at, memory = excluded.memory,
                        evaluation = excluded.evaluation, decision_id = coalesce(excluded.decision_id, muster.workload.decision_id)
                    """,
                    [
                        .text(self.store.shard), .text(record.id.service), .text(record.id.region), .int(self.epoch), .text(record.policy),
                        .int(Int64(record.policyVersion)), .time(record.evaluatedAt), .optional(record.desired), .optional(record.current),
                        .optional(record.ready), .optional(record.observedAt), .text(record.memory.text), .text(record.evaluation.json.text),
                        .optional(record.decision),
                    ]))
        }
    }

    /// Writes what became of actions. A state that ends an action, or leaves it unknown, is an event as well.
    public func update(_ actions: [ActionRecord], at now: WallTime) {
        for action in actions {
            self.updatedActions.insert(action.id)
            self.deferred.append(
                Statement(
                    """
                    UPDATE muster.action SET writer_epoch = $2, state = $3, attempt = $4, updated_at = $5, history = $6 WHERE id = $1
                    """,
                    [
                        .int(action.id), .int(self.epoch), .text(action.state.rawValue), .int(Int64(action.attempt)), .time(now),
                        .text(JSON.array(action.history.map(\.json)).text),
                    ]))
            guard let (type, severity, status) = Self.event(for: action.state) else { continue }
            let last = action.history.last
            self.record(
                type, severity: severity, action: .scale, outcome: .init(status: status, code: action.state.rawValue, reason: last?.text),
                subject: .init(kind: .workload, id: action.workload.description),
                after: .fields([
                    "action": .string(ActionRecord.name(action.id)), "from": .int(Int64(action.from)), "to": .int(Int64(action.to)),
                    "attempts": .int(Int64(action.attempt)), "evidence": last?.evidence.map { .string($0) },
                ]), correlation: .init(decisionID: DecisionRecord.name(action.decision)))
        }
    }

    private static func event(for state: ActionRecord.State) -> (EventType, Severity, EventDraft.Outcome.Status)? {
        switch state {
        case .done: (.decisionApplied, .info, .success)
        case .failed: (.decisionFailed, .error, .failure)
        case .superseded: (.decisionSuperseded, .notice, .failure)
        case .unknown: (.decisionOutcomeUnknown, .warning, .unknown)
        case .committed, .sent, .accepted, .verifying: nil
        }
    }

    /// Ends open actions that this write has not updated, so that no intent stays without an outcome in the log.
    private func endOpenActions(of workloads: [WorkloadID], because reason: String) async throws {
        if workloads.isEmpty { return }
        let rows = try await self.transaction.query(
            """
            SELECT \(Store.actionColumns) FROM muster.action WHERE shard = $1 AND (service, region) IN (SELECT * FROM unnest($2::text[], $3::text[]))
                AND state IN ('committed', 'sent', 'accepted', 'verifying', 'unknown')
            """, [.text(self.store.shard), .textArray(workloads.map(\.service)), .textArray(workloads.map(\.region))])
        let left = try rows.map(Store.action(row:)).filter { !self.updatedActions.contains($0.id) }
        self.update(
            left.map { action in
                var action = action
                action.state = .superseded
                action.history.append(.init(state: .superseded, at: self.at, text: reason))
                return action
            }, at: self.at)
    }

    func endAbandoned() async throws {
        try await self.endOpenActions(of: self.abandoned, because: "no manifest speaks of the workload any more")
    }

    /// Takes the rows of workloads away that no manifest speaks of any more, and ends what is open of them. Their decisions and events stay.
    public func forget(_ workloads: [WorkloadID]) {
        self.abandoned += workloads
        for workload in workloads {
            self.deferred.append(
                Statement(
                    "DELETE FROM muster.workload WHERE shard = $1 AND service = $2 AND region = $3",
                    [.text(self.store.shard), .text(workload.service), .text(workload.region)]))
        }
    }

    /// The first event of a term, and the last one of a leader that says good-bye.
    public func recordLeadership(_ type: EventType, node: String, epoch: Int64, details: JSON) {
        self.record(
            type, severity: .notice, action: type == .leaderResigned ? .resign : .elect, subject: .init(kind: .leader, id: node),
            after: .object(["epoch": .string(String(epoch)), "details": details]))
    }
}
