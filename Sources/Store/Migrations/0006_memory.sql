-- What the next leader needs to go on as if nothing had happened, many workloads in one row: almost every evaluation changes some of it. The bytes say
-- themselves which workloads they are of. A workload's own row keeps what is shown of it.
CREATE TABLE muster.memory_page (
    shard        text NOT NULL,
    page         int NOT NULL CHECK (page >= 0),
    writer_epoch bigint NOT NULL,
    body         bytea NOT NULL,
    PRIMARY KEY (shard, page)
) WITH (fillfactor = 50);
-- The form is packed already.
ALTER TABLE muster.memory_page ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TRIGGER memory_page_fence BEFORE INSERT OR UPDATE ON muster.memory_page FOR EACH ROW EXECUTE FUNCTION muster.fence();

ALTER TABLE muster.workload DROP COLUMN memory;
