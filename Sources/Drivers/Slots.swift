import Synchronization

/// A bound on how much runs at once. Waiters are served first come, first served; one that is cancelled or whose time
/// is up leaves the queue.
final class Slots: Sendable {
    private struct State {
        var free: Int
        var waiting: [(id: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
        /// Waiters that gave up before they were in the queue.
        var abandoned: Set<UInt64> = []
        var nextID: UInt64 = 0
    }
    private let state: Mutex<State>

    init(_ count: Int) {
        self.state = Mutex(State(free: max(1, count)))
    }

    /// Takes a slot, or waits for one.
    /// - Returns: false when `deadline` passed or the task was cancelled first; then there is nothing to release.
    func acquire(before deadline: ContinuousClock.Instant) async -> Bool {
        let id: UInt64? = self.state.withLock { state in
            if state.free > 0, state.waiting.isEmpty {
                state.free -= 1
                return nil
            }
            state.nextID += 1
            return state.nextID
        }
        guard let id else { return true }
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Ends early when this task or the caller's is cancelled: by then the waiter was served, or should give
                // up.
                try? await Task.sleep(until: deadline, clock: .continuous)
                self.giveUp(id)
            }
            let granted = await withCheckedContinuation { continuation in self.enqueue(id, continuation) }
            group.cancelAll()
            await group.waitForAll()
            self.state.withLock { _ = $0.abandoned.remove(id) }
            return granted
        }
    }

    /// Gives a slot back, to the one who waits longest.
    func release() {
        let next: CheckedContinuation<Bool, Never>? = self.state.withLock { state in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: true)
    }

    private func enqueue(_ id: UInt64, _ continuation: CheckedContinuation<Bool, Never>) {
        let answer: Bool? = self.state.withLock { state in
            if state.abandoned.contains(id) { return false }
            if state.free > 0, state.waiting.isEmpty {
                state.free -= 1
                return true
            }
            state.waiting.append((id, continuation))
            return nil
        }
        if let answer { continuation.resume(returning: answer) }
    }

    private func giveUp(_ id: UInt64) {
        let waiter: CheckedContinuation<Bool, Never>? = self.state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
                state.abandoned.insert(id)
                return nil
            }
            return state.waiting.remove(at: index).continuation
        }
        waiter?.resume(returning: false)
    }
}
