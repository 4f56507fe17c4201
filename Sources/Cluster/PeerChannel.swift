public import Membership

/// How the election speaks to the other nodes. Without it nobody is asked and nobody hears: the database alone decides, which is slower in some
/// cases, and never less safe.
public struct PeerChannel: Sendable {
    /// Sends `body` to the node of that name, or not, without waiting; `request` names it for the answer.
    public var post: @Sendable (_ body: PeerMessage.Body, _ to: String, _ request: UInt64) -> Void
    /// The other nodes of the cluster.
    public var others: @Sendable () -> [String]

    public init(
        post: @escaping @Sendable (_ body: PeerMessage.Body, _ to: String, _ request: UInt64) -> Void, others: @escaping @Sendable () -> [String]
    ) {
        self.post = post
        self.others = others
    }
}
