internal import CLibPQ
internal import Glibc

/// One session with a server, on libpq without blocking, isolated to a ``Reactor``'s thread.
///
/// One operation at a time; further callers wait in order. States: open → (one operation or none) → closed. A session that closes, while idle as
/// well, is noticed at once: ``untilClosed()`` returns and every waiting caller gets the reason. Nothing is repeated on a new session: that is the
/// pool's or the caller's choice.
///
/// Every `await` may let others in, also one of an own method: the runtime hops anew for a task that prefers an executor. So whatever is looked
/// at before a wait is looked at again in the continuation's closure, which registers the waiter without a gap.
public actor Connection {
    nonisolated let reactor: Reactor
    /// The reactor's thread: where the session's socket is watched.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { self.reactor.asUnownedSerialExecutor() }
    /// `host:port/dbname`, for messages.
    public nonisolated let endpoint: String
    let maximumResultBytes: Int

    var handle: Handle
    /// Why the session is over; nil while it is open.
    var ended: PostgresError?
    /// The socket that the reactor watches. Remembered, because libpq closes its socket itself on failure and then no longer tells its number.
    private var watched: CInt = -1
    /// What waits for the socket to be ready.
    private var waiter: CheckedContinuation<Void, Never>?
    /// The socket was ready while nobody waited: the next wait is over at once.
    private var woken = false
    /// What the server said last without being asked; a FATAL here is why the session ends.
    private let notices: NoticeSink

    /// Who holds the session, and who waits for it.
    var holder: UInt64?
    private var nextOperation: UInt64 = 0
    private var queue: [(id: UInt64, continuation: CheckedContinuation<PostgresError?, Never>)] = []
    /// The running operation was asked to stop, and why.
    var interruption: PostgresError.Code?
    /// The cancel request under way, and the time after which the session is given up.
    var cancelling: Task<Void, Never>?
    var graceTimer: UInt64?
    var cancelTimer: UInt64?
    var transactionState = TransactionState.none
    /// Statements of the transaction that run while nobody waits for them.
    var started: Task<Result<Void, PostgresError>, Never>?

    var statements = StatementCache()
    private var listeners: [String: [UInt64: AsyncStream<Notification>.Continuation]] = [:]
    private var closureWatchers: [UInt64: CheckedContinuation<PostgresError?, Never>] = [:]
    /// Of listeners and of those who wait for the end.
    private var nextWatcher: UInt64 = 0

    /// Callers that wait for one session: more means that nobody gets an answer in time.
    public static let maximumWaiting = 1024

    /// Opens a session. Names are resolved off the reactor; all hosts of the connection string are tried within its timeout.
    public static func connect(_ configuration: ConnectionConfiguration, on reactor: Reactor) async throws(PostgresError) -> Connection {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        let parameters = try await ConnectionParameters.resolve(configuration, on: reactor)
        let connection = try await Connection(parameters, maximumResultBytes: configuration.maximumResultBytes, on: reactor)
        try await connection.open(deadline: deadline, timeout: configuration.connectTimeout)
        return connection
    }

    private init(_ parameters: ConnectionParameters, maximumResultBytes: Int, on reactor: Reactor) async throws(PostgresError) {
        let names = parameters.keywords.map { strdup($0.name) } + [nil]
        let values = parameters.keywords.map { strdup($0.value) } + [nil]
        defer { for pointer in names + values { free(pointer) } }
        let raw = names.map { UnsafePointer($0) }.withUnsafeBufferPointer { names in
            values.map { UnsafePointer($0) }.withUnsafeBufferPointer { values in
                PQconnectStartParams(names.baseAddress, values.baseAddress, 0)
            }
        }
        guard let raw else { throw PostgresError(.connect, "out of memory", endpoint: parameters.endpoint) }
        self.reactor = reactor
        self.endpoint = parameters.endpoint
        self.maximumResultBytes = maximumResultBytes
        self.handle = Handle(adopting: raw)
        self.notices = NoticeSink()
        self.notices.attach(to: raw)
    }

    private func open(deadline: ContinuousClock.Instant, timeout: Duration) async throws(PostgresError) {
        let timer = self.reactor.schedule(at: deadline) { [weak self] in
            self?.assumeIsolated { $0.end(PostgresError(.connect, "no session within \(timeout)", endpoint: $0.endpoint)) }
        }
        defer { self.reactor.cancelTimer(timer) }
        let failure = await withTaskCancellationHandler { () async -> PostgresError? in
            do throws(PostgresError) {
                try await self.negotiate()
                return nil
            } catch {
                return error
            }
        } onCancel: {
            // Ends as soon as it has crossed to the connection's thread.
            Task { await self.end(PostgresError(.cancelled, "connecting was cancelled", endpoint: self.endpoint)) }
        }
        if let failure {
            self.end(failure)
            throw failure
        }
    }

    private func negotiate() async throws(PostgresError) {
        var status = PGRES_POLLING_WRITING  // as if PQconnectPoll had just said so
        if self.handle.raw.map(PQstatus) == CONNECTION_BAD { status = PGRES_POLLING_FAILED }
        while true {
            if let ended { throw ended }
            switch status {
            case PGRES_POLLING_OK:
                try await self.becomeReady()
                return
            case PGRES_POLLING_READING, PGRES_POLLING_WRITING:
                guard let raw = self.handle.raw else { continue }
                // The socket may be another one after each poll (next host, next address).
                let socket = PQsocket(raw)
                self.stopWatching()
                await self.ready(socket: socket, write: status == PGRES_POLLING_WRITING)
                self.stopWatching()
                if let raw = self.handle.raw { status = PQconnectPoll(raw) }
            default:
                let state = self.notices.fatal?.sqlState ?? Self.sqlState(in: self.handle.lastMessage)
                throw PostgresError(.connect, self.handle.lastMessage, sqlState: state, endpoint: self.endpoint)
            }
        }
    }

    /// libpq tells a refused start-up in words only; the words are the server's, in the C locale or not, so only the well-known are recognised.
    private static func sqlState(in message: String) -> String? {
        if message.contains("password authentication failed") || message.contains("no password supplied") { return "28P01" }
        if message.contains("no pg_hba.conf entry") || (message.contains("role \"") && message.contains("does not exist")) { return "28000" }
        if message.contains("database \"") && message.contains("does not exist") { return "3D000" }
        if message.contains("starting up") || message.contains("shutting down") || message.contains("recovery mode") { return "57P03" }
        // Of the server, of a role or a database, of all but superusers.
        if ["too many clients", "too many connections for", "remaining connection slots"].contains(where: message.contains) { return "53300" }
        if message.contains("read-only") { return "25006" }
        return nil
    }

    private func becomeReady() async throws(PostgresError) {
        guard let raw = self.handle.raw else { throw self.closedError }
        PQsetnonblocking(raw, 1)
        self.watchSocket(write: false)
        // Times are read and written as UTC in ISO form whatever the server's defaults are.
        _ = try await self.simple("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET bytea_output = 'hex'; SET IntervalStyle = 'postgres'")
    }

    // MARK: - Facts

    /// The server process behind this session, as the server told it at start-up.
    public var backendPID: Int32 { self.handle.raw.map { PQbackendPID($0) } ?? 0 }
    /// For example 150018 for 15.18.
    public var serverVersion: Int { self.handle.raw.map { Int(PQserverVersion($0)) } ?? 0 }
    /// A parameter that the server reports by itself, such as `in_hot_standby`.
    public func parameterStatus(_ name: String) -> String? {
        guard let raw = self.handle.raw else { return nil }
        return PQparameterStatus(raw, name).map { String(cString: $0) }
    }
    /// Whether the session has ended, by us or by the server; why is told by whatever is called next.
    public var isClosed: Bool { self.ended != nil }

    /// Runs `body` on the connection's own thread, without a hop for each call inside.
    public func withIsolation<R: Sendable>(_ body: @Sendable (isolated Connection) async throws -> R) async rethrows -> R {
        try await body(self)
    }

    // MARK: - The socket

    private func watchSocket(write: Bool) {
        guard let raw = self.handle.raw else { return }
        self.watched = PQsocket(raw)
        guard self.watched >= 0 else { return }
        self.reactor.watch(self.watched, write: write) { [weak self] event in
            self?.assumeIsolated { connection in
                if event == .stopping { connection.end(connection.stoppedError) } else { connection.socketReady() }
            }
        }
    }

    private func stopWatching() {
        if self.watched >= 0 { self.reactor.unwatch(self.watched) }
        self.watched = -1
    }

    private func ready(socket: CInt, write: Bool) async {
        await withCheckedContinuation { continuation in
            guard self.ended == nil else {
                continuation.resume()
                return
            }
            self.waiter = continuation
            self.watched = socket
            self.reactor.watch(socket, write: write) { [weak self] event in
                self?.assumeIsolated { connection in
                    if event == .stopping { connection.end(connection.stoppedError) }
                    connection.stopWatching()
                    connection.wake()
                }
            }
        }
    }

    private func wake() {
        guard let waiter else {
            self.woken = true
            return
        }
        self.waiter = nil
        waiter.resume()
    }

    private func socketReady() {
        guard let raw = self.handle.raw else { return }
        if PQconsumeInput(raw) == 0 {
            let cause = self.notices.fatal
            self.end(
                PostgresError(
                    .closed, cause?.message ?? self.handle.lastMessage, sqlState: cause?.sqlState, detail: cause?.detail, endpoint: self.endpoint))
            return
        }
        self.deliverNotifications(raw)
        self.wake()
    }

    private func deliverNotifications(_ raw: OpaquePointer) {
        while let note = PQnotifies(raw) {
            let notification = Notification(
                channel: String(cString: note.pointee.relname), payload: String(cString: note.pointee.extra), pid: note.pointee.be_pid)
            PQfreemem(note)
            for listener in (self.listeners[notification.channel] ?? [:]).values { listener.yield(notification) }
        }
    }

    /// Waits until the socket has something, or the session ended; may return early. Only the holder of the session waits.
    func awaitSocket() async {
        await withCheckedContinuation { continuation in
            if self.woken || self.ended != nil {
                self.woken = false
                continuation.resume()
            } else {
                self.waiter = continuation
            }
        }
    }

    /// Sends everything that libpq has buffered, reading meanwhile so that neither side blocks the other.
    func flush() async throws(PostgresError) {
        while true {
            guard let raw = self.handle.raw else { throw self.closedError }
            switch PQflush(raw) {
            case 0: return
            case 1:
                self.watchSocket(write: true)
                await self.awaitSocket()
                if self.ended == nil { self.watchSocket(write: false) }
            default:
                let error = PostgresError(.closed, self.handle.lastMessage, endpoint: self.endpoint)
                self.end(error)
                throw error
            }
        }
    }

    // MARK: - The end

    private var stoppedError: PostgresError {
        PostgresError(.closed, "the session's reactor was stopped here", endpoint: self.endpoint)
    }

    var closedError: PostgresError { self.ended ?? PostgresError(.closed, "the session is closed", endpoint: self.endpoint) }

    /// Ends the session: closes the socket and tells everybody who waits. The first reason stays.
    func end(_ reason: PostgresError) {
        guard self.ended == nil else { return }
        self.ended = reason
        self.stopWatching()
        self.handle.finish()
        self.wake()
        let waiting = self.queue
        self.queue = []
        for entry in waiting { entry.continuation.resume(returning: reason) }
        let streams = self.listeners.values.flatMap(\.values)
        self.listeners = [:]
        for stream in streams { stream.finish() }
        let watchers = self.closureWatchers
        self.closureWatchers = [:]
        for watcher in watchers.values { watcher.resume(returning: reason) }
    }

    /// Ends the session in order. Idempotent.
    public func close() {
        self.end(PostgresError(.closed, "the session was closed here", endpoint: self.endpoint))
    }

    /// Returns when the session is over, with the reason; nil when the waiting task was cancelled.
    public func untilClosed() async -> PostgresError? {
        self.nextWatcher += 1
        let id = self.nextWatcher
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled || self.ended != nil {
                    continuation.resume(returning: self.ended)
                } else {
                    self.closureWatchers[id] = continuation
                }
            }
        } onCancel: {
            // Ends as soon as it has crossed to the connection's thread.
            Task { await self.abandonWatch(id) }
        }
    }

    private func abandonWatch(_ id: UInt64) {
        self.closureWatchers.removeValue(forKey: id)?.resume(returning: nil)
    }

    func addListener(_ channel: String, _ continuation: AsyncStream<Notification>.Continuation) {
        if self.ended != nil {
            continuation.finish()
            return
        }
        self.nextWatcher += 1
        let id = self.nextWatcher
        self.listeners[channel, default: [:]][id] = continuation
        continuation.onTermination = { [weak self] _ in
            guard let self else { return }
            // Ends as soon as it has crossed to the connection's thread.
            Task { await self.removeListener(channel, id) }
        }
    }

    private func removeListener(_ channel: String, _ id: UInt64) {
        self.listeners[channel]?[id] = nil
    }

    // MARK: - One at a time

    /// Takes the session for one operation. Waits in order; gives up at the deadline or when the task is cancelled.
    func acquire(until deadline: ContinuousClock.Instant?) async throws(PostgresError) -> UInt64 {
        if let ended { throw ended }
        self.nextOperation += 1
        let id = self.nextOperation
        if self.takeIfFree(id) { return id }
        guard self.queue.count < Self.maximumWaiting else {
            throw PostgresError(.poolExhausted, "\(Self.maximumWaiting) callers already wait for this session", endpoint: self.endpoint)
        }
        let timer = deadline.map { due in
            self.reactor.schedule(at: due) { [weak self] in self?.assumeIsolated { $0.abandon(id, code: .timeout) } }
        }
        defer { if let timer { self.reactor.cancelTimer(timer) } }
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<PostgresError?, Never>) in
                if Task.isCancelled {
                    continuation.resume(returning: PostgresError(.cancelled, "cancelled while waiting for the session", endpoint: self.endpoint))
                } else if self.ended != nil || self.takeIfFree(id) {
                    continuation.resume(returning: self.ended)
                } else {
                    self.queue.append((id, continuation))
                }
            }
        } onCancel: {
            // Ends as soon as it has crossed to the connection's thread.
            Task { await self.abandon(id, code: .cancelled) }
        }
        if let failure { throw failure }
        return id
    }

    private func takeIfFree(_ id: UInt64) -> Bool {
        guard self.holder == nil else { return false }
        self.holder = id
        return true
    }

    private func abandon(_ id: UInt64, code: PostgresError.Code) {
        guard let index = self.queue.firstIndex(where: { $0.id == id }) else { return }
        let words = code == .timeout ? "the session was busy until the deadline" : "cancelled while waiting for the session"
        self.queue.remove(at: index).continuation.resume(returning: PostgresError(code, words, endpoint: self.endpoint))
    }

    func release(_ id: UInt64) {
        guard self.holder == id else { return }
        self.holder = nil
        guard self.ended == nil, !self.queue.isEmpty else { return }
        let next = self.queue.removeFirst()
        self.holder = next.id
        next.continuation.resume(returning: nil)
    }
}

/// A message to all who listen on a channel.
public struct Notification: Sendable, Hashable {
    /// The channel's name as it was listened to, without quotes.
    public var channel: String
    /// What the sender gave with it, shorter than 8000 bytes; empty when nothing.
    public var payload: String
    /// The sender's server process.
    public var pid: Int32

    /// A message as the server hands it on.
    public init(channel: String, payload: String, pid: Int32) {
        self.channel = channel
        self.payload = payload
        self.pid = pid
    }
}

/// Catches what the server says unasked, so that libpq does not write it to stderr. Used on the reactor's thread only.
private final class NoticeSink {
    var fatal: PostgresError?

    func attach(to raw: OpaquePointer) {
        // Unretained: the connection owns both this object and the handle, and frees the handle first or together with it.
        PQsetNoticeReceiver(
            raw,
            { context, result in
                guard let context, let result else { return }
                let sink = Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue()
                let severity = PQresultErrorField(result, CInt(UInt8(ascii: "V"))).map { String(cString: $0) }
                if severity == "FATAL" || severity == "PANIC" { sink.fatal = PostgresError(result: result, statement: nil, endpoint: "") }
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}
