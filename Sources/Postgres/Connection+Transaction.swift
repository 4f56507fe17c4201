internal import CLibPQ

/// How much of other transactions a transaction sees.
public enum TransactionIsolation: String, Sendable, Hashable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
}

/// An open transaction. BEGIN travels with its first statement, COMMIT with the last ones when they are given to ``commit(with:)``.
public struct Transaction: Sendable {
    /// The session that it runs on. Used directly it would wait for the transaction's end, which does not come while its body waits.
    public let connection: Connection
    let owner: UInt64

    /// Runs one statement and gives its rows. A failure is thrown and dooms the transaction: all that can follow is its end.
    public func query(_ sql: String, _ parameters: [Value] = [], deadline: Duration? = nil) async throws(PostgresError) -> ResultSet {
        guard let set = try await self.pipeline([Statement(sql, parameters)], deadline: deadline).last else {
            throw PostgresError(.decoding, "the server gave no answer", statement: sql)
        }
        return set
    }

    /// The same for a statement that is a value already.
    public func query(_ statement: Statement, deadline: Duration? = nil) async throws(PostgresError) -> ResultSet {
        try await self.query(statement.sql, statement.parameters, deadline: deadline)
    }

    /// One round trip; the first failure is thrown and dooms the transaction. Many statements go in batches of their own, see ``Connection/Syncs``.
    public func pipeline(_ statements: [Statement], deadline: Duration? = nil) async throws(PostgresError) -> [ResultSet] {
        if statements.isEmpty { return [] }
        return try await self.connection.inTransaction(self.owner, statements, commit: false, deadline: deadline)
    }

    /// Begins to run statements, and returns while they run: the server works while the caller makes the next ones. Their answers are nobody's; whatever this
    /// transaction does next waits for them, and throws their failure. One call's statements run at a time: a second call waits for those of the first.
    public func start(_ statements: [Statement]) async throws(PostgresError) {
        if statements.isEmpty { return }
        try await self.connection.start(self.owner, statements)
    }

    /// The last statements and COMMIT in one round trip. Afterwards the transaction is over.
    public func commit(with statements: [Statement] = [], deadline: Duration? = nil) async throws(PostgresError) -> [ResultSet] {
        try await self.connection.inTransaction(self.owner, statements, commit: true, deadline: deadline)
    }

    /// Binary COPY into `table`; see ``Connection/copyIn(table:columns:rows:deadline:)``.
    public func copyIn(table: String, columns: [String], rows: [[CopyValue]], deadline: Duration? = nil) async throws(PostgresError) -> Int {
        try await self.connection.copyIn(table: table, columns: columns, rows: rows, owner: self.owner, deadline: deadline)
    }
}

extension Connection {
    /// Runs `body` in a transaction that holds the session alone: COMMIT when it returns, ROLLBACK when it throws.
    ///
    /// When the session ends between COMMIT and its answer, the error says so (`transactionOutcomeUnknown`).
    /// - Parameter deadline: for getting hold of the session; statements take deadlines of their own.
    public nonisolated func transaction<R>(
        isolation: TransactionIsolation = .readCommitted, deadline: Duration? = nil, _ body: (Transaction) async throws -> R
    ) async throws -> R {
        let owner = try await self.beginTransaction(isolation, deadline: deadline)
        do {
            let result = try await body(Transaction(connection: self, owner: owner))
            _ = try await self.inTransaction(owner, [], commit: true, deadline: deadline)
            await self.endTransaction(owner)
            return result
        } catch {
            await self.endTransaction(owner)
            throw error
        }
    }

    private func beginTransaction(_ isolation: TransactionIsolation, deadline: Duration?) async throws(PostgresError) -> UInt64 {
        let owner = try await self.acquire(until: deadline.map { ContinuousClock.now + $0 })
        self.transactionState = .pending(isolation)
        return owner
    }

    /// Rolls back what is open and gives the session back. Runs to its end even in a cancelled task.
    private func endTransaction(_ owner: UInt64) async {
        if let started = self.started {
            // The body threw, and what it had begun is of no use to anybody.
            started.cancel()
            _ = await started.value
            self.started = nil
        }
        if self.ended == nil, let raw = self.handle.raw, PQtransactionStatus(raw) != PQTRANS_IDLE {
            do {
                _ = try await self.operation(deadline: Self.rollbackDeadline, owner: owner, cancellable: false) { () async throws(PostgresError) in
                    try self.send { PQsendQuery($0, "ROLLBACK") }
                    return try await self.results(statement: "ROLLBACK")
                }
            } catch {
                // A session that can't even roll back is of no use; ending it rolls back for certain.
                self.end(error)
            }
        }
        self.transactionState = .none
        self.release(owner)
    }

    /// A rollback does no work; a server that takes longer is not answering.
    static let rollbackDeadline = Duration.seconds(2)

    func start(_ owner: UInt64, _ statements: [Statement]) async throws(PostgresError) {
        try await self.finishStarted()
        // Whatever comes next in the transaction waits for it, its end at the latest.
        self.started = Task {
            do throws(PostgresError) {
                _ = try await self.run(statements, in: owner, commit: false, deadline: nil)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
    }

    /// Waits for what ``start(_:_:)`` began.
    func finishStarted() async throws(PostgresError) {
        guard let started = self.started else { return }
        let outcome = await withTaskCancellationHandler {
            await started.value
        } onCancel: {
            started.cancel()
        }
        self.started = nil
        do throws(PostgresError) {
            try outcome.get()
        } catch {
            var error = error
            // A place among statements that whoever reads this did not give.
            error.index = nil
            throw error
        }
    }

    func inTransaction(
        _ owner: UInt64, _ statements: [Statement], commit: Bool, deadline: Duration?
    ) async throws(PostgresError) -> [ResultSet] {
        try await self.finishStarted()
        return try await self.run(statements, in: owner, commit: commit, deadline: deadline)
    }

    private func run(
        _ statements: [Statement], in owner: UInt64, commit: Bool, deadline: Duration?
    ) async throws(PostgresError) -> [ResultSet] {
        if let ended { throw ended }
        var all = statements
        var begins = false
        switch self.transactionState {
        case .none, .finished:
            if commit, statements.isEmpty { return [] }
            throw PostgresError(.misuse, "the transaction is over", endpoint: self.endpoint)
        case .pending(let isolation):
            if commit, statements.isEmpty { self.transactionState = .finished; return [] }
            all.insert(Statement("BEGIN ISOLATION LEVEL \(isolation.rawValue)"), at: 0)
            begins = true
            self.transactionState = .open
        case .open:
            if commit, let raw = self.handle.raw, PQtransactionStatus(raw) == PQTRANS_INERROR {
                throw PostgresError(
                    .server, "the transaction was rolled back, because one of its statements failed", sqlState: "25P02", endpoint: self.endpoint)
            }
        }
        if commit {
            all.append(Statement("COMMIT"))
            self.transactionState = .finished
        }
        let sending = all
        do {
            var sets = try await self.operation(deadline: deadline, owner: owner) { () async throws(PostgresError) in
                try await self.runPipeline(sending, syncs: .batched)
            }
            if begins { sets.removeFirst() }
            if commit { sets.removeLast() }
            return sets
        } catch {
            var error = error
            if let index = error.index, begins { error.index = index - 1 }
            if commit, self.ended != nil { error.transactionOutcomeUnknown = true }
            throw error
        }
    }
}

/// Where the session's transaction stands.
enum TransactionState {
    case none
    /// Held, nothing sent yet.
    case pending(TransactionIsolation)
    case open
    case finished
}
