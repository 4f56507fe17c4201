import Model
public import Postgres

/// Why a cluster was not registered.
public enum ClusterRegistrationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The name breaks a rule, which is told.
    case name(objection: String)
    /// The database has a cluster, of another name.
    case otherCluster(found: String, wanted: String, endpoint: String)

    public var description: String {
        switch self {
        case .name(let objection): "the cluster can't have that name: \(objection). Choose another one"
        case .otherCluster(let found, let wanted, let endpoint):
            "the database \(endpoint) belongs to the cluster “\(found)”; “\(wanted)” needs a database of its own. "
                + "Create one and point postgres.dsn at it"
        }
    }
}

/// Writes whose database this is: what `muster cluster init` does before any node starts.
public enum ClusterRegistration {
    /// Makes the rows of the cluster and of a shard's leader (epoch 0). Doing it twice changes nothing. The schema must exist.
    /// - Throws: `ClusterRegistrationError` for a name that can't be one, and when the database belongs to another cluster;
    ///   `PostgresError` otherwise.
    public static func create(name: String, shard: String = "main", on connection: Postgres.Connection) async throws {
        for objection in [ManifestName.objection(to: name), ManifestName.objection(to: shard)] {
            if let objection { throw ClusterRegistrationError.name(objection: objection) }
        }
        let system = try await connection.query(ElectionSQL.systemID).single()[0].int()
        try await connection.transaction { transaction in
            _ = try await transaction.query(
                "INSERT INTO muster.cluster (name, lock_key) VALUES ($1, $2) ON CONFLICT (singleton) DO NOTHING",
                [.text(name), .int(LockKey.of(cluster: name, shard: "main"))])
            let found = try await transaction.query("SELECT name FROM muster.cluster").single()[0].string()
            if found != name {
                throw ClusterRegistrationError.otherCluster(found: found, wanted: name, endpoint: connection.endpoint)
            }
            _ = try await transaction.query(
                ElectionSQL.insertLeader,
                [.text(name), .text(shard), .int(LockKey.of(cluster: name, shard: shard)), .int(system)])
        }
    }
}
