internal import Crypto
public import Postgres

/// The schema `muster`, and how a database gets there.
///
/// Migrations are numbered SQL files, applied once, in order, each in a transaction of its own, by whichever node comes first; the others wait.
/// A migration that was applied is never edited: its checksum is compared at every start. A node that is older than the schema refuses to start.
public enum Schema {
    /// The schema's name in the database.
    public static let name = "muster"

    /// Guards migrations among nodes that start together; any constant will do as long as it is always this one.
    static let migrationLockKey: Int64 = 0x6d75_7374_6572_0001

    /// The build names an embedded file after its path, with an underscore for a leading digit.
    public static let migrations: [Migration] = [
        Self.migration(1, "election", PackageResources._001_election_sql),
        Self.migration(2, "audit", PackageResources._002_audit_sql),
        Self.migration(3, "control", PackageResources._003_control_sql),
        Self.migration(4, "scaling", PackageResources._004_scaling_sql),
        Self.migration(5, "members", PackageResources._005_members_sql),
        Self.migration(6, "memory", PackageResources._006_memory_sql),
        Self.migration(7, "regions", PackageResources._007_regions_sql),
        Self.migration(8, "people", PackageResources._008_people_sql),
        Self.migration(9, "configuration", PackageResources._009_configuration_sql),
        Self.migration(10, "restart", PackageResources._010_restart_sql),
        Self.migration(11, "memory_version", PackageResources._011_memory_version_sql),
    ]

    /// The newest version that this binary knows.
    public static var version: Int { Self.migrations.last?.version ?? 0 }

    /// Applies what a database lacks, and says what that is.
    public static var migrator: Migrator {
        Migrator(schema: Self.name, migrations: Self.migrations, lockKey: Self.migrationLockKey)
    }

    private static func migration(_ version: Int, _ name: String, _ sql: [UInt8]) -> Migration {
        let checksum = SHA256.hash(data: sql).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
        return Migration(version: version, name: name, sql: String(decoding: sql, as: UTF8.self), checksum: checksum)
    }
}
