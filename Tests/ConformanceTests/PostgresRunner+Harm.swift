@testable import Cluster
import Election
import Postgres
import PostgresTesting
import Synchronization

/// What harms a server or the way to it, and its checks.
extension PostgresRunner {
    func harm(_ action: Step.Action) async throws {
        switch action {
        case .moveClock(let seconds): try self.need(self.surroundings.shim, "a shim").move(to: seconds)
        case .stall: try self.need(self.surroundings.shim, "a shim").stall(true)
        case .flow: try self.need(self.surroundings.shim, "a shim").stall(false)
        case .fillDisk: try await self.fillDisk()
        case .freeDisk:
            try await self.execute("DROP TABLE public.filler; DELETE FROM muster.leader WHERE shard <> 'main'; DELETE FROM public.decided WHERE epoch < 1")
        case .loseStandby: try await self.loseStandby()
        case .failOver(let oldLives):
            let standby = try self.need(self.surroundings.standby, "a standby")
            if !oldLives { try await self.server.stop(.immediate) }
            try await standby.promote()
            self.servers.withLock { $0.append(standby) }
        case .retireOld: try await self.servers.withLock { $0[0] }.stop(.immediate)
        case .cut: try await self.need(self.surroundings.host, "a host").cut()
        default: break
        }
    }

    /// To the last byte of every page that the election and a decision write to: what is left elsewhere on the disk would let them go on for a while.
    private func fillDisk() async throws {
        try await self.execute("VACUUM muster.leader, public.decided")
        // What is in the server's memory only would need room later, at any time.
        try await self.execute("CHECKPOINT")
        try await self.execute(
            """
            CREATE TABLE public.filler (text text);
            ALTER TABLE public.filler ALTER text SET STORAGE plain;
            """)
        for width in [7000, 1] { try await self.fill("INSERT INTO public.filler VALUES (repeat('x', \(width)))") }
        // Smaller than the leader's own row, so that it does not fit where they don't.
        try await self.fill(
            """
            INSERT INTO muster.leader (cluster, shard, lock_key, epoch, timeline, system_id)
            SELECT 'test', substr(gen_random_uuid()::text, 1, 8), (random() * 9e18)::int8, 0, 0, 0
            """)
        try await self.fill("INSERT INTO public.decided VALUES (0)")
    }

    /// Again and again, until there is no room.
    private func fill(_ insert: String) async throws {
        try await self.execute(
            """
            DO $$ BEGIN
                LOOP
                    BEGIN \(insert); EXCEPTION WHEN disk_full THEN RETURN; END;
                END LOOP;
            END $$
            """)
    }

    /// It has all, and then its line ends.
    private func loseStandby() async throws {
        let standby = try self.need(self.surroundings.standby, "a standby")
        let position = try await self.execute("SELECT pg_current_wal_insert_lsn()")
        try await self.until { try await standby.execute("SELECT pg_last_wal_replay_lsn() >= '\(position)'") == "t" }
        try await standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
        try await standby.execute("SELECT pg_reload_conf()")
        try await self.until { try await standby.execute("SELECT count(*) FROM pg_stat_wal_receiver") == "0" }
    }

    /// What comes about in another process, looked for a while.
    private func until(_ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + Self.patience
        while try await !condition() {
            guard ContinuousClock.now < end else { throw Missing(what: "a standby that follows") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    static func checks(_ connection: Postgres.Connection) async throws -> String {
        do {
            _ = try await StartupChecks(cluster: "test", shard: "main").identify(connection)
            return Answer.passed
        } catch Refusal.pooler { return Answer.pooler }
    }
}
