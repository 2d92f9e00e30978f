//! What the tests of the use cases share: a world whose time stands still and whose ids count, callers, and things to work on.
//! Ids of things that a test makes up are below 1000, those that a use case draws begin there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use matricula_domain::catalog::{CourseRun, CourseRunParts, RunPlan};
use matricula_domain::enrollment::{Enrollment, EnrollmentParts, EnrollmentStatus};
use matricula_domain::identity::{Grant, Membership, OrganizationStatus, Post, Rights, Role, RoleName, Source, User};
use matricula_domain::leads::{Lead, LeadChange, LeadParts, LeadStatus};
use matricula_domain::people::{Identifier, IdentifierKind, Person, PersonParts, Standing};
use matricula_domain::privacy::{Channel, ConsentAction, ConsentActor, ConsentEvent, ConsentText, Ledger, LedgerParts, Purpose, TextKind, TextParts};
use matricula_domain::shared::{Aggregate, Changed, EmailAddress, Fact, Faults, Field, Id, Instant, Line, LocalDate, TimeZone, Value};
use matricula_ports::catalog::RunWithQueue;
use matricula_ports::identity::{OrganizationRow, Principal};
use matricula_ports::mocks::MockTransactions;
use matricula_ports::privacy::MockPersonKeys;
use matricula_ports::{Clock, Ids, Once, PortError, Scope, StoredAnswer};
use uuid::Uuid;

use crate::World;
use crate::access::{Allowed, Caller, Right, Visitor};

/// The moment at which all tests take place.
pub(crate) fn now() -> Instant {
    "2026-03-01T10:00:00Z".parse().unwrap()
}

pub(crate) fn in_hours(hours: i64) -> Instant {
    now() + TimeDelta::hours(hours)
}

pub(crate) fn day(text: &str) -> LocalDate {
    text.parse().unwrap()
}

/// The id of something that a test makes up.
pub(crate) fn id<T: Id>(n: u128) -> T {
    T::from_uuid(Uuid::from_u128(n))
}

/// An input, as it comes from outside.
pub(crate) fn map(fields: &[(&str, Value)]) -> Value {
    Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

/// Where the faults are, and which.
pub(crate) fn told(faults: &Faults) -> Vec<(&str, &'static str)> {
    faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect()
}

/// What a port answers that is away.
pub(crate) fn away() -> PortError {
    PortError::Unavailable("away".into())
}

/// A clock that stands.
pub(crate) struct FixedClock(pub(crate) Instant);

impl Clock for FixedClock {
    fn now(&self) -> Instant {
        self.0
    }
}

/// Ids that count from 1000, and secrets that are never the same twice.
#[derive(Default)]
pub(crate) struct CountingIds(AtomicU64);

impl CountingIds {
    fn count(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1000
    }
}

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(self.count().into())
    }
    fn random(&self) -> Uuid {
        Uuid::from_u128(self.count().into())
    }
    fn secret(&self) -> [u8; 32] {
        let mut secret = [7; 32];
        secret[..8].copy_from_slice(&self.count().to_le_bytes());
        secret
    }
}

/// A world over these transactions, in which nobody asks for keys.
pub(crate) fn world(transactions: &MockTransactions) -> World {
    world_with_keys(transactions, MockPersonKeys::new())
}

pub(crate) fn world_with_keys(transactions: &MockTransactions, keys: MockPersonKeys) -> World {
    World {
        transactions: Arc::new(transactions.clone()),
        clock: Arc::new(FixedClock(now())),
        ids: Arc::new(CountingIds::default()),
        keys: Arc::new(keys),
    }
}

/// Keys of which so many are issued, all of them with the id 77.
pub(crate) fn issuing(times: usize) -> MockPersonKeys {
    let mut keys = MockPersonKeys::new();
    keys.expect_issue().times(times).returning(|_| Ok(id(77)));
    keys
}

/// What a mock was given, for the test to look at.
#[derive(Clone)]
pub(crate) struct Seen<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone + Send + 'static> Seen<T> {
    pub(crate) fn nothing() -> Self {
        Self(Arc::default())
    }

    /// The answer of a mocked `save`, which notes what it was given.
    pub(crate) fn note(&self) -> impl Fn(&T) -> Result<(), PortError> + Send + 'static {
        let seen = Arc::clone(&self.0);
        move |thing| {
            seen.lock().unwrap().push(thing.clone());
            Ok(())
        }
    }

    /// The same for what takes the thing itself.
    pub(crate) fn keep(&self) -> impl Fn(T) -> Result<(), PortError> + Send + 'static {
        let note = self.note();
        move |thing| note(&thing)
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }

    /// The only one.
    pub(crate) fn one(&self) -> T {
        let mut all = self.all();
        assert_eq!(all.len(), 1, "how often it was given");
        all.remove(0)
    }
}

