//! Organizations that have a database to themselves: the same program, the same answers, and their rows nowhere else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use matricula_app::program::Schema;
use matricula_app::settings::Settings;
use matricula_domain::catalog::Cycle;
use matricula_domain::identity::{OrganizationId, Role};
use matricula_domain::shared::{Id as _, Stored};
use matricula_migration::{DEDICATED_DATABASES, Migrator, MigratorTrait as _};
use matricula_ports::records::RecordChange;
use matricula_ports::{Actor, PortError, Scope, transact};
use matricula_tests::program::{PASSWORD, Service, alone};
use matricula_tests::speak::{Client, each, text};
use matricula_tests::{Cluster, Engine, Raw, value};
use serde_json::{Value as Json, json};

use super::coverage::{does_what_it_says, grown, owned, swept};
use super::logs::{listen, logged};
use super::office::{Office, someone};
use super::seats::eventually;
use super::wishes::wish;

over_http_alone! {
    three_organizations_live_in_three_databases,
    every_route_does_there_what_it_says,
    jobs_are_done_there,
    what_the_rows_refer_to_is_brought_there,
    migrations_run_on_all,
    closing_writes_down_what_is_in_both_databases,
    a_unit_of_work_in_two_databases_is_refused,
}

/// Who works in an organization and what they may is in the directory alone.
const WHO: [&str; 8] = ["api_keys", "dedicated_databases", "groups", "login_sessions", "memberships", "one_time_links", "roles", "user_groups"];

/// What is audited, told, kept or done later stands where the change was that it comes from.
const TRAIL: [&str; 7] = ["audit_details", "audit_entries", "audit_heads", "audit_seals", "idempotency_keys", "jobs", "outbox"];

/// What only an organization's own rows can say.
const WORK: [&str; 7] = ["course_runs", "courses", "enrollments", "leads", "lead_touches", "people", "person_identifiers"];

/// Tables with rows of an organization, and with rows of any other.
async fn held(raw: &Raw, office: &Office<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut own, mut others) = (BTreeSet::new(), BTreeSet::new());
    for (table, columns) in raw.tables().await {
        if columns.iter().any(|column| column == "organization_id") {
            for (held, comparison) in [(&mut own, "="), (&mut others, "<>")] {
                if raw.count_where(&table, &format!("organization_id {comparison} $1"), [office.id.into()]).await > 0 {
                    held.insert(table.clone());
                }
            }
        }
    }
    (own, others)
}

fn names(tables: &[&str]) -> BTreeSet<String> {
    tables.iter().map(|table| (*table).to_owned()).collect()
}

/// A lead comes in, is listed, becomes a place; a team sees its own; and the chains are whole.
async fn a_day_in(office: &Office<'_>) {
    let (owner, adviser, visitor) = (office.owner().await, office.client(Role::Adviser).await, office.service.visitor());
    let form = someone();
    let lead = visitor.post(&office.door("/leads"), &form).key("once").await.id(201);
    let again = visitor.post(&office.door("/leads"), &form).key("once").await;
    assert_eq!((again.header("Idempotency-Replayed"), again.id(201)), (Some("true"), lead.clone()));
    assert_eq!(each(&adviser.get("/leads").await.is(200), "id"), [json!(lead)]);
    let run = office.run(1).await;
    adviser.post(&format!("/leads/{lead}/convert"), &json!({"course_run_id": run.id})).await.is(201);
    assert_eq!(adviser.get(&format!("/course-runs/{}", run.id)).await.is(200)["seats"]["free"], 0);

    let (mate, _) = office.worker(&["leads.read_own"]).await;
    let (member, sees) = office.worker(&["leads.read_team"]).await;
    let group = office.group(&[]).await;
    for user in [&mate, &member] {
        owner.post(&format!("/groups/{group}/members"), &json!({"user_id": user})).await.is(200);
    }
    assert!(each(&sees.get("/leads").await.is(200), "id").is_empty());
    owner.post(&format!("/leads/{lead}/assign"), &json!({"user_id": mate})).await.is(200);
    assert_eq!(each(&sees.get("/leads").await.is(200), "id"), [json!(lead)]);
    sees.get(&format!("/leads/{lead}")).await.is(200);

    // What was kept for a repeat is found wherever it is kept.
    let role = json!({"slug": "vecina", "name": "Vecina", "grants": ["leads.read"]});
    let made = owner.post("/roles", &role).key("role").await;
    let again = owner.post("/roles", &role).key("role").await;
    assert_eq!((again.status, again.header("Idempotency-Replayed").is_some()), (made.status, made.header("Idempotency-Replayed").is_none()));
    the_chains_are_whole(office, &owner).await;
}

