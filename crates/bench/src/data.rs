//! A provider's database of some size, made by the database itself: 500 courses, 200 campaigns, 7,600 runs, and leads that arrived one
//! after another, each of a person of its own.
//!
//! What is left out: the consents, audit entries and outbox rows of the leads that are made up. The tables that a capture adds them to
//! are the same for the program and for the limit.

use anyhow::Result;
use matricula_bench::{Engine, ORGANIZATION, Raw, Stage};
use uuid::Uuid;

/// Courses, numbered from 1.
pub const COURSES: u64 = 500;

/// Campaigns, numbered from 1.
pub const CAMPAIGNS: u64 = 200;

/// Cycles and campuses of a catalogue of many courses, numbered from 1.
pub const CYCLES: u64 = 12;
/// Campuses.
pub const CAMPUSES: u64 = 25;

/// Runs that one can enroll in, numbered from 1.
pub const OPEN_RUNS: u64 = 5_000;

/// The runs behind them, one for each measurement in which everybody wants the same.
pub const HOT_RUNS: u64 = 100;

/// The runs behind those, which are over: the seats of converted leads.
const PAST_RUNS: u64 = 2_500;

/// What the first 48 bits of a made-up id begin at: a time before all others, so that ids are in the order of creation as real ones are.
const FIRST: u64 = 0x0180_0000_0000;

/// Kinds of things, the last 12 digits of a made-up id.
const PERSON: u64 = 1;
const SUBJECT: u64 = 2;
const KEY: u64 = 3;
const EMAIL: u64 = 4;
const PHONE: u64 = 5;
const LEAD: u64 = 6;
const COURSE: u64 = 7;
const CAMPAIGN: u64 = 8;
const RUN: u64 = 9;
const ENROLLMENT: u64 = 10;
const CYCLE: u64 = 11;
const CAMPUS: u64 = 12;

/// What courses are about, and in which manner: their titles.
const SUBJECTS: &str = "soldadura,cocina,marketing,fotografía,contabilidad,excel,jardinería,mecánica,electricidad,fontanería,inglés,logística,peluquería,enfermería,\
    diseño gráfico,programación,carpintería,nóminas,primeros auxilios,comercio";
const MANNERS: &str =
    "básico,avanzado,intensivo,para empresas,para principiantes,profesional,a distancia,de verano,con prácticas,en tu ciudad,superior";

/// The id of a made-up thing.
fn made_up(kind: u64, number: u64) -> Uuid {
    Uuid::from_u128((u128::from(FIRST + number) << 80) | (0x7000_8000 << 48) | u128::from(kind))
}

/// The id of a person.
pub fn person(number: u64) -> Uuid {
    made_up(PERSON, number)
}

/// The id of a course.
pub fn course(number: u64) -> Uuid {
    made_up(COURSE, number)
}

/// The id of a campaign.
pub fn campaign(number: u64) -> Uuid {
    made_up(CAMPAIGN, number)
}

/// The id of a run.
pub fn run(number: u64) -> Uuid {
    made_up(RUN, number)
}

/// The SQL of the id of a person, of which the number is an expression.
pub fn person_sql(number: &str) -> String {
    Words(Engine::Postgres).id(PERSON, number)
}

/// The SQL of the id of a run.
pub fn run_sql(number: &str) -> String {
    Words(Engine::Postgres).id(RUN, number)
}

/// The SQL of the id of a course.
pub fn course_sql(number: &str) -> String {
    Words(Engine::Postgres).id(COURSE, number)
}

/// The SQL of the id of a campaign.
pub fn campaign_sql(number: &str) -> String {
    Words(Engine::Postgres).id(CAMPAIGN, number)
}

/// What the two engines say differently.
#[derive(Clone, Copy)]
struct Words(Engine);

impl Words {
    fn of(self, postgres: String, sqlite: String) -> String {
        match self.0 {
            Engine::Postgres => postgres,
            Engine::Sqlite => sqlite,
        }
    }

