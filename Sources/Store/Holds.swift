internal import Ledger
public import Model
internal import Postgres

extension Store {
    /// The cluster's switch as it is now.
    public func switchState() async throws -> Switch { try await self.run(self.switchRead) }

    var switchRead: Read<Switch> {
        Read("SELECT enabled, actor, reason, at FROM muster.switch WHERE shard = $1", [.text(self.shard)]) { rows in
            guard let row = rows.first else { return Switch(enabled: false, actor: "", reason: "a new cluster starts disabled", at: nil) }
            return Switch(
                enabled: try row["enabled"].bool(), actor: try row["actor"].string(), reason: try row["reason"].string(), at: try row["at"].wallTime())
        }
    }

    /// Those that have not ended, oldest first.
    public func pauses() async throws -> [Pause] { try await self.run(self.pausesRead) }

    var pausesRead: Read<[Pause]> {
        Read(
            """
            SELECT id, scope, direction, owner, reason, since, until, rolled_back FROM muster.pause
            WHERE ended_at IS NULL AND until > clock_timestamp() ORDER BY id
            """
        ) { try $0.map(Self.pause(row:)) }
    }

    static func pause(row: Row) throws -> Pause {
        let scope = try row["scope"].string()
        let direction = try row["direction"].string()
        guard let parsed = Pause.Scope(scope), let way = Pause.Direction(rawValue: direction) else {
            throw StoreError.unreadable(what: "a pause", why: "“\(scope)”, “\(direction)”")
        }
        return Pause(
            id: try row["id"].int(), scope: parsed, direction: way, owner: try row["owner"].string(), reason: try row["reason"].string(),
            since: try row["since"].wallTime(), until: try row["until"].wallTime(), rolledBack: try row["rolled_back"].int64OrNil())
    }

    /// Those that have not ended, by workload.
    public func overrides() async throws -> [Override] { try await self.run(self.overridesRead) }

    var overridesRead: Read<[Override]> {
        Read(
            """
            SELECT service, region, replicas, owner, reason, since, until FROM muster.override
            WHERE ended_at IS NULL AND until > clock_timestamp() ORDER BY service, region
            """
        ) { try $0.map(Self.override(row:)) }
    }

    static func override(row: Row) throws -> Override {
        Override(
            workload: WorkloadID(service: try row["service"].string(), region: try row["region"].string()),
            replicas: Int(try row["replicas"].int()), owner: try row["owner"].string(), reason: try row["reason"].string(),
            since: try row["since"].wallTime(), until: try row["until"].wallTime())
    }

    /// Names the configuration in force: another one as soon as a change of it is in force, and never the same again.
    public func configurationVersion() async throws -> String { try await self.run(self.configurationVersionRead) }

    var configurationVersionRead: Read<String> {
        Read("SELECT version::text FROM muster.configuration") { try $0.one()["version"].string() }
    }
}

extension Write {
    /// Turns the cluster's switch. One that stands so already is left alone, and nothing is recorded.
    public func setSwitch(enabled: Bool, reason: String) async throws -> Switch {
        let rows = try await self.transaction.query("SELECT enabled FROM muster.switch WHERE shard = $1 FOR UPDATE", [.text(self.store.shard)])
        let before = try rows.first?["enabled"].bool() ?? false
        let changed = Switch(enabled: enabled, actor: self.principal.id, reason: reason, at: self.at)
        if before == enabled, !rows.isEmpty { return changed }
        self.record(
            .switchChanged, severity: .warning, action: enabled ? .enable : .disable, subject: .init(kind: .cluster, id: self.store.cluster),
            before: .object(["enabled": .bool(before)]), after: .object(["enabled": .bool(enabled), "reason": .string(reason)]))
        self.deferred.append(
            Statement(
                """
                INSERT INTO muster.switch (shard, enabled, actor, reason, at) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (shard) DO UPDATE SET enabled = excluded.enabled, actor = excluded.actor, reason = excluded.reason, at = excluded.at
                """, [.text(self.store.shard), .bool(enabled), .text(self.principal.id), .text(reason), .time(self.at)]))
        self.configurationChanged()
        return changed
    }

