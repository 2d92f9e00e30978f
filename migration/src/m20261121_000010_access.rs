//! Roles of an organization's own, groups, and keys for programs.

pub const TEXT: &str = r"
CREATE TABLE roles (
    @owned,
    slug text NOT NULL,
    name text NOT NULL,
    description text,
    grants jsonb NOT NULL, -- a list of words
    cloned_from text,
    archived_at timestamptz,
    @std
);
-- Archived ones too: a membership that names one must never come to mean another.
CREATE UNIQUE INDEX ON roles (organization_id, slug);
CREATE INDEX ON roles (organization_id, created_at DESC, id DESC);

CREATE TABLE groups (
    @owned,
    name text NOT NULL,
    description text,
    roles jsonb NOT NULL, -- a list of names
    archived_at timestamptz,
    @std
);
CREATE INDEX ON groups (organization_id, created_at DESC, id DESC);

CREATE TABLE user_groups (
    organization_id uuid NOT NULL REFERENCES organizations,
    group_id uuid NOT NULL REFERENCES groups,
    user_id uuid NOT NULL REFERENCES users,
    PRIMARY KEY (organization_id, group_id, user_id)
);
CREATE INDEX ON user_groups (organization_id, user_id);

-- Found by a key's hash, before the organization is known.
CREATE TABLE api_keys (
    @owned,
    name text NOT NULL,
    hint text NOT NULL, -- how the key begins, for who looks for a leaked one
    key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
    grants jsonb NOT NULL,
    made_by uuid NOT NULL REFERENCES users,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    @std
);
CREATE UNIQUE INDEX ON api_keys (key_hash);
CREATE INDEX ON api_keys (organization_id, created_at DESC, id DESC);
";
