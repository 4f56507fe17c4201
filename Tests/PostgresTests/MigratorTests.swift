import Eventually
import Postgres
import PostgresTesting
import Testing

@Suite("Migrations")
struct MigratorTests {
    static let schema = "it's \"my\" schema"
    static let table = "\"it's \"\"my\"\" schema\".migration"

    private static func migrations(_ count: Int) -> [Migration] {
        [
            Migration(
                version: 1, name: "first", sql: "CREATE TABLE a (n int8); INSERT INTO a VALUES (1) -- a last comment", checksum: "c1"),
            Migration(
                version: 2, name: "it's \\ 2",
                sql: "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 7; END $$;\nCREATE TABLE b (n int8);", checksum: "c'2\\"),
            Migration(version: 3, name: "third", sql: "ALTER TABLE a ADD COLUMN m text", checksum: "c3"),
        ].prefix(count).map { $0 }
    }

    private static func migrator(_ migrations: [Migration], lockWait: Duration = .seconds(60)) -> Migrator {
        Migrator(schema: Self.schema, migrations: migrations, lockKey: 0x6d75_7374_0001, lockWait: lockWait)
    }

    private static func refusal(_ body: () async throws -> Void) async throws -> MigrationError {
        do {
            try await body()
        } catch let error as MigrationError {
            return error
        }
        return try #require(nil as MigrationError?, "no error was thrown")
    }

