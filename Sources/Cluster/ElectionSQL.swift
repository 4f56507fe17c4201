import Election
import Model
import Postgres

/// Every statement of the election.
enum ElectionSQL {
    /// SQLSTATE of the fence.
    static let fenced = "HA001"
    /// SQLSTATE of a lock that was not to be had within `lock_timeout`.
    static let lockNotAvailable = "55P03"
    /// SQLSTATE of a statement that was cancelled.
    static let queryCanceled = "57014"

    /// The timeline by the name of the log file in use: right at once after a promotion, unlike the last checkpoint's.
    static let timeline = "('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int"

    /// What the campaign writes, kept in the session so that the text of the campaign holds no foreign words.
    static func identify(cluster: String, shard: String, node: String, incarnation: String, address: String) -> Statement {
        Statement(
            """
            SELECT set_config('muster.cluster', $1, false), set_config('muster.shard', $2, false),
                set_config('muster.node', $3, false), set_config('muster.incarnation', $4, false),
                set_config('muster.addr', $5, false)
            """, [.text(cluster), .text(shard), .text(node), .text(incarnation), .text(address)])
    }

    /// One message: wait for the lock for a slice, then write the epoch, so that grant and epoch need no further round trip.
    ///
    /// It begins by giving up all locks: the timeout of the slice before may have hit the UPDATE, with the lock held. Each
    /// statement of it has a snapshot of its own (read committed), so the UPDATE sees the row as it is after the wait.
    /// The session has prepared the epoch's statement (``prepareEpoch(timelineKnown:noting:)``).
    static func campaign(key: Int64, known: Epoch, timing: Timing, idleTimeout: Bool) -> String {
        let idle = timing.idle.milliseconds
        return """
            SET lock_timeout = \(timing.slice.milliseconds);
            \(idleTimeout ? "SET idle_session_timeout = \(idle);" : "")
            SET idle_in_transaction_session_timeout = \(idle);
            SELECT pg_advisory_unlock_all();
            SELECT pg_advisory_lock(\(key));
            EXECUTE \(Self.epochStatement) (\(known.value), \(timing.lease.milliseconds), \(timing.longestLease.milliseconds));
            SET lock_timeout = \((timing.lease * Self.leaderLockLeases).milliseconds);
            SET statement_timeout = \((timing.lease * Self.leaderStatementLeases).milliseconds);
            """
    }

    private static let epochStatement = "muster_epoch"

    /// Prepared, so that the server's parsing and planning of it is not between the lock and the epoch.
    /// - Parameter noted: see `Leadership.Configuration.noted`.
    static func prepareEpoch(timelineKnown: Bool, noting noted: String) -> String {
        "PREPARE \(Self.epochStatement) (bigint, bigint, bigint) AS \(Self.newEpoch(timelineKnown: timelineKnown, noting: noted))"
    }
    /// Plans what a campaign writes, without writing it.
    static let rehearseEpoch = "EXPLAIN EXECUTE \(Self.epochStatement) (0, 0, 0)"

    /// $1: the highest epoch known to the node; $2: its lease; $3: the longest lease of any node, in milliseconds.
    ///
    /// After a failover the longest lease of all goes into the row: the row that was lost may have named it, and this leader may end before its gate has
    /// opened (`Grant.mayFollowLostTerms` is this leader's own share of the rule).
    private static func newEpoch(timelineKnown: Bool, noting noted: String) -> String {
        """
        WITH s AS MATERIALIZED (SELECT \(timelineKnown ? Self.timeline : "0") AS timeline), n AS (
            UPDATE muster.leader l SET
                epoch = greatest(l.epoch, $1, (SELECT max(t.epoch) FROM muster.term t
                    WHERE t.cluster = l.cluster AND t.shard = l.shard)) + 1,
                timeline = s.timeline,
                node = current_setting('muster.node'), incarnation = current_setting('muster.incarnation')::uuid,
                addr = current_setting('muster.addr'), backend_pid = pg_backend_pid(), resigned = false, settled = false,
                lease_ms = greatest(l.lease_ms, $2,
                    CASE WHEN s.timeline > 1 AND l.timeline <> s.timeline THEN $3 END), since = clock_timestamp()
            FROM s, (SELECT * FROM muster.leader WHERE cluster = current_setting('muster.cluster')
                AND shard = current_setting('muster.shard') FOR UPDATE) o
            WHERE l.cluster = o.cluster AND l.shard = o.shard
            RETURNING l.*, o.node AS old_node, o.epoch AS old_epoch, o.resigned AS old_resigned, o.settled AS old_settled,
                o.lease_ms AS old_lease_ms, o.addr AS old_addr, o.incarnation::text AS old_incarnation, o.timeline AS old_timeline
        ), t AS (
            INSERT INTO muster.term (cluster, shard, epoch, timeline, node, incarnation, at, how, previous_epoch, previous_resigned)
            SELECT cluster, shard, epoch, timeline, node, incarnation, since, 'campaign',
                CASE WHEN old_node IS NOT NULL THEN old_epoch END, CASE WHEN old_node IS NOT NULL THEN old_resigned END FROM n
        )
        SELECT epoch AS granted_epoch, timeline, since, old_node, old_epoch, old_resigned, old_settled, old_lease_ms, old_addr,
            old_incarnation, old_timeline,
            (SELECT last_value FROM muster.beat) AS beat, (\(noted))::text AS noted FROM n
        """
    }

    /// A leader's statement holds up the beats behind it. One that runs for four leases has failed …
    static let leaderStatementLeases = 4
    /// … and one that waits for a lock for two, as well.
    static let leaderLockLeases = 2

