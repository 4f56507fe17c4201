/// A bounded number of sessions for many callers.
///
/// Sessions are opened when somebody waits and none comes back within `patience`, up to `size`. A caller gets the session that was used last, so that a
/// quiet pool keeps few warm. Callers that find none wait in order, each until its deadline; the queue is bounded. A session that ended is dropped when it
/// is met, and a new one is opened when somebody waits. While opening fails there is one attempt at a time, with growing, jittered pauses.
///
/// States of a session here: opening → idle ⇄ lent → dropped. Invariants: idle + lent + opening ≤ size; nobody waits while one is idle.
///
/// What it does not do: repeat a statement, or reset what a caller changed in a session (SET, temporary tables): callers leave sessions as they
/// found them. A session that comes back inside a transaction is dropped.
public actor Pool {
    private let configuration: ConnectionConfiguration
    let reactor: Reactor
    /// The thread of its sessions: lending one costs no hop between threads.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { self.reactor.asUnownedSerialExecutor() }
    /// Sessions at most, whoever asks.
    public nonisolated let size: Int
    private let maximumWaiting: Int
    private let patience: Duration

    private var idle: [Connection] = []
    private var lent: [ObjectIdentifier: Connection] = [:]
    private var opening = 0
    private var waiters: [Waiter] = []
    private var nextWaiter: UInt64 = 0
    private var closed = false

    private var backoff: Backoff
    /// Runs while a pause after a failed attempt lasts.
    private var pauseTimer: UInt64?
    /// Why the last attempt failed; nil since the last success.
    private var lastFailure: PostgresError?
    private var openedTotal = 0
    private var failedTotal = 0
    private var expiredTotal = 0

    /// Runs while a session that is lent may come back before another is opened.
    private var patienceTimer: UInt64?

    private struct Waiter {
        var id: UInt64
        var since: ContinuousClock.Instant
        var continuation: CheckedContinuation<Result<Connection, PostgresError>, Never>
        var timer: UInt64
    }

    /// A caller waits so long for a session that is lent before another is opened, which takes longer than most statements. A session that nobody needs is not
    /// free: its end, with all the others of a node that dies, keeps the server busy at the moment at which another node takes over.
    public static let defaultPatience = Duration.milliseconds(5)
    /// For callers that give no deadline: longer than any sound wait, so that nobody waits for ever.
    public static let defaultWait = Duration.seconds(5)
    /// Callers that may wait at a time: more means that most would meet their deadline before their turn.
    public static let defaultMaximumWaiting = 1024

    /// - Parameters:
    ///   - size: sessions at most, at least 1.
    ///   - patience: how long a caller waits for a session that is lent before another is opened for it.
    ///   - seed: of the jitter between attempts to connect.
    public init(
        _ configuration: ConnectionConfiguration, on reactor: Reactor, size: Int, maximumWaiting: Int = Pool.defaultMaximumWaiting,
        patience: Duration = Pool.defaultPatience, seed: UInt64 = .random(in: .min ... .max)
    ) {
        self.configuration = configuration
        self.reactor = reactor
        self.size = max(1, size)
        self.maximumWaiting = maximumWaiting
        self.patience = patience
        self.backoff = Backoff(seed: seed)
    }

    // MARK: - Lending

    /// Lends a session to `body`, which has it alone as far as the pool is concerned.
    /// - Parameter deadline: for getting the session; `defaultWait` when nil.
    /// - Throws: what `body` throws; `PostgresError` when there is no session: why connecting failed, or `poolExhausted`.
    public nonisolated func withConnection<R>(deadline: Duration? = nil, _ body: (Connection) async throws -> R) async throws -> R {
        let connection = try await self.take(wait: deadline)
        do {
            let result = try await body(connection)
            await self.giveBack(connection)
            return result
        } catch {
            await self.giveBack(connection)
            throw error
        }
    }

    func take(wait: Duration?) async throws(PostgresError) -> Connection {
        guard self.waiters.count < self.maximumWaiting else {
            throw PostgresError(.poolExhausted, "\(self.maximumWaiting) callers already wait for one of \(self.size) sessions")
        }
        self.nextWaiter += 1
        let id = self.nextWaiter
        let wait = wait ?? Self.defaultWait
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Connection, PostgresError>, Never>) in
                if Task.isCancelled || self.closed {
                    continuation.resume(returning: .failure(self.closed ? self.closedError : Self.cancelledError))
                    return
                }
                if let connection = self.nextIdle() {
                    self.lent[ObjectIdentifier(connection)] = connection
                    continuation.resume(returning: .success(connection))
                    return
                }
                let timer = self.reactor.schedule(at: .now + wait) { [weak self] in
                    self?.assumeIsolated { $0.expire(id, after: wait) }
                }
                self.waiters.append(Waiter(id: id, since: .now, continuation: continuation, timer: timer))
                self.openIfNeeded()
            }
        } onCancel: {
            // Ends as soon as it has crossed to the pool's thread.
            Task { await self.abandon(id, Self.cancelledError) }
        }
        return try outcome.get()
    }

    func giveBack(_ connection: Connection) {
        guard self.lent.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        let reusable = connection.assumeIsolated { $0.isReusable }
        if self.closed || !reusable {
            connection.assumeIsolated { $0.close() }
        } else if let waiter = self.waiters.first {
            self.waiters.removeFirst()
            self.hand(connection, to: waiter)
        } else {
            self.idle.append(connection)
        }
        self.openIfNeeded()
    }

    private func hand(_ connection: Connection, to waiter: Waiter) {
        self.reactor.cancelTimer(waiter.timer)
        self.lent[ObjectIdentifier(connection)] = connection
        waiter.continuation.resume(returning: .success(connection))
    }

    private func nextIdle() -> Connection? {
        while let connection = self.idle.popLast() {
            if connection.assumeIsolated({ $0.isReusable }) { return connection }
            connection.assumeIsolated { $0.close() }
        }
        return nil
    }

    private func expire(_ id: UInt64, after wait: Duration) {
        self.expiredTotal += 1
        // Why there is no session says more than that there is none.
        self.abandon(id, self.lastFailure ?? PostgresError(.poolExhausted, "none of \(self.size) sessions became free within \(wait)"))
    }

    private func abandon(_ id: UInt64, _ error: PostgresError) {
        guard let index = self.waiters.firstIndex(where: { $0.id == id }) else { return }
        let waiter = self.waiters.remove(at: index)
        self.reactor.cancelTimer(waiter.timer)
        waiter.continuation.resume(returning: .failure(error))
    }

    private func abandonAll(_ error: PostgresError) {
        for waiter in self.waiters { self.abandon(waiter.id, error) }
    }

    private static var cancelledError: PostgresError { PostgresError(.cancelled, "cancelled while waiting for a session") }
    private var closedError: PostgresError { PostgresError(.closed, "the pool of sessions was closed here") }

    // MARK: - Opening

    private func openIfNeeded() {
        let inNeed = self.waitersInNeed()
        while !self.closed, self.pauseTimer == nil, self.opening < inNeed, self.lent.count + self.opening < self.size,
            self.lastFailure == nil || self.opening == 0
        {
            self.opening += 1
            // Owned by nobody: `opening` counts it, it ends within the connect timeout, and the pool lives at least as long.
            Task { await self.open() }
        }
    }

    /// Callers that have waited long enough for a session to come back; while there is none and none is being opened, the first has. The others are looked
    /// at again in time.
    private func waitersInNeed() -> Int {
        let now = ContinuousClock.now
        let isEmpty = self.lent.isEmpty && self.opening == 0
        // In the order of their coming.
        let inNeed = max(self.waiters.prefix { $0.since + self.patience <= now }.count, isEmpty ? min(1, self.waiters.count) : 0)
        if inNeed < self.waiters.count, self.patienceTimer == nil, !self.closed {
            self.patienceTimer = self.reactor.schedule(at: self.waiters[inNeed].since + self.patience) { [weak self] in
                self?.assumeIsolated { pool in
                    pool.patienceTimer = nil
                    pool.openIfNeeded()
                }
            }
        }
        return inNeed
    }

    private func open() async {
        do throws(PostgresError) {
            let connection = try await Connection.connect(self.configuration, on: self.reactor)
            self.opening -= 1
            self.openedTotal += 1
            self.lastFailure = nil
            self.backoff.reset()
            self.lent[ObjectIdentifier(connection)] = connection
            self.giveBack(connection)
        } catch {
            self.opening -= 1
            self.failedTotal += 1
            self.lastFailure = error
            // A wrong password or database stays wrong: nobody gains by waiting.
            if !error.isRetryable { self.abandonAll(error) }
            self.pause()
        }
    }

    private func pause() {
        guard !self.closed, self.pauseTimer == nil else { return }
        self.pauseTimer = self.reactor.schedule(at: .now + self.backoff.next()) { [weak self] in
            self?.assumeIsolated { pool in
                pool.pauseTimer = nil
                pool.openIfNeeded()
            }
        }
    }

    // MARK: - The end, and numbers

    /// Ends idle sessions and everybody's wait; lent sessions end when they come back. Idempotent.
    public func close() {
        self.closed = true
        if let pauseTimer { self.reactor.cancelTimer(pauseTimer) }
        self.pauseTimer = nil
        if let patienceTimer { self.reactor.cancelTimer(patienceTimer) }
        self.patienceTimer = nil
        self.abandonAll(self.closedError)
        for connection in self.idle { connection.assumeIsolated { $0.close() } }
        self.idle = []
    }

    /// A pool in numbers, as they were in one moment.
    public struct Statistics: Sendable, Hashable {
        /// Sessions at most.
        public var size: Int
        /// Sessions that are open, good, and with nobody.
        public var idle: Int
        /// Sessions that callers have.
        public var lent: Int
        /// Attempts to connect that are under way.
        public var opening: Int
        /// Callers that wait for a session.
        public var waiting: Int
        /// Since the start: sessions opened, attempts that failed, waits that met their deadline.
        public var openedTotal: Int
        /// Attempts to connect that came to nothing, since the start.
        public var failedTotal: Int
        /// Callers that waited until their deadline and got none, since the start.
        public var expiredTotal: Int
    }

    /// The numbers of this moment, all of the same one.
    public var statistics: Statistics {
        Statistics(
            size: self.size, idle: self.idle.count { connection in connection.assumeIsolated { $0.isReusable } }, lent: self.lent.count,
            opening: self.opening, waiting: self.waiters.count, openedTotal: self.openedTotal, failedTotal: self.failedTotal,
            expiredTotal: self.expiredTotal)
    }

    /// Why the newest attempt to connect failed; nil when it succeeded.
    public var lastConnectFailure: PostgresError? { self.lastFailure }
}
