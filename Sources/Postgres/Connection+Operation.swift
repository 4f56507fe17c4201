internal import CLibPQ

extension Connection {
    /// How long the server may take to answer a cancel request before the session is given up.
    static let cancelGrace = Duration.seconds(1)
    /// Between repeated cancel requests.
    static let cancelInterval = Duration.milliseconds(100)

    /// Takes the session, runs `body`, gives it back; asks the server to stop at the deadline or when the task is cancelled.
    ///
    /// - Parameters:
    ///   - owner: the transaction on whose behalf this runs; it holds the session already.
    ///   - cancellable: false for what must run to its end, such as a rollback.
    func operation<R: Sendable>(
        deadline: Duration?, owner: UInt64? = nil, cancellable: Bool = true, _ body: () async throws(PostgresError) -> R
    ) async throws(PostgresError) -> R {
        let due = deadline.map { ContinuousClock.now + $0 }
        let id: UInt64
        if let owner {
            if let ended { throw ended }
            guard self.holder == owner else { throw PostgresError(.misuse, "the transaction is over", endpoint: self.endpoint) }
            id = owner
        } else {
            id = try await self.acquire(until: due)
        }
        defer { if owner == nil { self.release(id) } }
        self.interruption = nil
        let timer = due.map { due in
            self.reactor.schedule(at: due) { [weak self] in self?.assumeIsolated { $0.interrupt(id, .timeout) } }
        }
        let outcome: Result<R, PostgresError>
        if cancellable {
            outcome = await withTaskCancellationHandler {
                await self.outcome(of: body)
            } onCancel: {
                // Ends as soon as it has crossed to the connection's thread.
                Task { await self.interrupt(id, .cancelled) }
            }
        } else {
            outcome = await self.outcome(of: body)
        }
        if let timer { self.reactor.cancelTimer(timer) }
        await self.settleInterruption()
        if case .failure(let error) = outcome, error.code == .misuse || error.code == .decoding, let raw = self.handle.raw,
            PQtransactionStatus(raw) == PQTRANS_ACTIVE || PQpipelineStatus(raw) != PQ_PIPELINE_OFF
        {
            // Something of the protocol is left in the air: nobody can use this session again.
            self.end(error)
        }
        return try outcome.get()
    }

    private func outcome<R: Sendable>(of body: () async throws(PostgresError) -> R) async -> Result<R, PostgresError> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    /// The session's holder `id` should stop: the server is asked, and after the grace the session is ended.
    private func interrupt(_ id: UInt64, _ code: PostgresError.Code) {
        guard self.interruption == nil, self.isRunning(id) else { return }
        self.interruption = code
        self.requestCancel(id)
        self.graceTimer = self.reactor.schedule(at: .now + Self.cancelGrace + Self.cancelGrace) { [weak self] in
            self?.assumeIsolated { connection in
                guard connection.holder == id, connection.interruption != nil else { return }
                connection.end(PostgresError(code, "the statement did not stop when asked to; the session was closed", endpoint: connection.endpoint))
            }
        }
    }

    /// Asks the server to stop the statement that runs now: whoever waits for it gets `cancelled`, or its answer when that was faster.
    /// - Returns: false when none runs, also when one was called for and has not got as far as the server; then nothing will be stopped.
    @discardableResult
    public func cancelRunning() -> Bool {
        guard let holder = self.holder, self.isRunning(holder) else { return false }
        self.interrupt(holder, .cancelled)
        return true
    }

    private func isRunning(_ id: UInt64) -> Bool {
        guard self.holder == id, let raw = self.handle.raw else { return false }
        return PQtransactionStatus(raw) == PQTRANS_ACTIVE
    }

    /// Asks the server to stop what `id` is running. libpq's call blocks, so it has a thread of its own.
    private func requestCancel(_ id: UInt64) {
        guard self.isRunning(id), let raw = self.handle.raw, let request = PQgetCancel(raw) else { return }
        let boxed = CancelRequest(pointer: request)
        let reactor = self.reactor
        // Owned by `cancelling`: the operation waits for it, so that a late cancel can't hit the next statement.
        self.cancelling = Task {
            _ = await BlockingCall.run(timeout: Self.cancelGrace, on: reactor) { boxed.send() }
            self.requestCancelAgain(id)
        }
    }

    /// A request that overtakes its statement finds the server idle and is lost, so it is repeated while the statement runs.
    private func requestCancelAgain(_ id: UInt64) {
        guard self.isRunning(id) else { return }
        self.cancelTimer = self.reactor.schedule(at: .now + Self.cancelInterval) { [weak self] in
            self?.assumeIsolated { $0.requestCancel(id) }
        }
    }

    private func settleInterruption() async {
        guard let cancelling else { return }
        await cancelling.value
        self.cancelling = nil
        for timer in [self.graceTimer, self.cancelTimer] { if let timer { self.reactor.cancelTimer(timer) } }
        self.graceTimer = nil
        self.cancelTimer = nil
    }
}

/// Sole owner of libpq's cancel object; used once, on a thread that may block.
private final class CancelRequest: @unchecked Sendable {
    // Unchecked because: the pointer never changes, and libpq documents PQcancel as safe on any thread.
    private let pointer: OpaquePointer
    init(pointer: OpaquePointer) { self.pointer = pointer }
    deinit { PQfreeCancel(self.pointer) }
    func send() {
        var message = [CChar](repeating: 0, count: 256)
        PQcancel(self.pointer, &message, CInt(message.count))
    }
}
