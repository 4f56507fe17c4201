import Election
import Glibc
import Model
import Synchronization

/// Wakes sleepers at an instant of the boot clock, from a thread of its own: the runtime's own sleep needs a free thread of the
/// shared pool, and a starved pool must not lose a lease.
///
/// Each slot has one sleeper at a time; its wake-up may be moved forward while it sleeps. After `stop()` nobody sleeps.
final class Alarm: Sendable {
    enum Slot: Int, CaseIterable, Sendable { case machine, watch }

    private struct Sleeper {
        var due: Instant
        var continuation: CheckedContinuation<Void, Never>
    }
    private struct State {
        var sleepers: [Slot: Sleeper] = [:]
        var stopped = false
    }

    private let state = Mutex(State())
    /// A pipe: a byte in it makes the thread look again.
    private let reader: CInt
    private let writer: CInt

    /// The thread looks at the clock this often at least. Waiting is counted by a clock that stands while the machine is suspended.
    private static let longestWait = Duration.seconds(1)

    init() {
        var ends: [CInt] = [-1, -1]
        let made = pipe(&ends)
        precondition(made == 0, "no file descriptors left for a timer (errno \(errno)); raise the limit: ulimit -n")
        self.reader = ends[0]
        self.writer = ends[1]
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self)
        let failure = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Alarm>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        precondition(failure == 0, "no thread for a timer (error \(failure)); raise the limit: ulimit -u")
        pthread_detach(thread)
    }

    deinit {
        close(self.reader)
        close(self.writer)
    }

    /// Returns at `due`, or when the slot is moved before it, or at once after `stop()`.
    func sleep(until due: Instant, slot: Slot) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let earlier = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
                if state.stopped { return continuation }
                let replaced = state.sleepers.updateValue(Sleeper(due: due, continuation: continuation), forKey: slot)
                return replaced?.continuation
            }
            earlier?.resume()
            self.nudge()
        }
    }

    /// The slot's sleeper, if there is one, wakes at `due` if that is sooner.
    func move(_ slot: Slot, to due: Instant) {
        let moved = self.state.withLock { state -> Bool in
            guard let sleeper = state.sleepers[slot], due < sleeper.due else { return false }
            state.sleepers[slot]?.due = due
            return true
        }
        if moved { self.nudge() }
    }

    func stop() {
        let sleepers = self.state.withLock { state in
            state.stopped = true
            defer { state.sleepers = [:] }
            return state.sleepers
        }
        for sleeper in sleepers.values { sleeper.continuation.resume() }
        self.nudge()
    }

    private func nudge() {
        var byte: UInt8 = 1
        // A full pipe holds enough nudges already.
        _ = write(self.writer, &byte, 1)
    }

    private func run() {
        while true {
            let now = BootClock.now()
            let (due, next, stopped) = self.state.withLock { state in
                let due = state.sleepers.filter { $0.value.due <= now }
                for slot in due.keys { state.sleepers[slot] = nil }
                return (due.values.map(\.continuation), state.sleepers.values.map(\.due).min(), state.stopped)
            }
            for continuation in due { continuation.resume() }
            if stopped { return }
            let wait = min(next.map { $0 - now } ?? Self.longestWait, Self.longestWait)
            // Rounded up: waking before the time would only mean waking again.
            let milliseconds = (max(wait, .zero) + .nanoseconds(999_999)).milliseconds
            var nudged = pollfd(fd: self.reader, events: Int16(POLLIN), revents: 0)
            if poll(&nudged, 1, CInt(milliseconds)) > 0 { self.drain() }
        }
    }

    private func drain() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(self.reader, &bytes, bytes.count) > 0 {}
    }
}
