import Membership

/// What other threads leave for the mesh: posts in order, up to a limit; of members and facts only the newest counts.
///
/// States: shut (the mesh has not started; things wait) → open → closed. Invariant: whoever finds it open and empty wakes the mesh, and nobody else.
struct Mailbox: Sendable {
    struct Post: Sendable {
        var to: String
        var body: PeerMessage.Body
        var requestID: UInt64
    }
    struct Content: Sendable {
        var members: [Member]?
        var facts: NodeFacts?
        var posts: [Post] = []
        /// Posts that found no room since the last time.
        var dropped: UInt64 = 0
    }
    enum Phase: Sendable { case shut, open, closed }

    private(set) var phase = Phase.shut
    private var content = Content()
    private var woken = false

    /// Whether there was room.
    mutating func add(_ post: Post) -> Bool {
        guard self.phase != .closed, self.content.posts.count < PeerLimits.mailbox else {
            self.content.dropped += 1
            return false
        }
        self.content.posts.append(post)
        return true
    }

    mutating func replace(members: [Member]) { if self.phase != .closed { self.content.members = members } }
    mutating func replace(facts: NodeFacts) { if self.phase != .closed { self.content.facts = facts } }

    /// Whether the mesh has to be woken now.
    mutating func wakes() -> Bool {
        guard self.phase == .open, !self.woken else { return false }
        self.woken = true
        return true
    }

    mutating func take() -> Content {
        self.woken = false
        defer { self.content = Content() }
        return self.content
    }

    mutating func open() { self.phase = .open }
    mutating func close() {
        self.phase = .closed
        self.content = Content()
    }
}
