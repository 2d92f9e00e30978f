//! Which organizations have a database to themselves.

pub const TEXT: &str = r"
-- An organization without a row is in the shared database. The address is sealed: a password is part of it.
CREATE TABLE dedicated_databases (
    organization_id uuid NOT NULL REFERENCES organizations,
    sealed_url bytea NOT NULL,
    PRIMARY KEY (organization_id)
);
";
