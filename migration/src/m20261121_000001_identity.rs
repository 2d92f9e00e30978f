//! Organizations, who works for them, and who is signed in.

pub const TEXT: &str = r"
CREATE TABLE organizations (
    id uuid NOT NULL PRIMARY KEY,
    slug text NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL,
    locale text NOT NULL,
    country text NOT NULL CHECK (length(country) = 2),
    status text NOT NULL CHECK (status IN ('trial', 'active', 'suspended', 'closed')),
    second_factor_roles jsonb NOT NULL, -- a list
    seats_left_policy text NOT NULL CHECK (seats_left_policy IN ('exact', 'few', 'hidden')),
    settings jsonb NOT NULL,
    logo_url text,
    plan text,
    stripe_customer_id text,
    stripe_subscription_id text,
    seats_purchased integer,
    seats_used integer NOT NULL,
    owners integer NOT NULL,
    @std,
    CONSTRAINT ck_organizations_counts CHECK (seats_used >= 0 AND owners >= 0)
);
CREATE UNIQUE INDEX ON organizations (slug);

-- One account, however many organizations.
CREATE TABLE users (
    id uuid NOT NULL PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text,
    locale text NOT NULL,
    active boolean NOT NULL,
    last_login_at timestamptz,
    @std
);
CREATE UNIQUE INDEX ON users (email);

CREATE TABLE memberships (
    @owned,
    user_id uuid NOT NULL REFERENCES users,
    role text NOT NULL, -- a built-in role's word, or the slug of one of its own
    campus_ids jsonb NOT NULL, -- a list
    person_id uuid,
    active boolean NOT NULL,
    @std
);
CREATE UNIQUE INDEX ON memberships (organization_id, user_id);
CREATE INDEX ON memberships (user_id);

-- Found by a token, before the organization is known.
CREATE TABLE login_sessions (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    user_id uuid NOT NULL REFERENCES users,
    membership_id uuid NOT NULL,
    access_hash bytea NOT NULL CHECK (length(access_hash) = 32),
    access_expires_at timestamptz NOT NULL,
    refresh_hash bytea NOT NULL,
    previous_refresh_hash bytea,
    previous_rotated_at timestamptz,
    expires_at timestamptz NOT NULL, -- absolute
    proven_at timestamptz NOT NULL,
    two_factors boolean NOT NULL, -- an identity provider has seen them
    ended_at timestamptz,
    ended_reason text,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    version integer NOT NULL
);
CREATE UNIQUE INDEX ON login_sessions (access_hash);
CREATE UNIQUE INDEX ON login_sessions (refresh_hash);
CREATE INDEX ON login_sessions (previous_refresh_hash) WHERE previous_refresh_hash IS NOT NULL;
CREATE INDEX ON login_sessions (user_id);

-- The delay that grows with every failure, of an account, of an address, or of an account at an address from where its owner signed in
-- not long ago, where the other two do not count; the keys are hashes.
CREATE TABLE login_throttles (
    key_hash bytea NOT NULL PRIMARY KEY,
    failures integer NOT NULL,
    blocked_until timestamptz,
    trusted_until timestamptz,
    updated_at timestamptz NOT NULL
);
";
