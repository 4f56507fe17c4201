public import Ledger
public import Model
public import Postgres

/// One evaluation that is to be committed.
public struct EvaluationCommit: Sendable, Hashable {
    /// The workload's row as it is to be.
    public var record: WorkloadRecord
    /// The evaluation becomes a decision in the log. Without it, only the workload's row is brought up to date.
    public var isRecorded: Bool
    /// What is carried out once this has committed; only with ``isRecorded``.
    public var action: ActionRecord.Plan?
    /// The second person's word that the change needed: it is used up with it.
    public var approval: Approval?
    /// What the policy's guards tell people.
    public var notices: [GuardNotice] = []
    /// The change that the action takes back.
    public var rollback: Rollback?

    public init(record: WorkloadRecord, isRecorded: Bool, action: ActionRecord.Plan? = nil, approval: Approval? = nil) {
        self.record = record
        self.isRecorded = isRecorded
        self.action = action
        self.approval = approval
    }
}

/// What committing gave numbers to.
public struct CommittedEvaluation: Sendable, Hashable {
    /// What was evaluated.
    public var workload: WorkloadID
    /// The decision's number.
    public var decision: Int64
    /// What is carried out now; nil when the decision changes nothing.
    public var action: ActionRecord?
    /// What keeps the policy from repeating what was taken back.
    public var hold: Pause?
}

extension Store {
    /// What a leader's transaction asks first: that of every write, and what committing `evaluations` needs to know.
    public func opening(for evaluations: [EvaluationCommit]) -> [Statement] {
        self.writeOpening + self.preparation(of: evaluations.filter(\.isRecorded))
    }

    /// For ``rehearse(_:_:)``: the same without locks, and with numbers that are nobody's.
    public func rehearsalOpening(for evaluations: [EvaluationCommit]) -> [Statement] {
        let none = (decisions: WriteSQL.noNumbers, actions: WriteSQL.noNumbers)
        return Write.opening(self, tree: WriteSQL.treeAsItStands) + self.preparation(of: evaluations.filter(\.isRecorded), numbers: none)
    }

    fileprivate func preparation(
        of recorded: [EvaluationCommit], numbers: (decisions: String, actions: String) = (WriteSQL.decisionNumbers, WriteSQL.actionNumbers)
    ) -> [Statement] {
        if recorded.isEmpty { return [] }
        let acting = recorded.filter { $0.action != nil }.map(\.record.id)
        return [
            Statement(numbers.decisions, [.int(Int64(recorded.count))]), Statement(numbers.actions, [.int(Int64(acting.count))]), self.openActions(of: acting),
        ]
    }

    fileprivate func openActions(of workloads: [WorkloadID]) -> Statement {
        Statement(WriteSQL.openActions, [.text(self.shard), .textArray(workloads.map(\.service)), .textArray(workloads.map(\.region))])
    }
}

extension Write {
    /// Commits evaluations of the leader: workload rows and memory, decisions, intents and their events.
    ///
    /// - Parameters:
    ///   - now: cluster time of the round.
    ///   - summary: what status shows of the round.
    public func commit(_ evaluations: [EvaluationCommit], summary: JSON, at now: WallTime) async throws -> [CommittedEvaluation] {
        let recorded = evaluations.filter(\.isRecorded)
        let (decisionIDs, actionIDs) = try await self.prepare(recorded)
        var numbers = (decisions: decisionIDs.makeIterator(), actions: actionIDs.makeIterator())
        var committed: [CommittedEvaluation] = []
        for evaluations in [recorded, evaluations.filter { !$0.isRecorded }] {
            for start in stride(from: 0, to: evaluations.count, by: Self.sentTogether) {
                if start > 0 { try await self.send() }
                let part = evaluations[start..<min(start + Self.sentTogether, evaluations.count)]
                committed += try await self.add(part, &numbers, at: now)
            }
        }
        try await self.useUp(zip(recorded.map(\.approval), committed.map(\.decision)).compactMap { approval, decision in approval.map { ($0, decision) } })
        self.deferred.append(
            Statement(
                WriteSQL.upsertRound, [.text(self.store.shard), .int(self.epoch), .time(now), .text(summary.text)]))
        return committed
    }

