-- Who may be a member and who may lead, as people say it.

-- The node that shall lead next; null: whoever is first.
ALTER TABLE muster.request ADD COLUMN successor text;

-- Certificates that no node accepts from another any more: one by its serial number, or all that carry a node's name. Every node reads it with the members.
CREATE TABLE muster.denial (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind   text NOT NULL CHECK (kind IN ('serial', 'node')),
    -- A serial number in lower-case hex without colons and leading zeros, or a node's name.
    value  text NOT NULL,
    actor  text NOT NULL,
    reason text NOT NULL,
    at     timestamptz NOT NULL,
    UNIQUE (kind, value)
);
