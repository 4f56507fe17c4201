public import Election

/// What a coordinator is told of this node's leadership, in order.
public enum LeadershipEvent: Sendable, Hashable {
    /// This node is not the leader and waits for the lock; again whenever its holder changes. Nil: nobody holds it.
    case waiting(LockHolder?)
    /// The leader is handing over, or nothing is heard of it any more: this node may be elected in a moment, or not at all.
    case mayBeElected
    /// This node is the leader: it may commit decisions, but must not act on the world yet.
    case elected(Term)
    /// No earlier leader can act any more: from now on this one may (each act asks `mayAct` first).
    case gateOpened(Term)
    /// The database, or in strict mode a majority of the nodes, has not answered for a lease: no acts, but the term goes on and nobody else can have the lock.
    case suspended(Term)
    /// They answer again, in the same term.
    case resumed(Term)
    /// Asked to hand over: finish what is in flight, start nothing, then call `Leadership.drained(_:)`.
    case resigning(Term)
    /// The term is over. Comes before anything else is tried: cancel everything that belongs to it.
    case lost(Term, LossReason)
}

/// The session that holds the lock, as another session sees it.
public struct LockHolder: Sendable, Hashable, CustomStringConvertible {
    /// The leader's node; nil when the holder isn't the session that the leader row names, which is a stranger's (or the
    /// row is about to be written).
    public var node: String?
    /// The backend's process, on the server.
    public var backendPID: Int32
    /// Nil when this role may not see it.
    public var role: String?
    /// What it calls itself; nil when this role may not see it.
    public var applicationName: String?

    public init(node: String?, backendPID: Int32, role: String?, applicationName: String?) {
        self.node = node
        self.backendPID = backendPID
        self.role = role
        self.applicationName = applicationName
    }

    public var description: String {
        let who = self.node ?? "not a known leader (role \(self.role ?? "unknown"), \(self.applicationName ?? "unknown program"))"
        return "\(who), backend \(self.backendPID)"
    }
}
