//! Links that open once: another password, an invitation, another address.

pub const TEXT: &str = r"
-- Of what opens a link, only the SHA-256 is here; it is derived from a secret of the key store when its mail is written.
CREATE TABLE one_time_links (
    @owned,
    purpose text NOT NULL CHECK (purpose IN ('password_reset', 'invitation', 'email_change', 'email_veto')),
    email text NOT NULL, -- the address that it is sent to
    user_id uuid REFERENCES users, -- whose; nobody's yet where it is an invitation
    change_id uuid REFERENCES one_time_links, -- the change of address that a veto is against
    role text, -- what is offered by an invitation
    invited_by uuid REFERENCES users,
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_reason text CHECK (ended_reason IN ('used', 'revoked', 'replaced')),
    @std,
    CONSTRAINT ck_one_time_links_target CHECK ((purpose = 'invitation') = (role IS NOT NULL AND invited_by IS NOT NULL AND user_id IS NULL)),
    CONSTRAINT ck_one_time_links_ended CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
);
CREATE INDEX ON one_time_links (id);
CREATE INDEX ON one_time_links (organization_id, user_id) WHERE ended_at IS NULL;
CREATE INDEX ON one_time_links (organization_id, created_at, id) WHERE purpose = 'invitation';
";
