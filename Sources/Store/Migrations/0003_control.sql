-- What people say: manifests, the switch, pauses, overrides, tokens; and who is in the cluster.

CREATE TABLE muster.manifest_version (
    kind    text NOT NULL,
    name    text NOT NULL,
    version int NOT NULL CHECK (version > 0),
    sha256  text NOT NULL,
    -- Canonical JSON, byte for byte what sha256 was taken of; null when this version says that the manifest is gone.
    body    text,
    actor   text NOT NULL,
    at      timestamptz NOT NULL,
    seq     bigint NOT NULL,
    PRIMARY KEY (kind, name, version)
);
CREATE TRIGGER manifest_version_immutable BEFORE UPDATE OR DELETE ON muster.manifest_version
    FOR EACH ROW EXECUTE FUNCTION muster.refuse_change();
ALTER TABLE muster.manifest_version ENABLE ALWAYS TRIGGER manifest_version_immutable;
CREATE TRIGGER manifest_version_kept BEFORE TRUNCATE ON muster.manifest_version
    FOR EACH STATEMENT EXECUTE FUNCTION muster.refuse_change();
ALTER TABLE muster.manifest_version ENABLE ALWAYS TRIGGER manifest_version_kept;

CREATE VIEW muster.manifest AS
    SELECT DISTINCT ON (kind, name) kind, name, version, sha256, body, actor, at, seq
    FROM muster.manifest_version ORDER BY kind, name, version DESC;

-- Counts changes of what the leader evaluates by (manifests, switch, pauses, overrides): it reloads when the number moved.
CREATE SEQUENCE muster.configuration_change;
SELECT nextval('muster.configuration_change');

CREATE TABLE muster.switch (
    shard   text PRIMARY KEY,
    enabled boolean NOT NULL,
    actor   text NOT NULL,
    reason  text NOT NULL,
    at      timestamptz NOT NULL
);

CREATE TABLE muster.pause (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope     text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('up', 'down', 'both')),
    owner     text NOT NULL,
    reason    text NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL CHECK (until > since),
    ended_at  timestamptz,
    ended_by  text
);
CREATE INDEX pause_open ON muster.pause (until) WHERE ended_at IS NULL;

CREATE TABLE muster.override (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service  text NOT NULL,
    region   text NOT NULL,
    replicas int NOT NULL CHECK (replicas >= 0),
    owner    text NOT NULL,
    reason   text NOT NULL,
    since    timestamptz NOT NULL,
    until    timestamptz NOT NULL CHECK (until > since),
    ended_at timestamptz,
    ended_by text
);
-- One number at a time: a newer override ends the older one.
CREATE UNIQUE INDEX override_open ON muster.override (service, region) WHERE ended_at IS NULL;

CREATE TABLE muster.token (
    id            text PRIMARY KEY,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin', 'auditor')),
    -- SHA-256 of the secret: 256 random bits need no slow hash.
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    created_by    text NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz
);

CREATE TABLE muster.node (
    name        text PRIMARY KEY,
    incarnation uuid NOT NULL,
    region      text NOT NULL,
    address     text NOT NULL,
    version     text NOT NULL,
    schema      int NOT NULL,
    started_at  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    left_at     timestamptz,
    -- What the node says of itself: round trips, degraded settings, certificate end. JSON.
    state       text NOT NULL
);

-- Actions asked of another node than the leader: committed here, carried out by the leader.
CREATE TABLE muster.request (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard   text NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('resign')),
    actor   text NOT NULL,
    reason  text NOT NULL,
    at      timestamptz NOT NULL,
    done_at timestamptz,
    outcome text
);
CREATE INDEX request_open ON muster.request (shard, id) WHERE done_at IS NULL;

-- Answers to POSTs by their Idempotency-Key, kept in the write's own transaction for 24 hours.
CREATE TABLE muster.idempotency (
    token_id    text NOT NULL,
    key         text NOT NULL,
    route       text NOT NULL,
    body_sha256 bytea NOT NULL,
    status      int NOT NULL,
    answer      text NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (token_id, key)
);
CREATE INDEX idempotency_age ON muster.idempotency (at);
