-- Names what the leader evaluates by (manifests, switch, pauses, overrides, approvals, requests): another one whenever something of it changes.
-- A row, and not a sequence as before: a sequence moves before its transaction is seen, and whoever looked in between took the old state for the new one.
-- Random: after a failover that lost changes, a number would come again for other ones.
CREATE TABLE muster.configuration (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version   uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO muster.configuration DEFAULT VALUES;
DROP SEQUENCE muster.configuration_change;

-- Most pages fit into one block of the table, with room for the next version beside them: kept there, they are replaced in a third of the time.
ALTER TABLE muster.memory_page SET (toast_tuple_target = 8160, fillfactor = 40);
