import Postgres

/// One at a time, in order, a bounded number waiting.
///
/// Transactions queue here and not on the connection: at most one of them stands before a beat.
struct TurnQueue {
    /// More callers than this wait for longer than a lease lasts.
    static let maximumWaiting = 64

    private(set) var taken = false
    private var waiting: [(id: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    private var nextID = 0

    var isFull: Bool { self.waiting.count >= Self.maximumWaiting }
    var waitingCount: Int { self.waiting.count }

    /// True when the turn was free and is the caller's now.
    mutating func takeIfFree() -> Bool {
        if self.taken { return false }
        self.taken = true
        return true
    }

    mutating func makeID() -> Int {
        self.nextID += 1
        return self.nextID
    }

    /// The continuation gets true when the turn is its own, false when it was abandoned.
    mutating func append(_ id: Int, _ continuation: CheckedContinuation<Bool, Never>) { self.waiting.append((id, continuation)) }

    mutating func abandon(_ id: Int) {
        guard let index = self.waiting.firstIndex(where: { $0.id == id }) else { return }
        self.waiting.remove(at: index).continuation.resume(returning: false)
    }

    /// Passes the turn on, or frees it.
    mutating func release() {
        if self.waiting.isEmpty { self.taken = false } else { self.waiting.removeFirst().continuation.resume(returning: true) }
    }
}
