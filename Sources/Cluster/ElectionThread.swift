import Election
import Glibc
import Model
import Postgres
import Synchronization

/// The thread that keeps the election going when every thread of the runtime's shared pool is busy: a starved pool must not
/// lose a lease.
///
/// It wakes sleepers at an instant of the boot clock (the runtime's own sleep ends on the pool), and it is the preferred executor
/// of the driver's tasks: a task that is resumed from a wait goes to its preferred executor first and to its actor from there;
/// without one, it would go to the pool first, also when its actor has a thread of its own.
///
/// Each slot has one sleeper at a time; its wake-up may be moved forward, also by somebody who comes between two sleeps: whoever
/// is about to sleep computed its time before that. After `stop()` nobody sleeps, and the thread ends once it has nothing to run;
/// a job that comes later runs on a thread made for it.
final class ElectionThread: TaskExecutor {
    enum Slot: Int, CaseIterable, Sendable { case machine, watch, fence, supervisor, pulse, parting, settle, withdraw }

    private struct Sleeper {
        var due: Instant
        var continuation: CheckedContinuation<Void, Never>
    }
    private struct State {
        var sleepers: [Slot: Sleeper] = [:]
        /// Where a slot without a sleeper was moved to: holds for its next sleep.
        var moved: [Slot: Instant] = [:]
        var jobs: [UnownedJob] = []
        var stopped = false
        var hasThread = true
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
        precondition(made == 0, "no file descriptors left for the election (errno \(errno)); raise the limit: ulimit -n")
        self.reader = ends[0]
        self.writer = ends[1]
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        self.startThread()
    }

    private func startThread() {
        let failure = DetachedThread.start { self.run() }
        precondition(failure == 0, "no thread for the election (error \(failure)); raise the limit: ulimit -u")
    }

    deinit {
        close(self.reader)
        close(self.writer)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let needsThread = self.state.withLock { state in
            state.jobs.append(unowned)
            defer { state.hasThread = true }
            return !state.hasThread
        }
        if needsThread { self.startThread() } else { self.nudge() }
    }

    /// Returns at `due`, or at the time that the slot was moved to since its last sleep if that is sooner, or at once after `stop()`.
    func sleep(until due: Instant, slot: Slot) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let earlier = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
                if state.stopped { return continuation }
                let due = min(due, state.moved.removeValue(forKey: slot) ?? due)
                let replaced = state.sleepers.updateValue(Sleeper(due: due, continuation: continuation), forKey: slot)
                return replaced?.continuation
            }
            earlier?.resume()
            self.nudge()
        }
    }

    /// The slot's sleeper, or the next one, wakes at `due` if that is sooner.
    func move(_ slot: Slot, to due: Instant) {
        let moved = self.state.withLock { state -> Bool in
            guard let sleeper = state.sleepers[slot] else {
                state.moved[slot] = due
                return false
            }
            guard due < sleeper.due else { return false }
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
            let (due, jobs, next, ends) = self.state.withLock { state in
                let due = state.sleepers.filter { $0.value.due <= now }
                for slot in due.keys { state.sleepers[slot] = nil }
                defer { state.jobs = [] }
                // Under the lock, so that a job that comes now either keeps this thread or starts the next.
                let ends = state.stopped && due.isEmpty && state.jobs.isEmpty
                if ends { state.hasThread = false }
                return (due.values.map(\.continuation), state.jobs, state.sleepers.values.map(\.due).min(), ends)
            }
            if ends { return }
            for continuation in due { continuation.resume() }
            for job in jobs { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
            if due.isEmpty, jobs.isEmpty { self.wait(next.map { $0 - now } ?? Self.longestWait) }
        }
    }

    /// Until something is asked of this thread, or for so long.
    private func wait(_ duration: Duration) {
        // Rounded up: waking before the time would only mean waking again.
        let milliseconds = (min(max(duration, .zero), Self.longestWait) + .nanoseconds(999_999)).milliseconds
        var nudged = pollfd(fd: self.reader, events: Int16(POLLIN), revents: 0)
        if poll(&nudged, 1, CInt(milliseconds)) > 0 { self.drain() }
    }

    private func drain() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(self.reader, &bytes, bytes.count) > 0 {}
    }
}
