package import Control
internal import Engine
internal import Model
package import Postgres
package import Store

/// A round of the leader as the store takes it: decisions, intents and rows of what is in words, and pages of what is remembered of everything.
package struct RoundCommit {
    private var evaluations: [EvaluationCommit]
    /// Made on another core while the decisions are put into their form, which takes as long. Arithmetic only: where the commit fails and nobody waits for it
    /// any more, it ends by itself a moment later.
    private let pages: Task<[StoredPage], Never>
    private let pageCount: Int
    private let summary: JSON
    private let at: WallTime

    /// - Parameter state: the round's, which has not taken note of it yet.
    package init(_ round: LeaderState.Round, of state: LeaderState) {
        self.pages = Task { state.pages(after: round).map { StoredPage(number: $0.number, bytes: $0.bytes) } }
        self.evaluations = round.pending.map { EvaluationCommit($0) }
        self.pageCount = state.pageCount
        self.summary = state.summary(evaluated: round.count, changed: round.changes, milliseconds: 0, at: round.at)
        self.at = round.at
    }

    /// The round as if everything in it were decided and carried out.
    package init(rehearsing round: LeaderState.Round, of state: LeaderState) {
        self.init(round, of: state)
        for index in self.evaluations.indices {
            let replicas = self.evaluations[index].record.current ?? 0
            self.evaluations[index].isRecorded = true
            // What is used up or taken back is looked up in the middle.
            self.evaluations[index].approval = nil
            self.evaluations[index].rollback = nil
            self.evaluations[index].action = .init(from: replicas, to: replicas, precondition: nil, needReady: Quantity(1), deadline: round.at)
        }
    }

    /// What is remembered, in bytes.
    package var bytes: Int { get async { await self.pages.value.reduce(0) { $0 + $1.bytes.count } } }

    /// What the transaction asks first.
    package func opening(_ store: Store) -> [Statement] { store.opening(for: self.evaluations) }

    /// Of the same round when it is rehearsed.
    package func rehearsalOpening(_ store: Store) -> [Statement] { store.rehearsalOpening(for: self.evaluations) }

    /// Writes the round and what is remembered with it into one transaction.
    package func commit(to write: Write) async throws -> [CommittedEvaluation] {
        let committed = try await write.commit(self.evaluations, summary: self.summary, at: self.at)
        write.remember(await self.pages.value, of: self.pageCount)
        return committed
    }
}

extension EvaluationCommit {
    fileprivate init(_ pending: LeaderState.Pending) {
        let decision = pending.evaluation.decision
        var sizes: (desired: Int, current: Int, ready: Int)?
        if case .seen(let desired, let current, let ready, _) = pending.observation { sizes = (desired, current, ready) }
        self.init(
            record: WorkloadRecord(
                id: pending.workload, policy: decision.policy.name, policyVersion: decision.policy.version, evaluatedAt: decision.at,
                desired: sizes?.desired, current: sizes?.current, ready: sizes?.ready, observedAt: sizes == nil ? nil : decision.at, evaluation: decision,
                decision: nil),
            isRecorded: pending.isRecorded, action: pending.plan, approval: pending.approval)
        self.notices = pending.notices
        self.rollback = pending.plan == nil ? nil : pending.rollback
    }
}
