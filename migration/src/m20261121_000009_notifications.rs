//! What is still to be told or done, and who is at it.

pub const TEXT: &str = r"
-- Only grows, until retention removes what every consumer has read.
CREATE TABLE outbox (
    @owned,
    at timestamptz NOT NULL,
    fact text NOT NULL,
    entity text NOT NULL,
    entity_id uuid NOT NULL,
    entity_version integer NOT NULL,
    payload jsonb NOT NULL,
    @pg xact xid8 NOT NULL DEFAULT pg_current_xact_id()
);
@pg CREATE INDEX ON outbox (xact, id);
-- The same for those who read the facts of one organization.
@pg CREATE INDEX ix_outbox_organization ON outbox (organization_id, xact, id);
@sqlite CREATE INDEX ix_outbox_organization ON outbox (organization_id);

CREATE TABLE feed_cursors (
    consumer text NOT NULL PRIMARY KEY,
    position_xact bigint NOT NULL,
    position_id uuid,
    updated_at timestamptz NOT NULL
);

CREATE TABLE leases (
    name text NOT NULL PRIMARY KEY,
    holder uuid NOT NULL,
    until timestamptz NOT NULL,
    fence bigint NOT NULL
);

CREATE TABLE jobs (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid, -- the program itself has jobs too
    kind text NOT NULL,
    dedupe_key text NOT NULL,
    payload jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('ready', 'running', 'done', 'dead')),
    run_at timestamptz NOT NULL,
    attempts integer NOT NULL,
    max_attempts integer NOT NULL,
    locked_until timestamptz,
    locked_by uuid,
    last_error text,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE UNIQUE INDEX ux_jobs_dedupe ON jobs (kind, dedupe_key);
CREATE INDEX ON jobs (run_at, id) WHERE status IN ('ready', 'running');

CREATE TABLE idempotency_keys (
    @owned,
    principal text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX ux_idempotency ON idempotency_keys (organization_id, principal, route, key);
CREATE INDEX ON idempotency_keys (created_at);
";
