import Election
import Model
import Postgres

/// What the lock session and the watch session ask of the server for themselves.
///
/// Sent one by one after connecting instead of with the start-up packet: a server (or a proxy) that refuses one must not
/// refuse the session, and the operator is told which protection is missing.
struct SessionSetting: Sendable {
    var name: String
    var value: String
    /// What is worse without it, in words; nil for a setting that some servers simply don't have.
    var without: String?

    static func lockSession(_ timing: Timing) -> [SessionSetting] {
        let idle = String(timing.idle.milliseconds)
        return Self.shared + [
            // The server-side lease: a frozen or cut-off leader's session ends.
            SessionSetting(
                name: "idle_session_timeout", value: idle,
                without: "a frozen leader keeps the lock until its connection breaks or a peer ends it"),
            SessionSetting(
                name: "idle_in_transaction_session_timeout", value: idle,
                without: "a leader frozen in a transaction keeps the lock until its connection breaks"),
            // A waiter that is gone must not be granted the lock before those that live.
            SessionSetting(
                name: "client_connection_check_interval", value: "500",
                without: "a waiter that vanished may be granted the lock first, for \(timing.idle.text)"),
            SessionSetting(
                name: "synchronous_commit", value: "on", without: "a crash of the server may forget the newest epoch"),
            // All of a leader's statements find their rows by key: one plan fits all values, and is made before it is needed.
            SessionSetting(name: "plan_cache_mode", value: "force_generic_plan", without: nil),
            // The wait is bounded by lock_timeout; a role's own statement_timeout would end it as an error.
            SessionSetting(name: "statement_timeout", value: "0", without: "waiting for the lock may be cut short"),
        ]
    }

    static func watchSession() -> [SessionSetting] {
        Self.shared + [
            SessionSetting(name: "statement_timeout", value: "2000", without: nil),
            SessionSetting(name: "idle_session_timeout", value: "0", without: nil),
        ]
    }

    private static let shared = [
        // A half-open connection is noticed in three seconds on either side.
        SessionSetting(name: "tcp_keepalives_idle", value: "1", without: "a cut connection is noticed late"),
        SessionSetting(name: "tcp_keepalives_interval", value: "1", without: "a cut connection is noticed late"),
        SessionSetting(name: "tcp_keepalives_count", value: "2", without: "a cut connection is noticed late"),
        SessionSetting(name: "tcp_user_timeout", value: "2000", without: "a cut connection is noticed late"),
        // With an older snapshot the campaign would see the leader row as it was before the wait.
        SessionSetting(
            name: "default_transaction_isolation", value: "read committed", without: "the fence may fail instead of waiting"),
        SessionSetting(name: "default_transaction_read_only", value: "off", without: nil),
        SessionSetting(name: "client_min_messages", value: "warning", without: nil),
        // Since PostgreSQL 17; a role's own would end the session.
        SessionSetting(name: "transaction_timeout", value: "0", without: nil),
    ]

    var statement: Statement { Statement("SELECT set_config($1, $2, false)", [.text(self.name), .text(self.value)]) }

    /// Applies all that the server takes; returns the names of those it refused, and for the operator what that means.
    static func apply(
        _ settings: [SessionSetting], to connection: Postgres.Connection
    ) async throws(PostgresError) -> (refused: Set<String>, degraded: [String]) {
        let outcomes = await connection.pipelineEach(settings.map(\.statement))
        var refused: Set<String> = []
        var degraded: [String] = []
        for (setting, outcome) in zip(settings, outcomes) {
            guard case .failure(let error) = outcome else { continue }
            guard error.code == .server else { throw error }
            refused.insert(setting.name)
            if let without = setting.without {
                degraded.append("the server refuses \(setting.name) = \(setting.value) (\(error.message)): \(without)")
            }
        }
        return (refused, degraded)
    }
}
