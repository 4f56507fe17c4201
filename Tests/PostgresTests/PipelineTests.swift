import Postgres
import PostgresTesting
import Testing

@Suite("Pipelines")
struct PipelineTests {
    @Test("answers come in the order of the statements")
    func order() async throws {
        try await withConnection { connection in
            let sets = try await connection.pipeline((0..<500).map { Statement("SELECT $1::int8 AS v", [.int($0)]) })
            let values = try sets.map { try $0.first?["v"].int() }
            #expect(values == Array(0..<500))
            #expect(try await connection.pipeline([]).isEmpty)
        }
    }

    @Test("a failure in the middle is thrown with its index, and nothing of the pipeline took effect")
    func failure() async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8 PRIMARY KEY)")
            let error = try await postgresError {
                _ = try await connection.pipeline([1, 2, 1, 3].map { Statement("INSERT INTO t VALUES ($1)", [.int($0)]) })
            }
            #expect(error.sqlState == "23505")
            #expect(error.index == 2)
            #expect(try await connection.query("SELECT count(*) AS n FROM t").first?["n"].int() == 0)
        }
    }

    @Test("a statement that can't be parsed fails its pipeline with its own error")
    func parseFailure() async throws {
        try await withConnection { connection in
            let error = try await postgresError {
                _ = try await connection.pipeline([Statement("SELECT 1"), Statement("SELEC 2"), Statement("SELECT 3")])
            }
            #expect(error.sqlState == "42601")
            #expect(error.index == 1)
            #expect(try await connection.pipeline([Statement("SELECT 1 AS a")]).first?.first?["a"].int() == 1)
        }
    }

    @Test("what fails only at the end of the implicit transaction fails the pipeline, and the session goes on")
    func failureAtTheEnd() async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TEMP TABLE t (a int8 UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            let twice = [Statement("INSERT INTO t VALUES ($1)", [1]), Statement("INSERT INTO t VALUES ($1)", [1])]
            let error = try await postgresError { _ = try await connection.pipeline(twice) }
            #expect(error.sqlState == "23505")
            #expect(try await connection.query("SELECT count(*) FROM t").first?[0].int() == 0)
            let each = await connection.pipelineEach(twice)
            let first = try each.first?.get().affected
            #expect(first == 1)
            #expect(throws: PostgresError.self) { try each[1].get() }
            #expect(try await connection.query("SELECT count(*) FROM t").first?[0].int() == 1)
        }
    }

    @Test("statements prepared ahead run as prepared ones; one that the server refuses costs the others nothing")
    func preparedAhead() async throws {
        try await withConnection { connection in
            try await connection.prepare(["SELECT $1::int8 + 1 AS v", "SELEC", "SELECT 2 AS w"])
            try await connection.prepare(["SELECT 2 AS w"])
            let names = "SELECT statement FROM pg_prepared_statements ORDER BY statement"
            let prepared = try await connection.query(names).map { try $0["statement"].string() }
            #expect(prepared == ["SELECT $1::int8 + 1 AS v", "SELECT 2 AS w"])
            #expect(try await connection.query("SELECT $1::int8 + 1 AS v", [2]).first?["v"].int() == 3)
            #expect(try await connection.pipeline([Statement("SELECT 2 AS w")]).first?.first?["w"].int() == 2)
            try await expectError(.server) { _ = try await connection.query("SELEC") }
        }
    }

    @Test("pipelineEach keeps a failure where it is", arguments: 1...3)
    func isolation(repetition: Int) async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8 PRIMARY KEY)")
            var statements = [1, 2, 1, 3].map { Statement("INSERT INTO t VALUES ($1)", [.int($0)]) }
            statements.append(Statement("SELEC"))
            statements.append(Statement("SELECT 7 AS v"))
            // Again and again, since statements are prepared on a later run.
            for _ in 0..<repetition {
                _ = try await connection.simple("TRUNCATE t")
                let outcomes = await connection.pipelineEach(statements)
                let states = outcomes.map { outcome -> String? in
                    if case .failure(let error) = outcome { return error.sqlState } else { return nil }
                }
                #expect(states == [nil, nil, "23505", nil, "42601", nil])
                #expect(try await connection.query("SELECT sum(a)::int8 AS n FROM t").first?["n"].int() == 6)
            }
        }
    }

    @Test("megabytes in both directions at once do not deadlock")
    func large() async throws {
        try await withConnection { connection in
            let block = String(repeating: "0123456789abcdef", count: 4096)
            let sets = try await connection.pipeline(
                (0..<200).map { Statement("SELECT $1::text || $2::text AS v", [.text(block), .text(String($0))]) }, deadline: .seconds(60))
            let pipelined = try sets.enumerated().allSatisfy { try $0.element.first?["v"].string() == block + String($0.offset) }
            #expect(pipelined)
            let each = await connection.pipelineEach((0..<100).map { _ in Statement("SELECT $1::text AS v", [.text(block)]) })
            let separate = try each.allSatisfy { try $0.get().first?["v"].string() == block }
            #expect(separate)
        }
    }

    @Test("too many parameters are misuse, not a broken session for the next caller")
    func misuse() async throws {
        let configuration = try await makeDatabase()
        let pool = Pool(configuration, on: reactor, size: 1)
        let many = Statement("SELECT 1", (0..<70_000).map { .int(Int64($0)) })
        try await expectError(.misuse) { _ = try await pool.pipeline([Statement("SELECT 1"), many]) }
        #expect(try await pool.query("SELECT 1 AS v").first?["v"].int() == 1)
        await pool.close()
    }

    // MARK: - The cache of prepared statements

    /// Runs often enough that the statement is prepared, whenever the cache decides to.
    private static let runs = 4

    @Test("a prepared statement survives a change of its table")
    func ddl() async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8); INSERT INTO t VALUES (1)")
            let sql = "SELECT * FROM t"
            for _ in 0..<Self.runs { #expect(try await connection.query(sql).columns == ["a"]) }
            _ = try await connection.simple("ALTER TABLE t ADD COLUMN b text DEFAULT 'new'")
            for _ in 0..<Self.runs { #expect(try await connection.query(sql).columns == ["a", "b"]) }
            _ = try await connection.simple("ALTER TABLE t DROP COLUMN a")
            for _ in 0..<Self.runs {
                #expect(try await connection.pipeline([Statement("SELECT 1"), Statement(sql)]).last?.columns == ["b"])
            }
        }
    }

    @Test("prepared statements that the server forgot are prepared again")
    func deallocated() async throws {
        try await withConnection { connection in
            let sql = "SELECT $1::int8 + 1 AS v"
            for _ in 0..<Self.runs { #expect(try await connection.query(sql, [1]).first?["v"].int() == 2) }
            #expect(try await connection.query("SELECT count(*) AS n FROM pg_prepared_statements").first?["n"].int() ?? 0 > 0)
            _ = try await connection.simple("DEALLOCATE ALL")
            #expect(try await connection.query(sql, [2]).first?["v"].int() == 3)
            _ = try await connection.simple("DISCARD ALL")
            #expect(try await connection.pipeline([Statement(sql, [3])]).first?.first?["v"].int() == 4)
        }
    }

    @Test("inside a transaction a changed table is an error, and the next transaction works")
    func ddlInTransaction() async throws {
        try await withConnection { connection in
            _ = try await connection.simple("CREATE TABLE t (a int8)")
            let sql = "SELECT * FROM t"
            for _ in 0..<Self.runs { _ = try await connection.query(sql) }
            _ = try await connection.simple("ALTER TABLE t ADD COLUMN b text")
            let error = try await postgresError {
                try await connection.transaction { transaction in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                    _ = try await transaction.query(sql)
                }
            }
            #expect(error.sqlState == "0A000")
            let set = try await connection.transaction { transaction in
                _ = try await transaction.query("INSERT INTO t VALUES (2)")
                return try await transaction.query(sql)
            }
            #expect(set.count == 1)
        }
    }

    @Test("the cache is bounded on both sides")
    func bounded() async throws {
        try await withConnection { connection in
            for round in 0..<Self.runs {
                for number in 0..<400 {
                    #expect(try await connection.query("SELECT \(number) AS v").first?["v"].int() == Int64(number), "round \(round)")
                }
            }
            let count = try await connection.query("SELECT count(*) AS n FROM pg_prepared_statements").first?["n"].int() ?? -1
            #expect((0...257).contains(count))
        }
    }
}
