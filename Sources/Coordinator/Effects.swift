internal import Synchronization

/// The orders to platforms that one term has under way, and whether it may still begin any.
///
/// A leader that hands over begins nothing more, lets what is under way end, and only then gives up the lock. Questions may be left unanswered: they change nothing.
final class Effects: Sendable {
    private struct State {
        var underWay = 0
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?

        mutating func takeWaiterIfQuiet() -> CheckedContinuation<Void, Never>? {
            guard self.underWay == 0 else { return nil }
            defer { self.waiter = nil }
            return self.waiter
        }
    }
    private let state = Mutex(State())

    /// False when no more may begin; otherwise ``end()`` has to follow.
    func begin() -> Bool {
        self.state.withLock { state in
            if state.isClosed { return false }
            state.underWay += 1
            return true
        }
    }

    func end() {
        let waiter = self.state.withLock { state in
            state.underWay -= 1
            return state.takeWaiterIfQuiet()
        }
        waiter?.resume()
    }

    /// From now on nothing begins.
    func close() { self.state.withLock { $0.isClosed = true } }
    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    /// Returns when nothing is under way, or when the task is cancelled. One caller.
    func ended() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = self.state.withLock { state in
                    if state.underWay == 0 || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}
