import Election
import Model
import Postgres

/// What the checks of a session learned.
struct SessionFacts: Sendable {
    /// 0 when the server doesn't tell.
    var systemID: Int64
    /// The server tells its timeline.
    var timelineKnown: Bool
    /// The epoch in the leader row.
    var epoch: Epoch
    /// What the server can't do, in words.
    var degraded: [String]
}

/// The checks before a session may wait for the lock: is this the right database, on the right kind of server, and do its locks
/// lock? They throw `Refusal` for what no patience mends, `PostgresError` for the rest.
struct StartupChecks: Sendable {
    let cluster: String
    let shard: String

    var key: Int64 { LockKey.of(cluster: self.cluster, shard: self.shard) }

    /// F1: what the lock session is connected to. Makes the shard's row when the cluster is registered and the row is missing.
    func identify(_ lock: Postgres.Connection) async throws -> SessionFacts {
        try await Self.checkServer(lock)
        var degraded: [String] = []
        let systemID = try await Self.optional(lock, ElectionSQL.systemID)
        if systemID == nil { degraded.append("the server doesn't tell its system identifier: a copy of it would not be noticed") }
        let timeline = try await Self.optional(lock, "SELECT \(ElectionSQL.timeline)")
        if timeline == nil { degraded.append("the server doesn't tell its timeline: a failover does not raise the fencing token") }
        let epoch = try await self.checkRows(lock, systemID: systemID ?? 0)
        return SessionFacts(systemID: systemID ?? 0, timelineKnown: timeline != nil, epoch: epoch, degraded: degraded)
    }

    /// The watch session must look at the same server as the lock session.
    func identify(watch: Postgres.Connection, like facts: SessionFacts?) async throws {
        try await Self.checkServer(watch)
        guard let facts, facts.systemID != 0 else { return }
        let systemID = try await Self.optional(watch, ElectionSQL.systemID) ?? 0
        if systemID != facts.systemID { throw Refusal.otherServer(found: systemID, expected: facts.systemID) }
    }

    /// F2: what one session locks, another can't; what it gives up, another can have.
    func testLock(_ lock: Postgres.Connection, _ watch: Postgres.Connection, probe: Int64) async throws {
        func answer(_ connection: Postgres.Connection, _ sql: String) async throws -> Bool {
            try await connection.query(sql, [.int(probe)]).single()[0].bool()
        }
        guard try await answer(lock, ElectionSQL.tryLock) else {
            throw Refusal.lockNotExclusive(detail: "a session could not take a lock that nobody can know")
        }
        if try await answer(watch, ElectionSQL.tryLock) {
            throw Refusal.lockNotExclusive(detail: "two sessions hold the same lock at once")
        }
        guard try await answer(lock, ElectionSQL.unlock) else {
            throw Refusal.lockNotExclusive(detail: "a session does not know of the lock that it holds")
        }
        guard try await answer(watch, ElectionSQL.tryLock) else {
            throw Refusal.lockNotExclusive(detail: "a lock that was given up stays taken")
        }
        _ = try await answer(watch, ElectionSQL.unlock)
    }

    private static func checkServer(_ connection: Postgres.Connection) async throws {
        let version = try await connection.query("SELECT version()").single()[0].string()
        if ["CockroachDB", "YugabyteDB", "-YB-"].contains(where: { version.contains($0) }) {
            throw Refusal.unsupportedServer(version: version)
        }
        let facts = try await connection.query(ElectionSQL.serverFacts).single()
        let announced = await connection.backendPID
        let answering = Int32(truncatingIfNeeded: try facts["pid"].int())
        // Through a pooler the cancel key is the pooler's own, with a process number that no backend has.
        if announced != answering { throw Refusal.pooler(announced: announced, answering: answering) }
        if try facts["recovering"].bool() { throw Refusal.standby }
        if try facts["fsync"].string() == "off" { throw Refusal.fsyncOff }
        if try !facts["has_schema"].bool() { throw Refusal.notRegistered(detail: "the schema muster is missing") }
    }

    private func checkRows(_ lock: Postgres.Connection, systemID: Int64) async throws -> Epoch {
        guard let cluster = try await lock.query(ElectionSQL.clusterRow).first else {
            throw Refusal.notRegistered(detail: "muster.cluster is empty")
        }
        let name = try cluster["name"].string()
        if name != self.cluster { throw Refusal.otherCluster(found: name, expected: self.cluster) }
        let clusterKey = LockKey.of(cluster: self.cluster, shard: "main")
        let storedKey = try cluster["lock_key"].int()
        if storedKey != clusterKey { throw Refusal.otherLockKey(found: storedKey, expected: clusterKey) }

        let parameters: [Value] = [.text(self.cluster), .text(self.shard)]
        var row = try await lock.query(ElectionSQL.leaderRow, parameters).first
        if row == nil {
            _ = try await lock.query(ElectionSQL.insertLeader, parameters + [.int(self.key), .int(systemID)])
            row = try await lock.query(ElectionSQL.leaderRow, parameters).first
        }
        guard let row else { throw Refusal.notRegistered(detail: "muster.leader has no row for the shard “\(self.shard)”") }
        let rowKey = try row["lock_key"].int()
        if rowKey != self.key { throw Refusal.otherLockKey(found: rowKey, expected: self.key) }
        let made = try row["system_id"].int()
        if made != 0, systemID != 0, made != systemID { throw Refusal.otherServer(found: systemID, expected: made) }
        return Epoch(try row["epoch"].int())
    }

    /// Nil when the server doesn't have the function or doesn't let this role call it.
    private static func optional(_ connection: Postgres.Connection, _ sql: String) async throws -> Int64? {
        do {
            return try await connection.query(sql).single()[0].int()
        } catch {
            let unavailable = error.code == .server && ["42501", "42883", "0A000"].contains(error.sqlState)
            if unavailable { return nil }
            throw error
        }
    }

    /// Names the refusals among the server's errors; nil for what may pass.
    static func refusal(of error: PostgresError) -> Refusal? {
        switch error.sqlState {
        case "28P01", "28000", "3D000": .login(message: error.message, advice: error.advice.map { $0 + "." })
        case "42501": .notPermitted(message: error.message)
        case "42P01", "3F000", "42703", "42883": .notRegistered(detail: "its schema is missing, older or damaged (\(error.message))")
        default: nil
        }
    }
}
