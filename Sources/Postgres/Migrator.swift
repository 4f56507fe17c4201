/// Brings a database to this binary's schema.
///
/// The model: `<schema>.migration` has one row for each applied migration. Whoever holds the advisory lock compares the rows with the list of the binary and
/// applies what is missing, in order, each migration in one transaction together with its row. So concurrent nodes apply each migration once, and a node
/// that dies leaves whole migrations only (its lock goes with its session).
///
/// Invariants: the rows are 1…n without gaps, and each checksum is the binary's. Anything else is refused before anything is changed.
///
/// It needs a session of its own (not one of a transaction pooler: the lock is the session's). There is no way back: a migration is undone by the next one.
public struct Migrator: Sendable {
    /// The schema that holds the table of what was applied.
    public let schema: String
    /// In order of their versions, which count from 1 on.
    public let migrations: [Migration]
    /// Names the advisory lock that migrating nodes take in turns: the same in every version for ever.
    public let lockKey: Int64
    /// How long to wait for another node that migrates.
    public let lockWait: Duration

    /// Schema changes of this size take seconds.
    public static let defaultLockWait = Duration.seconds(120)
    /// One migration: long enough to build an index over a large table.
    public static let migrationDeadline = Duration.seconds(600)
    /// Looking at the catalogue and at a table of few rows.
    static let readDeadline = Duration.seconds(10)

    /// - Parameters:
    ///   - schema: holds the table of applied migrations, and is made when missing.
    ///   - migrations: in order of their versions.
    ///   - lockKey: of the advisory lock; the same in all nodes for ever.
    public init(schema: String, migrations: [Migration], lockKey: Int64, lockWait: Duration = Migrator.defaultLockWait) {
        self.schema = schema
        self.migrations = migrations
        self.lockKey = lockKey
        self.lockWait = lockWait
    }

    /// Applies what is missing and returns the versions that this call applied. Closes the session when it can't give the lock back otherwise.
    /// - Throws: `MigrationError`, or `PostgresError` when the database is out of reach.
    @discardableResult
    public func migrate(_ connection: Connection) async throws -> [Int] {
        try self.checkOwnList()
        try await self.lock(connection)
        do {
            let applied = try await self.applyMissing(connection)
            await self.unlock(connection)
            return applied
        } catch {
            await self.unlock(connection)
            throw error
        }
    }

    /// Compares without changing anything.
    /// - Throws: as ``migrate(_:)``.
    public func check(_ connection: Connection) async throws -> MigrationStatus {
        try self.checkOwnList()
        let applied = try await self.appliedVersions(connection)
        return MigrationStatus(applied: applied, pending: self.migrations.map(\.version).filter { !applied.contains($0) })
    }

    // MARK: - Comparing

    private var table: String { "\(Self.identifier(self.schema)).migration" }

    private func checkOwnList() throws(MigrationError) {
        for (index, migration) in self.migrations.enumerated() where migration.version != index + 1 {
            throw .gapInBinary(expected: index + 1, found: migration.version)
        }
    }

    /// The versions in the database, after they were found to fit this binary; none when there is no table yet.
    private func appliedVersions(_ connection: Connection) async throws -> [Int] {
        let exists = try await connection.query(
            "SELECT to_regclass($1) IS NOT NULL AS exists", [.text(self.table)], deadline: Self.readDeadline)
        guard try exists.first?["exists"].bool() == true else { return [] }
        let rows = try await connection.query(
            "SELECT version, checksum FROM \(self.table) ORDER BY version", deadline: Self.readDeadline
        ).map { row in (version: Int(try row["version"].int()), checksum: try row["checksum"].string()) }
        let known = self.migrations.count
        if let newest = rows.last?.version, newest > known {
            throw MigrationError.newerSchema(database: newest, known: known)
        }
        for (index, row) in rows.enumerated() {
            guard row.version == index + 1 else {
                throw MigrationError.gapInDatabase(schema: self.schema, missing: index + 1)
            }
            let migration = self.migrations[index]
            guard row.checksum == migration.checksum else {
                throw MigrationError.changed(version: migration.version, name: migration.name)
            }
        }
        return rows.map(\.version)
    }

    // MARK: - Applying

    private func applyMissing(_ connection: Connection) async throws -> [Int] {
        try await self.makeTable(connection)
        let applied = try await self.appliedVersions(connection)
        var new: [Int] = []
        for migration in self.migrations.dropFirst(applied.count) {
            do throws(PostgresError) {
                _ = try await connection.simple(self.text(of: migration), deadline: Self.migrationDeadline)
            } catch {
                throw MigrationError.failed(version: migration.version, name: migration.name, error)
            }
            new.append(migration.version)
        }
        return new
    }

    /// Only what is missing is created: CREATE … IF NOT EXISTS asks for rights that a role may lack once an administrator has made the schema.
    private func makeTable(_ connection: Connection) async throws(PostgresError) {
        let found = try await connection.query(
            "SELECT to_regnamespace($1) IS NOT NULL AS schema, to_regclass($2) IS NOT NULL AS migration",
            [.text(Self.identifier(self.schema)), .text(self.table)], deadline: Self.readDeadline)
        if try found.first?["schema"].bool() != true {
            _ = try await connection.simple("CREATE SCHEMA \(Self.identifier(self.schema))", deadline: Self.readDeadline)
        }
        if try found.first?["migration"].bool() != true {
            _ = try await connection.simple(
                """
                CREATE TABLE \(self.table) (
                    version    int PRIMARY KEY,
                    name       text NOT NULL,
                    checksum   text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                    applied_by text NOT NULL DEFAULT session_user || ' ' || current_setting('application_name')
                )
                """, deadline: Self.readDeadline)
        }
    }

    /// One message of the simple protocol is one transaction: the migration and its row come about together or not at all.
    /// A role's statement_timeout is for its queries, not for building an index.
    private func text(of migration: Migration) -> String {
        """
        SET LOCAL statement_timeout = 0;
        SET LOCAL lock_timeout = 0;
        \(migration.sql)
        ;
        INSERT INTO \(self.table) (version, name, checksum)
        VALUES (\(migration.version), \(Self.literal(migration.name)), \(Self.literal(migration.checksum)))
        """
    }

    // MARK: - The lock

    private func lock(_ connection: Connection) async throws {
        let text = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_lock(\(self.lockKey))"
        do throws(PostgresError) {
            _ = try await connection.simple(text, deadline: self.lockWait)
        } catch {
            // The lock may have come at the very moment of giving up, and it is the session's.
            await connection.close()
            if error.code == .timeout { throw MigrationError.busy(waited: self.lockWait) }
            throw error
        }
    }

    /// Gives the lock back for certain: with the session if need be (also when the task was cancelled, so that no statement gets through).
    private func unlock(_ connection: Connection) async {
        do throws(PostgresError) {
            let answer = try await connection.query(
                "SELECT pg_advisory_unlock($1) AS unlocked", [.int(self.lockKey)], deadline: Self.readDeadline)
            if try answer.first?["unlocked"].bool() == true { return }
        } catch {
            // Closing is the answer, whatever went wrong.
        }
        await connection.close()
    }

    // MARK: - Quoting

    private static func identifier(_ name: String) -> String { Self.quoted(name, by: "\"") }
    /// The escape form reads the same whatever standard_conforming_strings says.
    private static func literal(_ text: String) -> String {
        "E" + Self.quoted(text.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\"), by: "'")
    }
    private static func quoted(_ text: String, by mark: Character) -> String {
        "\(mark)\(text.split(separator: mark, omittingEmptySubsequences: false).joined(separator: "\(mark)\(mark)"))\(mark)"
    }
}
