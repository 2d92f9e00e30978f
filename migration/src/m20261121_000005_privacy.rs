//! What people were told, what they said to it, and the proof.

pub const TEXT: &str = r"
CREATE TABLE consent_texts (
    @owned,
    kind text NOT NULL CHECK (kind IN ('notice', 'consent_label', 'contract')),
    purpose text, -- a notice has none
    locale text NOT NULL,
    number integer NOT NULL,
    body text NOT NULL,
    sha256 text NOT NULL,
    material boolean NOT NULL,
    effective_from timestamptz NOT NULL,
    @std,
    @append_only
);
CREATE UNIQUE INDEX ux_consent_texts_number ON consent_texts (organization_id, kind, COALESCE(purpose, ''), locale, number);

CREATE TABLE consent_events (
    @owned,
    person_id uuid NOT NULL REFERENCES people,
    purpose text NOT NULL,
    purpose_version integer NOT NULL,
    action text NOT NULL CHECK (action IN (
        'NOTICE_SHOWN', 'REQUESTED', 'GRANTED', 'CONFIRMED', 'REFUSED', 'WITHDRAWN', 'OBJECTED', 'EXPIRED', 'REFRESH_REQUIRED',
        'GUARDIAN_APPROVED', 'LEGACY_ATTESTED'
    )),
    form_version_id uuid,
    text_id uuid,
    wording_sha256 text,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    channel text NOT NULL,
    evidence_id uuid,
    grade text CHECK (grade IN ('A', 'B', 'C')),
    supersedes uuid,
    @append_only
);
CREATE INDEX ON consent_events (organization_id, person_id, at, id);

-- Addresses, user agents and the like, sealed under the person's key.
CREATE TABLE consent_evidence (
    @owned,
    person_id uuid NOT NULL REFERENCES people,
    sealed bytea NOT NULL,
    at timestamptz NOT NULL,
    expires_at timestamptz
);
CREATE INDEX ON consent_evidence (organization_id, person_id);

-- Outlives the person: a keyed hash of what must not be written to.
CREATE TABLE suppressions (
    @owned,
    channel text NOT NULL,
    scope text NOT NULL,
    vhash bytea NOT NULL,
    reason text NOT NULL CHECK (reason IN ('objected', 'withdrawn', 'complaint', 'hard_bounce')),
    at timestamptz NOT NULL
);
CREATE UNIQUE INDEX ON suppressions (organization_id, channel, scope, vhash, reason);

CREATE TABLE age_limits (
    @owned,
    country text NOT NULL,
    effective_from date NOT NULL,
    age integer NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX ON age_limits (organization_id, country, effective_from);
";