    /// Evaluations whose rows are sent while those of the next are made. Some hundreds of kilobytes; whole statements, see ``RowInsert/together``.
    private static let sentTogether = 4 * RowInsert.together

    private func add(
        _ evaluations: ArraySlice<EvaluationCommit>, _ numbers: inout (decisions: IndexingIterator<[Int64]>, actions: IndexingIterator<[Int64]>),
        at now: WallTime
    ) async throws -> [CommittedEvaluation] {
        var committed: [CommittedEvaluation] = []
        var decisions: [[Value]] = [], actions: [[Value]] = [], workloads: [[Value]] = []
        let place = self.deferred.endIndex
        for evaluation in evaluations {
            var record = evaluation.record
            // The largest part of both rows.
            let body = record.evaluation.json.text
            if evaluation.isRecorded, let id = numbers.decisions.next() {
                record.decision = id
                decisions.append(self.row(decision: record.evaluation, body: body, id: id, approval: evaluation.approval, of: evaluation.action?.kind))
                let action = evaluation.action.flatMap { plan in numbers.actions.next().map { (plan, $0) } }.map { plan, number in
                    self.action(plan, id: number, decision: id, workload: record.id, at: now)
                }
                if let action { actions.append(self.row(action)) }
                let hold = try await self.rollBack(evaluation.rollback, by: id, record.evaluation)
                committed.append(CommittedEvaluation(workload: record.id, decision: id, action: action, hold: hold))
            }
            self.tell(evaluation.notices, of: record)
            workloads.append(self.row(record, body: body))
        }
        // Before what refers to them.
        self.deferred.insert(contentsOf: WriteSQL.insertDecision.statements(decisions) + WriteSQL.insertAction.statements(actions), at: place)
        self.deferred += WriteSQL.upsertWorkload.statements(workloads)
        return committed
    }

    /// Numbers for what is recorded, and the end of open actions that would be in its way: one that the leader has lost sight of would otherwise
    /// refuse the new action, and with it the whole commit, for ever.
    private func prepare(_ recorded: [EvaluationCommit]) async throws -> (decisions: [Int64], actions: [Int64]) {
        if recorded.isEmpty { return ([], []) }
        var answers = self.prepared
        if answers.count != 3 { answers = try await self.transaction.pipeline(self.store.preparation(of: recorded)) }
        try self.end(answers[2], because: "a newer decision took its place")
        return (try answers[0].map { try $0["id"].int() }, try answers[1].map { try $0["id"].int() })
    }

    /// Records the event as well.
    /// - Parameter kind: of the action that carries it out.
    private func row(decision: Decision, body: String, id: Int64, approval: Approval?, of kind: ActionRecord.Kind?) -> [Value] {
        let name = DecisionRecord.name(id)
        let seq = self.record(
            decision.acted ? .decisionProposed : .decisionSuppressed, severity: decision.urgency == .critical ? .warning : .info,
            action: kind == .restart ? .restart : decision.kind == .held ? .evaluate : .scale,
            subject: .init(kind: .workload, id: decision.workload.description),
            by: .policy(decision.policy.name, version: decision.policy.version), decision: Self.summary(of: decision, id: name),
            cause: .fields([
                "readings": .array(decision.readings.map(\.json)), "proposals": .array(decision.proposals.map(\.json)),
                "approval": approval?.cause,
            ]),
            correlation: .init(decisionID: name))
        return [
            .int(id), .text(UUIDv7.generate(at: self.at)), .text(self.store.shard), .int(self.epoch), .int(self.epoch), .text(self.store.node),
            .time(decision.at), .int(seq), .text(decision.workload.service), .text(decision.workload.region), .text(decision.policy.name),
            .int(Int64(decision.policy.version)), .text(decision.kind.rawValue), .optional(decision.from), .optional(decision.to),
            .bool(decision.acted), .text(decision.sentence), .text(body),
        ]
    }

