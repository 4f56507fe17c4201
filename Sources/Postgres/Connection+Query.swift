internal import CLibPQ

extension Connection {
    /// Runs one statement in the extended protocol. A statement that is run again is prepared once and kept (see ``StatementCache``).
    ///
    /// At the deadline, or when the task is cancelled, the server is asked to cancel; the session stays usable when it answers in time.
    public func query(_ sql: String, _ parameters: [Value] = [], deadline: Duration? = nil) async throws(PostgresError) -> ResultSet {
        try await self.operation(deadline: deadline) { () async throws(PostgresError) in
            try await self.run(Statement(sql, parameters))
        }
    }

    /// The same for a statement that is a value already.
    public func query(_ statement: Statement, deadline: Duration? = nil) async throws(PostgresError) -> ResultSet {
        try await self.query(statement.sql, statement.parameters, deadline: deadline)
    }

    /// Runs a text of several statements in one message (simple protocol): an implicit transaction unless the text says otherwise.
    public func simple(_ sql: String, deadline: Duration? = nil) async throws(PostgresError) -> [ResultSet] {
        try await self.operation(deadline: deadline) { () async throws(PostgresError) in
            try self.send { PQsendQuery($0, sql) }
            return try await self.results(statement: sql)
        }
    }

    /// Runs all statements in one round trip and one implicit transaction. The first failure is thrown, with its index; nothing then took effect.
    public func pipeline(_ statements: [Statement], deadline: Duration? = nil) async throws(PostgresError) -> [ResultSet] {
        if statements.isEmpty { return [] }
        return try await self.operation(deadline: deadline) { () async throws(PostgresError) in
            try await self.resetStalePlans()
            do throws(PostgresError) {
                return try await self.runPipeline(statements)
            } catch {
                // Nothing took effect: it was one implicit transaction.
                guard self.statements.isStale, try await self.resetStalePlans() else { throw error }
                return try await self.runPipeline(statements)
            }
        }
    }

    /// Runs all statements in one round trip, each in a transaction of its own: a failure stays where it is.
    public func pipelineEach(_ statements: [Statement], deadline: Duration? = nil) async -> [Result<ResultSet, PostgresError>] {
        if statements.isEmpty { return [] }
        do {
            return try await self.operation(deadline: deadline) { () async throws(PostgresError) in
                try await self.resetStalePlans()
                return try await self.pipelineOutcomes(statements, syncs: .each)
            }
        } catch {
            return statements.map { _ in .failure(error) }
        }
    }

    /// What a statement would take and give, without running it.
    public func describe(
        _ sql: String, deadline: Duration? = nil
    ) async throws(PostgresError) -> (parameterOIDs: [UInt32], columns: [(name: String, oid: UInt32)]) {
        try await self.operation(deadline: deadline) { () async throws(PostgresError) in
            // The unnamed statement: the next one replaces it, so there is nothing to deallocate.
            try self.send { PQsendPrepare($0, "", sql, 0, nil) }
            _ = try await self.results(statement: sql)
            try self.send { PQsendDescribePrepared($0, "") }
            var described: (parameterOIDs: [UInt32], columns: [(name: String, oid: UInt32)]) = ([], [])
            var failure: PostgresError?
            while let result = try await self.nextResult() {
                defer { PQclear(result) }
                if PQresultStatus(result) != PGRES_COMMAND_OK {
                    failure = failure ?? PostgresError(result: result, statement: sql, endpoint: self.endpoint)
                    continue
                }
                described.parameterOIDs = (0..<PQnparams(result)).map { PQparamtype(result, $0) }
                described.columns = (0..<PQnfields(result)).map { column in
                    (PQfname(result, column).map { String(cString: $0) } ?? "", PQftype(result, column))
                }
            }
            if let failure { throw self.classified(failure) }
            return described
        }
    }

    // MARK: - Inside an operation

    func send(_ body: (OpaquePointer) -> CInt) throws(PostgresError) {
        guard let raw = self.handle.raw else { throw self.closedError }
        if body(raw) == 0 {
            throw PostgresError(.misuse, self.handle.lastMessage, endpoint: self.endpoint)
        }
    }

