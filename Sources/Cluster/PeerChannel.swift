public import Membership

/// How the election speaks to the other nodes. Without it nobody is asked and nobody hears: the database alone decides, which is slower in some
/// cases, and never less safe.
public struct PeerChannel: Sendable {
    /// Sends `body` to the node of that name, or not, without waiting; `request` names it for the answer.
    public var post: @Sendable (_ body: PeerMessage.Body, _ to: String, _ request: UInt64) -> Void
    /// The other nodes of the cluster.
    public var others: @Sendable () -> [String]
    /// Those of them that live, as far as is known, and that a message can reach now.
    public var reachable: @Sendable () -> [String]
    /// Asks the supervisor of that node's process, if it has one, without waiting. What it answers is received like a message of the node.
    public var askSupervisor: @Sendable (_ body: PeerMessage.Body, _ of: String, _ request: UInt64) -> Void

    public init(
        post: @escaping @Sendable (_ body: PeerMessage.Body, _ to: String, _ request: UInt64) -> Void, others: @escaping @Sendable () -> [String],
        reachable: @escaping @Sendable () -> [String],
        askSupervisor: @escaping @Sendable (_ body: PeerMessage.Body, _ of: String, _ request: UInt64) -> Void = { _, _, _ in }
    ) {
        self.post = post
        self.others = others
        self.reachable = reachable
        self.askSupervisor = askSupervisor
    }
}
