-- Names the state of all memory pages of a shard: another one whenever a page is written. With the root of the log, in which everything else is recorded that
-- a leader leaves, it tells a node whether what it read before it was elected is still what there is. Random, as the configuration's.
CREATE TABLE muster.memory_version (
    shard        text PRIMARY KEY,
    writer_epoch bigint NOT NULL,
    version      uuid NOT NULL DEFAULT gen_random_uuid()
);
CREATE TRIGGER memory_version_fence BEFORE INSERT OR UPDATE ON muster.memory_version FOR EACH ROW EXECUTE FUNCTION muster.fence();