    /// No row when the leader row names another epoch or session; the counter is then not bumped either.
    static let beat = """
        SELECT nextval('muster.beat') FROM muster.leader
        WHERE cluster = $1 AND shard = $2 AND epoch = $3 AND backend_pid = pg_backend_pid()
        """
    static let bumpBeat = "SELECT nextval('muster.beat')"
    static let assertLeader = "SELECT muster.assert_leader($1, $2)"

    static let settle = """
        UPDATE muster.leader SET settled = true, lease_ms = $4
        WHERE cluster = $1 AND shard = $2 AND epoch = $3 AND backend_pid = pg_backend_pid()
        """
    static let resign = """
        UPDATE muster.leader SET resigned = true
        WHERE cluster = $1 AND shard = $2 AND epoch = $3 AND backend_pid = pg_backend_pid()
        """
    /// A server parses and plans, and compiles the fence, when a session first needs it. What a leader does first is made ready while it waits, so that
    /// a takeover does not take that time.
    static let ofLeader = [Self.beat, Self.bumpBeat, Self.assertLeader, Self.settle, Self.resign, Self.unlock]
    /// Runs the fence for a term that nobody has: by itself, and before a row of each table that it guards, since a server compiles it for every table anew.
    /// The errors stay inside, and out of the server's log; no row gets as far as the table.
    static let rehearseFence = """
        DO $$
        DECLARE guarded regclass;
        BEGIN
            BEGIN PERFORM muster.assert_leader('', -1); EXCEPTION WHEN SQLSTATE '\(Self.fenced)' THEN NULL; END;
            FOR guarded IN SELECT tgrelid FROM pg_trigger WHERE tgfoid = 'muster.fence()'::regprocedure AND tgparentid = 0 LOOP
                BEGIN
                    EXECUTE format('INSERT INTO %s (shard, writer_epoch) VALUES ('''', -1)', guarded);
                EXCEPTION WHEN SQLSTATE '\(Self.fenced)' THEN NULL;
                END;
            END LOOP;
        END $$
        """
    static let unlock = "SELECT pg_advisory_unlock($1)"
    /// After a cancelled campaign. The server's patience with silence is meant for who holds the lock; the next campaign sets it anew.
    static func leaveQueue(idleTimeout: Bool) -> String {
        let idle = ElectionMachine.idleWhileHeld.milliseconds
        return "SELECT pg_advisory_unlock_all()" + (idleTimeout ? ", set_config('idle_session_timeout', '\(idle)', false)" : "")
    }

    /// The server process that gets the lock after the leader of the row: the one that has waited longest. NULL when nobody waits, or when that leader has it
    /// no longer: then who waits is next after its successor. Holder and queue are of one look at the locks. Servers before PostgreSQL 14 don't tell since when
    /// somebody waits.
    private static let next = """
        SELECT w.pid FROM (
            SELECT k.pid, k.granted, to_jsonb(k) ->> 'waitstart' COLLATE "C" AS since, bool_or(k.granted AND k.pid = l.backend_pid) OVER () AS held
            FROM pg_locks k WHERE k.locktype = 'advisory' AND k.objsubid = 1
                AND k.classid = ((l.lock_key >> 32) & 4294967295)::oid AND k.objid = (l.lock_key & 4294967295)::oid
                AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ) w WHERE w.held AND NOT w.granted ORDER BY w.since LIMIT 1
        """

    /// `server_timeline` is that of the server which answers, not the row's: only so does a leader notice that another server was promoted,
    /// and nobody compares the beats of two servers.
    static func watch(timelineKnown: Bool) -> String {
        """
        SELECT (SELECT last_value FROM muster.beat) AS beat, \(timelineKnown ? Self.timeline : "0") AS server_timeline,
            l.epoch, l.timeline, l.node, l.addr, l.backend_pid, l.since, l.resigned,
            (\(Self.next)) AS next_pid,
            h.pid AS holder_pid, h.usename::text AS holder_role, h.application_name AS holder_program,
            (extract(epoch FROM h.backend_start) * 1000000)::int8 AS holder_start,
            (extract(epoch FROM h.state_change) * 1000000)::int8 AS holder_change, h.wait_event AS holder_wait
        FROM muster.leader l LEFT JOIN muster.lock_holder h ON h.cluster = l.cluster AND h.shard = l.shard
        WHERE l.cluster = $1 AND l.shard = $2
        """
    }

    /// Only if nothing has happened on that session since it was looked at.
    static let evict = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid = $1 AND (extract(epoch FROM backend_start) * 1000000)::int8 = $2
            AND (extract(epoch FROM state_change) * 1000000)::int8 = $3
        """

    static let serverFacts = """
        SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS recovering, version() AS version,
            current_setting('fsync') AS fsync, to_regclass('muster.cluster') IS NOT NULL AND to_regclass('muster.leader') IS NOT NULL
            AS has_schema
        """
    static let systemID = "SELECT system_identifier FROM pg_control_system()"
    static let clusterRow = "SELECT name, lock_key FROM muster.cluster"
    static let leaderRow = "SELECT lock_key, system_id, epoch FROM muster.leader WHERE cluster = $1 AND shard = $2"
    static let insertLeader = """
        INSERT INTO muster.leader (cluster, shard, lock_key, epoch, timeline, system_id)
        VALUES ($1, $2, $3, 0, 0, $4) ON CONFLICT (cluster, shard) DO NOTHING
        """
    static let tryLock = "SELECT pg_try_advisory_lock($1)"
}

extension ResultSet {
    func single() throws(PostgresError) -> Row {
        guard let row = self.first else { throw PostgresError(.decoding, "one row was expected, none came") }
        return row
    }
}
