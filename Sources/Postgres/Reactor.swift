internal import CLinux
internal import Glibc
internal import Synchronization

/// One thread that is both the executor of the connections pinned to it and the poller of their sockets.
///
/// Jobs run between two `epoll_wait`s; an eventfd wakes the thread for jobs enqueued from elsewhere. So a connection that is idle notices at once
/// that its socket closed, and a query costs one hop to this thread and one back. It is a serial executor only: a type that was also a task
/// executor lost wakeups.
public final class Reactor: SerialExecutor, @unchecked Sendable {
    // Unchecked because: `jobs` is behind its mutex, handlers and timers are touched by the reactor's own thread only, the rest never changes.
    private struct Jobs {
        var queue: [UnownedJob] = []
        var stopping = false
        /// False once the thread has ended; a job that comes later gets a new one, so that no caller waits for ever.
        var hasThread = true
    }
    /// Why a socket's handler is called.
    enum SocketEvent {
        case ready
        /// The reactor ends, and with it all that lives on it.
        case stopping
    }
    typealias SocketHandler = (SocketEvent) -> Void
    /// What runs when a timer is due. Called on the reactor's thread.
    typealias Handler = () -> Void

    private let jobs = Mutex(Jobs())
    private let name: String
    private let epoll: CInt
    private let wakeup: CInt
    private let threadID = Atomic<UInt>(0)
    private var handlers: [CInt: SocketHandler] = [:]
    private var timers: [Timer] = []
    private var nextTimer: UInt64 = 0

    private struct Timer {
        var id: UInt64
        var due: ContinuousClock.Instant
        var handler: Handler
    }

    /// How many ready sockets one `epoll_wait` reports; the rest come with the next one.
    private static let eventsPerWait = 64

