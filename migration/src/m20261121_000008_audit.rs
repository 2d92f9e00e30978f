//! Who did what: entries that stay, details that can go, and the chain that shows whether something is missing.

pub const TEXT: &str = r"
-- The sealer takes entries in commit order: by transaction on PostgreSQL, by rowid on SQLite.
CREATE TABLE audit_entries (
    @owned,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    entity text NOT NULL,
    entity_id uuid NOT NULL,
    entity_version integer NOT NULL,
    subject_ref uuid,
    fields jsonb NOT NULL, -- names, never values
    purpose text,
    request_id text,
    -- To the values beside it; none where there are none.
    commitment bytea,
    digest bytea,
    @pg xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    @append_only
);
CREATE INDEX ON audit_entries (organization_id, entity_id);
CREATE INDEX ON audit_entries (organization_id, subject_ref) WHERE subject_ref IS NOT NULL;
@pg CREATE INDEX ON audit_entries (xact, id);

-- The values, sealed under the person's key. They can be deleted: the commitment in the entry stays.
CREATE TABLE audit_details (
    organization_id uuid NOT NULL REFERENCES organizations,
    entry_id uuid NOT NULL REFERENCES audit_entries,
    subject_ref uuid,
    key_id uuid NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (organization_id, entry_id)
);

CREATE TABLE audit_seals (
    organization_id uuid NOT NULL REFERENCES organizations,
    seq bigint NOT NULL,
    entry_id uuid NOT NULL,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, seq),
    @append_only
);
CREATE UNIQUE INDEX ON audit_seals (organization_id, entry_id);

CREATE TABLE audit_heads (
    organization_id uuid NOT NULL REFERENCES organizations,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    signed_at timestamptz NOT NULL,
    signature bytea NOT NULL,
    key_id text NOT NULL,
    PRIMARY KEY (organization_id, seq),
    @append_only
);
";
