import Election
import Model
import Postgres
import Synchronization

/// What other threads may know of the election without waiting for its own: the lease, the term, the status.
final class LeaseBoard: Sendable {
    struct Posting: Sendable {
        var lease: Lease?
        var term: Term?
        var status: LeadershipStatus
        /// When the leader's work got on last.
        var workedAt: Instant?
        /// When the newest answered beat was sent, and when the watch session last looked.
        var beatSentAt: Instant?
        var lookedAt: Instant?
    }

    private let posting: Mutex<Posting>

    init(status: LeadershipStatus) { self.posting = Mutex(Posting(status: status)) }

    func update(_ change: (inout Posting) -> Void) { self.posting.withLock { change(&$0) } }

    func mayAct(_ term: Term, sendBudget: Duration) -> Bool {
        self.posting.withLock { posting in
            guard posting.term?.isSame(as: term) == true, let lease = posting.lease else { return false }
            // The clock is read inside: a thread that was held up on the way in must not use an old reading.
            return lease.mayAct(at: BootClock.now(), sendBudget: sendBudget)
        }
    }

    var workedAt: Instant? { self.posting.withLock(\.workedAt) }

    var status: LeadershipStatus {
        let posting = self.posting.withLock { $0 }
        let now = BootClock.now()
        var status = posting.status
        status.term = posting.term
        status.gateOpen = posting.lease?.gateOpen ?? false
        status.leaseRemaining = posting.lease?.until.map { max(.zero, $0 - now) }
        status.lastBeatAge = posting.beatSentAt.map { now - $0 }
        status.watchAge = posting.lookedAt.map { now - $0 }
        if status.role == .leader, let until = posting.lease?.until, until <= now { status.role = .suspended }
        return status
    }
}

extension Term {
    func isSame(as other: Term) -> Bool {
        self.epoch == other.epoch && self.timeline == other.timeline && self.incarnation == other.incarnation
            && self.shard == other.shard && self.cluster == other.cluster
    }
}
