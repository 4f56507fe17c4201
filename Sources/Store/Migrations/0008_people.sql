-- What second persons say of changes that wait for them.
CREATE TABLE muster.approval (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service        text NOT NULL,
    region         text NOT NULL,
    -- The version that the change was decided by: another one asks again.
    policy         text NOT NULL,
    policy_version int NOT NULL,
    decision_id    bigint NOT NULL REFERENCES muster.decision,
    replicas_from  int NOT NULL,
    replicas_to    int NOT NULL,
    verdict        text NOT NULL CHECK (verdict IN ('approved', 'rejected')),
    actor          text NOT NULL,
    reason         text,
    since          timestamptz NOT NULL,
    until          timestamptz NOT NULL CHECK (until > since),
    ended_at       timestamptz,
    -- The decision that it let through; null when it was replaced, or ran out.
    used_by        bigint
);
-- The last word on a workload counts: a newer one ends the older.
CREATE UNIQUE INDEX approval_open ON muster.approval (service, region) WHERE ended_at IS NULL;

-- A hold that a policy gave itself: the action that it took back, and the decision that took it back. Null: a person's.
ALTER TABLE muster.pause ADD COLUMN rolled_back bigint, ADD COLUMN rolled_back_by bigint;
CREATE INDEX pause_rolled_back ON muster.pause (rolled_back_by) WHERE rolled_back_by IS NOT NULL;

-- A new leader looks for changes that have just failed, and whether they are their workloads' newest.
CREATE INDEX action_failed ON muster.action (shard, updated_at) WHERE state = 'failed';
CREATE INDEX action_workload ON muster.action (service, region, id);