    /// Starts the thread. `name` is what the system's tools show (15 characters).
    public init(name: String) {
        self.name = name
        self.epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        self.wakeup = eventfd(0, CInt(EFD_NONBLOCK) | CInt(EFD_CLOEXEC))
        precondition(self.epoll >= 0 && self.wakeup >= 0, "no file descriptors left for a reactor (errno \(errno)); raise the limit: ulimit -n")
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: self.wakeup))
        epoll_ctl(self.epoll, EPOLL_CTL_ADD, self.wakeup, &event)
        self.startThread()
    }

    deinit {
        close(self.epoll)
        close(self.wakeup)
    }

    private func startThread() {
        let failure = DetachedThread.start { self.run() }
        precondition(failure == 0, "no thread for a reactor (error \(failure)); raise the limit: ulimit -u")
    }

    /// Ends all connections of this reactor (whoever waits for one gets the error `closed`) and then the thread. Idempotent; nothing can be
    /// connected afterwards.
    public func stop() {
        self.jobs.withLock { $0.stopping = true }
        eventfd_write(self.wakeup, 1)
    }

    /// Runs the job on the reactor's thread, soon and in the order of the calls. May be called from any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let (wasEmpty, needsThread) = self.jobs.withLock { state in
            state.queue.append(unowned)
            defer { state.hasThread = true }
            return (state.queue.count == 1, !state.hasThread)
        }
        if needsThread {
            self.startThread()
        } else if wasEmpty, !self.isCurrent {
            eventfd_write(self.wakeup, 1)
        }
    }

    /// This executor, as types that are isolated to it ask for it.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    /// Ends the process when the caller is not on the reactor's thread: what it is about to do would be a data race.
    public func checkIsolated() { precondition(self.isCurrent, "not on the reactor's thread") }
    /// Whether the caller is on the reactor's thread.
    public func isIsolatingCurrentContext() -> Bool? { self.isCurrent }

    private var isCurrent: Bool { UInt(pthread_self()) == self.threadID.load(ordering: .acquiring) }

    /// `handler` runs whenever `descriptor` is readable (and, with `write`, writable) or closed. Replaces an earlier watch of it. Reactor's thread only.
    func watch(_ descriptor: CInt, write: Bool, _ handler: @escaping SocketHandler) {
        self.checkIsolated()
        let events = write ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
        var event = epoll_event(events: events, data: epoll_data_t(fd: descriptor))
        let known = self.handlers.updateValue(handler, forKey: descriptor) != nil
        if epoll_ctl(self.epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) != 0 {
            // The kernel forgets a descriptor that was closed, and a new socket may have its number: the other operation is then the right one.
            epoll_ctl(self.epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event)
        }
    }

    /// Reactor's thread only.
    func unwatch(_ descriptor: CInt) {
        self.checkIsolated()
        if self.handlers.removeValue(forKey: descriptor) != nil { epoll_ctl(self.epoll, EPOLL_CTL_DEL, descriptor, nil) }
    }

    /// `handler` runs once at `due` (continuous time, which counts suspend). Reactor's thread only.
    func schedule(at due: ContinuousClock.Instant, _ handler: @escaping Handler) -> UInt64 {
        self.checkIsolated()
        self.nextTimer += 1
        self.timers.append(Timer(id: self.nextTimer, due: due, handler: handler))
        return self.nextTimer
    }

    /// Reactor's thread only.
    func cancelTimer(_ id: UInt64) {
        self.checkIsolated()
        if let index = self.timers.firstIndex(where: { $0.id == id }) { self.timers.swapAt(index, self.timers.count - 1); self.timers.removeLast() }
    }

    private func run() {
        self.threadID.store(UInt(pthread_self()), ordering: .releasing)
        clinux_name_thread(self.name)
        var events = [epoll_event](repeating: epoll_event(), count: Self.eventsPerWait)
        var batch: [UnownedJob] = []
        while true {
            let stopping = self.jobs.withLock { state in
                swap(&batch, &state.queue)
                return state.stopping
            }
            for job in batch { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
            batch.removeAll(keepingCapacity: true)
            if stopping {
                if self.endEverything() { continue }
                if self.mayEndThread() { return }
                continue
            }
            // Jobs made jobs: look at the sockets in between, but do not sleep. A job that comes from another thread after this look wakes us.
            let busy = self.jobs.withLock { !$0.queue.isEmpty }
            let count = epoll_wait(self.epoll, &events, CInt(events.count), busy ? 0 : self.timeoutMilliseconds())
            for index in 0..<Int(max(count, 0)) {
                let descriptor = events[index].data.fd
                if descriptor == self.wakeup {
                    var value: eventfd_t = 0
                    eventfd_read(descriptor, &value)
                } else {
                    self.handlers[descriptor]?(.ready)
                }
            }
            self.runDueTimers()
        }
    }

    /// Under the lock, so that a job that comes now either keeps this thread or starts the next.
    private func mayEndThread() -> Bool {
        self.jobs.withLock { state in
            guard state.queue.isEmpty else { return false }
            state.hasThread = false
            self.threadID.store(0, ordering: .releasing)
            return true
        }
    }

    /// Tells all sockets and fires all timers (each stands for somebody who waits). True when there were any.
    private func endEverything() -> Bool {
        let (sockets, timers) = (self.handlers, self.timers)
        for descriptor in sockets.keys { self.unwatch(descriptor) }
        self.timers = []
        for handler in sockets.values { handler(.stopping) }
        for timer in timers { timer.handler() }
        return !sockets.isEmpty || !timers.isEmpty
    }

    /// Until the first timer, rounded up; -1 without one.
    private func timeoutMilliseconds() -> CInt {
        guard let first = self.timers.min(by: { $0.due < $1.due }) else { return -1 }
        let (seconds, attoseconds) = (first.due - .now).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return CInt(clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    private func runDueTimers() {
        guard !self.timers.isEmpty else { return }
        let now = ContinuousClock.now
        let due = self.timers.filter { $0.due <= now }
        guard !due.isEmpty else { return }
        self.timers.removeAll { $0.due <= now }
        for timer in due.sorted(by: { $0.due < $1.due }) { timer.handler() }
    }
}
