//! What a database is filled with: through the domain and the repositories, as the program does it.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use matricula_application::access::{Allowed, Caller, Right, Visitor};
use matricula_domain::catalog::{Campus, Course, CourseDetails, CourseRun, CourseStatus, Cycle, RunPlan};
use matricula_domain::identity::{
    ApiKey, CustomRole, Group, GroupDetails, IsolationStrategy, MembershipId, NewApiKey, NewUser, Organization, OrganizationDetails, OrganizationId,
    Post, Rights, Role, RoleName, User, UserId,
};
use matricula_domain::leads::{Capture, FormVersion, Lead, LeadTargets, NewFormVersion, WorkingHours};
use matricula_domain::marketing::Campaign;
use matricula_domain::people::{NewPersonIds, Person, PersonDetails, PersonId};
use matricula_domain::privacy::{ConsentText, ConsentTextId, Purpose, TextBody, TextKind};
use matricula_domain::publishing::{BlogPost, BlogPostDetails};
use matricula_domain::shared::{
    Aggregate, Code, Field as _, Form, Id, Instant, Line, Record, RecordFact, RecordId, RecordSchema, RecordVerb, Stored, Value,
};
use matricula_ports::identity::{OrganizationRow, Principal};
use matricula_ports::records::{RecordChange, RecordRow};
use matricula_ports::{Actor, Clock as _, Ids, PortError, Scope, Transactions as _, Tx, UnitOfWork, transact};
use serde_json::json;

use crate::clock::at;
use crate::database::TestDatabase;
use crate::records::{Extent, example, kind, references};

/// JSON as the domain reads it.
pub fn value(json: serde_json::Value) -> Value {
    matricula_ports::json::from_json(json)
}

/// An input of a form; a wrong one is a fault of the test.
fn read<F: Form>(json: serde_json::Value) -> F {
    match F::read(&value(json)) {
        Ok(read) => read,
        Err(faults) => panic!("{faults:?}"),
    }
}

/// Fresh ids for a person who has this key.
pub fn ids(ids: &dyn Ids, key: matricula_domain::people::KeyId) -> NewPersonIds {
    NewPersonIds { person: ids.id(), subject_ref: Id::from_uuid(ids.random()), key, email: ids.id(), phone: ids.id() }
}

/// An organization to work in.
#[derive(Clone)]
pub struct Tenant {
    /// Where its data is.
    pub db: TestDatabase,
    /// The organization.
    pub organization: Organization,
    /// The key to its data, for the program itself.
    pub scope: Scope,
}

impl TestDatabase {
    /// A new organization, in Madrid.
    #[expect(clippy::disallowed_methods, reason = "the organization comes to be here")]
    pub async fn tenant(&self, slug: &str) -> Tenant {
        let id: OrganizationId = self.id();
        let scope = Scope::new(id, Actor::System("test"));
        let details: OrganizationDetails = read(json!({"slug": slug, "name": slug, "time_zone": "Europe/Madrid", "locale": "es", "country": "ES"}));
        let founded = Organization::found(id, details, IsolationStrategy::Shared, self.clock.now());
        let organization = transact(&self.store, &scope, async |tx| {
            tx.organizations().save(&founded).await?;
            Ok::<_, PortError>(founded.state().clone())
        });
        Tenant { db: self.clone(), organization: organization.await.unwrap(), scope }
    }

    /// A fresh id.
    pub fn id<I: Id>(&self) -> I {
        (&*self.ids as &dyn Ids).id()
    }
}

impl Tenant {
    /// Its id.
    pub fn id(&self) -> OrganizationId {
        self.organization.id
    }

    /// A unit of work, to be committed by hand.
    pub async fn begin(&self) -> Box<dyn UnitOfWork> {
        self.db.store.begin(&self.scope).await.unwrap()
    }

    /// Does some work in one transaction.
    ///
    /// # Errors
    /// Those of the work and of the commit.
    pub async fn try_in_unit<T: Any>(&self, work: impl AsyncFn(&Tx) -> Result<T, PortError>) -> Result<T, PortError> {
        transact(&self.db.store, &self.scope, work).await
    }

