//! An organization of its own for a test, the people who work in it, and what they make through the API.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use matricula_application::identity::link_token;
use matricula_domain::identity::{LinkId, LinkPurpose, Role};
use matricula_domain::shared::{Id as _, RecordSchema};
use matricula_tests::openid::{CLIENT, OpenProvider, SECRET};
use matricula_tests::program::{PASSWORD, Service};
use matricula_tests::records::{Extent, example_json, kind, references};
use matricula_tests::speak::{Answer, Client, text};
use matricula_tests::{Raw, files};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// An organization.
pub struct Office<'s> {
    pub service: &'s Service,
    pub id: Uuid,
    pub slug: String,
    /// The databases in which it has rows.
    pub raws: Vec<Raw>,
    users: Mutex<HashMap<Role, Uuid>>,
    clients: Mutex<HashMap<Role, Client>>,
}

impl<'s> Office<'s> {
    /// A new one, in which nobody works yet.
    pub async fn found(service: &'s Service) -> Self {
        let slug = service.unique("centro");
        let id = service.found(&slug).await;
        Self { service, id, slug, raws: vec![service.db.raw.clone()], users: Mutex::default(), clients: Mutex::default() }
    }

    /// A new one in a database that it has to itself, at this address.
    pub async fn found_apart(service: &'s Service, url: &str) -> Self {
        let slug = service.unique("centro");
        let id = service.found_apart(&slug, url).await.unwrap();
        let raws = vec![service.db.raw.clone(), service.db.raw_at(url).await];
        Self { service, id, slug, raws, users: Mutex::default(), clients: Mutex::default() }
    }

    /// The address with which somebody of a role signs in.
    pub fn email(&self, role: Role) -> String {
        format!("{role}@{}.example", self.slug)
    }

    /// Somebody who works here in a role, let in if nobody does yet.
    pub async fn user(&self, role: Role) -> Uuid {
        let known = self.users.lock().unwrap_or_else(PoisonError::into_inner).get(&role).copied();
        if let Some(known) = known {
            return known;
        }
        let id = self.service.admit(self.id, &self.email(role), role).await;
        self.users.lock().unwrap_or_else(PoisonError::into_inner).insert(role, id);
        id
    }

    /// Signs somebody of a role in, anew.
    pub async fn sign_in(&self, role: Role) -> Client {
        self.user(role).await;
        let visitor = self.service.visitor();
        let tokens = visitor.post("/auth/login", &json!({"email": self.email(role), "password": PASSWORD})).await.is(200);
        visitor.with_token(&text(&tokens["access_token"]))
    }