    /// A pause by whoever writes, from now on.
    public func createPause(scope: Pause.Scope, direction: Pause.Direction, until: WallTime, reason: String) async throws -> Pause {
        let rows = try await self.transaction.query(
            """
            INSERT INTO muster.pause (scope, direction, owner, reason, since, until) VALUES ($1, $2, $3, $4, $5, $6)
            RETURNING id, scope, direction, owner, reason, since, until, rolled_back
            """,
            [
                .text(scope.description), .text(direction.rawValue), .text(self.principal.id), .text(reason), .time(self.at), .time(until),
            ])
        let pause = try Store.pause(row: rows.one())
        self.record(
            .pauseCreated, severity: .notice, action: .pause, subject: .init(kind: .pause, id: String(pause.id)), after: pause.json)
        self.configurationChanged()
        return pause
    }

    /// - Returns: nil when there is no such pause.
    /// - Throws: ``StoreConflict/alreadyEnded``.
    public func endPause(id: Int64) async throws -> Pause? {
        let rows = try await self.transaction.query(
            "SELECT id, scope, direction, owner, reason, since, until, rolled_back, ended_at FROM muster.pause WHERE id = $1 FOR UPDATE", [.int(id)])
        guard let row = rows.first else { return nil }
        let pause = try Store.pause(row: row)
        guard row["ended_at"].isNull, pause.until > self.at else { throw StoreConflict.alreadyEnded }
        self.deferred.append(
            Statement(
                "UPDATE muster.pause SET ended_at = $2, ended_by = $3 WHERE id = $1", [.int(id), .time(self.at), .text(self.principal.id)]))
        self.record(.pauseEnded, severity: .notice, action: .resume, subject: .init(kind: .pause, id: String(id)), before: pause.json)
        self.configurationChanged()
        return pause
    }

    /// Sets a person's number in place of the rules'. A newer one ends the older.
    public func setOverride(workload: WorkloadID, replicas: Int, until: WallTime, reason: String) async throws -> Override {
        let before = try await self.endOpenOverride(of: workload)
        let override = Override(
            workload: workload, replicas: replicas, owner: self.principal.id, reason: reason, since: self.at, until: until)
        self.deferred.append(
            Statement(
                "INSERT INTO muster.override (service, region, replicas, owner, reason, since, until) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [
                    .text(workload.service), .text(workload.region), .int(Int64(replicas)), .text(override.owner), .text(reason), .time(self.at),
                    .time(until),
                ]))
        self.record(
            .overrideCreated, severity: .notice, action: .override, subject: .init(kind: .workload, id: workload.description),
            before: before?.json, after: override.json)
        self.configurationChanged()
        return override
    }

    /// - Returns: nil when there is none.
    public func endOverride(workload: WorkloadID) async throws -> Override? {
        guard let before = try await self.endOpenOverride(of: workload) else { return nil }
        self.record(
            .overrideEnded, severity: .notice, action: .resume, subject: .init(kind: .workload, id: workload.description), before: before.json)
        self.configurationChanged()
        return before
    }

    private func endOpenOverride(of workload: WorkloadID) async throws -> Override? {
        let rows = try await self.transaction.query(
            """
            UPDATE muster.override SET ended_at = $3, ended_by = $4 WHERE service = $1 AND region = $2 AND ended_at IS NULL
            RETURNING service, region, replicas, owner, reason, since, until
            """, [.text(workload.service), .text(workload.region), .time(self.at), .text(self.principal.id)])
        guard let before = try rows.first.map(Store.override(row:)) else { return nil }
        // One that had run out by itself was over already: only its row was still open.
        return before.until > self.at ? before : nil
    }
}