impl<A: Aggregate> Seen<Changed<A>> {
    /// What happened, in order.
    pub(crate) fn verbs(&self) -> Vec<&'static str> {
        self.all().iter().map(|changed| changed.fact().verb()).collect()
    }
}

pub(crate) fn organization() -> OrganizationRow {
    OrganizationRow {
        id: id(900),
        slug: "academia".into(),
        name: "Academia Ejemplo".into(),
        time_zone: TimeZone::MADRID,
        locale: "es".into(),
        status: OrganizationStatus::Active,
        second_factor_roles: Vec::new(),
    }
}

/// Somebody of the organization who signed in.
pub(crate) fn caller(role: Role) -> Caller {
    caller_with(role.into(), role.grants().collect())
}

/// Somebody who has a role that grants these words.
pub(crate) fn caller_who_may(words: &[&str]) -> Caller {
    let grants = words.iter().map(|word| Grant::from_word(word).unwrap()).collect();
    caller_with(RoleName::parse(&"a-medida".into()).unwrap(), grants)
}

fn caller_with(role: RoleName, grants: Vec<Grant>) -> Caller {
    let post = Post { user: Some(id(902)), ..Post::default() };
    let rights = Rights::new(vec![Source { role: role.clone(), group: None, grants }], post);
    let principal = Principal {
        session: id(901),
        user: id(902),
        email: "gestora@example.es".into(),
        name: "Gestora".into(),
        membership: id(903),
        role,
        rights: Arc::new(rights),
        organization: Arc::new(organization()),
        has_second_factor: false,
        proven_at: now(),
        expires_at: in_hours(1),
    };
    Caller::new(Arc::new(principal), "request-1")
}

/// Somebody whose role has the right that a use case asks for.
pub(crate) fn allowed<R: Right>(role: Role) -> Allowed<R> {
    caller(role).allow().unwrap()
}

pub(crate) fn visitor() -> Visitor {
    Visitor::new(organization(), "request-1")
}

/// The scope of a job.
pub(crate) fn scope() -> Scope {
    caller(Role::Admin).scope().clone()
}

/// An effect that must happen once, whose answer is what `render` makes of the result.
pub(crate) fn once<T: 'static>(render: impl Fn(&T) -> Option<String> + Send + Sync + 'static) -> Once {
    Once {
        principal: "user:902".into(),
        route: "POST /things".into(),
        key: "key-1".into(),
        fingerprint: [1; 32],
        render: Box::new(move |done| {
            let body = render(done.downcast_ref::<T>()?)?;
            Some(StoredAnswer { status: 201, headers: Vec::new(), body })
        }),
    }
}

/// A person, with the numbered id and the next ones for what is found of them.
pub(crate) fn person(n: u128, email: Option<&str>, phone: Option<&str>) -> Person {
    person_in(Standing::Active, n, email, phone)
}

pub(crate) fn person_in(standing: Standing, n: u128, email: Option<&str>, phone: Option<&str>) -> Person {
    let told = [(IdentifierKind::Email, 1, email), (IdentifierKind::Phone, 2, phone)];
    let identifiers = told.into_iter().filter_map(|(kind, m, value)| Some(Identifier { id: id(n + m), kind, value: value?.to_owned() }));
    Person::from_parts(PersonParts {
        id: id(n),
        subject_ref: id(n + 3),
        key_id: id(n + 4),
        name: Line::parse("Lucía Pérez").unwrap(),
        identifiers: identifiers.collect(),
        locale: None,
        age_band: None,
        birth_date: None,
        standing,
        created_at: in_hours(-48),
        updated_at: in_hours(-48),
        version: 3,
    })
}

/// All standings but the one in which a person's data may be worked with.
pub(crate) const CLOSED: [Standing; 3] = [Standing::Restricted, Standing::Blocked, Standing::Destroyed];

/// The lead 10 of the person 20.
pub(crate) fn lead(status: LeadStatus) -> Lead {
    lead_of(20, status)
}

