import Synchronization

/// What is still to be flown, for the sessions to take from.
final class FlightQueue: Sendable {
    /// What a worker takes.
    struct Duty: Sendable {
        var quick: Bool
        var slow: Bool
    }
    private struct State {
        var quick: ArraySlice<SQLFlight>
        var slow: ArraySlice<SQLFlight>
        /// Who will still ask for more.
        var workers: Int
        /// Whether each keeps to its duty; no longer, once one has left without a session.
        var isDivided = true
    }
    private let state: Mutex<State>

    init(quick: [SQLFlight], slow: [SQLFlight], workers: Int) {
        self.state = Mutex(State(quick: quick[...], slow: slow[...], workers: workers))
    }

    /// The next flight, and among how many the time that is left is to be shared; nil: there is no more, and whoever
    /// asked has left.
    func next(for duty: Duty) -> (SQLFlight, share: Int)? {
        self.state.withLock { state in
            if duty.quick || !state.isDivided, let flight = state.quick.popFirst() { return (flight, 1) }
            if duty.slow || !state.isDivided, let flight = state.slow.popFirst() { return (flight, state.slow.count + 1) }
            state.workers -= 1
            return nil
        }
    }

    /// Gives a flight back and leaves.
    /// - Returns: whether nobody is left who would take it.
    func leave(returning flight: SQLFlight) -> Bool {
        self.state.withLock { state in
            state.quick.insert(flight, at: state.quick.startIndex)
            state.isDivided = false
            state.workers -= 1
            return state.workers == 0
        }
    }

    func enter() { self.state.withLock { $0.workers += 1 } }

    func takeRest() -> [SQLFlight] {
        self.state.withLock { state in
            defer { (state.quick, state.slow) = ([], []) }
            return Array(state.quick + state.slow)
        }
    }
}