    /// Somebody of a role, signed in.
    pub async fn client(&self, role: Role) -> Client {
        let known = self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&role).cloned();
        if let Some(known) = known {
            return known;
        }
        let client = self.sign_in(role).await;
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(role, client.clone());
        client
    }

    /// The owner, who may do everything.
    pub async fn owner(&self) -> Client {
        self.client(Role::Owner).await
    }

    /// Somebody new who works here, as a viewer.
    pub async fn somebody(&self) -> String {
        self.service.admit(self.id, &format!("{}@{}.example", self.service.unique("alguien"), self.slug), Role::Viewer).await.to_string()
    }

    /// A new role of its own that grants these words.
    pub async fn role(&self, grants: &[&str]) -> Made {
        let slug = self.service.unique("rol");
        Made::of(&self.owner().await.post("/roles", &json!({"slug": slug, "name": slug, "grants": grants})).await, 201)
    }

    /// A new group that gives these roles.
    pub async fn group(&self, roles: &[&str]) -> String {
        self.owner().await.post("/groups", &json!({"name": self.service.unique("grupo"), "roles": roles})).await.id(201)
    }

    /// A key for a program that may this; what is shown has the key.
    pub async fn api_key(&self, grants: &[&str]) -> Made {
        Made::of(&self.owner().await.post("/api-keys", &json!({"name": "Web", "grants": grants})).await, 201)
    }

    /// A program with a key that may this.
    pub async fn program(&self, grants: &[&str]) -> Client {
        self.service.visitor().with_token(&text(&self.api_key(grants).await.shown["key"]))
    }

    /// Somebody new who has a role of the organization's own that grants this: who they are, and how they go about it.
    pub async fn worker(&self, grants: &[&str]) -> (String, Client) {
        let email = format!("{}@{}.example", self.service.unique("obrera"), self.slug);
        let id = self.service.admit(self.id, &email, Role::Viewer).await.to_string();
        self.owner().await.patch(&format!("/users/{id}"), "*", &json!({"role": self.role(grants).await.shown["slug"]})).await.is(200);
        let visitor = self.service.visitor();
        let tokens = visitor.post("/auth/login", &json!({"email": email, "password": PASSWORD})).await.is(200);
        (id, visitor.with_token(&text(&tokens["access_token"])))
    }

    /// Somebody who works here since a moment ago: their address, and a client that is signed in.
    pub async fn newcomer(&self) -> (String, Client) {
        let email = format!("{}@example.es", self.service.unique("alguien"));
        self.service.admit(self.id, &email, Role::Viewer).await;
        let visitor = self.service.visitor();
        let tokens = visitor.post("/auth/login", &json!({"email": email, "password": PASSWORD})).await.is(200);
        (email, visitor.with_token(&text(&tokens["access_token"])))
    }

    /// An identity provider at which this program is known, and what is said of it here: its members begin as advisers, by a group, or as
    /// viewers. These fields go over it.
    pub async fn identity_provider(&self, fields: Json) -> (OpenProvider, Made) {
        let provider = OpenProvider::open(self.service.now()).await;
        let domain = format!("{}.example", self.service.unique("dominio"));
        let usual = json!({
            "name": "Directorio", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "email_domains": [domain],
            "role_claim": "groups", "role_mappings": [{"value": "ventas", "role": "adviser"}], "default_role": "viewer", "makes_members": true,
        });
        let made = Made::of(&self.owner().await.post("/identity-providers", &merged(usual, fields)).await, 201);
        (provider, made)
    }

    /// What opens the newest link of a purpose here, as its mail tells it.
    pub async fn link(&self, purpose: LinkPurpose) -> String {
        let newest = "SELECT id FROM one_time_links WHERE organization_id = $1 AND purpose = $2 ORDER BY id DESC LIMIT 1";
        let id: Uuid = self.service.db.raw.one(newest, [self.id.into(), purpose.as_str().into()]).await;
        link_token(&*self.service.db.keys, LinkId::from_uuid(id), purpose).await.unwrap()
    }

    /// The path of the public door below `/api/v1`.
    pub fn door(&self, path: &str) -> String {
        format!("/public/{}{path}", self.slug)
    }

    /// A published course that is taught online.
    pub async fn course(&self) -> Made {
        let slug = self.service.unique("curso");
        self.course_with(json!({"slug": slug, "title": slug, "modality": "online"})).await
    }

    /// A published course with these fields beside the least that one needs.
    pub async fn course_with(&self, fields: Json) -> Made {
        let owner = self.owner().await;
        let usual = json!({"duration_hours": 60, "description": "Desde cero.", "price": {"amount": 12_500, "currency": "EUR"}});
        let drafted = owner.post("/courses", &merged(usual, fields)).await.id(201);
        let published = owner.post(&format!("/courses/{drafted}/transitions"), &json!({"to": "published"})).await;
        Made::of(&published, 200)
    }

    /// A run of a new course with so many seats, which starts in a month.
    pub async fn run(&self, seats: u32) -> Made {
        let course = self.course().await;
        self.run_of(&course.id, json!({"max_students": seats})).await
    }

    /// A run of a course, with these fields beside the least that one needs.
    pub async fn run_of(&self, course: &str, fields: Json) -> Made {
        let usual = json!({"course_id": course, "start_date": self.service.day(30), "end_date": self.service.day(60), "max_students": 10});
        Made::of(&self.owner().await.post("/course-runs", &merged(usual, fields)).await, 201)
    }

    /// A record of a kind, such as `campuses`, with these fields beside the least that one needs.
    pub async fn record(&self, many: &str, fields: Json) -> Made {
        let usual = self.example(kind(many), Extent::Least).await;
        Made::of(&self.owner().await.post(&path_of(kind(many)), &merged(usual, fields)).await, 201)
    }

    /// A record of a kind that could be made, with those that it refers to made.
    pub async fn example(&self, schema: &'static RecordSchema, extent: Extent) -> Json {
        let mut referred = BTreeMap::new();
        for (field, noun) in references(schema, extent) {
            referred.insert(field, Box::pin(self.record(noun.many, json!({}))).await.id.parse().unwrap());
        }
        example_json(schema, extent, &self.service.unique("ficha"), &referred)
    }

    /// A published post with these fields beside the least that one needs.
    pub async fn blog_post(&self, fields: Json) -> Made {
        let (owner, slug) = (self.owner().await, self.service.unique("post"));
        let usual = json!({"slug": slug, "title": slug, "excerpt": "De qué va.", "content": "<p>Hola.</p>"});
        let drafted = owner.post("/blog-posts", &merged(usual, fields)).await.id(201);
        Made::of(&owner.post(&format!("/blog-posts/{drafted}/transitions"), &json!({"to": "published"})).await, 200)
    }

    /// A course that had another slug, and the redirect from that.
    pub async fn redirect(&self) -> Made {
        let (owner, course) = (self.owner().await, self.course().await);
        owner.patch(&format!("/courses/{}", course.id), "*", &json!({"slug": self.service.unique("curso")})).await.is(200);
        let listed = owner.get("/redirects?limit=1").await.is(200);
        Made { id: listed["items"][0]["id"].as_str().unwrap_or_default().to_owned(), etag: String::new(), shown: listed["items"][0].clone() }
    }

    /// A picture with a thumbnail, of which is said what it shows.
    pub async fn media(&self) -> Made {
        self.media_of("foto.png", files::png(400, 10)).await
    }

    /// A media asset of a file, of which is said what it shows.
    pub async fn media_of(&self, filename: &str, file: Vec<u8>) -> Made {
        let call = self.owner().await.call("POST", "/api/v1/media").query(&[("filename", filename), ("alt_text", "Una foto")]);
        Made::of(&call.text("application/octet-stream", file).await, 201)
    }

    /// A lead of somebody new, with these fields beside the least that one needs.
    pub async fn lead(&self, fields: Json) -> Json {
        self.owner().await.post("/leads", &merged(someone(), fields)).await.is(201)
    }

    /// Somebody new.
    pub async fn person(&self) -> String {
        text(&self.lead(json!({})).await["person_id"])
    }

    /// A text of a kind, about a purpose.
    pub async fn text(&self, fields: Json) -> Made {
        let usual = json!({"kind": "consent_label", "locale": "es", "body": self.service.unique("Quiero recibir noticias"), "material": false});
        Made::of(&self.owner().await.post("/consent-texts", &merged(usual, fields)).await, 201)
    }

    /// The next version of a form with a box for each purpose.
    pub async fn form(&self, key: &str, purposes: &[&str]) -> Made {
        let notice = self.text(json!({"kind": "notice"})).await.id;
        let mut boxes = Vec::new();
        for purpose in purposes {
            let label = self.text(json!({"purpose": purpose})).await.id;
            boxes.push(json!({"purposes": [purpose], "text_id": label, "default": false, "required": false}));
        }
        let new = json!({"title": "Solicita información", "fields": ["name", "email"], "boxes": boxes, "notice_text_id": notice});
        Made::of(&self.owner().await.post(&format!("/forms/{key}/versions"), &new).await, 201)
    }

    /// What the person's consent to a purpose allows, as somebody reads it who may.
    pub async fn permission(&self, person: &str, purpose: &str) -> (String, String) {
        let verdict = self.owner().await.get(&format!("/permission?person_id={person}&purpose={purpose}")).await.is(200);
        (text(&verdict["decision"]), text(&verdict["reason"]))
    }

    /// How many rows of a table are this organization's.
    pub async fn rows(&self, table: &str) -> i64 {
        let mut rows = 0;
        for raw in &self.raws {
            rows += raw.count_where(table, "organization_id = $1", [self.id.into()]).await;
        }
        rows
    }

    /// How many rows each of these tables has here.
    pub async fn rows_of(&self, tables: &[&str]) -> Vec<i64> {
        let counts: Vec<_> = tables.iter().map(|table| format!("(SELECT count(*) FROM {table} WHERE organization_id = $1)")).collect();
        let mut all = vec![0; tables.len()];
        for raw in &self.raws {
            let counts: String = raw.one(&format!("SELECT concat_ws(' ', {})", counts.join(", ")), [self.id.into()]).await;
            all.iter_mut().zip(counts.split(' ')).for_each(|(sum, count)| *sum += count.parse::<i64>().unwrap());
        }
        all
    }
}

/// Something that was made: its id, its `ETag`, and how it was shown.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: String,
    pub etag: String,
    pub shown: Json,
}

impl Made {
    /// What an answer shows.
    #[track_caller]
    pub fn of(answer: &Answer, status: u16) -> Self {
        let shown = answer.is(status);
        Self { id: text(&shown["id"]), etag: answer.header("ETag").unwrap_or_default().to_owned(), shown }
    }
}

/// The least that a form says, of somebody whom nobody knows yet.
pub fn someone() -> Json {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    json!({"name": format!("Persona {n}"), "email": format!("persona{n}@example.es"), "gdpr_consent": true, "privacy_policy_accepted": true})
}

/// An object with the fields of another over its own.
pub fn merged(mut object: Json, fields: Json) -> Json {
    if let (Json::Object(object), Json::Object(fields)) = (&mut object, fields) {
        object.extend(fields);
    }
    object
}

/// Where the records of a kind are, below `/api/v1`.
pub fn path_of(schema: &RecordSchema) -> String {
    format!("/{}", schema.noun.many.replace('_', "-"))
}