    fn id(self, kind: u64, number: &str) -> String {
        self.of(
            format!("(lpad(to_hex({FIRST} + ({number})), 12, '0') || '70008000{kind:012x}')::uuid"),
            format!("unhex(printf('%012x70008000{kind:012x}', {FIRST} + ({number})))"),
        )
    }

    fn known(self, id: Uuid) -> String {
        self.of(format!("'{id}'::uuid"), format!("X'{}'", id.simple()))
    }

    fn numbers(self, from: u64, to: u64) -> String {
        self.of(
            format!("generate_series({from}::bigint, {to}) AS g(i)"),
            format!("(WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to}) SELECT i FROM n) AS g"),
        )
    }

    /// Two leads in a minute, from the first of January 2025.
    fn moment(self, number: &str) -> String {
        self.of(
            format!("timestamptz '2025-01-01 00:00:00+00' + ({number}) * interval '30 seconds'"),
            format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', 1735689600 + ({number}) * 30, 'unixepoch')"),
        )
    }

    fn day(self, days: &str) -> String {
        self.of(format!("current_date + ({days})::int"), format!("date('now', printf('%+d days', {days}))"))
    }

    fn material(self, number: &str) -> String {
        self.of(format!("sha256(int8send({number}))"), "randomblob(32)".to_owned())
    }

    fn digits(self, number: &str) -> String {
        self.of(format!("lpad(({number})::text, 8, '0')"), format!("printf('%08d', {number})"))
    }

    /// One of some words with commas between them.
    fn word_of(self, words: &str, number: &str) -> String {
        let many = words.split(',').count();
        let json = words.split(',').map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        self.of(
            format!("split_part('{words}', ',', (1 + ({number}) % {many})::int)"),
            format!("json_extract('[{json}]', '$[' || (({number}) % {many}) || ']')"),
        )
    }

    fn json(self, text: &str) -> String {
        self.of(format!("'{text}'::jsonb"), format!("'{text}'"))
    }
}

/// One of so many, by chance, but always the same.
fn one_of(many: u64, salt: u64) -> String {
    format!("((i + {}) * 2654435761 % 4294967296 / 4096 % {many})", salt * 1_000_003)
}

/// The id of the organization, as the program gave it.
pub async fn organization(raw: &Raw) -> Result<Uuid> {
    raw.one(&format!("SELECT id FROM organizations WHERE slug = '{ORGANIZATION}'")).await
}

/// Courses, campaigns and runs.
pub async fn make_catalog(raw: &Raw) -> Result<()> {
    let words = Words(raw.engine());
    let organization = words.known(organization(raw).await?);
    let long_ago = words.moment("0");
    let std = format!("{long_ago}, {long_ago}, 1");
    let hot = OPEN_RUNS + HOT_RUNS;
    let (empty, numbers) = (words.json("[]"), |to| words.numbers(1, to));
    let script = format!(
        "INSERT INTO courses (organization_id, id, slug, title, duration_hours, modality, featured, tags, prices, status, seo_keywords, created_at, updated_at, version) \
           SELECT {organization}, {course}, 'curso-' || i, 'Curso de marketing digital ' || i, 120, 'online', i % 20 = 0, {empty}, {empty}, 'published', {empty}, {std} FROM {courses};
         INSERT INTO campaigns (organization_id, id, slug, name, platform, status, created_at, updated_at, version) \
           SELECT {organization}, {campaign}, 'campana-' || i, 'Campaña de otoño ' || i, CASE i % 3 WHEN 0 THEN 'meta_ads' WHEN 1 THEN 'google_ads' ELSE 'email' END, \
           CASE WHEN i % 5 < 3 THEN 'active' ELSE 'completed' END, {std} FROM {campaigns};
         INSERT INTO course_runs (organization_id, id, course_id, start_date, end_date, max_students, prices, seats_taken, seats_held, status, created_at, updated_at, version) \
           SELECT {organization}, {run}, {of_course}, {start}, {end}, 1000000, {empty}, 0, 0, CASE WHEN i > {hot} THEN 'completed' ELSE 'scheduled' END, {std} FROM {runs};",
        course = words.id(COURSE, "i"),
        courses = numbers(COURSES),
        campaign = words.id(CAMPAIGN, "i"),
        campaigns = numbers(CAMPAIGNS),
        run = words.id(RUN, "i"),
        of_course = words.id(COURSE, &format!("1 + i % {COURSES}")),
        start = words.day(&format!("CASE WHEN i > {hot} THEN -300 + i % 200 ELSE 30 + i % 300 END")),
        end = words.day(&format!("CASE WHEN i > {hot} THEN -90 + i % 60 ELSE 400 + i % 100 END")),
        runs = numbers(hot + PAST_RUNS),
    );
    raw.script(&script).await
}

