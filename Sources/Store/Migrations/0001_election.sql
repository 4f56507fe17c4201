-- Leadership: one row a shard that says who leads, fenced by an epoch that only rises. The lock itself is a session advisory
-- lock (key: muster.cluster.lock_key and muster.leader.lock_key); the row is what makes a lost lock harmless.
-- Nothing here is UNLOGGED: a crash must not forget an epoch.

CREATE SCHEMA IF NOT EXISTS muster;

-- Whose database this is. One row: a database belongs to one cluster.
CREATE TABLE muster.cluster (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    name       text NOT NULL UNIQUE,
    lock_key   bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE muster.leader (
    cluster     text NOT NULL REFERENCES muster.cluster (name),
    shard       text NOT NULL,
    lock_key    bigint NOT NULL UNIQUE,
    -- 40 bits, since the fencing token is timeline << 40 | epoch.
    epoch       bigint NOT NULL CHECK (epoch >= 0 AND epoch < 1099511627776),
    timeline    int NOT NULL,
    -- The database server this row was made on (pg_control_system): a copy of it is another server.
    system_id   bigint NOT NULL,
    node        text,
    incarnation uuid,
    addr        text,
    backend_pid int,
    -- The longest lease that a leader up to this epoch may still hold, in milliseconds. A successor waits it out unless it
    -- has better evidence, so that nodes with different timings never act at once.
    lease_ms    int NOT NULL DEFAULT 0 CHECK (lease_ms >= 0),
    -- The leader gave up by itself, after its last effect.
    resigned    boolean NOT NULL DEFAULT false,
    -- The leader's own gate had opened: no earlier leader's lease was running any more.
    settled     boolean NOT NULL DEFAULT true,
    since       timestamptz,
    PRIMARY KEY (cluster, shard)
);

-- Every term there ever was.
CREATE TABLE muster.term (
    cluster           text NOT NULL,
    shard             text NOT NULL,
    epoch             bigint NOT NULL,
    timeline          int NOT NULL,
    node              text NOT NULL,
    incarnation       uuid NOT NULL,
    at                timestamptz NOT NULL DEFAULT clock_timestamp(),
    how               text NOT NULL CHECK (how IN ('campaign')),
    -- The term before, and whether its leader resigned (null: this is the first).
    previous_epoch    bigint,
    previous_resigned boolean,
    -- Epoch before timeline: the greatest epoch is one step in the index.
    PRIMARY KEY (cluster, shard, epoch, timeline)
);

-- Counts beats of leaders. A sequence takes no transaction id and is written to the log once in 32 beats. Called once, since
-- last_value says 1 both before and after the first call.
CREATE SEQUENCE muster.beat;
SELECT nextval('muster.beat');

-- Who holds the lock of each shard now. A bigint key is split over classid and objid (objsubid = 1).
CREATE VIEW muster.lock_holder AS
    SELECT l.cluster, l.shard, k.pid, a.backend_start, a.state_change, a.state, a.wait_event,
           a.usename, a.application_name, a.client_addr
    FROM muster.leader l
    JOIN pg_locks k ON k.locktype = 'advisory' AND k.granted AND k.objsubid = 1
        AND k.classid = ((l.lock_key >> 32) & 4294967295)::oid AND k.objid = (l.lock_key & 4294967295)::oid
        AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    LEFT JOIN pg_stat_activity a ON a.pid = k.pid;

-- The first statement of every transaction of a leader. FOR SHARE makes a successor's UPDATE wait for this transaction, or
-- this transaction see the successor; anything weaker lets a row of an older epoch commit after the newer one is visible.
CREATE FUNCTION muster.assert_leader(p_shard text, p_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM muster.leader
        WHERE cluster = (SELECT name FROM muster.cluster) AND shard = p_shard AND epoch = p_epoch
            AND backend_pid = pg_backend_pid() AND NOT resigned
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fenced: epoch % of shard % is over, or this is not its session', p_epoch, p_shard
            USING ERRCODE = 'HA001';
    END IF;
END $$;

-- The same for each row of a table with shard and writer_epoch: BEFORE INSERT OR UPDATE, FOR EACH ROW. It stands alone: code
-- that forgets the assertion, or uses another connection, is still refused.
CREATE FUNCTION muster.fence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM muster.assert_leader(NEW.shard, NEW.writer_epoch);
    RETURN NEW;
END $$;
