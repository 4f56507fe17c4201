public import Election
public import Postgres

/// Why a leader's write did not happen.
public enum LeadershipError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The term is over (or never was this node's): nothing was written. Drop everything that belongs to it.
    case notLeader(Term)
    /// The session broke after COMMIT was sent: what was written may or may not be there. Look it up by its idempotency
    /// key, in the next term, whoever's it is. The term is over.
    case outcomeUnknown(Term, PostgresError)
    /// Too many transactions wait for the lock session already.
    case overloaded(waiting: Int)

    public var description: String {
        switch self {
        case .notLeader(let term):
            "not the leader: \(term) is over; nothing was written. The next leader carries on; ask it"
        case .outcomeUnknown(let term, let error):
            "the session of \(term) broke while a commit was under way (\(error)); whether it was written is unknown: "
                + "look it up before repeating it"
        case .overloaded(let waiting):
            "\(waiting) transactions wait for the lock session already; this one was not begun. Commit in larger batches"
        }
    }
}

/// This node may not take part in the election. Thrown by `Leadership.run()`; the node should stop and show it.
public struct ElectionRefused: Error, Sendable, Equatable, CustomStringConvertible {
    /// What stands in the way, and what to do about it.
    public var refusal: Refusal
    /// Which database: host, port, name and user, never the password.
    public var endpoint: String

    public init(refusal: Refusal, endpoint: String) {
        self.refusal = refusal
        self.endpoint = endpoint
    }

    public var description: String { "\(self.refusal.words) (\(self.endpoint)). \(self.refusal.advice)" }
}
