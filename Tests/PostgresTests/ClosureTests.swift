import Eventually
import Postgres
import PostgresTesting
import Testing

@Suite("The end of a session")
struct ClosureTests {
    @Test("a terminated idle session is noticed without a query, with the server's reason")
    func idle() async throws {
        let configuration = try await makeDatabase()
        let connection = try await Connection.connect(configuration, on: reactor)
        let process = await connection.backendPID
        async let reason = connection.untilClosed()
        try await TestServer.shared.execute("SELECT pg_terminate_backend(\(process))")
        let noticed = try #require(await reason)
        #expect(noticed.code == .closed)
        #expect(noticed.sqlState == "57P01")
        #expect(await connection.isClosed)
        let later = try await postgresError { _ = try await connection.query("SELECT 1") }
        #expect(later.code == .closed)
        #expect(later.isRetryable)
        #expect(await connection.untilClosed() == noticed)
    }

    @Test("a statement that runs while the server stops fails as closed", arguments: [TestServer.StopMode.fast, .immediate])
    func stop(_ mode: TestServer.StopMode) async throws {
        let server = try await TestServer.start()
        let connection = try await Connection.connect(ConnectionConfiguration(server.conninfo()), on: reactor)
        let process = await connection.backendPID
        let sleeping = Task { try await connection.query("SELECT pg_sleep(600)") }
        let waiting = Task { try await connection.query("SELECT 1") }
        try await eventually("the server works on the statement") {
            try await server.execute("SELECT wait_event FROM pg_stat_activity WHERE pid = \(process)") == "PgSleep"
        }
        try await server.stop(mode)
        let error = try await postgresError { _ = try await sleeping.value }
        #expect(error.code == .closed)
        #expect(error.isRetryable)
        #expect(!error.transactionOutcomeUnknown)
        _ = await waiting.result
        #expect(await connection.isClosed)
        let refused = try await postgresError {
            _ = try await Connection.connect(ConnectionConfiguration(server.conninfo()), on: reactor)
        }
        #expect(refused.code == .connect)
    }

    @Test("closing here ends running and waiting statements, and is idempotent")
    func closeWhileBusy() async throws {
        let configuration = try await makeDatabase()
        let connection = try await Connection.connect(configuration, on: reactor)
        let process = await connection.backendPID
        let tasks = (0..<5).map { _ in Task { try await connection.query("SELECT pg_sleep(600)") } }
        try await eventually("the server works on the statement") {
            try await TestServer.shared.execute("SELECT wait_event FROM pg_stat_activity WHERE pid = \(process)") == "PgSleep"
        }
        await connection.close()
        await connection.close()
        for task in tasks { try await expectError(.closed) { _ = try await task.value } }
    }

    @Test("waiting for the end stops with its task, and a later end is told to the others")
    func cancelledWatch() async throws {
        let connection = try await Connection.connect(try await makeDatabase(), on: reactor)
        let watch = Task { await connection.untilClosed() }
        watch.cancel()
        #expect(await watch.value == nil)
        async let reason = connection.untilClosed()
        await connection.close()
        #expect(await reason?.code == .closed)
    }

    @Test("a descriptor number that is used again belongs to its new session")
    func descriptorReuse() async throws {
        let configuration = try await makeDatabase()
        for _ in 0..<10 {
            let first = try await Connection.connect(configuration, on: reactor)
            async let end = first.untilClosed()
            try await TestServer.shared.execute("SELECT pg_terminate_backend(\(await first.backendPID))")
            _ = await end
            let second = try await Connection.connect(configuration, on: reactor)
            #expect(try await second.query("SELECT 1 AS v", deadline: .seconds(10)).first?["v"].int() == 1)
            await second.close()
        }
    }

    @Test("stopping a reactor ends its sessions, and nobody waits for ever")
    func reactorStop() async throws {
        let own = Reactor(name: "stopped")
        let configuration = try await makeDatabase()
        let connection = try await Connection.connect(configuration, on: own)
        let process = await connection.backendPID
        let sleeping = Task { try await connection.query("SELECT pg_sleep(600)") }
        try await eventually("the server works on the statement") {
            try await TestServer.shared.execute("SELECT wait_event FROM pg_stat_activity WHERE pid = \(process)") == "PgSleep"
        }
        own.stop()
        try await expectError(.closed) { _ = try await sleeping.value }
        try await expectError(.closed) { _ = try await connection.query("SELECT 1") }
        try await expectError(.closed) { _ = try await Connection.connect(configuration, on: own) }
        own.stop()
    }
}
