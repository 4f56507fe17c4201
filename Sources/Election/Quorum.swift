import Model

/// Who promised and who vouches, as a leader in strict mode counts it.
struct Quorum: Sendable, Hashable {
    /// How many others make a majority with this node.
    let needed: Int
    /// From when on this node's own promise holds.
    let ownPromiseAt: Instant
    var nextPing: Instant
    var nextAsk: Instant
    private var promises: Set<String> = []
    private var sentAt: [String: Instant] = [:]
    /// When the request was sent that the last of the newest majority answered.
    private(set) var vouchedAt: Instant?

    init(mode: StrictMode, ownPromiseAt: Instant, at now: Instant) {
        self.needed = mode.othersNeeded
        self.ownPromiseAt = ownPromiseAt
        self.nextPing = now
        self.nextAsk = now
    }

    var hasPromises: Bool { self.promises.count >= self.needed }
    /// From when on a majority's promise holds.
    var promisedAt: Instant { self.hasPromises ? self.ownPromiseAt : Instant(nanoseconds: .max) }

    mutating func promised(_ node: String) { self.promises.insert(node) }

    mutating func vouched(_ node: String, sentAt: Instant) {
        self.sentAt[node] = max(sentAt, self.sentAt[node] ?? sentAt)
        let newest = self.sentAt.values.sorted(by: >)
        self.vouchedAt = newest.count >= self.needed ? newest[self.needed - 1] : nil
    }
}
