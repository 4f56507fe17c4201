import Model

/// A leader's way to a named successor: who was asked to leave the lock's queue, and who has said that it is not in it.
///
/// The lock goes to the first in its queue, so it is given up once nobody but the successor can be there: as soon as every node that was asked has
/// confirmed. A node that was asked stays away for `holdOff`; a drain that lasts longer asks again, so that what was confirmed stays true.
struct Succession: Sendable, Hashable {
    /// For so long the others, and the leader that resigns, let a named successor go first: longer than a node rests that has just resigned, and no
    /// shorter than what an earlier leader may have asked of it, since the successor may be one that rests or stays away.
    static let holdOff = Duration.seconds(1)
    /// Half of it, so that one lost message does not end it.
    static let renewal = Duration.milliseconds(500)
    /// The lock is given up by then, whoever has not confirmed. A confirmation takes two messages and a cancelled statement: milliseconds, a few
    /// hundred on an overloaded machine. A node that needs longer is frozen, cut off or of a version that doesn't confirm, and it is worth no longer
    /// pause in the leader's work: who leads then is less important than that somebody does.
    static let patience = Duration.milliseconds(500)

    let successor: String
    let latest: Instant
    private(set) var nextAsk: Instant
    /// The work has ended; only the confirmations are missing.
    private(set) var isDrained = false
    /// Nil until the shell has said whom it could ask.
    private var asked: Set<String>?
    private var confirmed: Set<String> = []

    init(to successor: String, at now: Instant) {
        self.successor = successor
        self.latest = now + Self.patience
        self.nextAsk = now + Self.renewal
    }

    /// The lock can be given up.
    func isReady(at now: Instant) -> Bool {
        guard self.isDrained else { return false }
        return self.latest <= now || self.asked.map { $0.isSubset(of: self.confirmed) } ?? false
    }

    mutating func drained() { self.isDrained = true }

    mutating func ask(at now: Instant) { self.nextAsk = now + Self.renewal }

    /// A node that is no longer among those asked, since it has died, is not waited for.
    mutating func asked(_ nodes: [String]) { self.asked = Set(nodes) }

    mutating func confirmed(by node: String) {
        // Only nodes that were asked: the set stays as small as the cluster.
        if self.asked?.contains(node) ?? false { self.confirmed.insert(node) }
    }
}

/// Who waits for the news that this node is not in the lock's queue.
struct HoldOffRequest: Sendable, Hashable {
    /// One for each peer, and some to spare. A further one is not answered.
    static let most = 64

    var from: String
    var request: Int
}
