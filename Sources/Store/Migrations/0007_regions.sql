-- What the leader knows of regions that fail, are down or just back, and of those of whose workloads some can't be seen: what the next leader goes on from.
CREATE TABLE muster.region_state (
    shard        text NOT NULL,
    region       text NOT NULL,
    writer_epoch bigint NOT NULL,
    -- up, failing, down or returning, and since when: for whoever looks.
    state        text NOT NULL,
    since        timestamptz,
    -- The leader's memory of it. JSON.
    facts        text NOT NULL,
    PRIMARY KEY (shard, region)
);
CREATE TRIGGER region_state_fence BEFORE INSERT OR UPDATE ON muster.region_state FOR EACH ROW EXECUTE FUNCTION muster.fence();