/// A catalogue of so many courses in cycles and at campuses, one in four of them a draft.
pub async fn make_courses(raw: &Raw, courses: u64) -> Result<()> {
    let words = Words(raw.engine());
    let organization = words.known(organization(raw).await?);
    let (at, empty) = (words.moment("i"), words.json("[]"));
    let std = format!("{at}, {at}, 1");
    let (subject, manner) = (words.word_of(SUBJECTS, "i / 3"), words.word_of(MANNERS, "i / 7"));
    let description = "'Aprende con quien lo hace cada día: teoría, prácticas y un certificado al final. ' || ";
    // Whatever the cycle and the campus: one in four is a draft, one in twenty stands out.
    let status = format!("CASE {} WHEN 0 THEN 'draft' ELSE 'published' END", one_of(4, 3));
    let featured = format!("{} = 0", one_of(20, 4));
    let script = format!(
        "INSERT INTO cycles (organization_id, id, slug, name, level, order_display, created_at, updated_at, version) \
           SELECT {organization}, {cycle}, 'ciclo-' || i, 'Ciclo ' || i, 'grado_medio', i, {std} FROM {cycles};
         INSERT INTO campuses (organization_id, id, slug, name, city, time_zone, opening_hours, created_at, updated_at, version) \
           SELECT {organization}, {campus}, 'sede-' || i, 'Sede ' || i, 'Ciudad ' || i, 'Europe/Madrid', {empty}, {std} FROM {campuses};
         INSERT INTO courses (organization_id, id, slug, title, description, duration_hours, modality, cycle_id, category, featured, status, tags, prices, seo_keywords, \
           created_at, updated_at, version) \
           SELECT {organization}, {course}, 'curso-' || i, 'Curso de ' || {subject} || ' ' || {manner} || ' ' || i, {description}{manner}, 120, 'presencial', {of_cycle}, \
           {subject}, {featured}, {status}, {empty}, {empty}, {empty}, {std} FROM {numbers};
         INSERT INTO course_campuses (organization_id, course_id, campus_id, cycle_id, status, featured, created_at, version) \
           SELECT {organization}, {course}, {of_campus}, {of_cycle}, {status}, {featured}, {at}, 1 FROM {numbers};",
        cycle = words.id(CYCLE, "i"),
        cycles = words.numbers(1, CYCLES),
        campus = words.id(CAMPUS, "i"),
        campuses = words.numbers(1, CAMPUSES),
        course = words.id(COURSE, "i"),
        of_cycle = words.id(CYCLE, &format!("1 + i % {CYCLES}")),
        of_campus = words.id(CAMPUS, &format!("1 + i / {CYCLES} % {CAMPUSES}")),
        numbers = words.numbers(1, courses),
    );
    raw.script(&script).await
}

