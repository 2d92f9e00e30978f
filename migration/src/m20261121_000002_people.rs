//! People, and what they can be recognized by. Names, addresses and numbers stand here and nowhere else.

pub const TEXT: &str = r"
CREATE TABLE people (
    @owned,
    subject_ref uuid NOT NULL,
    key_id uuid NOT NULL,
    name text NOT NULL,
    name_folded text NOT NULL,
    locale text,
    age_band text CHECK (age_band IN ('under_14', '14_15', '16_17', 'adult')),
    birth_date date,
    state text NOT NULL CHECK (state IN ('active', 'restricted', 'blocked', 'destroyed')),
    erased_at timestamptz,
    @std
);
CREATE UNIQUE INDEX ON people (organization_id, subject_ref);
CREATE INDEX ON people (organization_id, name_folded);
CREATE INDEX ON people (organization_id, created_at DESC, id DESC);

CREATE TABLE person_identifiers (
    @owned,
    person_id uuid NOT NULL REFERENCES people,
    kind text NOT NULL CHECK (kind IN ('email', 'phone', 'nif')),
    value text NOT NULL, -- normalized
    verified_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX ON person_identifiers (organization_id, kind, value);
-- The first address and the first number of a person are one step into it.
CREATE INDEX ON person_identifiers (organization_id, person_id, kind, id);
";
