-- What the leader does. Every row carries the epoch that wrote it and is fenced against the leader row.

-- One row a workload: what the next leader needs to go on as if nothing had happened, and what the last evaluation said.
CREATE TABLE muster.workload (
    shard          text NOT NULL,
    service        text NOT NULL,
    region         text NOT NULL,
    writer_epoch   bigint NOT NULL,
    policy         text NOT NULL,
    policy_version int NOT NULL,
    evaluated_at   timestamptz NOT NULL,
    desired        int,
    current        int,
    ready          int,
    observed_at    timestamptz,
    memory         text NOT NULL,
    evaluation     text NOT NULL,
    decision_id    bigint,
    PRIMARY KEY (shard, service, region)
);

CREATE SEQUENCE muster.decision_id;
CREATE TABLE muster.decision (
    id             bigint PRIMARY KEY,
    -- The same evaluation is recorded once, however often its commit is tried.
    idem           uuid NOT NULL UNIQUE,
    shard          text NOT NULL,
    epoch          bigint NOT NULL,
    writer_epoch   bigint NOT NULL,
    node           text NOT NULL,
    at             timestamptz NOT NULL,
    seq            bigint NOT NULL,
    service        text NOT NULL,
    region         text NOT NULL,
    policy         text NOT NULL,
    policy_version int NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('up', 'down', 'held')),
    replicas_from  int,
    replicas_to    int,
    acted          boolean NOT NULL,
    sentence       text NOT NULL,
    body           text NOT NULL
);
CREATE INDEX decision_workload ON muster.decision (service, region, id);
CREATE TRIGGER decision_fence BEFORE INSERT ON muster.decision FOR EACH ROW EXECUTE FUNCTION muster.fence();
CREATE TRIGGER decision_immutable BEFORE UPDATE OR DELETE ON muster.decision
    FOR EACH ROW EXECUTE FUNCTION muster.refuse_change();
ALTER TABLE muster.decision ENABLE ALWAYS TRIGGER decision_immutable;
CREATE TRIGGER decision_kept BEFORE TRUNCATE ON muster.decision
    FOR EACH STATEMENT EXECUTE FUNCTION muster.refuse_change();
ALTER TABLE muster.decision ENABLE ALWAYS TRIGGER decision_kept;

CREATE SEQUENCE muster.action_id;
CREATE TABLE muster.action (
    id            bigint PRIMARY KEY,
    -- The idempotency key that goes to the platform.
    idem          uuid NOT NULL UNIQUE,
    decision_id   bigint NOT NULL REFERENCES muster.decision,
    shard         text NOT NULL,
    epoch         bigint NOT NULL,
    writer_epoch  bigint NOT NULL,
    service       text NOT NULL,
    region        text NOT NULL,
    replicas_from int NOT NULL,
    replicas_to   int NOT NULL CHECK (replicas_to >= 0),
    precondition  text,
    state         text NOT NULL CHECK (state IN ('committed', 'sent', 'accepted', 'verifying', 'done', 'failed', 'unknown', 'superseded')),
    attempt       int NOT NULL,
    need_ready    text NOT NULL,
    deadline      timestamptz NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    -- Every state with its time, and how it ended. JSON.
    history       text NOT NULL
);
-- At most one change of a workload is under way.
CREATE UNIQUE INDEX action_open ON muster.action (shard, service, region)
    WHERE state IN ('committed', 'sent', 'accepted', 'verifying', 'unknown');
-- A decision is carried out once.
CREATE UNIQUE INDEX action_decision ON muster.action (decision_id);
CREATE TRIGGER action_fence BEFORE INSERT OR UPDATE ON muster.action FOR EACH ROW EXECUTE FUNCTION muster.fence();

-- The last round of a shard, for status.
CREATE TABLE muster.round (
    shard        text PRIMARY KEY,
    writer_epoch bigint NOT NULL,
    at           timestamptz NOT NULL,
    summary      text NOT NULL
);

-- What the manual driver asks of people, and what they said.
CREATE TABLE muster.manual (
    service     text NOT NULL,
    region      text NOT NULL,
    asked       int,
    expected    int,
    action      text,
    -- Of the leader that asked: a later term's request is never replaced by an earlier one's.
    epoch       bigint,
    asked_at    timestamptz,
    reason      text,
    observed    int,
    observed_at timestamptz,
    observed_by text,
    PRIMARY KEY (service, region)
);
