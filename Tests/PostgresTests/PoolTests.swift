@testable import Postgres
import Eventually
import PostgresTesting
import Testing

@Suite("Pool")
struct PoolTests {
    @Test("no more sessions than the size, whatever the load; all callers are served")
    func bound() async throws {
        let configuration = try await makeDatabase()
        let pool = Pool(configuration, on: reactor, size: 3, seed: 1)
        let processes = try await withThrowingTaskGroup(of: Int64?.self, returning: Set<Int64?>.self) { group in
            for _ in 0..<60 {
                group.addTask { try await pool.query("SELECT pg_backend_pid() AS p, pg_sleep(0.001)", deadline: .seconds(60)).first?["p"].int() }
            }
            return try await group.reduce(into: []) { $0.insert($1) }
        }
        #expect((1...3).contains(processes.count))
        let statistics = await pool.statistics
        #expect(statistics.openedTotal <= 3)
        #expect(statistics.idle == statistics.openedTotal)
        #expect(statistics.lent == 0 && statistics.waiting == 0)
        await pool.close()
    }

    @Test("waiting callers are served in the order of their coming")
    func fifo() async throws {
        let pool = Pool(try await makeDatabase(), on: reactor, size: 1, seed: 1)
        let held = try await pool.take(wait: .seconds(60))
        let (order, continuation) = AsyncStream.makeStream(of: Int.self)
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<20 {
            tasks.append(
                Task {
                    try await pool.withConnection(deadline: .seconds(60)) { _ in _ = continuation.yield(number) }
                })
            try await eventually("so many wait") { await pool.statistics.waiting == number + 1 }
        }
        await pool.giveBack(held)
        for task in tasks { try await task.value }
        continuation.finish()
        var served: [Int] = []
        for await number in order { served.append(number) }
        #expect(served == Array(0..<20))
        await pool.close()
    }

    @Test("a caller waits until its deadline, or its cancellation, and not longer; the next one is not hurt")
    func deadline() async throws {
        let pool = Pool(try await makeDatabase(), on: reactor, size: 1, seed: 1)
        let held = try await pool.take(wait: .seconds(60))
        try await expectError(.poolExhausted) { _ = try await pool.query("SELECT 1", deadline: .milliseconds(20)) }
        let cancelled = Task { try await pool.query("SELECT 1", deadline: .seconds(600)) }
        try await eventually("so many wait") { await pool.statistics.waiting == 1 }
        cancelled.cancel()
        try await expectError(.cancelled) { _ = try await cancelled.value }
        let waiting = Task { try await pool.query("SELECT 1 AS v", deadline: .seconds(60)).first?["v"].int() }
        try await eventually("so many wait") { await pool.statistics.waiting == 1 }
        await pool.giveBack(held)
        #expect(try await waiting.value == 1)
        #expect(await pool.statistics.expiredTotal == 1)
        await pool.close()
    }

