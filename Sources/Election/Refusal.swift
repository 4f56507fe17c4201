public import Model

/// Why this node may not take part in the election: found by the checks at the start of every session.
public enum Refusal: Error, Sendable, Hashable {
    /// The process that answers is not the one that was connected to: a pooler shares sessions between clients.
    case pooler(announced: Int32, answering: Int32)
    /// A server in recovery grants the same lock a second time, and can't write.
    case standby
    /// A server that only looks like Postgres where session locks matter.
    case unsupportedServer(version: String)
    /// The server may forget a committed epoch in a crash.
    case fsyncOff
    /// The schema or the cluster's row isn't there.
    case notRegistered(detail: String)
    case otherCluster(found: String, expected: String)
    /// The stored lock key is not the one that belongs to the name.
    case otherLockKey(found: Int64, expected: Int64)
    /// The rows were made on another database server than the one that answers.
    case otherServer(found: Int64, expected: Int64)
    /// Two sessions got the same lock at once, or a lock given up stayed taken.
    case lockNotExclusive(detail: String)
    /// The server turned the login away.
    case login(message: String, advice: String?)
    /// The server does not let this role do what leadership needs.
    case notPermitted(message: String)
    case name(objection: String)
    case timing(objection: String)
    case strict(objection: String)
    case dataDirectory(path: String, problem: String)

    /// It may pass by itself once this node has been accepted before: a failover or a rotated password, not a wrong set-up.
    var mayPass: Bool {
        switch self {
        case .standby, .login: true
        default: false
        }
    }

    /// What is wrong, one sentence without a full stop.
    public var words: String {
        switch self {
        case .pooler(let announced, let answering):
            "a pooler stands between this node and Postgres (connected to backend \(announced), backend \(answering) answered)"
        case .standby: "the database server is a standby (in recovery)"
        case .unsupportedServer(let version): "the database server has no session locks of its own: \(version)"
        case .fsyncOff: "the database server runs with fsync=off, so a crash could bring an old epoch back"
        case .notRegistered(let detail): "this database holds no cluster: \(detail)"
        case .otherCluster(let found, let expected):
            "this database belongs to the cluster “\(found)”, not to “\(expected)”"
        case .otherLockKey(let found, let expected):
            "the lock key of this cluster's row is \(found), but its name asks for \(expected)"
        case .otherServer(let found, let expected):
            "this is the database server \(found), but the cluster was made on \(expected)"
        case .lockNotExclusive(let detail): "advisory locks don't lock here: \(detail)"
        case .login(let message, _): "the database turned this node away: \(message)"
        case .notPermitted(let message): "the database role may not do what leadership needs: \(message)"
        case .name(let objection): "the cluster or shard can't have its name: \(objection)"
        case .timing(let objection): "the election's timers don't fit together: \(objection)"
        case .strict(let objection): objection
        case .dataDirectory(let path, let problem): "the data directory \(path) can't be used: \(problem)"
        }
    }

    /// What to do next, whole sentences.
    public var advice: String {
        switch self {
        case .pooler:
            "Point postgres.dsn at Postgres itself; session mode of a pooler does not help. A TCP proxy is fine."
        case .standby:
            "Point postgres.dsn at the primary, or list all hosts with target_session_attrs=read-write."
        case .unsupportedServer: "Use PostgreSQL 14 or newer for the coordination database."
        case .fsyncOff: "Set fsync=on in postgresql.conf and restart the server."
        case .notRegistered: "Run: muster cluster init."
        case .otherCluster: "Correct cluster or postgres.dsn in this node's configuration; each cluster has a database of its own."
        case .otherLockKey: "Restore muster.cluster and muster.leader from a backup; nothing changes the key by itself."
        case .otherServer:
            "If the database was moved or restored on purpose, stop every node and set system_id in muster.leader to the number of "
                + "the new server; if not, correct postgres.dsn."
        case .lockNotExclusive: "Use a PostgreSQL server directly; replacements and proxies that share sessions can't be used."
        case .login(_, let advice): advice ?? "Check user, password and database name in postgres.dsn."
        case .notPermitted: "Grant it, or run the nodes as the role that ran muster cluster init."
        case .name: "Correct cluster in this node's configuration."
        case .timing: "Use a profile (default, fast, wan) or correct the timers."
        case .strict: "Correct strict.members in this node's configuration, or leave it out."
        case .dataDirectory: "Make it writable for the user that runs the node, or name another one."
        }
    }
}

/// Why a term ended.
public enum LossReason: Sendable, Hashable, CustomStringConvertible {
    /// The leader gave up by itself.
    case resigned
    /// The lock session broke or was ended by the server.
    case sessionClosed(String)
    /// The leader row names another epoch or another session.
    case superseded
    /// The database said nothing for so long that holding on makes no sense.
    case silent
    /// This node promised not to act below that token, or heard of a leader with it.
    case fenced(by: FencingToken)
    /// It resigned, since it could not do its work while others could.
    case unfit
    /// It resigned, since its work did not get on.
    case stalled
    /// It resigned, since in strict mode no majority vouched for it.
    case minority

    public var description: String {
        switch self {
        case .resigned: "resigned"
        case .sessionClosed(let why): "the lock session ended: \(why)"
        case .superseded: "the leader row names another epoch or session"
        case .silent: "the database has not answered for too long"
        case .fenced(let token): "a leader with a higher token is known (timeline \(token.timeline), epoch \(token.epoch))"
        case .unfit: "resigned: this node can't reach its targets, others can"
        case .stalled: "resigned: this leader's work did not get on; its log says what it waits for"
        case .minority: "resigned: no majority of the nodes vouches for this leader"
        }
    }
}
