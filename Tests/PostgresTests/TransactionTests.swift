import Eventually
import Postgres
import PostgresTesting
import Testing

@Suite("Transactions")
struct TransactionTests {
    struct Refusal: Error, Equatable {}

    private static func withTable<R>(_ body: (Connection) async throws -> R) async throws -> R {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8 PRIMARY KEY)")
            return try await body(connection)
        }
    }

    private static func count(_ connection: Connection) async throws -> Int64? {
        try await connection.query("SELECT count(*) AS n FROM t").first?["n"].int()
    }

    @Test("what a body did is there when it returns")
    func commit() async throws {
        try await Self.withTable { connection in
            let answer = try await connection.transaction { transaction in
                _ = try await transaction.query("INSERT INTO t VALUES (1)")
                _ = try await transaction.pipeline([Statement("INSERT INTO t VALUES (2)"), Statement("INSERT INTO t VALUES ($1)", [3])])
                return try await transaction.query("SELECT count(*) AS n FROM t").first?["n"].int()
            }
            #expect(answer == 3)
            #expect(try await Self.count(connection) == 3)
        }
    }

    @Test("more statements than one batch holds commit together, and fail together with the first failure's place", arguments: [2500, 4])
    func batches(_ failing: Int) async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8 PRIMARY KEY, b text)")
            let text = String(repeating: "x", count: 200)
            func inserts(_ number: (Int) -> Int) -> [Statement] {
                (0..<3000).map { Statement("INSERT INTO t VALUES ($1, $2)", [.int(Int64(number($0))), .text(text)]) }
            }
            let error = try await postgresError {
                try await connection.transaction { transaction in
                    _ = try await transaction.commit(with: inserts { $0 == failing ? 0 : $0 })
                }
            }
            #expect(error.sqlState == "23505" && error.index == failing)
            #expect(try await Self.count(connection) == 0)
            try await connection.transaction { transaction in
                let sets = try await transaction.pipeline(inserts { $0 })
                #expect(sets.count == 3000)
            }
            #expect(try await Self.count(connection) == 3000)
        }
    }

    @Test("what was started is done before whatever comes next, the end included")
    func started() async throws {
        try await Self.withTable { connection in
            let seen = try await connection.transaction { transaction in
                for number in 1...3 as ClosedRange<Int64> { try await transaction.start([Statement("INSERT INTO t VALUES ($1)", [.int(number)])]) }
                let seen = try await transaction.query("SELECT count(*) AS n FROM t").first?["n"].int()
                try await transaction.start([Statement("INSERT INTO t VALUES (4)")])
                _ = try await transaction.copyIn(table: "t", columns: ["a"], rows: [[.int8(5)]])
                try await transaction.start([Statement("INSERT INTO t VALUES (6)")])
                return seen
            }
            #expect(seen == 3)
            #expect(try await Self.count(connection) == 6)
        }
    }

    @Test("the failure of what was started is the next step's, and nothing of the transaction stays", arguments: [false, true])
    func startedAndFailed(_ atTheEnd: Bool) async throws {
        try await Self.withTable { connection in
            let error = try await postgresError {
                try await connection.transaction { transaction in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                    try await transaction.start([Statement("INSERT INTO t VALUES (2)"), Statement("INSERT INTO t VALUES (1)")])
                    if !atTheEnd { try await transaction.start([Statement("INSERT INTO t VALUES (3)")]) }
                }
            }
            #expect(error.sqlState == "23505" && error.index == nil && !error.transactionOutcomeUnknown)
            #expect(try await Self.count(connection) == 0)
        }
    }

    @Test("what was started ends with a body that throws, however long it would have run, and the session is free again")
    func startedAndThrown() async throws {
        try await Self.withTable { connection in
            do {
                try await connection.transaction { transaction in
                    try await transaction.start([Statement("INSERT INTO t VALUES (1)"), Statement("SELECT pg_sleep(600)")])
                    throw Refusal()
                }
                Issue.record("the body's error was swallowed")
            } catch is Refusal {
                // As it should.
            }
            #expect(try await Self.count(connection) == 0)
        }
    }

    @Test("what a body did is gone when it throws")
    func rollback() async throws {
        try await Self.withTable { connection in
            do {
                try await connection.transaction { transaction in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                    throw Refusal()
                }
                Issue.record("the body's error was swallowed")
            } catch is Refusal {
                // As it should.
            }
            #expect(try await Self.count(connection) == 0)
        }
    }

    @Test("an empty transaction is no error, and a body that throws before its first statement neither breaks the session")
    func empty() async throws {
        try await Self.withTable { connection in
            try await connection.transaction { _ in }
            do {
                try await connection.transaction { _ in throw Refusal() }
                Issue.record("the body's error was swallowed")
            } catch is Refusal {
                // As it should.
            }
            #expect(try await Self.count(connection) == 0)
        }
    }

    @Test("a swallowed error does not commit the rest")
    func doomed() async throws {
        try await Self.withTable { connection in
            try await expectError(.server, sqlState: "25P02") {
                try await connection.transaction { transaction in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                    _ = try? await transaction.query("SELECT 1/0")
                }
            }
            #expect(try await Self.count(connection) == 0)
        }
    }

    @Test("the last statements and COMMIT in one go: all or nothing")
    func commitWith() async throws {
        try await Self.withTable { connection in
            let sets = try await connection.transaction { transaction in
                _ = try await transaction.query("INSERT INTO t VALUES (1)")
                return try await transaction.commit(with: [Statement("INSERT INTO t VALUES (2)"), Statement("SELECT sum(a)::int8 AS s FROM t")])
            }
            #expect(try sets.last?.first?["s"].int() == 3)
            let error = try await expectError(.server, sqlState: "23505") {
                try await connection.transaction { transaction in
                    _ = try await transaction.commit(with: [Statement("INSERT INTO t VALUES (3)"), Statement("INSERT INTO t VALUES (3)")])
                }
            }
            #expect(error.index == 1)
            #expect(!error.transactionOutcomeUnknown)
            #expect(try await Self.count(connection) == 2)
            try await expectError(.misuse) {
                try await connection.transaction { transaction in
                    _ = try await transaction.commit(with: [Statement("SELECT 1")])
                    _ = try await transaction.query("SELECT 1")
                }
            }
        }
    }

    @Test("a constraint that is checked at COMMIT refuses the whole")
    func deferred() async throws {
        try await withConnection { connection in
            _ = try await connection.simple(
                "CREATE TABLE p (a int PRIMARY KEY); CREATE TABLE t (a int REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
            try await expectError(.server, sqlState: "23503") {
                try await connection.transaction { transaction in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                }
            }
            #expect(try await Self.count(connection) == 0)
        }
    }

    @Test("nobody else's statement gets into a transaction")
    func exclusive() async throws {
        try await Self.withTable { connection in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 as Range<Int64> {
                    group.addTask {
                        try await connection.transaction { transaction in
                            _ = try await transaction.query("INSERT INTO t VALUES ($1)", [.int(number)])
                            await Task.yield()
                            let seen = try await transaction.query("SELECT count(*) AS n FROM t").first?["n"].int()
                            _ = try await transaction.query("DELETE FROM t WHERE a = $1", [.int(number)])
                            #expect(seen == 1)
                        }
                    }
                    group.addTask {
                        let inside = try await connection.query("SELECT count(*) AS n FROM t").first?["n"].int()
                        #expect(inside == 0)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("the isolation that was asked for is the one that runs", arguments: [TransactionIsolation.readCommitted, .repeatableRead, .serializable])
    func isolation(_ isolation: TransactionIsolation) async throws {
        try await withConnection { connection in
            let level = try await connection.transaction(isolation: isolation) { transaction in
                try await transaction.query("SHOW transaction_isolation").first?[0].string()
            }
            #expect(level?.uppercased() == isolation.rawValue)
        }
    }

    @Test("a cancelled transaction is rolled back and gives the session back")
    func cancelled() async throws {
        try await Self.withTable { connection in
            let running = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                try await connection.transaction { transaction in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                    running.continuation.yield()
                    _ = try await transaction.query("SELECT pg_sleep(600)")
                }
            }
            for await _ in running.stream { break }
            task.cancel()
            try await expectError(.cancelled) { try await task.value }
            #expect(try await Self.count(connection) == 0)
        }
    }

    @Test("a session that ends before COMMIT was sent has a known outcome")
    func endedBefore() async throws {
        let connection = try await Connection.connect(try await makeDatabase(), on: reactor)
        let process = await connection.backendPID
        let error = try await expectError(.closed) {
            try await connection.transaction { transaction in
                _ = try await transaction.query("SELECT 1")
                try await TestServer.shared.execute("SELECT pg_terminate_backend(\(process))")
                _ = await connection.untilClosed()
            }
        }
        #expect(!error.transactionOutcomeUnknown)
    }

    @Test("a session that ends between COMMIT and its answer says that the outcome is unknown")
    func outcomeUnknown() async throws {
        try await withConnection { watcher in
            _ = try await watcher.simple(
                """
                CREATE TABLE t (a int8);
                CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();
                """)
            let database = try await watcher.query("SELECT current_database() AS d").first?["d"].string() ?? ""
            let connection = try await Connection.connect(
                ConnectionConfiguration(try await TestServer.shared.conninfo(database: database)), on: reactor)
            let process = await connection.backendPID
            let task = Task {
                try await connection.transaction { transaction in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                }
            }
            try await eventually("the session commits") {
                try await watcher.query(
                    "SELECT query = 'COMMIT' AND wait_event = 'PgSleep' AS committing FROM pg_stat_activity WHERE pid = $1", [.int(Int64(process))]
                ).first?["committing"].text == "t"
            }
            _ = try await watcher.query("SELECT pg_terminate_backend($1)", [.int(Int64(process))])
            let error = try await expectError(.closed) { try await task.value }
            #expect(error.transactionOutcomeUnknown)
        }
    }
}
