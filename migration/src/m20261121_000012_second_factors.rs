//! Second factors of users.

pub const TEXT: &str = r"
-- Of a user, so the same in all of their organizations.
CREATE TABLE second_factors (
    user_id uuid NOT NULL PRIMARY KEY REFERENCES users,
    sealed_seed bytea NOT NULL,
    confirmed_at timestamptz,
    last_step bigint,
    recovery_hashes bytea NOT NULL, -- SHA-256, one behind the other
    removed_at timestamptz,
    created_at timestamptz NOT NULL,
    version integer NOT NULL
);
";
