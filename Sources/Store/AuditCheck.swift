public import Ledger
internal import Model
internal import Postgres

/// A node's own, continuing check of the whole audit log: every event once, in order, against the head in the database.
///
/// It remembers the head it last agreed with. A head that is behind it, or that its events do not lead to, is a log that somebody changed.
public struct AuditCheck: Sendable {
    /// What the check has come to.
    public enum State: Sendable, Hashable {
        /// Not everything has been read yet.
        case verifying
        case verified
        /// Stays so: what was seen can't be unseen.
        case diverged(String)
    }
    /// What the check has come to.
    public private(set) var state = State.verifying
    private var verifier = Verifier()

    /// Events that one step reads at most: a bounded share of memory and of the database's time.
    public static let stepEvents = 2000

    /// Begins with the log's first event.
    public init() {}

    /// The newest event that was checked; -1 when none was.
    public var verifiedTo: Int64 { self.verifier.checked - 1 }

    /// Checks the next events. Returns whether more are waiting.
    public mutating func step(_ store: Store) async throws -> Bool {
        if case .diverged = self.state { return false }
        let first = self.verifier.checked
        let snapshot = try await store.auditSnapshot(from: first, limit: Self.stepEvents)
        for event in snapshot.events {
            guard self.verifier.check(event) else { return self.settle(snapshot.head) }
        }
        if let head = snapshot.head, self.verifier.checked < head.size, !snapshot.events.isEmpty {
            self.state = .verifying
            return true
        }
        return self.settle(snapshot.head)
    }

    private mutating func settle(_ head: StoredHead?) -> Bool {
        switch self.verifier.verdict(head: head) {
        case .ok: self.state = .verified
        case .tampered(let seq, let reason): self.state = .diverged(seq.map { "event \($0): \(reason)" } ?? reason)
        case .incomplete: self.state = .verifying
        }
        return false
    }
}

extension Store {
    /// Events from `first` on and the head, as of one moment.
    func auditSnapshot(from first: Int64, limit: Int) async throws -> (events: [StoredEvent], head: StoredHead?) {
        let answers = try await self.pool.transaction(isolation: .repeatableRead, deadline: Self.readDeadline) { transaction in
            try await transaction.pipeline(
                [
                    Statement("SELECT size, root, frontier, epoch, integrated_at FROM muster.audit_tree WHERE origin = $1", [.text(self.origin)]),
                    Statement(
                        """
                        SELECT seq, integrated_at, epoch, id, type, severity, actor_id, subject_id, decision_id, leaf, leaf_hash
                        FROM muster.audit_event WHERE seq >= $1 ORDER BY seq LIMIT \(limit)
                        """, [.int(first)]),
                ], deadline: Self.readDeadline)
        }
        let head = try answers[0].first.map { row in
            StoredHead(
                size: try row["size"].int(), root: try row["root"].bytes(), frontier: try row["frontier"].bytes(), epoch: try row["epoch"].int(),
                integratedAt: try row["integrated_at"].wallTime())
        }
        return (try answers[1].map { StoredEvent(try Store.event(row: $0)) }, head)
    }
}

extension StoredEvent {
    /// A listed event, for the verifier.
    public init(_ record: EventRecord) {
        self.init(
            seq: record.seq, integratedAt: record.integratedAt, epoch: record.epoch, id: record.id, type: record.type, severity: record.severity,
            actorID: record.actorID, subjectID: record.subjectID, decisionID: record.decisionID, leaf: record.leaf, leafHash: record.leafHash)
    }
}
