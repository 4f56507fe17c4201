internal import Synchronization

/// Calls that can only block (name resolution, libpq's cancel request), each on a short-lived thread of its own.
enum BlockingCall {
    /// Threads at a time: more would mean that something has hung for long, and then waiting is the right answer.
    static let maximumThreads = 32
    private static let running = Atomic<Int>(0)

    /// Runs `work` on a thread; nil when too many already run, when there is none to be had, or when `timeout` passes first (the thread then ends by itself,
    /// its result dropped).
    static func run<R: Sendable>(timeout: Duration, on reactor: Reactor, _ work: @escaping @Sendable () -> R) async -> R? {
        guard Self.running.wrappingAdd(1, ordering: .relaxed).newValue <= Self.maximumThreads else {
            Self.running.wrappingSubtract(1, ordering: .relaxed)
            return nil
        }
        return await withCheckedContinuation { (continuation: CheckedContinuation<R?, Never>) in
            let once = Once(continuation)
            let failure = DetachedThread.start {
                let result = work()
                Self.running.wrappingSubtract(1, ordering: .relaxed)
                once.resume(result)
            }
            guard failure == 0 else {
                Self.running.wrappingSubtract(1, ordering: .relaxed)
                return once.resume(nil)
            }
            ReactorTimer.schedule(on: reactor, after: timeout) { once.resume(nil) }
        }
    }

    /// Resumes its continuation with the first value only.
    private final class Once<R: Sendable>: Sendable {
        private let continuation: Mutex<CheckedContinuation<R?, Never>?>
        init(_ continuation: CheckedContinuation<R?, Never>) { self.continuation = Mutex(continuation) }
        func resume(_ value: R?) {
            let waiting = self.continuation.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            waiting?.resume(returning: value)
        }
    }
}

/// Timers of a reactor for callers on other threads.
enum ReactorTimer {
    /// An actor that lives on the reactor: the way onto its thread.
    private actor Gate {
        private let reactor: Reactor
        nonisolated var unownedExecutor: UnownedSerialExecutor { self.reactor.asUnownedSerialExecutor() }
        init(_ reactor: Reactor) { self.reactor = reactor }
        func schedule(at due: ContinuousClock.Instant, _ handler: @escaping @Sendable () -> Void) { _ = self.reactor.schedule(at: due, handler) }
    }

    static func schedule(on reactor: Reactor, after delay: Duration, _ handler: @escaping @Sendable () -> Void) {
        let due = ContinuousClock.now + delay
        // Owned by nobody on purpose: it only crosses to the reactor's thread and ends there.
        Task { await Gate(reactor).schedule(at: due, handler) }
    }
}