    /// Does some work in one transaction, which goes well.
    pub async fn in_unit<T: Any>(&self, work: impl AsyncFn(&Tx) -> Result<T, PortError>) -> T {
        self.try_in_unit(work).await.unwrap()
    }

    /// The right to do something here, as the owner has it.
    pub fn allowed<R: Right>(&self) -> Allowed<R> {
        let user = self.db.id();
        let principal = Principal {
            session: self.db.id(),
            user,
            email: "owner@example.es".to_owned(),
            name: "Owner".to_owned(),
            membership: self.db.id(),
            role: Role::Owner.into(),
            rights: Arc::new(Rights::of_role(Role::Owner, Post { user: Some(user), ..Post::default() })),
            organization: Arc::new(self.row()),
            has_second_factor: false,
            proven_at: at(0),
            expires_at: at(3600 * 24 * 365),
        };
        Caller::new(Arc::new(principal), "request-1").allow().unwrap()
    }

    /// Somebody at its public door.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.row(), "request-2")
    }

    fn row(&self) -> OrganizationRow {
        OrganizationRow { second_factor_roles: Vec::new(), ..OrganizationRow::from(&self.organization) }
    }

    fn now(&self) -> Instant {
        self.db.clock.now()
    }

    /// A user who works here.
    pub async fn user(&self, email: &str, role: Role) -> User {
        let new: NewUser = read(json!({"email": email, "name": "Berta", "password": "correct horse", "role": role.as_str()}));
        let (id, membership): (UserId, MembershipId) = (self.db.id(), self.db.id());
        let admitted = User::admit(id, membership, self.id(), &new, "$argon2id$none".to_owned(), self.now());
        self.in_unit(async |tx| tx.users().save(&admitted).await).await;
        admitted.into_state()
    }

    /// A role of its own that grants these words.
    pub async fn role(&self, slug: &str, grants: &[&str]) -> CustomRole {
        let role = CustomRole::create(self.db.id(), read(json!({"slug": slug, "name": slug, "grants": grants})), &[], self.now());
        self.in_unit(async |tx| tx.roles().save(&role).await).await;
        role.into_state()
    }

    /// A group without members that gives these roles.
    pub async fn group(&self, roles: &[RoleName]) -> Group {
        let details = GroupDetails { name: Line::parse("Tarde").unwrap(), description: None, roles: roles.to_vec() };
        let group = Group::create(self.db.id(), details, self.now());
        self.in_unit(async |tx| tx.groups().save(&group).await).await;
        group.into_state()
    }

    /// A key that may enter leads, for an hour.
    pub async fn api_key(&self, maker: UserId) -> ApiKey {
        let new =
            NewApiKey { expires_at: Some(self.now() + chrono::TimeDelta::hours(1)), ..read(json!({"name": "Web", "grants": ["leads.capture"]})) };
        let key = ApiKey::make(self.db.id(), new, ("mat_live_abcd".to_owned(), self.db.ids.secret()), maker, self.now()).unwrap();
        self.in_unit(async |tx| tx.api_keys().save(&key).await).await;
        key.into_state()
    }

    /// A record of some kind.
    pub async fn record<R: Record>(&self, input: serde_json::Value) -> Stored<R> {
        let created = Stored::<R>::create(self.db.id(), &value(input), self.now()).unwrap();
        self.in_unit(async |tx| tx.records().save(RecordChange::of(&created)).await).await;
        created.into_state()
    }

    /// A record of a kind that is not known by its type, and those that it refers to.
    pub async fn example(&self, schema: &'static RecordSchema, extent: Extent) -> RecordRow {
        let mut referred = BTreeMap::new();
        for (field, noun) in references(schema, extent) {
            referred.insert(field, Box::pin(self.example(kind(noun.many), Extent::Least)).await.id.as_uuid());
        }
        let id: RecordId = self.db.id();
        let input = example(schema, extent, &format!("ejemplo-{}", &id.to_string()[24..]), &referred);
        let fields = Value::Map((schema.read)(&Value::Map(input)).unwrap());
        let now = self.now();
        let row = RecordRow { id, fields, archived_at: None, created_at: now, updated_at: now, version: 1 };
        let change = RecordChange { schema, row: row.clone(), fact: RecordFact(RecordVerb::Created), changes: Vec::new(), at: now };
        self.in_unit(async |tx| tx.records().save(change.clone()).await).await;
        row
    }

    /// A cycle.
    pub async fn cycle(&self, slug: &str, order: i64) -> Stored<Cycle> {
        self.record(json!({"slug": slug, "name": slug, "level": "grado_medio", "order_display": order})).await
    }

    /// A post of somebody, in Spanish, with these fields beside the least that one needs; nobody has published it.
    pub async fn blog_post(&self, author: UserId, slug: &str, more: serde_json::Value) -> BlogPost {
        let input = value(json!({"slug": slug, "title": slug, "author_id": author.to_string(), "language": "es"})).merged(&value(more));
        let draft = BlogPost::draft(self.db.id(), BlogPostDetails::read(&input).unwrap(), self.now());
        self.in_unit(async |tx| tx.blog_posts().save(&draft).await).await;
        draft.into_state()
    }

    /// A campus in Madrid.
    pub async fn campus(&self, slug: &str) -> Stored<Campus> {
        self.record(json!({"slug": slug, "name": slug, "city": "Madrid", "time_zone": "Europe/Madrid"})).await
    }

    /// A running campaign.
    pub async fn campaign(&self, slug: &str) -> Stored<Campaign> {
        self.record(json!({"slug": slug, "name": slug, "platform": "email", "status": "active"})).await
    }

    /// A course that the staff alone sees, with what the input says beside.
    pub async fn draft(&self, slug: &str, more: serde_json::Value) -> Course {
        let input = value(json!({"slug": slug, "title": slug, "duration_hours": 60, "modality": "online"})).merged(&value(more));
        let draft = Course::draft(self.db.id(), CourseDetails::read(&input).unwrap(), self.now());
        self.in_unit(async |tx| tx.courses().save(&draft).await).await;
        draft.into_state()
    }

    /// A course that the public sees.
    pub async fn course(&self, slug: &str) -> Course {
        let draft = self.draft(slug, json!({"description": "Desde cero", "price": {"amount": 9900, "currency": "EUR"}})).await;
        let published = draft.transition(CourseStatus::Published, self.now()).unwrap();
        self.in_unit(async |tx| tx.courses().save(&published).await).await;
        published.into_state()
    }

    /// A run that starts two months after the beginning.
    pub async fn run(&self, course: &Course, seats: u32) -> CourseRun {
        self.run_at(course, None, seats).await
    }

    /// The same at a campus.
    pub async fn run_at(&self, course: &Course, campus: Option<RecordId>, seats: u32) -> CourseRun {
        let plan = RunPlan {
            course_id: course.id(),
            cycle_id: None,
            campus_id: campus,
            start_date: "2026-05-01".parse().unwrap(),
            end_date: "2026-06-30".parse().unwrap(),
            enrollment_deadline: None,
            max_students: seats,
            min_students: None,
            prices: Vec::new(),
            seats_left_policy: None,
        };
        let run = CourseRun::schedule(self.db.id(), plan, self.now());
        self.in_unit(async |tx| tx.course_runs().save(&run).await).await;
        run.into_state()
    }

    /// Somebody with a name, and an address made of it.
    pub async fn person(&self, name: &str) -> Person {
        self.people(&[name]).await.remove(0)
    }

    /// Several people, all in one transaction.
    pub async fn people<N: AsRef<str>>(&self, names: &[N]) -> Vec<Person> {
        let mut met = Vec::with_capacity(names.len());
        for name in names {
            let ids = ids(&*self.db.ids, self.db.keys.issue().await.unwrap());
            let mut address = String::from("p");
            for byte in name.as_ref().bytes() {
                _ = if byte.is_ascii_alphanumeric() { write!(address, "{}", char::from(byte)) } else { write!(address, "{byte:02x}") };
            }
            let details: PersonDetails = read(json!({"name": name.as_ref(), "email": format!("{address}@example.es")}));
            met.push(Person::meet(ids, details, None, None, self.now()));
        }
        self.in_unit(async |tx| {
            for person in &met {
                tx.people().save(person).await?;
            }
            Ok(())
        })
        .await;
        met.into_iter().map(matricula_domain::shared::Changed::into_state).collect()
    }

    /// So many people without particular names.
    pub async fn crowd(&self, size: usize) -> Vec<Person> {
        self.people(&(0..size).map(|n| format!("Persona {n}")).collect::<Vec<_>>()).await
    }

    /// A person's interest in a course, or in none in particular.
    pub async fn lead(&self, person: PersonId, targets: LeadTargets) -> Lead {
        let lead = Lead::capture(self.db.id(), person, &capture(json!({})), targets, &WorkingHours::default(), self.now());
        self.in_unit(async |tx| tx.leads().save(&lead).await).await;
        lead.into_state()
    }

    /// The next text of its kind and purpose.
    pub async fn text(&self, kind: TextKind, purpose: Option<Purpose>, body: &str, material: bool) -> ConsentText {
        let purpose_word = purpose.map(Purpose::as_str);
        let new: TextBody = read(json!({"kind": kind.as_str(), "purpose": purpose_word, "locale": "es", "body": body, "material": material}));
        self.in_unit(async |tx| {
            let number = tx.consent_texts().newest_number(kind, purpose, "es").await? + 1;
            let text = ConsentText::publish(self.db.id(), new.clone(), number, self.now()).unwrap();
            tx.consent_texts().save(&text).await?;
            Ok(text.into_state())
        })
        .await
    }

    /// The next version of a form, with a box for each label.
    pub async fn form(&self, key: &str, notice: &ConsentText, labels: &[&ConsentText]) -> FormVersion {
        let boxes: Vec<_> = labels
            .iter()
            .map(|label| json!({"purposes": [label.purpose().unwrap().as_str()], "text_id": label.id().to_string(), "default": false, "required": false}))
            .collect();
        let new: NewFormVersion =
            read(json!({"title": "Solicita información", "fields": ["name", "email"], "boxes": boxes, "notice_text_id": notice.id().to_string()}));
        let key = Code::parse(&key.into()).unwrap();
        let shown: Vec<ConsentTextId> = labels.iter().map(|label| label.id()).chain([notice.id()]).collect();
        self.in_unit(async |tx| {
            let texts = tx.consent_texts().find(&shown).await?;
            let previous = tx.forms().newest(&key).await?;
            let version =
                FormVersion::publish((self.db.id(), self.db.id()), key.clone(), previous.as_ref(), new.clone(), &texts, self.now()).unwrap();
            tx.forms().save(&version).await?;
            Ok(version.into_state())
        })
        .await
    }

    /// The audit entries of a thing: id, action, and version.
    pub async fn audit_of(&self, thing: &impl Aggregate) -> Vec<(uuid::Uuid, String)> {
        let id = thing.id();
        let ids = self.db.raw.column("SELECT id FROM audit_entries WHERE entity_id = $1 ORDER BY id", [id.into()]).await;
        let actions = self.db.raw.column("SELECT action FROM audit_entries WHERE entity_id = $1 ORDER BY id", [id.into()]).await;
        ids.into_iter().zip(actions).collect()
    }
}

/// A filled-in form, with what the input says beside.
pub fn capture(more: serde_json::Value) -> Capture {
    let input =
        value(json!({"name": "Lucía", "email": "lucia@example.es", "gdpr_consent": true, "privacy_policy_accepted": true})).merged(&value(more));
    Capture::read(&input).unwrap()
}
