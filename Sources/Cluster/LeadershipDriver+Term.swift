import Election
import Logging
import Model
import Postgres

/// The term: its announcements and its transactions.
extension LeadershipDriver {
    func startLeading(_ grant: Grant, timing: Timing) {
        let tenure = self.machine.tenure
        let term = Term(
            cluster: self.configuration.cluster, shard: self.configuration.shard, node: self.configuration.node,
            incarnation: self.incarnation, epoch: grant.epoch, timeline: grant.timeline, since: self.since,
            grantedAt: tenure?.grantedAt ?? BootClock.now(),
            predecessor: grant.predecessor.map { .init(node: $0.node, epoch: $0.epoch, resigned: $0.resigned) },
            gap: tenure.flatMap { tenure in tenure.predecessorSeenAt.map { tenure.grantedAt - $0 } }, noted: self.noted)
        self.term = term
        self.drained = false
        self.board.update { $0.term = term }
        self.note(problem: nil)
        self.logger.notice("elected", metadata: ["term": "\(term)", "lease": "\(timing.lease.text)"])
        self.events.yield(.elected(term))
    }

    func stopLeading(_ reason: LossReason) {
        guard let term = self.term else { return }
        self.term = nil
        self.announcedHolder = nil
        self.board.update { $0.term = nil }
        if case .resigned = reason {} else { self.note(problem: "\(reason)") }
        self.logger.notice("term over", metadata: ["term": "\(term)", "reason": "\(reason)"])
        self.events.yield(.lost(term, reason))
    }

    func announce(_ words: String, _ level: Logger.Level = .notice, _ event: (Term) -> LeadershipEvent) {
        guard let term = self.term else { return }
        self.logger.log(level: level, "\(words)", metadata: ["term": "\(term)"])
        self.events.yield(event(term))
    }

    // MARK: - Transactions

    /// Waits for this transaction's turn and gives the session that the term hangs on.
    func takeTurn(_ term: Term) async throws -> (session: Int, connection: Postgres.Connection) {
        try self.requireCurrent(term)
        if !self.turns.takeIfFree() {
            guard !self.turns.isFull else { throw LeadershipError.overloaded(waiting: self.turns.waitingCount) }
            let id = self.turns.makeID()
            let got = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    if Task.isCancelled {
                        continuation.resume(returning: false)
                    } else if self.turns.takeIfFree() {
                        continuation.resume(returning: true)
                    } else {
                        self.turns.append(id, continuation)
                    }
                }
            } onCancel: {
                // Ends as soon as it has crossed to this actor.
                Task { await self.abandonTurn(id) }
            }
            guard got else { throw CancellationError() }
        }
        guard let lock = self.lock, self.term?.isSame(as: term) == true else {
            self.endTurn()
            throw LeadershipError.notLeader(term)
        }
        return (lock.number, lock.connection)
    }

    private func abandonTurn(_ id: Int) { self.turns.abandon(id) }

    func endTurn() {
        self.turns.release()
        self.drainIfQuiet()
    }

    private func requireCurrent(_ term: Term) throws(LeadershipError) {
        guard self.term?.isSame(as: term) == true else { throw .notLeader(term) }
    }

    /// The first statements of a transaction were answered: they assert the term and bump the beat.
    func confirmed(_ session: Int, sentAt: Instant) { self.handle(.beatConfirmed(session: session, sentAt: sentAt)) }

    /// What a failed transaction means for the term.
    func explain(_ error: any Error, _ term: Term, session: Int) -> any Error {
        guard let error = error as? PostgresError else { return error }
        if error.sqlState == ElectionSQL.fenced {
            self.handle(.fenced(session: session))
            return LeadershipError.notLeader(term)
        }
        if error.code == .closed { self.handle(.sessionClosed(session: session, reason: error.description)) }
        if error.transactionOutcomeUnknown { return LeadershipError.outcomeUnknown(term, error) }
        // The session that carried it is gone, and with it whatever it had written.
        if self.lock?.number != session { return LeadershipError.notLeader(term) }
        return error
    }
}