    /// The next result of the running statement; nil after its last. The caller clears it.
    func nextResult() async throws(PostgresError) -> OpaquePointer? {
        while true {
            guard let raw = self.handle.raw else { throw self.closedError }
            if PQisBusy(raw) == 0 { return PQgetResult(raw) }
            await self.awaitSocket()
        }
    }

    /// Sends what is buffered and reads all results of the running statements up to the end.
    func results(statement: String) async throws(PostgresError) -> [ResultSet] {
        try await self.flush()
        var sets: [ResultSet] = []
        var failure: PostgresError?
        while let result = try await self.nextResult() {
            defer { PQclear(result) }
            do { sets.append(try self.convert(result, statement: statement)) } catch { failure = failure ?? error }
        }
        if let failure { throw self.classified(failure) }
        return sets
    }

    func convert(_ result: OpaquePointer, statement: String, index: Int? = nil) throws(PostgresError) -> ResultSet {
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            return try ResultSet(copying: result, maximumBytes: self.maximumResultBytes)
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            let error = PostgresError(.misuse, "COPY is not run as a query; use copyIn", statement: statement, endpoint: self.endpoint)
            // The protocol stands in the middle of a copy that nobody will finish.
            self.end(error)
            throw error
        default:
            let error = PostgresError(result: result, statement: statement, endpoint: self.endpoint, index: index)
            if error.code == .closed { self.end(error) }
            throw error
        }
    }

    /// A cancelled statement reads as what cancelled it.
    func classified(_ error: PostgresError) -> PostgresError {
        guard error.sqlState == "57014", let interruption else { return error }
        var error = error
        error.code = interruption
        error.message = interruption == .timeout ? "the statement was not finished by its deadline and was cancelled" : "the statement was cancelled"
        return error
    }

    private func run(_ statement: Statement) async throws(PostgresError) -> ResultSet {
        try await self.resetStalePlans()
        switch self.statements.plan(for: statement.sql) {
        case .once:
            try self.sendUnnamed(statement)
            return try await self.lastResult(of: statement)
        case .named(let name):
            try self.sendPrepared(name, statement)
        case .prepare:
            // Prepared and run in one round trip.
            return try await self.runPipeline([statement])[0]
        }
        do throws(PostgresError) {
            return try await self.lastResult(of: statement)
        } catch {
            guard Self.isStalePlan(error) else { throw error }
            self.statements.becomeStale()
            // Outside a transaction the statement had no effect.
            guard try await self.resetStalePlans() else { throw error }
            try self.sendUnnamed(statement)
            return try await self.lastResult(of: statement)
        }
    }

    private func lastResult(of statement: Statement) async throws(PostgresError) -> ResultSet {
        guard let set = try await self.results(statement: statement.sql).last else {
            throw PostgresError(.decoding, "the server gave no answer", statement: statement.sql, endpoint: self.endpoint)
        }
        return set
    }

    /// “cached plan must not change result type”, or the server does not know the prepared statement (DISCARD, a pooler).
    private static func isStalePlan(_ error: PostgresError) -> Bool {
        error.sqlState == "0A000" || error.sqlState == "26000"
    }

    /// Lets the server forget all prepared statements if they no longer fit. False inside a transaction, where it has to wait.
    @discardableResult
    private func resetStalePlans() async throws(PostgresError) -> Bool {
        guard self.statements.isStale else { return true }
        guard let raw = self.handle.raw, PQtransactionStatus(raw) == PQTRANS_IDLE else { return false }
        try self.send { PQsendQuery($0, "DEALLOCATE ALL") }
        _ = try await self.results(statement: "DEALLOCATE ALL")
        self.statements.reset()
        return true
    }

    private func sendUnnamed(_ statement: Statement) throws(PostgresError) {
        try self.send { raw in
            withParameters(statement.parameters) { PQsendQueryParams(raw, statement.sql, $0, nil, $1, $2, $3, 0) }
        }
    }

    private func sendPrepared(_ name: String, _ statement: Statement) throws(PostgresError) {
        try self.send { raw in
            withParameters(statement.parameters) { PQsendQueryPrepared(raw, name, $0, $1, $2, $3, 0) }
        }
    }

    /// All statements; throws the first failure.
    func runPipeline(_ statements: [Statement], syncs: Syncs = .once) async throws(PostgresError) -> [ResultSet] {
        var sets: [ResultSet] = []
        sets.reserveCapacity(statements.count)
        for outcome in try await self.pipelineOutcomes(statements, syncs: syncs) {
            switch outcome {
            case .success(let set): sets.append(set)
            case .failure(let error): throw error
            }
        }
        return sets
    }

    private enum Sent {
        case deallocate(String)
        case prepare(Int, name: String)
        case query(Int)
        /// Ends the implicit transaction of these statements.
        case sync(Range<Int>)
    }

    /// Where a pipeline ends an implicit transaction.
    enum Syncs {
        /// Only at its end: all of it is one.
        case once
        /// After each statement.
        case each
        /// After at most ``Connection/batchBytes``: inside an explicit transaction, which they do not end.
        ///
        /// A client that is frozen between a statement and its sync leaves the server in the middle of the protocol, where no timeout for idle sessions
        /// applies: a leader would keep its lock. A batch is handed to the kernel whole, so the server has the sync with the statements or neither, and a
        /// frozen client's session is one that idles in a transaction. COPY into a table of another session, moved by one fenced statement, would do as
        /// well; `cluster/bench bulk` measures both.
        case batched
    }

    /// Well under what a socket takes at once.
    static let batchBytes = 32 << 10

    private func pipelineOutcomes(_ statements: [Statement], syncs: Syncs) async throws(PostgresError) -> [Result<ResultSet, PostgresError>] {
        try self.send(PQenterPipelineMode)
        var sent: [Sent] = []
        sent.reserveCapacity(statements.count + 1)
        // Statements prepared in this very pipeline are not in the cache until the server has answered.
        var fresh: [String: String] = [:]
        var since = 0
        var bytes = 0
        for name in self.statements.retired {
            try self.sendUnnamed(Statement("DEALLOCATE \(name)"))
            sent.append(.deallocate(name))
        }
        for (index, statement) in statements.enumerated() {
            if let name = fresh[statement.sql] {
                try self.sendPrepared(name, statement)
            } else {
                switch self.statements.plan(for: statement.sql) {
                case .once: try self.sendUnnamed(statement)
                case .named(let name): try self.sendPrepared(name, statement)
                case .prepare(let name):
                    try self.send { PQsendPrepare($0, name, statement.sql, 0, nil) }
                    sent.append(.prepare(index, name: name))
                    fresh[statement.sql] = name
                    try self.sendPrepared(name, statement)
                }
            }
            sent.append(.query(index))
            let isFull: Bool
            switch syncs {
            case .once: isFull = false
            case .each: isFull = true
            case .batched:
                bytes += statement.size
                isFull = bytes + (index + 1 < statements.count ? statements[index + 1].size : 0) > Self.batchBytes
            }
            if isFull || index == statements.count - 1 {
                try self.send(PQpipelineSync)
                sent.append(.sync(since..<index + 1))
                since = index + 1
                bytes = 0
                if syncs == .batched { try await self.flush() }
            }
        }
        try await self.flush()
        let outcomes = try await self.collect(sent, statements)
        try self.send(PQexitPipelineMode)
        return outcomes
    }

    private func collect(_ sent: [Sent], _ statements: [Statement]) async throws(PostgresError) -> [Result<ResultSet, PostgresError>] {
        let aborted = PostgresError(.server, "not run, because an earlier statement of the pipeline failed", endpoint: self.endpoint)
        var outcomes = [Result<ResultSet, PostgresError>?](repeating: nil, count: statements.count)
        var first: PostgresError?
        // What an explicit COMMIT has ended, nothing that comes later undoes.
        var committed = 0
        for entry in sent {
            // Each statement gives its result and then nothing; a sync gives one result with nothing behind it.
            guard let result = try await self.nextResult() else {
                throw self.ended ?? PostgresError(.decoding, "the pipeline ended early", endpoint: self.endpoint)
            }
            let status = PQresultStatus(result)
            switch entry {
            case .deallocate(let name):
                if status == PGRES_COMMAND_OK {
                    self.statements.didDeallocate(name)
                } else if status != PGRES_PIPELINE_ABORTED {
                    first = self.classified(PostgresError(result: result, statement: nil, endpoint: self.endpoint))
                    if let first, Self.isStalePlan(first) { self.statements.becomeStale() }
                }
            case .sync where status == PGRES_PIPELINE_SYNC:
                PQclear(result)
                first = nil
                continue
            case .sync(let ended):
                // What shows only at the end of the implicit transaction: deferred constraints, conflicts, a request to cancel. None of it took effect.
                let failure = self.classified(
                    PostgresError(result: result, statement: statements.last?.sql, endpoint: self.endpoint, index: ended.upperBound - 1))
                for index in ended.clamped(to: max(committed, ended.lowerBound)..<ended.upperBound) {
                    if case .success? = outcomes[index] { outcomes[index] = .failure(failure) }
                }
                PQclear(result)
                try await self.skipToSync()
                first = nil
                continue
            case .prepare(let index, let name):
                if status == PGRES_COMMAND_OK {
                    self.statements.didPrepare(statements[index].sql, as: name)
                } else if status != PGRES_PIPELINE_ABORTED {
                    first = self.classified(PostgresError(result: result, statement: statements[index].sql, endpoint: self.endpoint, index: index))
                    outcomes[index] = .failure(first ?? aborted)
                }
            case .query(let index) where status == PGRES_PIPELINE_ABORTED:
                outcomes[index] = outcomes[index] ?? .failure(first ?? aborted)
            case .query(let index):
                do {
                    outcomes[index] = .success(try self.convert(result, statement: statements[index].sql, index: index))
                    if String(cString: PQcmdStatus(result)) == "COMMIT" { committed = index + 1 }
                } catch {
                    let failure = self.classified(error)
                    if Self.isStalePlan(failure) { self.statements.becomeStale() }
                    first = first ?? failure
                    outcomes[index] = .failure(failure)
                }
            }
            PQclear(result)
            if let extra = try await self.nextResult() {
                PQclear(extra)
                throw PostgresError(.decoding, "the pipeline is out of step", endpoint: self.endpoint)
            }
        }
        return outcomes.map { $0 ?? .failure(aborted) }
    }

    /// An error at the sync is followed by nothing, and then by the sync's own answer.
    private func skipToSync() async throws(PostgresError) {
        for _ in 0..<2 {
            guard let result = try await self.nextResult() else { continue }
            defer { PQclear(result) }
            if PQresultStatus(result) == PGRES_PIPELINE_SYNC { return }
        }
        throw self.ended ?? PostgresError(.decoding, "the pipeline is out of step", endpoint: self.endpoint)
    }

    /// Prepares statements ahead of their first use, in one round trip, so that it costs neither their parsing nor the server's first look at their tables.
    ///
    /// Those that the server refuses are left: they fail when they are run.
    public func prepare(_ texts: [String], deadline: Duration? = nil) async throws(PostgresError) {
        try await self.operation(deadline: deadline) { () async throws(PostgresError) in
            try await self.resetStalePlans()
            try self.send(PQenterPipelineMode)
            var sent: [Sent] = []
            for (index, text) in texts.enumerated() {
                guard let name = self.statements.nameToPrepare(text) else { continue }
                try self.send { PQsendPrepare($0, name, text, 0, nil) }
                try self.send(PQpipelineSync)
                sent += [.prepare(index, name: name), .sync(index..<index)]
            }
            try await self.flush()
            _ = try await self.collect(sent, texts.map { Statement($0) })
            try self.send(PQexitPipelineMode)
        }
    }

    /// Has the server plan statements that are prepared. It keeps the plans where they don't depend on values: with `plan_cache_mode = force_generic_plan`.
    ///
    /// Those that it can't plan are left: they are planned, or fail, when they are run.
    public func planAhead(_ texts: [String], deadline: Duration? = nil) async throws(PostgresError) {
        for text in texts {
            guard let name = self.statements.name(of: text) else { continue }
            let count = Self.parameterCount(of: text)
            let values = count == 0 ? "" : "(" + repeatElement("NULL", count: count).joined(separator: ", ") + ")"
            do { _ = try await self.simple("EXPLAIN EXECUTE \(name)\(values)", deadline: deadline) } catch  where error.code == .server {}
        }
    }

    /// The highest number after a dollar sign.
    private static func parameterCount(of text: String) -> Int {
        text.split(separator: "$").dropFirst().compactMap { Int($0.prefix { $0.isASCII && $0.isNumber }) }.max() ?? 0
    }
}