    private static func summary(of decision: Decision, id: String) -> JSON {
        .fields([
            "id": .string(id), "policy_id": .string(decision.policy.name), "policy_version": .int(Int64(decision.policy.version)),
            "policy_sha256": .string(decision.policy.sha256), "kind": .string(decision.kind.rawValue), "acted": .bool(decision.acted),
            "from": decision.from.map { .int(Int64($0)) }, "to": decision.to.map { .int(Int64($0)) }, "unit": "replicas",
            "reasons": .array(decision.reasons.map { .string($0.code) }), "sentence": .string(decision.sentence),
        ])
    }

    private func action(_ plan: ActionRecord.Plan, id: Int64, decision: Int64, workload: WorkloadID, at now: WallTime) -> ActionRecord {
        ActionRecord(
            id: id, idem: UUIDv7.generate(at: self.at), decision: decision, epoch: self.epoch, workload: workload, kind: plan.kind, from: plan.from,
            to: plan.to, precondition: plan.precondition, state: .committed, attempt: 0, needReady: plan.needReady, deadline: plan.deadline, createdAt: now,
            history: [.init(state: .committed, at: now)])
    }

    private func row(_ action: ActionRecord) -> [Value] {
        [
            .int(action.id), .text(action.idem), .int(action.decision), .text(self.store.shard), .int(self.epoch), .int(self.epoch),
            .text(action.workload.service), .text(action.workload.region), .text(action.kind.rawValue), .int(Int64(action.from)),
            .int(Int64(action.to)), .optional(action.precondition), .text(action.state.rawValue), .int(Int64(action.attempt)),
            .text(action.needReady.description), .time(action.deadline), .time(action.createdAt), .time(action.createdAt),
            .text(JSON.array(action.history.map(\.json)).text),
        ]
    }

    private func row(_ record: WorkloadRecord, body: String) -> [Value] {
        [
            .text(self.store.shard), .text(record.id.service), .text(record.id.region), .int(self.epoch), .text(record.policy),
            .int(Int64(record.policyVersion)), .time(record.evaluatedAt), .optional(record.desired), .optional(record.current),
            .optional(record.ready), .optional(record.observedAt), .text(body), .optional(record.decision),
        ]
    }

    /// Writes what became of actions. A state that ends an action, or leaves it unknown, is an event as well.
    public func update(_ actions: [ActionRecord], at now: WallTime) {
        for action in actions {
            self.updatedActions.insert(action.id)
            self.deferred.append(
                Statement(
                    WriteSQL.updateAction,
                    [
                        .int(action.id), .int(self.epoch), .text(action.state.rawValue), .int(Int64(action.attempt)), .time(now),
                        .text(JSON.array(action.history.map(\.json)).text),
                    ]))
            guard let (type, severity, status) = Self.event(for: action.state) else { continue }
            let last = action.history.last
            self.record(
                type, severity: severity, action: action.kind == .restart ? .restart : .scale,
                outcome: .init(status: status, code: action.state.rawValue, reason: last?.text),
                subject: .init(kind: .workload, id: action.workload.description),
                after: .fields([
                    "action": .string(ActionRecord.name(action.id)), "kind": action.kind == .restart ? .string(action.kind.rawValue) : nil,
                    "from": .int(Int64(action.from)), "to": .int(Int64(action.to)),
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
    private func end(_ open: ResultSet, because reason: String) throws {
        let left = try open.map(Store.action(row:)).filter { !self.updatedActions.contains($0.id) }
        self.update(
            left.map { action in
                var action = action
                action.state = .superseded
                action.history.append(.init(state: .superseded, at: self.at, text: reason))
                return action
            }, at: self.at)
    }

    func endAbandoned() async throws {
        if self.abandoned.isEmpty { return }
        let open = try await self.transaction.query(self.store.openActions(of: self.abandoned))
        try self.end(open, because: "no manifest speaks of the workload any more")
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
