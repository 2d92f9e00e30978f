//! What people ask for, in which form, and what came of it. After enrollment, because a lead names the place it became.

pub const TEXT: &str = r"
CREATE TABLE forms (
    @owned,
    key text NOT NULL,
    title text NOT NULL,
    @std
);
CREATE UNIQUE INDEX ON forms (organization_id, key);

CREATE TABLE form_versions (
    @owned,
    form_id uuid NOT NULL REFERENCES forms,
    number integer NOT NULL,
    fields jsonb NOT NULL,
    boxes jsonb NOT NULL,
    notice_text_id uuid NOT NULL REFERENCES consent_texts,
    rendered_sha256 text NOT NULL,
    published_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    @append_only
);
CREATE UNIQUE INDEX ON form_versions (organization_id, form_id, number);

CREATE TABLE leads (
    @owned,
    person_id uuid NOT NULL REFERENCES people,
    course_id uuid REFERENCES courses,
    course_run_id uuid REFERENCES course_runs,
    campaign_id uuid REFERENCES campaigns,
    form_version_id uuid REFERENCES form_versions,
    message text,
    internal_notes text,
    status text NOT NULL CHECK (status IN ('new', 'contacted', 'qualified', 'converted', 'rejected', 'spam')),
    status_reason text,
    source text,
    locale text,
    gdpr_consent boolean NOT NULL CHECK (gdpr_consent),
    privacy_policy_accepted boolean NOT NULL CHECK (privacy_policy_accepted),
    attested_at timestamptz NOT NULL,
    assigned_to uuid REFERENCES users,
    next_action text,
    next_action_at timestamptz,
    response_due_at timestamptz,
    responded_at timestamptz,
    qualified_at timestamptz,
    due_at timestamptz, -- of an open lead; made of the others
    enrollment_id uuid REFERENCES enrollments,
    @std,
    CONSTRAINT ck_leads_converted CHECK (status <> 'converted' OR enrollment_id IS NOT NULL),
    CONSTRAINT ck_leads_rejected CHECK (status <> 'rejected' OR status_reason IS NOT NULL)
) WITH (fillfactor = 90);
CREATE INDEX ON leads (organization_id, created_at DESC, id DESC);
CREATE INDEX ON leads (organization_id, status, created_at DESC, id DESC);
CREATE INDEX ON leads (organization_id, campaign_id, status);
CREATE INDEX ON leads (organization_id, course_id, status);
CREATE INDEX ON leads (organization_id, person_id);
CREATE INDEX ON leads (organization_id, assigned_to, created_at DESC, id DESC) WHERE assigned_to IS NOT NULL;
CREATE INDEX ON leads (organization_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX ON leads (organization_id, assigned_to, due_at, id) WHERE due_at IS NOT NULL;
-- One open lead for a person and a course; who asks again adds a touch.
CREATE UNIQUE INDEX ux_leads_open_course ON leads (organization_id, person_id, course_id)
    WHERE course_id IS NOT NULL AND status IN ('new', 'contacted', 'qualified');
CREATE UNIQUE INDEX ux_leads_open_general ON leads (organization_id, person_id)
    WHERE course_id IS NULL AND status IN ('new', 'contacted', 'qualified');

CREATE TABLE lead_touches (
    @owned,
    lead_id uuid NOT NULL REFERENCES leads,
    person_id uuid NOT NULL REFERENCES people,
    campaign_id uuid REFERENCES campaigns,
    at timestamptz NOT NULL,
    source text,
    utm_source text,
    utm_medium text,
    utm_campaign text,
    utm_content text,
    utm_term text,
    click_ids jsonb,
    message text
);
CREATE INDEX ON lead_touches (organization_id, lead_id);

CREATE TABLE lead_activities (
    @owned,
    lead_id uuid NOT NULL REFERENCES leads,
    person_id uuid NOT NULL REFERENCES people,
    kind text NOT NULL CHECK (kind IN ('note', 'call', 'email', 'message', 'meeting')),
    outcome text CHECK (outcome IN ('reached', 'no_answer', 'busy', 'voicemail', 'wrong_number')),
    text text,
    made_by uuid REFERENCES users,
    at timestamptz NOT NULL
);
CREATE INDEX ON lead_activities (organization_id, lead_id, at DESC, id DESC);
";
