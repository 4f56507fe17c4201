import Election
import Model
import Postgres
import PostgresTesting
import Testing

@testable import Cluster

@Suite("Statements of the election", .timeLimit(.minutes(2)))
struct ElectionSQLTests {
    /// Sessions of one registered cluster's database, by number.
    private static func withSessions(_ count: Int, _ body: (ElectionCluster, [Postgres.Connection]) async throws -> Void) async throws {
        let cluster = try await ElectionCluster.make()
        let reactor = Reactor(name: "election statements")
        var sessions: [Postgres.Connection] = []
        do {
            for _ in 0..<count {
                let configuration = ConnectionConfiguration(cluster.conninfo(), connectTimeout: TestServer.patience)
                sessions.append(try await Postgres.Connection.connect(configuration, on: reactor))
            }
            try await body(cluster, sessions)
        } catch {
            for session in sessions { await session.close() }
            reactor.stop()
            throw error
        }
        for session in sessions { await session.close() }
        reactor.stop()
    }

    private static func process(_ session: Postgres.Connection) async throws -> Int64 {
        try await Self.number("SELECT pg_backend_pid()::int8 AS n", session)
    }

    private static func number(_ sql: String, _ session: Postgres.Connection) async throws -> Int64 {
        try #require(try await session.query(sql).first)["n"].int()
    }

    private static func next(_ session: Postgres.Connection) async throws -> Int64? {
        let row = try #require(try await session.query(ElectionSQL.watch(timelineKnown: true), [.text("test"), .text("main")]).first)
        return row["next_pid"].isNull ? nil : try row["next_pid"].int()
    }

    @Test("next for the lock is who has waited longest, while the leader of the row has it; when it has passed on, nobody is next after that leader")
    func next() async throws {
        try await Self.withSessions(4) { cluster, sessions in
            let (leader, first, second, watch) = (sessions[0], sessions[1], sessions[2], sessions[3])
            let key = try await Self.number("SELECT lock_key AS n FROM muster.leader", watch)
            let waiting = ElectionCluster.waitingForLocks
            let lock = Statement("SELECT pg_advisory_lock($1)", [.int(key)])
            _ = try await leader.query(lock.sql, lock.parameters)
            let leaders = "UPDATE muster.leader SET epoch = epoch + 1, node = 'a', backend_pid = $1"
            _ = try await watch.query(leaders, [.int(try await Self.process(leader))])
            #expect(try await Self.next(watch) == nil, "nobody waits")
            let pids = (first: try await Self.process(first), second: try await Self.process(second))
            async let firstWaits = first.query(lock.sql, lock.parameters)
            try await cluster.until(waiting, is: "1")
            async let secondWaits = second.query(lock.sql, lock.parameters)
            try await cluster.until(waiting, is: "2")
            #expect(try await Self.next(watch) == pids.first)
            // The lock has passed on, and the row does not say so yet.
            _ = try await leader.query("SELECT pg_advisory_unlock_all()")
            _ = try await firstWaits
            #expect(try await Self.next(watch) == nil)
            _ = try await watch.query(leaders, [.int(pids.first)])
            #expect(try await Self.next(watch) == pids.second)
            _ = try await first.query("SELECT pg_advisory_unlock_all()")
            _ = try await secondWaits
        }
    }

    @Test("the rehearsed fence runs before a row of each table that it guards, and lets none through")
    func rehearsedFence() async throws {
        try await Self.withSessions(1) { _, sessions in
            let session = sessions[0]
            // A sequence counts what is rolled back, too; triggers run in the order of their names.
            _ = try await session.simple(
                """
                CREATE SEQUENCE row_count;
                CREATE FUNCTION count_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('row_count'); RETURN NEW; END $$
                """)
            for table in ["kept", "\"Kept too\""] {
                _ = try await session.simple(
                    """
                    CREATE TABLE \(table) (shard text NOT NULL, writer_epoch bigint NOT NULL, body text NOT NULL);
                    CREATE TRIGGER fenced BEFORE INSERT OR UPDATE ON \(table) FOR EACH ROW EXECUTE FUNCTION muster.fence();
                    CREATE TRIGGER counted BEFORE INSERT ON \(table) FOR EACH ROW EXECUTE FUNCTION count_row()
                    """)
            }
            _ = try await session.simple(ElectionSQL.rehearseFence)
            #expect(try await Self.number("SELECT last_value AS n FROM row_count", session) == 2)
            #expect(try await Self.number("SELECT (SELECT count(*) FROM kept) + (SELECT count(*) FROM \"Kept too\") AS n", session) == 0)
        }
    }
}