/// The leads numbered from one to the other, with all that belongs to them.
pub async fn make_leads(stage: &Stage, from: u64, to: u64) -> Result<()> {
    let raw = stage.raw_with_keys().await?;
    let words = Words(raw.engine());
    let organization = words.known(organization(&raw).await?);
    // The keys are as good as the database's own would find them to be; not to check each is what makes a million of rows a matter of minutes.
    let (before, after) = match raw.engine() {
        Engine::Postgres => ("SET session_replication_role = replica; SET synchronous_commit = off;", ""),
        Engine::Sqlite => ("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;", "COMMIT;"),
    };
    let numbers = words.numbers(from, to);
    let (person, at) = (words.id(PERSON, "i"), words.moment("i"));
    let chance = one_of(1000, 1);
    let status = format!(
        "CASE WHEN {chance} < 400 THEN 'contacted' WHEN {chance} < 550 THEN 'new' WHEN {chance} < 750 THEN 'qualified' WHEN {chance} < 870 THEN 'converted' \
         WHEN {chance} < 999 THEN 'rejected' ELSE 'spam' END"
    );
    let converted = format!("({chance} >= 750 AND {chance} < 870)");
    let past_run = words.id(RUN, &format!("{} + i % {PAST_RUNS}", OPEN_RUNS + HOT_RUNS + 1));
    let message = "'Quiero información sobre el curso y las fechas de inicio, gracias.'";
    let script = format!(
        "{before}
         INSERT INTO keystore.person_keys (id, material, created_at) SELECT {key}, {material}, {at} FROM {numbers};
         INSERT INTO people (organization_id, id, subject_ref, key_id, name, name_folded, locale, age_band, state, created_at, updated_at, version) \
           SELECT {organization}, {person}, {subject}, {key}, 'Lucía Pérez García ' || i, 'lucia perez garcia ' || i, 'es', 'adult', 'active', {at}, {at}, 1 FROM {numbers};
         INSERT INTO person_identifiers (organization_id, id, person_id, kind, value, created_at) \
           SELECT {organization}, {email}, {person}, 'email', 'persona-' || i || '@example.es', {at} FROM {numbers};
         INSERT INTO person_identifiers (organization_id, id, person_id, kind, value, created_at) \
           SELECT {organization}, {phone}, {person}, 'phone', '+346' || {digits}, {at} FROM {numbers};
         INSERT INTO enrollments (organization_id, id, course_run_id, person_id, status, attempt, lead_id, created_at, updated_at, version) \
           SELECT {organization}, {enrollment}, {past_run}, {person}, 'completed', 1, {lead}, {at}, {at}, 2 FROM {numbers} WHERE {converted};
         INSERT INTO leads (organization_id, id, person_id, course_id, campaign_id, message, status, status_reason, source, locale, gdpr_consent, \
           privacy_policy_accepted, attested_at, enrollment_id, created_at, updated_at, version) \
           SELECT {organization}, {lead}, {person}, {course}, {campaign}, {message}, {status}, CASE WHEN {chance} >= 870 THEN 'no contesta' END, 'web', 'es', TRUE, \
           TRUE, {at}, CASE WHEN {converted} THEN {enrollment} END, {at}, {at}, 1 FROM {numbers};
         INSERT INTO lead_touches (organization_id, id, lead_id, person_id, campaign_id, at, source, utm_source, utm_medium, utm_campaign, message) \
           SELECT {organization}, {lead}, {lead}, {person}, {campaign}, {at}, 'web', 'meta', 'cpc', 'otono-2025', {message} FROM {numbers};
         {after}",
        key = words.id(KEY, "i"),
        material = words.material("i"),
        subject = words.id(SUBJECT, "i"),
        email = words.id(EMAIL, "i"),
        phone = words.id(PHONE, "i"),
        digits = words.digits("i"),
        lead = words.id(LEAD, "i"),
        enrollment = words.id(ENROLLMENT, "i"),
        course = words.id(COURSE, &format!("1 + {}", one_of(COURSES, 2))),
        campaign = words.id(CAMPAIGN, &format!("1 + {}", one_of(CAMPAIGNS, 3))),
    );
    raw.script(&script).await?;
    match raw.engine() {
        Engine::Postgres => {
            raw.script("VACUUM ANALYZE").await?;
            raw.script("CHECKPOINT").await?;
        }
        Engine::Sqlite => {
            raw.script("ANALYZE").await?;
            raw.rows("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
    }
    raw.close().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_sides_give_a_thing_the_same_id() {
        assert_eq!(person(10).to_string(), "01800000-000a-7000-8000-000000000001");
        let raw = Raw::open("sqlite::memory:").await.unwrap();
        let found: Uuid = raw.one(&format!("SELECT {}", Words(Engine::Sqlite).id(RUN, "3 + 4"))).await.unwrap();
        assert_eq!(found, run(7));
    }
}
