-- The audit log: an RFC 6962 tree of canonical events. The leaf is stored as the exact bytes that were hashed; the other
-- columns are an index over it, which the verifier compares with the leaf.

CREATE TABLE muster.audit_tree (
    origin        text PRIMARY KEY,
    size          bigint NOT NULL CHECK (size >= 0),
    root          bytea NOT NULL CHECK (octet_length(root) = 32),
    frontier      bytea NOT NULL,
    epoch         bigint NOT NULL,
    integrated_at timestamptz NOT NULL
);

CREATE TABLE muster.audit_event (
    seq           bigint PRIMARY KEY CHECK (seq >= 0),
    integrated_at timestamptz NOT NULL,
    epoch         bigint NOT NULL,
    id            uuid NOT NULL UNIQUE,
    type          text NOT NULL,
    severity      text NOT NULL,
    actor_id      text NOT NULL,
    subject_id    text NOT NULL,
    decision_id   text,
    leaf          bytea NOT NULL,
    leaf_hash     bytea NOT NULL CHECK (octet_length(leaf_hash) = 32)
);
CREATE INDEX audit_event_subject ON muster.audit_event (subject_id, seq);
CREATE INDEX audit_event_type ON muster.audit_event (type, seq);

-- Accidents become impossible and attacks visible: what is written stays. ALWAYS, since session_replication_role would
-- otherwise switch the triggers off.
CREATE FUNCTION muster.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on muster.% is refused: its rows are never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'HA002';
END $$;

CREATE TRIGGER audit_event_immutable BEFORE UPDATE OR DELETE ON muster.audit_event
    FOR EACH ROW EXECUTE FUNCTION muster.refuse_change();
ALTER TABLE muster.audit_event ENABLE ALWAYS TRIGGER audit_event_immutable;
CREATE TRIGGER audit_event_kept BEFORE TRUNCATE ON muster.audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION muster.refuse_change();
ALTER TABLE muster.audit_event ENABLE ALWAYS TRIGGER audit_event_kept;

-- Events of one node's run are numbered without gaps, so that a dropped one is noticed.
CREATE TABLE muster.audit_origin (
    node    text NOT NULL,
    boot_id uuid NOT NULL,
    nseq    bigint NOT NULL,
    PRIMARY KEY (node, boot_id)
);