    private static func locks(_ connection: Connection) async throws -> Int64? {
        try await connection.query(
            "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).first?["n"].int()
    }

    @Test("an empty database gets everything, in order, once; later migrations are added")
    func fresh() async throws {
        try await withConnection { connection in
            let three = Self.migrator(Self.migrations(3))
            #expect(try await three.check(connection) == MigrationStatus(applied: [], pending: [1, 2, 3]))
            #expect(try await Self.migrator(Self.migrations(2)).migrate(connection) == [1, 2])
            #expect(try await three.check(connection) == MigrationStatus(applied: [1, 2], pending: [3]))
            #expect(try await three.migrate(connection) == [3])
            #expect(try await three.migrate(connection) == [])
            #expect(try await three.check(connection).isCurrent)
            let rows = try await connection.query(
                "SELECT version, name, checksum, applied_by, applied_at <= clock_timestamp() AS past FROM \(Self.table) ORDER BY version")
            let names = try rows.map { try $0["name"].string() }
            #expect(names == ["first", "it's \\ 2", "third"])
            let checksums = try rows.map { try $0["checksum"].string() }
            #expect(checksums == ["c1", "c'2\\", "c3"])
            #expect(try rows[0]["applied_by"].string() == "postgres tests")
            #expect(try rows[0]["past"].bool())
            #expect(try await connection.query("SELECT f() AS f").first?["f"].int() == 7)
            #expect(try await Self.locks(connection) == 0)
        }
    }

    @Test("of four migrators at the same time each migration is applied by one")
    func concurrent() async throws {
        let configuration = try await makeDatabase()
        let applied = try await withThrowingTaskGroup(of: [Int].self, returning: [[Int]].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let connection = try await Connection.connect(configuration, on: reactor)
                    let versions = try await Self.migrator(Self.migrations(3)).migrate(connection)
                    await connection.close()
                    return versions
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(applied.flatMap(\.self).sorted() == [1, 2, 3])
        #expect(applied.count == 4)
    }

    @Test("a migration that was changed after it was applied is refused, and nothing further is applied")
    func changed() async throws {
        try await withConnection { connection in
            _ = try await Self.migrator(Self.migrations(2)).migrate(connection)
            var migrations = Self.migrations(3)
            migrations[0] = Migration(version: 1, name: "first", sql: migrations[0].sql, checksum: "other")
            let edited = Self.migrator(migrations)
            let refused = try await Self.refusal { _ = try await edited.migrate(connection) }
            #expect(refused == .changed(version: 1, name: "first"))
            #expect(refused.description.hasPrefix("migration 1 'first' was changed after it was applied"))
            let checked = try await Self.refusal { _ = try await edited.check(connection) }
            #expect(checked == refused)
            #expect(try await Self.migrator(Self.migrations(3)).check(connection).pending == [3])
            #expect(try await Self.locks(connection) == 0)
        }
    }

    @Test("a schema newer than the binary is refused")
    func newer() async throws {
        try await withConnection { connection in
            _ = try await Self.migrator(Self.migrations(3)).migrate(connection)
            let refused = try await Self.refusal { _ = try await Self.migrator(Self.migrations(2)).migrate(connection) }
            #expect(refused == .newerSchema(database: 3, known: 2))
            #expect(refused.description == "the database has schema 3, this node knows up to 2: upgrade this node")
        }
    }

    @Test("a gap, in the database or in the binary, is refused")
    func gap() async throws {
        try await withConnection { connection in
            _ = try await Self.migrator(Self.migrations(3)).migrate(connection)
            _ = try await connection.simple("DELETE FROM \(Self.table) WHERE version = 2")
            let inDatabase = try await Self.refusal { _ = try await Self.migrator(Self.migrations(3)).migrate(connection) }
            #expect(inDatabase == .gapInDatabase(schema: Self.schema, missing: 2))
            let broken = Self.migrator([Self.migrations(3)[0], Self.migrations(3)[2]])
            let inBinary = try await Self.refusal { _ = try await broken.migrate(connection) }
            #expect(inBinary == .gapInBinary(expected: 2, found: 3))
        }
    }

    @Test("a migration that fails leaves nothing behind; those before it stay, and the corrected one is applied later")
    func failing() async throws {
        try await withConnection { connection in
            var migrations = Self.migrations(3)
            migrations[2] = Migration(version: 3, name: "bad", sql: "CREATE TABLE c (n int8); SELECT 1/0; CREATE TABLE d ()", checksum: "bad")
            let bad = Self.migrator(migrations)
            let failure = try await Self.refusal { _ = try await bad.migrate(connection) }
            guard case .failed(version: 3, name: "bad", let error) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(error.sqlState == "22012")
            #expect(try await connection.query("SELECT to_regclass('c') IS NULL AND to_regclass('d') IS NULL AS none").first?["none"].bool() == true)
            #expect(try await Self.locks(connection) == 0)
            #expect(try await Self.migrator(Self.migrations(3)).migrate(connection) == [3])
        }
    }

    @Test("a node that waits too long for another one says so and holds nothing")
    func busy() async throws {
        let configuration = try await makeDatabase()
        let holder = try await Connection.connect(configuration, on: reactor)
        _ = try await holder.simple("SELECT pg_advisory_lock(\(0x6d75_7374_0001))")
        let connection = try await Connection.connect(configuration, on: reactor)
        let error = try await Self.refusal { _ = try await Self.migrator(Self.migrations(3), lockWait: .milliseconds(50)).migrate(connection) }
        #expect(error == .busy(waited: .milliseconds(50)))
        #expect(try await Self.locks(holder) == 1)
        await holder.close()
    }

    @Test("a role's statement_timeout and lock_timeout do not hurt a migration")
    func timeouts() async throws {
        var configuration = try await makeDatabase()
        configuration.settings = [("statement_timeout", "20"), ("lock_timeout", "20")]
        let connection = try await Connection.connect(configuration, on: reactor)
        let slow = Migration(version: 1, name: "slow", sql: "SELECT pg_sleep(0.1)", checksum: "c")
        let holder = try await Connection.connect(configuration, on: reactor)
        _ = try await holder.simple("SELECT pg_advisory_lock(\(0x6d75_7374_0001))")
        let migrating = Task { try await Self.migrator([slow]).migrate(connection) }
        try await eventually("the migration waits for the lock") {
            try await holder.query("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").first?["n"].int() ?? 0 > 0
        }
        await holder.close()
        #expect(try await migrating.value == [1])
        #expect(try await connection.query("SHOW statement_timeout").first?[0].string() == "20ms")
        await connection.close()
    }

    @Test("a role without rights to create finds its schema prepared and migrates into it")
    func unprivileged() async throws {
        let server = try await TestServer.shared
        try await withConnection { owner in
            let database = try await owner.query("SELECT current_database() AS d").first?["d"].string() ?? ""
            let role = "plain_\(database)"
            _ = try await owner.simple("CREATE ROLE \(role) LOGIN; CREATE SCHEMA prepared AUTHORIZATION \(role)")
            let connection = try await Connection.connect(
                ConnectionConfiguration(server.conninfo(database: database, user: role)), on: reactor)
            let migration = Migration(version: 1, name: "one", sql: "CREATE TABLE prepared.t ()", checksum: "c")
            let allowed = Migrator(schema: "prepared", migrations: [migration], lockKey: 1)
            #expect(try await allowed.migrate(connection) == [1])
            let refused = Migrator(schema: "forbidden", migrations: [migration], lockKey: 1)
            try await expectError(.server, sqlState: "42501") { _ = try await refused.migrate(connection) }
            await connection.close()
        }
    }
}
