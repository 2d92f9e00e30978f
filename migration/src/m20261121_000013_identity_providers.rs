//! Identity providers of organizations, and who comes by way of them.

pub const TEXT: &str = r"
CREATE TABLE identity_providers (
    @owned,
    name text NOT NULL,
    issuer text NOT NULL,
    client_id text NOT NULL,
    sealed_secret bytea NOT NULL,
    email_domains jsonb NOT NULL, -- a list; those of a provider in use stand in a table of their own too
    role_claim text,
    role_mappings jsonb NOT NULL, -- a list of values with their roles
    default_role text,
    makes_members boolean NOT NULL,
    demands_second_factor boolean NOT NULL,
    archived_at timestamptz,
    @std
);
CREATE INDEX ON identity_providers (organization_id, created_at DESC, id DESC);

-- Whose a domain is, asked before the organization is known: one provider's in the whole installation.
CREATE TABLE email_domains (
    domain text NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    provider_id uuid NOT NULL REFERENCES identity_providers
);
CREATE INDEX ON email_domains (organization_id, provider_id);

-- Found by `state`, before the organization is known. Of what the browser has, and of `state`, only the SHA-256 is here.
CREATE TABLE provider_sign_ins (
    @owned,
    provider_id uuid NOT NULL REFERENCES identity_providers,
    state_hash bytea NOT NULL CHECK (length(state_hash) = 32),
    browser_hash bytea NOT NULL CHECK (length(browser_hash) = 32),
    expires_at timestamptz NOT NULL,
    answered_at timestamptz,
    @std
);
CREATE UNIQUE INDEX ON provider_sign_ins (state_hash);
CREATE INDEX ON provider_sign_ins (expires_at);

CREATE TABLE provider_identities (
    @owned,
    provider_id uuid NOT NULL REFERENCES identity_providers,
    subject_hash bytea NOT NULL CHECK (length(subject_hash) = 32), -- SHA-256 of who somebody is at the provider
    user_id uuid NOT NULL REFERENCES users,
    @std
);
CREATE UNIQUE INDEX ON provider_identities (organization_id, provider_id, subject_hash);
CREATE UNIQUE INDEX ON provider_identities (organization_id, provider_id, user_id);
";
