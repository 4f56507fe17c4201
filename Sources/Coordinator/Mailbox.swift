internal import Synchronization

/// News for one consumer, which takes all of it at once. Posting never waits.
final class Mailbox<News: Sendable>: Sendable {
    private struct State {
        var news: [News] = []
        var waiter: (id: UInt64, continuation: CheckedContinuation<Void, Never>)?
        var nextID: UInt64 = 0
    }
    private let state = Mutex(State())
    private let sleep: @Sendable (Duration) async throws -> Void

    init(sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }) { self.sleep = sleep }

    func post(_ news: News) {
        let waiter = self.state.withLock { state in
            state.news.append(news)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.continuation.resume()
    }

    /// Everything that was posted, in order. Waits for the first, at most until `timeout` or cancellation; then it may be nothing.
    func take(within timeout: Duration?) async -> [News] {
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        // Owned by this call: cancelled before it returns.
        var timer: Task<Void, Never>?
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isOver = self.state.withLock { state in
                    if !state.news.isEmpty || Task.isCancelled || (timeout.map { $0 <= .zero } ?? false) { return true }
                    state.waiter = (id, continuation)
                    return false
                }
                if isOver { return continuation.resume() }
                // Not sooner: one that ran out before there was anybody to wake would wake nobody, and nothing else may ever come.
                timer = timeout.map { self.wake(id, after: $0) }
            }
        } onCancel: {
            self.wake(id)
        }
        timer?.cancel()
        return self.state.withLock { state in
            defer { state.news.removeAll(keepingCapacity: true) }
            return state.news
        }
    }

    private func wake(_ id: UInt64, after pause: Duration) -> Task<Void, Never> {
        let sleep = self.sleep
        return Task {
            do { try await sleep(pause) } catch { return }
            self.wake(id)
        }
    }

    private func wake(_ id: UInt64) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter, waiter.id == id else { return nil }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }
}
