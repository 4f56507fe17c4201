/// One step of a schema: SQL that is applied once and never edited afterwards.
public struct Migration: Sendable, Hashable {
    /// 1, 2, 3 … without gaps.
    public let version: Int
    /// What it brings, in a word or two, for messages and for the table of what was applied.
    public let name: String
    /// Statements of the simple protocol. No BEGIN or COMMIT: the migrator's transaction is around it.
    public let sql: String
    /// Of `sql`, as the caller computes it (this target has no cryptography).
    public let checksum: String

    /// - Parameter checksum: of `sql`; one that differs from what the database has is refused, see ``MigrationError/changed(version:name:)``.
    public init(version: Int, name: String, sql: String, checksum: String) {
        self.version = version
        self.name = name
        self.sql = sql
        self.checksum = checksum
    }
}

/// Where a database stands against the migrations of this binary.
public struct MigrationStatus: Sendable, Hashable {
    /// Versions that the database has, in order.
    public var applied: [Int]
    /// Versions that it lacks, in order.
    public var pending: [Int]

    /// What a database has and lacks; both ascend.
    public init(applied: [Int], pending: [Int]) {
        self.applied = applied
        self.pending = pending
    }

    /// Whether the database has everything that this binary knows.
    public var isCurrent: Bool { self.pending.isEmpty }
}

/// Why a database can't be brought to, or used at, this binary's schema. Nothing was changed, except with `failed`: the migrations before that one.
public enum MigrationError: Error, Sendable, Equatable, CustomStringConvertible {
    case newerSchema(database: Int, known: Int)
    case changed(version: Int, name: String)
    /// The database has later migrations than `missing`, but not this one.
    case gapInDatabase(schema: String, missing: Int)
    /// The list of this binary does not count 1, 2, 3 …
    case gapInBinary(expected: Int, found: Int)
    /// It was rolled back, or its answer was lost and it took effect as a whole or not at all; the migrations before it stay.
    case failed(version: Int, name: String, PostgresError)
    /// Another node held the lock for the whole wait.
    case busy(waited: Duration)

    /// What doesn't fit and what to do about it, for whoever starts the node.
    public var description: String {
        switch self {
        case .newerSchema(let database, let known):
            "the database has schema \(database), this node knows up to \(known): upgrade this node"
        case .changed(let version, let name):
            "migration \(version) '\(name)' was changed after it was applied: this node was built from other sources than the one that applied it; "
                + "run a released build"
        case .gapInDatabase(let schema, let missing):
            "the database lacks migration \(missing) but has later ones: somebody edited \(schema).migration; restore the database or that row"
        case .gapInBinary(let expected, let found):
            "this build is broken: migration \(expected) should follow, it has \(found); rebuild it"
        case .failed(let version, let name, let error) where error.code == .server:
            "migration \(version) '\(name)' failed and left nothing behind: \(error)"
        case .failed(let version, let name, let error):
            "migration \(version) '\(name)' was interrupted, and took effect as a whole or not at all: \(error); start again"
        case .busy(let waited):
            "another node held the migration lock for \(waited): see whether it still migrates (pg_locks, locktype advisory), then start again"
        }
    }
}
