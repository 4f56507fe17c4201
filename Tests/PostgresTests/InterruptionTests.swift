import Eventually
import Postgres
import PostgresTesting
import Testing

@Suite("Deadlines and cancellation")
struct InterruptionTests {
    @Test("a deadline stops the statement on the server, and the session goes on")
    func deadline() async throws {
        try await withConnection { connection in
            let process = await connection.backendPID
            let error = try await postgresError {
                _ = try await connection.query("SELECT pg_sleep(600)", deadline: .milliseconds(50))
            }
            #expect(error.code == .timeout)
            #expect(error.isRetryable)
            #expect(try await connection.query("SELECT pg_backend_pid() AS p").first?["p"].int() == Int64(process))
        }
    }

    @Test("a deadline stops a pipeline, a simple query and a prepared statement too")
    func everyKind() async throws {
        try await withConnection { connection in
            let sleep = "SELECT pg_sleep($1)"
            for _ in 0..<3 { _ = try await connection.query(sleep, [.double(0)]) }
            try await expectError(.timeout) { _ = try await connection.query(sleep, [.double(600)], deadline: .milliseconds(50)) }
            let pipeline = try await postgresError {
                _ = try await connection.pipeline([Statement("SELECT 1"), Statement(sleep, [.double(600)])], deadline: .milliseconds(50))
            }
            #expect(pipeline.code == .timeout)
            #expect(pipeline.index == 1)
            try await expectError(.timeout) { _ = try await connection.simple("SELECT pg_sleep(600)", deadline: .milliseconds(50)) }
            let each = await connection.pipelineEach([Statement("SELECT 1"), Statement(sleep, [.double(600)])], deadline: .milliseconds(50))
            #expect(try each[0].get().count == 1)
            guard case .failure(let sleeping) = each[1] else {
                Issue.record("the sleep was not stopped")
                return
            }
            #expect(sleeping.code == .timeout)
            #expect(try await connection.query("SELECT 1 AS v").first?["v"].int() == 1)
        }
    }

    @Test("a server that answers neither the statement nor the cancel request costs the session, not the caller")
    func paused() async throws {
        let server = try await TestServer.start()
        let connection = try await Connection.connect(ConnectionConfiguration(server.conninfo()), on: reactor)
        try await server.pause()
        let error = try await postgresError { _ = try await connection.query("SELECT 1", deadline: .milliseconds(50)) }
        #expect(error.code == .timeout)
        #expect(await connection.isClosed)
        try await server.resume()
    }

    @Test("a cancelled task gets its error, and the session goes on")
    func cancelled() async throws {
        let configuration = try await makeDatabase()
        let connection = try await Connection.connect(configuration, on: reactor)
        let watcher = try await Connection.connect(configuration, on: reactor)
        let process = await connection.backendPID
        let sleeping = Task { try await connection.query("SELECT pg_sleep(600)") }
        try await eventually("the server works on the statement") {
            try await watcher.query(
                "SELECT count(*) AS n FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'", [.int(Int64(process))]
            ).first?["n"].int() == 1
        }
        sleeping.cancel()
        try await expectError(.cancelled) { _ = try await sleeping.value }
        #expect(try await connection.query("SELECT pg_backend_pid() AS p").first?["p"].int() == Int64(process))
        await connection.close()
        await watcher.close()
    }

    @Test("a task that was cancelled before asking gets its error at once or its answer, and the session goes on")
    func cancelledBefore() async throws {
        let connection = try await Connection.connect(try await makeDatabase(), on: reactor)
        for _ in 0..<20 {
            let task = Task { () async throws -> Void in
                while !Task.isCancelled { await Task.yield() }
                _ = try await connection.query("SELECT pg_sleep(600)")
            }
            task.cancel()
            let error = try await postgresError { try await task.value }
            #expect(error.code == .cancelled)
        }
        #expect(try await connection.query("SELECT 1 AS v").first?["v"].int() == 1)
        await connection.close()
    }

    @Test("a late cancel request never hits the next statement", .timeLimit(.minutes(1)))
    func lateCancel() async throws {
        try await withConnection { connection in
            for round in 0..<100 {
                // The deadline falls around the statement's own end, so that all orders happen.
                do {
                    _ = try await connection.query("SELECT pg_sleep(0.002)", deadline: .microseconds(1500 + round * 20))
                } catch let error as PostgresError {
                    #expect(error.code == .timeout)
                }
                #expect(try await connection.query("SELECT \(round) AS v").first?["v"].int() == Int64(round))
            }
        }
    }

    @Test("waiting for a busy session ends at the deadline and with the task, and the others keep their order")
    func waiting() async throws {
        let configuration = try await makeDatabase()
        let connection = try await Connection.connect(configuration, on: reactor)
        let gate = AsyncStream.makeStream(of: Void.self)
        let entered = AsyncStream.makeStream(of: Void.self)
        let holder = Task {
            try await connection.transaction { transaction in
                _ = try await transaction.query("SELECT 1")
                entered.continuation.yield()
                for await _ in gate.stream { break }
            }
        }
        for await _ in entered.stream { break }
        let error = try await postgresError { _ = try await connection.query("SELECT 1", deadline: .milliseconds(20)) }
        #expect(error.code == .timeout)
        let cancelled = Task { try await connection.query("SELECT 1") }
        cancelled.cancel()
        try await expectError(.cancelled) { _ = try await cancelled.value }
        let next = Task { try await connection.query("SELECT 2 AS v").first?["v"].int() }
        gate.continuation.yield()
        try await holder.value
        #expect(try await next.value == 2)
        await connection.close()
    }
}