async fn the_chains_are_whole(office: &Office<'_>, owner: &Client) {
    eventually("everything is sealed", async || {
        let found = owner.get("/audit/verify").await.is(200);
        found["intact"] == true && found["oldest_unsealed_at"].is_null() && found["entries"] == office.rows("audit_entries").await
    })
    .await;
    // All entries are one story, however many chains they stand in.
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("/audit/entries?limit=7{cursor}")).await.is(200);
        ids.extend(each(&page, "id").iter().map(text));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(i64::try_from(ids.len()).unwrap(), office.rows("audit_entries").await);
    assert!(ids.is_sorted_by(|later, earlier| later > earlier), "{ids:?}");
}

async fn three_organizations_live_in_three_databases(service: &Service) {
    let urls = [service.db.empty_beside().await, service.db.empty_beside().await];
    let sharing = Office::found(service).await;
    let apart = [Office::found_apart(service, &urls[0]).await, Office::found_apart(service, &urls[1]).await];
    for office in [&sharing, &apart[0], &apart[1]] {
        a_day_in(office).await;
    }
    assert_eq!(sharing.owner().await.get("/organization").await.is(200)["isolation_strategy"], "SHARED");
    let (who, trail, work) = (names(&WHO), names(&TRAIL), names(&WORK));
    assert!(held(&service.db.raw, &sharing).await.0.is_superset(&work));
    for office in &apart {
        assert_eq!(office.owner().await.get("/organization").await.is(200)["isolation_strategy"], "DEDICATED");
        let [directory, own] = &office.raws[..] else { panic!("two databases") };
        let (in_directory, _) = held(directory, office).await;
        assert!(in_directory.is_subset(&who.union(&trail).cloned().collect()), "{in_directory:?}");
        let (in_own, of_others) = held(own, office).await;
        assert!(in_own.is_superset(&work) && in_own.is_disjoint(&who), "{in_own:?}");
        assert_eq!(of_others, BTreeSet::new());
        assert_eq!(own.column::<uuid::Uuid>("SELECT id FROM organizations", []).await, [office.id]);
        assert_eq!(own.count_where("users", "name <> '' OR email LIKE '%@%' OR password_hash IS NOT NULL OR active", []).await, 0);
    }

    // Nowhere in the directory can be read where they are.
    let secrets: Vec<_> = urls.iter().map(|url| url.split_once("://").unwrap().1.as_bytes().to_vec()).collect();
    assert_eq!(service.db.raw.hits(&secrets).await, Vec::<String>::new());
    if let Some(file) = service.db.options.url.strip_prefix("sqlite://") {
        let name = Path::new(&urls[0]).file_name().unwrap().as_encoded_bytes();
        for file in [file.to_owned(), format!("{file}-wal")] {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(name.len()).any(|bytes| bytes == name), "{file}");
        }
    }
}