pub(crate) fn lead_of(person: u128, status: LeadStatus) -> Lead {
    Lead::from_parts(LeadParts {
        id: id(10),
        person: id(person),
        details: LeadChange {
            course_id: Some(id(30)),
            course_run_id: None,
            campaign_id: None,
            message: None,
            source: None,
            internal_notes: None,
            next_action: None,
            next_action_at: None,
        },
        form_version: None,
        status,
        status_reason: None,
        locale: None,
        attested_at: in_hours(-24),
        assigned_to: None,
        response_due_at: None,
        responded_at: None,
        qualified_at: None,
        enrollment: None,
        created_at: in_hours(-24),
        updated_at: in_hours(-24),
        version: 4,
    })
}

/// The run 40 of the course 30, with so many seats of which so many are taken; people can enroll until 5 April.
pub(crate) fn run(max_students: u32, taken: u32) -> CourseRun {
    let plan = RunPlan {
        course_id: id(30),
        cycle_id: None,
        campus_id: None,
        start_date: day("2026-04-10"),
        end_date: day("2026-06-30"),
        enrollment_deadline: Some(day("2026-04-05")),
        max_students,
        min_students: None,
        prices: Vec::new(),
        seats_left_policy: None,
    };
    let scheduled = CourseRun::schedule(id(40), plan, now()).into_state();
    let seats = matricula_domain::catalog::Seats { max: max_students, taken, held: 0 };
    CourseRun::from_parts(CourseRunParts { seats, version: 2, ..scheduled.parts().clone() })
}

/// A run as enrolling reads it.
pub(crate) fn queue(run: CourseRun, waiting: u32) -> RunWithQueue {
    RunWithQueue { run, waiting, time_zone: TimeZone::MADRID }
}

/// The numbered enrollment of the person 20 in the run 40. An offer runs out in an hour.
pub(crate) fn enrollment(n: u128, status: EnrollmentStatus) -> Enrollment {
    let waits = matches!(status, EnrollmentStatus::Waitlisted | EnrollmentStatus::Offered);
    Enrollment::from_parts(EnrollmentParts {
        id: id(n),
        run: id(40),
        person: id(20),
        status,
        reason: None,
        attempt: 1,
        queued_at: waits.then(|| in_hours(-24)),
        offer_expires_at: (status == EnrollmentStatus::Offered).then(|| in_hours(1)),
        lead: None,
        created_at: in_hours(-24),
        updated_at: in_hours(-24),
        version: 5,
    })
}

/// The user 50, who works here or does not any more.
pub(crate) fn user(active: bool, member: bool) -> User {
    User {
        id: id(50),
        email: EmailAddress::parse("asesora@example.es").unwrap(),
        name: Line::parse("Asesora").unwrap(),
        password_hash: None,
        locale: "es".into(),
        active,
        membership: Membership { id: id(51), organization: id(900), role: Role::Adviser.into(), campuses: Vec::new(), active: member },
        created_at: now(),
        updated_at: now(),
        version: 1,
    }
}

/// The numbered text in its first version.
pub(crate) fn text(n: u128, kind: TextKind, purpose: Option<Purpose>) -> ConsentText {
    ConsentText::from_parts(TextParts {
        id: id(n),
        kind,
        purpose,
        locale: Line::parse("es").unwrap(),
        number: 1,
        body: format!("Text {n}"),
        sha256: format!("sha256 of {n}"),
        material: false,
        effective_from: in_hours(-24),
        version: 1,
    })
}

/// The ledger of the person 20 with these entries of the days before.
pub(crate) fn ledger(entries: &[(Purpose, ConsentAction)]) -> Ledger {
    ledger_with(entries, |_| ())
}

pub(crate) fn ledger_with(entries: &[(Purpose, ConsentAction)], change: impl FnOnce(&mut LedgerParts)) -> Ledger {
    let mut parts = Ledger::new(id(20)).parts().clone();
    parts.events = (0..)
        .zip(entries)
        .map(|(n, (purpose, action))| ConsentEvent {
            id: id(500 + n),
            purpose: *purpose,
            purpose_version: ConsentEvent::PURPOSE_VERSION,
            action: *action,
            form_version: None,
            text: None,
            wording_sha256: None,
            at: in_hours(-24),
            actor: ConsentActor::Subject,
            channel: Channel::Web,
            evidence: None,
            grade: None,
            supersedes: None,
        })
        .collect();
    change(&mut parts);
    Ledger::load(parts)
}
