-- A restart is an action that leaves the number of replicas as it is. It shares the index of open actions: one a workload, whichever kind.
ALTER TABLE muster.action
    ADD COLUMN kind text NOT NULL DEFAULT 'scale' CHECK (kind IN ('scale', 'restart')),
    ADD CONSTRAINT action_restart_keeps CHECK (kind <> 'restart' OR replicas_from = replicas_to);

-- What was last asked of a person beside a number of replicas. What is ready is what was said since.
ALTER TABLE muster.manual
    ADD COLUMN restart          text,
    ADD COLUMN restart_epoch    bigint,
    ADD COLUMN restart_asked_at timestamptz,
    ADD COLUMN restart_reason   text;