async fn every_route_does_there_what_it_says(service: &Service) {
    let office = Office::found_apart(service, &service.db.empty_beside().await).await;
    let owner = office.owner().await;
    for route in swept() {
        let wish = wish(&route.operation, &office).await;
        let before = owned(&office).await;
        let answer = wish.call(&route, &office.slug, wish.oneself.as_ref().unwrap_or(&owner)).await;
        does_what_it_says(&route, &answer, &grown(&before, &owned(&office).await));
    }
    let (in_directory, _) = held(&office.raws[0], &office).await;
    let (in_own, of_others) = held(&office.raws[1], &office).await;
    assert_eq!(in_directory.intersection(&in_own).filter(|table| !TRAIL.contains(&table.as_str())).count(), 0, "{in_directory:?} {in_own:?}");
    assert_eq!(of_others, BTreeSet::new());
}

async fn jobs_are_done_there(service: &Service) {
    let office = Office::found_apart(service, &service.db.empty_beside().await).await;
    let (run, person) = (office.run(1).await, office.person().await);
    office.owner().await.post(&format!("/course-runs/{}/holds", run.id), &json!({"person_id": person})).await.is(201);
    assert_eq!(office.raws[1].count_where("jobs", "organization_id = $1", [office.id.into()]).await, 1);
    service.it_is("2026-03-03T10:00:01Z");
    let owner = office.sign_in(Role::Owner).await;
    let path = format!("/course-runs/{}", run.id);
    eventually("the seat of the hold is free", async || owner.get(&path).await.is(200)["seats"]["free"] == 1).await;
}

async fn what_the_rows_refer_to_is_brought_there(service: &Service) {
    let office = Office::found_apart(service, &service.db.empty_beside().await).await;
    let (owner, own) = (office.owner().await, &office.raws[1]);
    // At once, where it is needed: another copy of the program has let them in a moment ago.
    let lead = text(&office.lead(json!({})).await["id"]);
    let newcomer = office.somebody().await;
    owner.post(&format!("/leads/{lead}/assign"), &json!({"user_id": newcomer})).await.is(200);
    // What leads nowhere still does.
    let nobody = json!({"user_id": uuid::Uuid::from_u128(7)});
    assert_eq!(owner.post(&format!("/leads/{lead}/assign"), &nobody).await.faults(), [("/user_id".to_owned(), "NOT_FOUND".to_owned())]);
    // And what changes, soon.
    owner.patch("/organization", "*", &json!({"time_zone": "Atlantic/Canary"})).await.is(200);
    eventually("the organization is where it says", async || own.one::<String>("SELECT time_zone FROM organizations", []).await == "Atlantic/Canary")
        .await;
    // Whatever was lost there comes back.
    own.execute("UPDATE organizations SET time_zone = 'UTC', version = 0", []).await;
    eventually("the organization is where it says again", async || {
        own.one::<String>("SELECT time_zone FROM organizations", []).await == "Atlantic/Canary"
    })
    .await;
}

async fn migrations_run_on_all(service: &Service) {
    let office = Office::found_apart(service, &service.db.empty_beside().await).await;
    let operator = service.operator();
    Migrator::down(office.raws[1].connection(), Some(1)).await.unwrap();
    let steps = |own| vec![(None, Some(0)), (Some(office.slug.clone()), Some(own))];
    assert_eq!(operator.steps_behind().await.unwrap(), steps(1));
    operator.move_all(Schema::Up).await.unwrap();
    assert_eq!(operator.steps_behind().await.unwrap(), steps(0));
    // What came later is taken back everywhere. With this step the list of these databases would be lost.
    let later = Migrator::migrations().iter().rev().take_while(|step| step.name() != DEDICATED_DATABASES).count();
    for _ in 0..later {
        operator.move_all(Schema::Down).await.unwrap();
    }
    let refused = operator.move_all(Schema::Down).await.unwrap_err().to_string();
    assert!(refused.contains(&office.slug), "{refused}");
    assert_eq!(operator.steps_behind().await.unwrap()[0], (None, Some(later)));
    operator.move_all(Schema::Up).await.unwrap();
    assert_eq!(operator.steps_behind().await.unwrap(), steps(0));
}

