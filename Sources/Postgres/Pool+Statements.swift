internal import CLibPQ

/// One statement, pipeline or transaction on whichever session is free. A deadline covers the wait for the session too.
extension Pool {
    /// One statement on a session of its own; see ``Connection/query(_:_:deadline:)``.
    ///
    /// - Throws: what the session throws, or `poolExhausted` when none was free in time.
    public nonisolated func query(
        _ sql: String, _ parameters: [Value] = [], deadline: Duration? = nil
    ) async throws(PostgresError) -> ResultSet {
        try await self.lending(deadline) { (connection, rest) async throws(PostgresError) in
            try await connection.query(sql, parameters, deadline: rest)
        }
    }

    /// The same for a statement that is a value already.
    public nonisolated func query(_ statement: Statement, deadline: Duration? = nil) async throws(PostgresError) -> ResultSet {
        try await self.query(statement.sql, statement.parameters, deadline: deadline)
    }

    /// Several statements in one text; see ``Connection/simple(_:deadline:)``.
    ///
    /// - Throws: what the session throws, or `poolExhausted` when none was free in time.
    public nonisolated func simple(_ sql: String, deadline: Duration? = nil) async throws(PostgresError) -> [ResultSet] {
        try await self.lending(deadline) { (connection, rest) async throws(PostgresError) in
            try await connection.simple(sql, deadline: rest)
        }
    }

    /// All in one round trip and one implicit transaction; see ``Connection/pipeline(_:deadline:)``.
    ///
    /// - Throws: what the session throws, or `poolExhausted` when none was free in time.
    public nonisolated func pipeline(_ statements: [Statement], deadline: Duration? = nil) async throws(PostgresError) -> [ResultSet] {
        try await self.lending(deadline) { (connection, rest) async throws(PostgresError) in
            try await connection.pipeline(statements, deadline: rest)
        }
    }

    /// See ``Connection/transaction(isolation:deadline:_:)``.
    /// - Parameter deadline: for the wait for a session, and for COMMIT; statements inside take deadlines of their own.
    public nonisolated func transaction<R>(
        isolation: TransactionIsolation = .readCommitted, deadline: Duration? = nil, _ body: (Transaction) async throws -> R
    ) async throws -> R {
        try await self.withConnection(deadline: deadline) { connection in
            try await connection.transaction(isolation: isolation, deadline: deadline, body)
        }
    }

    private nonisolated func lending<R: Sendable>(
        _ deadline: Duration?, _ body: (Connection, _ rest: Duration?) async throws(PostgresError) -> R
    ) async throws(PostgresError) -> R {
        let due = deadline.map { ContinuousClock.now + $0 }
        let connection = try await self.take(wait: deadline)
        do throws(PostgresError) {
            let result = try await body(connection, due.map { max(.zero, $0 - .now) })
            await self.giveBack(connection)
            return result
        } catch {
            await self.giveBack(connection)
            throw error
        }
    }
}

extension Connection {
    /// Open, used by nobody, and outside any transaction.
    var isReusable: Bool {
        guard self.ended == nil, self.holder == nil, let raw = self.handle.raw else { return false }
        return PQtransactionStatus(raw) == PQTRANS_IDLE
    }
}
