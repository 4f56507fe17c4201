import Model
import Synchronization

/// The answers to a call's requests as they come in, until all are there or it is too late for more. Each is handed on once.
final class CollectedAnswers: Sendable {
    private struct State {
        var answers: [ReadingAnswer?]
        var open: Int
        var isClosed = false
        var isAwaited = true
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state: Mutex<State>
    private let deliver: @Sendable ([(position: Int, answer: ReadingAnswer)]) -> Void

    init(count: Int, deliver: @escaping @Sendable ([(position: Int, answer: ReadingAnswer)]) -> Void) {
        self.state = Mutex(State(answers: Array(repeating: nil, count: count), open: count))
        self.deliver = deliver
    }

    /// Takes answers; those that come twice or too late are dropped.
    func give(_ answers: [(position: Int, answer: ReadingAnswer)]) {
        let isLast = self.state.withLock { state in
            guard !state.isClosed else { return false }
            let fresh = answers.filter { state.answers[$0.position] == nil }
            for (position, answer) in fresh { state.answers[position] = answer }
            state.open -= fresh.count
            // Inside the lock, so that nothing is handed on after the end.
            if !fresh.isEmpty { self.deliver(fresh) }
            return state.open == 0
        }
        if isLast { self.wake() }
    }

    /// For one caller: returns when all answers came, at `deadline`, or when it is cancelled.
    func allCame(before deadline: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Ends early when it is no longer needed, or the caller no longer waits: then nobody waits any more
                // either.
                try? await Task.sleep(until: deadline, clock: .continuous)
                self.wake()
            }
            await withCheckedContinuation { continuation in
                let waits = self.state.withLock { state in
                    guard state.isAwaited else { return false }
                    state.waiter = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
            group.cancelAll()
        }
    }

    /// Ends the collection. What did not come is `late`.
    func close(filling late: ReadingAnswer) -> [ReadingAnswer] {
        self.state.withLock { state in
            state.isClosed = true
            let rest = state.answers.indices.filter { state.answers[$0] == nil }
            if !rest.isEmpty { self.deliver(rest.map { ($0, late) }) }
            return state.answers.map { $0 ?? late }
        }
    }

    private func wake() {
        let waiter = self.state.withLock { state in
            state.isAwaited = false
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