async fn closing_writes_down_what_is_in_both_databases(service: &Service) {
    let office = Office::found_apart(service, &service.db.empty_beside().await).await;
    let lead = office.lead(json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    service.close(office.id, folder.path()).await.unwrap();
    let rows = |table: &str| -> Vec<Json> {
        let lines = std::fs::read_to_string(folder.path().join(format!("{table}.jsonl"))).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    // From its home, once; and from the directory, not from the shadow of it.
    let leads = rows("leads");
    assert_eq!((leads.len(), &leads[0]["id"]), (1, &lead["id"]));
    assert_eq!(rows("organizations").len(), 1);
    assert!(rows("members").iter().any(|member| member["email"] == office.email(Role::Owner)));
    let actions: BTreeSet<_> = rows("audit_entries").iter().map(|entry| text(&entry["action"])).collect();
    assert!(actions.contains("lead.captured") && actions.contains("user.admitted"), "{actions:?}");
}

#[expect(clippy::disallowed_methods, reason = "no use case does this")]
async fn a_unit_of_work_in_two_databases_is_refused(service: &Service) {
    let office = Office::found_apart(service, &service.db.empty_beside().await).await;
    let world = service.operator().world();
    let scope = Scope::new(OrganizationId::from_uuid(office.id), Actor::System("test"));
    let before = office.rows("audit_entries").await;
    let cycle = value(json!({"slug": "fp", "name": "FP", "level": "grado_medio", "order_display": 1}));
    let torn = transact(&*world.transactions, &scope, async |tx| {
        let cycle = Stored::<Cycle>::create(service.db.id(), &cycle, service.now()).unwrap();
        tx.records().save(RecordChange::of(&cycle)).await?;
        let organization = tx.organizations().find().await?.unwrap();
        tx.organizations().save(&organization.purchase_seats(Some(7), service.now())).await
    });
    let torn: Result<(), PortError> = torn.await;
    assert!(matches!(torn, Err(PortError::Broken(_))), "{torn:?}");
    assert_eq!((office.rows("cycles").await, office.rows("audit_entries").await), (0, before));
}

/// A database that is away is told soon, though others compile while we test.
fn soon(settings: &mut Settings) {
    settings.database.acquire_timeout = Duration::from_secs(5);
}

mod an_address_that_does_not_fit_is_refused_and_leaves_nothing {
    use super::*;

    #[test]
    fn sqlite() {
        alone(Engine::Sqlite, soon, refuse);
    }

    #[test]
    fn postgres() {
        alone(Engine::Postgres, soon, refuse);
    }

    async fn refuse(service: &Service) {
        listen();
        let shared = service.db.options.url.clone();
        // An installation without organizations has nothing that could be seen in its database.
        refused(service, "sola", &shared, "this is the shared database").await;
        let (office, taken) = (Office::found(service).await, service.db.empty_beside().await);
        Office::found_apart(service, &taken).await;
        let (elsewhere, nobody) = match service.engine() {
            Engine::Sqlite => ("postgres://matricula:geheim@localhost/geheim", format!("{shared}/geheim.db")),
            Engine::Postgres => ("sqlite://geheim.db", "postgres://matricula:geheim@127.0.0.1:1/geheim".to_owned()),
        };
        let strange = service.db.empty_beside().await;
        let created = if service.engine() == Engine::Sqlite { format!("{strange}?mode=rwc") } else { strange.clone() };
        service.db.raw_at(&created).await.script("CREATE TABLE diary (page text)").await;
        for (url, why) in [
            (shared.as_str(), "not empty"),
            (&taken, "not empty"),
            (&strange, "not empty"),
            (elsewhere, "same engine"),
            ("mysql://matricula:geheim@localhost/geheim", "same engine"),
            (&nobody, "cannot be"),
        ] {
            refused(service, "otra", url, why).await;
        }
        assert_eq!(service.db.raw_at(&strange).await.tables().await.len(), 1, "nothing is made in somebody else's database");
        let fresh = service.db.empty_beside().await;
        refused(service, &office.slug, &fresh, "already").await;
        if let Some(file) = fresh.strip_prefix("sqlite://") {
            assert!(!Path::new(file).exists());
        }
        service.found_apart("otra", &fresh).await.unwrap();
    }

    async fn refused(service: &Service, slug: &str, url: &str, why: &str) {
        let tables = ["organizations", "dedicated_databases", "audit_entries", "outbox"];
        let counts = async || futures_util::future::join_all(tables.iter().map(|table| service.db.raw.count(table))).await;
        let before = counts().await;
        let error = format!("{:#}", service.found_apart(slug, url).await.unwrap_err());
        assert!(error.contains(why), "{error}");
        for told in [error, logged()] {
            assert!(!told.contains("geheim") && !told.contains(url), "{told}");
        }
        assert_eq!(counts().await, before);
    }
}

mod a_database_that_is_away_is_nobody_elses_concern {
    use super::*;

    #[test]
    fn sqlite() {
        alone(Engine::Sqlite, soon, async |service| {
            let url = service.db.empty_beside().await;
            let file = PathBuf::from(url.strip_prefix("sqlite://").unwrap());
            let hidden = file.with_extension("hidden");
            let moved = |from: &Path, to: &Path| std::fs::rename(from, to).unwrap();
            goes_and_comes(service, &url, || moved(&file, &hidden), || moved(&hidden, &file)).await;
        });
    }

    #[test]
    fn postgres() {
        alone(Engine::Postgres, soon, async |service| {
            let Some(cluster) = Cluster::new().await else { return };
            goes_and_comes(service, &cluster.url(), || cluster.stop(), || cluster.start()).await;
        });
    }

    async fn goes_and_comes(service: &Service, url: &str, go: impl FnOnce(), come: impl FnOnce()) {
        listen();
        let (here, there) = (Office::found(service).await, Office::found_apart(service, url).await);
        for office in [&here, &there] {
            office.user(Role::Owner).await;
            office.lead(json!({})).await;
        }
        go();
        // A copy of the program that has not asked for anything there yet.
        let copy = service.another().await;
        let (ours, theirs) = (signed_in(&copy, &here).await, signed_in(&copy, &there).await);
        theirs.get("/leads").await.refused(503, "UNAVAILABLE");
        theirs.get("/audit/verify").await.refused(503, "UNAVAILABLE");
        copy.visitor().post(&there.door("/leads"), &someone()).await.refused(503, "UNAVAILABLE");
        // Who they are is known all the same, and nobody else feels anything.
        theirs.get("/me").await.is(200);
        ours.get("/leads").await.is(200);
        copy.visitor().post(&here.door("/leads"), &someone()).await.is(201);
        assert_eq!(readiness(&copy).await, (200, json!("failing")));

        come();
        eventually("it is found again", async || theirs.get("/leads").await.status == 200).await;
        copy.visitor().post(&there.door("/leads"), &someone()).await.is(201);
        assert_eq!(each(&theirs.get("/leads").await.is(200), "id").len(), 2, "what was refused is not there");
        eventually("it is ready", async || readiness(&copy).await == (200, json!("ok"))).await;
        the_chains_are_whole(&there, &theirs).await;
        assert!(!logged().contains(url), "the address is logged");
    }

    async fn signed_in(copy: &Service, office: &Office<'_>) -> Client {
        let visitor = copy.visitor();
        let tokens = visitor.post("/auth/login", &json!({"email": office.email(Role::Owner), "password": PASSWORD})).await.is(200);
        visitor.with_token(&text(&tokens["access_token"]))
    }

    async fn readiness(copy: &Service) -> (u16, Json) {
        let ready = copy.visitor().call("GET", "/readyz").await;
        (ready.status, ready.json()["checks"]["dedicated"].clone())
    }
}