    @Test("a session that comes back soon serves who waits for one; none is opened beside it")
    func patience() async throws {
        let pool = Pool(try await makeDatabase(), on: reactor, size: 3, patience: .seconds(600), seed: 1)
        let held = try await pool.take(wait: .seconds(60))
        let waiting = (0..<2).map { _ in Task { try await pool.query("SELECT 1 AS v", deadline: .seconds(60)).first?["v"].int() } }
        try await eventually("so many wait") { await pool.statistics.waiting == 2 }
        await pool.giveBack(held)
        for task in waiting { #expect(try await task.value == 1) }
        #expect(await pool.statistics.openedTotal == 1)
        await pool.close()
    }

    @Test("who waits for a session that does not come back gets one of its own")
    func impatience() async throws {
        let pool = Pool(try await makeDatabase(), on: reactor, size: 3, patience: .milliseconds(1), seed: 1)
        let held = try await pool.take(wait: .seconds(60))
        #expect(try await pool.query("SELECT 1 AS v", deadline: .seconds(60)).first?["v"].int() == 1)
        #expect(await pool.statistics.openedTotal == 2)
        await pool.giveBack(held)
        await pool.close()
    }

    @Test("the queue of waiting callers is bounded")
    func queueBound() async throws {
        let pool = Pool(try await makeDatabase(), on: reactor, size: 1, maximumWaiting: 2, seed: 1)
        let held = try await pool.take(wait: .seconds(60))
        let waiting = (0..<2).map { _ in Task { _ = try await pool.query("SELECT 1", deadline: .seconds(60)) } }
        try await eventually("so many wait") { await pool.statistics.waiting == 2 }
        try await expectError(.poolExhausted) { _ = try await pool.query("SELECT 1", deadline: .seconds(60)) }
        await pool.giveBack(held)
        for task in waiting { try await task.value }
        await pool.close()
    }

    @Test("after a restart of the server callers get new sessions, and a caller that waits meanwhile is served")
    func restart() async throws {
        let server = try await TestServer.start()
        let pool = Pool(ConnectionConfiguration(server.conninfo()), on: reactor, size: 2, seed: 1)
        #expect(try await pool.query("SELECT 1 AS v", deadline: .seconds(60)).first?["v"].int() == 1)
        try await server.restart()
        #expect(try await pool.query("SELECT 2 AS v", deadline: .seconds(60)).first?["v"].int() == 2)
        try await server.stop()
        let waiting = Task { try await pool.query("SELECT 3 AS v", deadline: .seconds(60)).first?["v"].int() }
        try await eventually("attempts fail") { await pool.statistics.failedTotal > 1 }
        #expect(await pool.lastConnectFailure?.code == .connect)
        // A caller that gives up learns why there is no session.
        try await expectError(.connect) { _ = try await pool.query("SELECT 4", deadline: .milliseconds(20)) }
        try await server.start()
        #expect(try await waiting.value == 3)
        #expect(await pool.lastConnectFailure == nil)
        await pool.close()
    }

    @Test("a wrong password reaches the caller at once, not at its deadline")
    func wrongPassword() async throws {
        let conninfo = try await TestServer.shared.conninfo(user: TestServer.passwordRole)
        let pool = Pool(ConnectionConfiguration(conninfo, password: "wrong"), on: reactor, size: 2, seed: 1)
        try await expectError(.connect, sqlState: "28P01") { _ = try await pool.query("SELECT 1", deadline: .seconds(600)) }
        await pool.close()
    }

    @Test("a terminated session is dropped while idle, and never handed out")
    func terminated() async throws {
        let configuration = try await makeDatabase()
        let pool = Pool(configuration, on: reactor, size: 2, seed: 1)
        let process = try #require(try await pool.query("SELECT pg_backend_pid() AS p").first?["p"].int())
        try await TestServer.shared.execute("SELECT pg_terminate_backend(\(process))")
        try await eventually("the session is gone") { await pool.statistics.idle == 0 }
        #expect(try await pool.query("SELECT pg_backend_pid() AS p").first?["p"].int() != process)
        await pool.close()
    }

    @Test("a session that comes back inside a transaction is dropped")
    func leftOpen() async throws {
        let pool = Pool(try await makeDatabase(), on: reactor, size: 1, seed: 1)
        try await pool.withConnection { connection in
            _ = try await connection.simple("BEGIN; CREATE TABLE t ()")
        }
        #expect(try await pool.query("SELECT to_regclass('t') IS NULL AS gone").first?["gone"].bool() == true)
        #expect(await pool.statistics.openedTotal == 2)
        await pool.close()
    }

    @Test("a body's error goes through, its session comes back; transactions and pipelines work")
    func conveniences() async throws {
        struct Refusal: Error {}
        let pool = Pool(try await makeDatabase(), on: reactor, size: 1, seed: 1)
        do {
            try await pool.withConnection { _ in throw Refusal() }
            Issue.record("the body's error was swallowed")
        } catch is Refusal {
            // As it should.
        }
        _ = try await pool.simple("CREATE TABLE t (a int8); INSERT INTO t VALUES (1)")
        let sum = try await pool.transaction(isolation: .serializable) { transaction in
            _ = try await transaction.query("INSERT INTO t VALUES (2)")
            return try await transaction.query("SELECT sum(a)::int8 AS s FROM t").first?["s"].int()
        }
        #expect(sum == 3)
        #expect(try await pool.pipeline([Statement("SELECT count(*) FROM t")]).first?.first?[0].int() == 2)
        #expect(await pool.statistics.openedTotal == 1)
        await pool.close()
    }

    @Test("closing ends everybody's wait and later calls; lent sessions end when they come back")
    func close() async throws {
        let pool = Pool(try await makeDatabase(), on: reactor, size: 1, seed: 1)
        let held = try await pool.take(wait: .seconds(60))
        let waiting = Task { try await pool.query("SELECT 1", deadline: .seconds(600)) }
        try await eventually("so many wait") { await pool.statistics.waiting == 1 }
        await pool.close()
        try await expectError(.closed) { _ = try await waiting.value }
        try await expectError(.closed) { _ = try await pool.query("SELECT 1") }
        #expect(try await held.query("SELECT 1 AS v").first?["v"].int() == 1)
        await pool.giveBack(held)
        #expect(await held.isClosed)
    }

    @Test("stopping the reactor ends the pool's waits")
    func reactorStop() async throws {
        let own = Reactor(name: "stopped")
        let pool = Pool(try await makeDatabase(), on: own, size: 1, seed: 1)
        let held = try await pool.take(wait: .seconds(60))
        let waiting = Task { try await pool.query("SELECT 1", deadline: .seconds(600)) }
        try await eventually("so many wait") { await pool.statistics.waiting == 1 }
        own.stop()
        _ = try await postgresError { _ = try await waiting.value }
        _ = try await postgresError { _ = try await held.query("SELECT 1") }
        await pool.giveBack(held)
        await pool.close()
    }

    @Test("pauses grow from 10 ms to 5 s and keep to the upper half of their step", arguments: [0, 1, 42, UInt64.max])
    func backoff(seed: UInt64) {
        var backoff = Backoff(seed: seed)
        var same = Backoff(seed: seed)
        var step = Backoff.first
        for _ in 0..<20 {
            let pause = backoff.next()
            #expect(pause >= step / 2 && pause <= step, "seed \(seed)")
            #expect(pause == same.next(), "seed \(seed)")
            step = min(step * 2, Backoff.longest)
        }
        #expect(step == Backoff.longest)
        backoff.reset()
        #expect(backoff.next() <= Backoff.first, "seed \(seed)")
    }
}
