import Model
import Postgres
import Store

/// What an error that reached the edge of the API is to its caller. SQL text, stacks and the database's own words stay in the node's log.
enum ErrorMapping {
    static func problem(_ error: any Error) -> Problem {
        switch error {
        case let problem as Problem: problem
        case let error as PostgresError: Self.problem(database: error)
        case let conflict as StoreConflict: Self.problem(conflict: conflict)
        case let error as StoreError: Self.problem(store: error)
        case is CancellationError:
            Problem(.overloaded, "The request was given up, most likely because this node is stopping.", next: "Ask another node.").retrying(after: .seconds(1))
        default: Problem(.internal, "This node met an error that it did not expect.")
        }
    }

    private static func problem(database error: PostgresError) -> Problem {
        switch error.code {
        case .poolExhausted:
            return Problem(.overloaded, "All of this node’s database connections are busy.", next: "Try again in a second, or ask another node.")
                .retrying(after: .seconds(1))
        case .connect, .closed, .timeout, .cancelled: return Self.unavailable(error)
        case .decoding, .misuse: return Problem(.internal, "The database answered something that this node did not expect.")
        default:
            // A statement that the database can't carry out now, for a reason that lies with it, not with the statement.
            let state = error.sqlState ?? ""
            let isItsFault = error.isRetryable || ["08", "25", "53", "54", "55", "57", "58", "XX"].contains { state.hasPrefix($0) }
            return isItsFault ? Self.unavailable(error) : Problem(.internal, "The database refused a statement of this node (SQLSTATE \(state)).")
        }
    }

    private static func unavailable(_ error: PostgresError) -> Problem {
        let detail =
            error.transactionOutcomeUnknown
            ? "The connection to the database was lost while it committed: whether the change happened is not known."
            : "This node can’t work with its database now."
        let next =
            error.transactionOutcomeUnknown
            ? "Repeat the request with the same Idempotency-Key: it is carried out at most once." : error.advice
        return Problem(.databaseUnavailable, detail, next: next).retrying(after: .seconds(1))
    }

    private static func problem(conflict: StoreConflict) -> Problem {
        switch conflict {
        case .version(let expected, let current):
            let now = current.map { "\($0.reference) is v\($0.version) by \($0.actor) since \($0.at)" } ?? "it does not exist"
            return Problem(
                .versionConflict, "The change was made from v\(expected), but \(now). Nothing was applied.",
                members: current.map { ["current": ManifestObject.version($0, isActive: true, changes: nil)] } ?? [:])
        case .alreadyEnded: return Problem(.alreadyEnded, "It has ended already.")
        case .inProgress:
            return Problem(.inProgress, "A request with the same key is being carried out at this moment.").retrying(after: .seconds(1))
        }
    }

    private static func problem(store error: StoreError) -> Problem {
        switch error {
        case .notInitialized: Problem(.databaseUnavailable, "The database holds no such cluster.", next: "muster cluster init")
        case .auditDamaged: Problem(.auditDiverged, "The audit log in the database is damaged; nothing was written.")
        default: Problem(.internal, "The database holds something that this node can’t read.")
        }
    }

    /// For the node's log: what happened, without parameters.
    static func summary(_ error: any Error) -> String { String(describing: error) }
}
