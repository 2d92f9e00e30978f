//! What is taught, where and when.

pub const TEXT: &str = r"
CREATE TABLE cycles (
    @owned,
    slug text NOT NULL,
    name text NOT NULL,
    description text,
    level text NOT NULL CHECK (level IN ('fp_basica', 'grado_medio', 'grado_superior', 'certificado_profesionalidad')),
    order_display integer NOT NULL,
    archived_at timestamptz,
    @std
);
CREATE UNIQUE INDEX ON cycles (organization_id, slug) WHERE archived_at IS NULL;
CREATE INDEX ON cycles (organization_id, order_display, id);

CREATE TABLE campuses (
    @owned,
    slug text NOT NULL,
    name text NOT NULL,
    city text NOT NULL,
    address text,
    postal_code text,
    phone text,
    email text,
    maps_url text,
    time_zone text NOT NULL,
    opening_hours jsonb NOT NULL, -- a list
    archived_at timestamptz,
    @std
);
CREATE UNIQUE INDEX ON campuses (organization_id, slug) WHERE archived_at IS NULL;
CREATE INDEX ON campuses (organization_id, name, id);
CREATE INDEX ON campuses (organization_id, city);

CREATE TABLE courses (
    @owned,
    slug text NOT NULL,
    title text NOT NULL,
    description text,
    duration_hours integer NOT NULL CHECK (duration_hours >= 0),
    modality text NOT NULL CHECK (modality IN ('presencial', 'online', 'hibrido')),
    price_amount bigint CHECK (price_amount >= 0),
    price_currency text,
    cycle_id uuid REFERENCES cycles,
    level text,
    category text,
    featured boolean NOT NULL,
    tags jsonb NOT NULL, -- a list of text
    prices jsonb NOT NULL, -- a list: what each audience pays
    instructor_id uuid REFERENCES users,
    status text NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
    seo_title text,
    seo_description text,
    seo_keywords jsonb NOT NULL, -- a list of text
    archived_at timestamptz,
    @std
);
CREATE UNIQUE INDEX ON courses (organization_id, slug);
-- Those of a cycle, of a state, and those that stand out, as the catalogue orders them: these first, then the newest.
CREATE INDEX ON courses (organization_id, cycle_id, featured DESC, created_at DESC, id DESC);
CREATE INDEX ON courses (organization_id, status, featured DESC, created_at DESC, id DESC);
CREATE INDEX ON courses (organization_id, category);
CREATE INDEX ON courses (organization_id, instructor_id);
CREATE INDEX ix_courses_featured ON courses (organization_id, created_at DESC, id DESC) WHERE featured;
CREATE INDEX ON courses (organization_id, created_at DESC, id DESC);

-- Beside each campus of a course stands what the catalogue is narrowed and ordered by, as the course has it: so a campus has its list in
-- order, however few of all courses are taught there. It is written where the course is saved, with the version of the course.
CREATE TABLE course_campuses (
    organization_id uuid NOT NULL REFERENCES organizations,
    course_id uuid NOT NULL REFERENCES courses,
    campus_id uuid NOT NULL REFERENCES campuses,
    cycle_id uuid,
    status text NOT NULL,
    featured boolean NOT NULL,
    created_at timestamptz NOT NULL,
    archived_at timestamptz,
    version integer NOT NULL,
    PRIMARY KEY (organization_id, course_id, campus_id)
);
-- Of a campus and a cycle, of a campus alone, and by age.
CREATE INDEX ix_course_campuses_catalogue ON course_campuses (organization_id, campus_id, cycle_id, status, featured DESC, created_at DESC, course_id DESC)
    WHERE archived_at IS NULL;
CREATE INDEX ix_course_campuses_listed ON course_campuses (organization_id, campus_id, status, featured DESC, created_at DESC, course_id DESC)
    WHERE archived_at IS NULL;
CREATE INDEX ON course_campuses (organization_id, campus_id, created_at DESC, course_id DESC);

-- Seats change all the time: no index names them, and half of every page is left free, so that the new row fits beside
-- the old one and no index has to learn of it.
CREATE TABLE course_runs (
    @owned,
    course_id uuid NOT NULL REFERENCES courses,
    cycle_id uuid REFERENCES cycles,
    campus_id uuid REFERENCES campuses,
    start_date date NOT NULL,
    end_date date NOT NULL,
    enrollment_deadline date,
    max_students integer NOT NULL,
    min_students integer,
    prices jsonb NOT NULL, -- a list: what each audience pays here
    seats_left_policy text CHECK (seats_left_policy IN ('exact', 'few', 'hidden')),
    seats_taken integer NOT NULL,
    seats_held integer NOT NULL,
    status text NOT NULL CHECK (status IN ('scheduled', 'ongoing', 'completed', 'cancelled')),
    status_reason text,
    merged_into uuid REFERENCES course_runs,
    archived_at timestamptz,
    @std,
    CONSTRAINT ck_course_runs_dates CHECK (end_date >= start_date),
    CONSTRAINT ck_course_runs_deadline CHECK (enrollment_deadline IS NULL OR enrollment_deadline <= start_date),
    CONSTRAINT ck_course_runs_merged CHECK (merged_into IS NULL OR status = 'cancelled'),
    CONSTRAINT ck_course_runs_min CHECK (min_students >= 0 AND min_students <= max_students),
    CONSTRAINT ck_course_runs_counts CHECK (max_students >= 0 AND seats_taken >= 0 AND seats_held >= 0),
    CONSTRAINT ck_course_runs_seats CHECK (seats_taken + seats_held <= max_students)
) WITH (fillfactor = 50);
CREATE INDEX ON course_runs (organization_id, course_id, start_date DESC);
CREATE INDEX ON course_runs (organization_id, campus_id, status, created_at DESC, id DESC);
CREATE INDEX ix_course_runs_open ON course_runs (organization_id, start_date, id) WHERE status IN ('scheduled', 'ongoing');
CREATE INDEX ON course_runs (organization_id, created_at DESC, id DESC);
";
