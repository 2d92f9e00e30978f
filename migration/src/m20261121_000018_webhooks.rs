//! Who is told facts, and what is on its way to them.

pub const TEXT: &str = r"
CREATE TABLE webhook_endpoints (
    @owned,
    url text NOT NULL,
    description text,
    facts jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'disabled')),
    disabled_reason text,
    sealed_secret bytea NOT NULL,
    sealed_previous bytea, -- signs too while receivers learn the new one
    previous_until timestamptz,
    position jsonb NOT NULL, -- up to where its facts have become deliveries; moved by the workers alone, as the next two are
    next_number bigint NOT NULL,
    failing_since timestamptz,
    archived_at timestamptz,
    @std,
    CONSTRAINT ck_webhook_endpoints_previous CHECK ((sealed_previous IS NULL) = (previous_until IS NULL)),
    CONSTRAINT ck_webhook_endpoints_reason CHECK (status = 'disabled' OR disabled_reason IS NULL)
);
CREATE INDEX ON webhook_endpoints (organization_id, created_at DESC, id DESC);
CREATE INDEX ix_webhook_endpoints_at_work ON webhook_endpoints (id) WHERE status = 'active' AND archived_at IS NULL;

CREATE TABLE webhook_deliveries (
    @owned,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints,
    message_id uuid NOT NULL,
    number bigint NOT NULL,
    fact text NOT NULL,
    entity_id uuid NOT NULL,
    body text NOT NULL,
    status text NOT NULL CHECK (status IN ('waiting', 'delivered', 'dead')),
    attempts integer NOT NULL,
    next_at timestamptz NOT NULL,
    last_status integer,
    last_error text,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT ck_webhook_deliveries_finished CHECK ((status = 'waiting') = (finished_at IS NULL))
);
CREATE UNIQUE INDEX ON webhook_deliveries (organization_id, endpoint_id, message_id);
CREATE INDEX ON webhook_deliveries (organization_id, endpoint_id, created_at DESC, id DESC);
CREATE INDEX ix_webhook_deliveries_waiting ON webhook_deliveries (organization_id, endpoint_id, number) WHERE status = 'waiting';
CREATE INDEX ix_webhook_deliveries_in_line ON webhook_deliveries (organization_id, endpoint_id, entity_id, number) WHERE status = 'waiting';
CREATE INDEX ON webhook_deliveries (finished_at);
";
