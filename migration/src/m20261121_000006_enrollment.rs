//! Who has a place, who waits for one, and whom one is kept for.

pub const TEXT: &str = r"
CREATE TABLE enrollments (
    @owned,
    course_run_id uuid NOT NULL REFERENCES course_runs,
    person_id uuid NOT NULL REFERENCES people,
    status text NOT NULL CHECK (status IN ('active', 'waitlisted', 'offered', 'completed', 'dropped', 'suspended')),
    status_reason text,
    attempt integer NOT NULL,
    queued_at timestamptz,
    offer_expires_at timestamptz,
    lead_id uuid,
    @std
);
CREATE UNIQUE INDEX ux_enrollments_open ON enrollments (organization_id, course_run_id, person_id)
    WHERE status IN ('active', 'waitlisted', 'offered', 'suspended');
CREATE INDEX ON enrollments (organization_id, course_run_id, status, queued_at, id);
CREATE INDEX ON enrollments (organization_id, person_id);
CREATE INDEX ON enrollments (organization_id, created_at DESC, id DESC);
CREATE INDEX ON enrollments (organization_id, offer_expires_at, id) WHERE status = 'offered';

CREATE TABLE seat_holds (
    @owned,
    course_run_id uuid NOT NULL REFERENCES course_runs,
    person_id uuid NOT NULL REFERENCES people,
    status text NOT NULL CHECK (status IN ('held', 'used', 'released', 'expired')),
    expires_at timestamptz NOT NULL,
    @std
);
CREATE UNIQUE INDEX ux_seat_holds_open ON seat_holds (organization_id, course_run_id, person_id) WHERE status = 'held';
CREATE INDEX ON seat_holds (organization_id, expires_at, id) WHERE status = 'held';
";
