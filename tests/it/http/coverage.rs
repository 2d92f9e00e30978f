//! The sweep of all routes: each of them × nobody, each role, a role and a key without the grant, a suspended organization, and somebody
//! of another organization.
//!
//! A route that has no row in [`wish`](super::wishes::wish) fails the sweep, so nobody can forget one. What a row cannot show stands in a constant list,
//! which may only get shorter.

use std::collections::BTreeSet;

use matricula_domain::identity::{Permission, Role};
use matricula_tests::program::Service;
use matricula_tests::speak::{Answer, Client, text};
use matricula_web::route::{Access, Content, Route};
use matricula_web::routes;
use serde_json::Value as Json;
use uuid::Uuid;

use super::conventions::is_careful;
use super::office::Office;
use super::wishes::wish;

over_http! {
    whoever_has_not_signed_in_is_asked_who_they_are,
    a_role_may_what_its_permissions_say,
    what_belongs_to_another_organization_is_not_there,
    who_may_is_looked_at_before_what_they_say,
    without_a_grant_nobody_and_no_program_may_anything,
    a_suspended_organization_shows_everything_and_changes_nothing,
}

/// Routes with a name in their path that every organization can give: there is nothing of another one's to be found there.
const NAMED_BY_EACH: [&str; 1] = ["publishFormVersion"];

/// Lists in which nothing of the sweep shows: the leads that it makes are of no course and no campaign.
const EMPTY: [&str; 2] = ["reportCampaignFunnel", "reportPopularCourses"];
/// Routes that answer only as long as nobody can sign in: not where this sweep is. `links.rs` shows them.
const OF_AN_EMPTY_INSTALLATION: [&str; 1] = ["setUp"];

/// The routes that the sweep can ask for.
pub fn swept() -> impl Iterator<Item = Route> {
    routes().into_iter().filter(|route| !OF_AN_EMPTY_INSTALLATION.contains(&route.operation.as_str()))
}

/// Doors that are about one's own sign-in.
const OF_ONES_OWN: [&str; 8] = [
    "login",
    "refresh",
    "beginProviderSignIn",
    "finishProviderSignIn",
    "requestPasswordReset",
    "resetPassword",
    "confirmEmailChange",
    "vetoEmailChange",
];

fn named(route: &Route) -> String {
    format!("{} {} ({})", route.method, route.path, route.operation)
}

/// How many rows each table has that an organization owns, but for those that are written behind its back.
pub async fn owned(office: &Office<'_>) -> Vec<(String, i64)> {
    let unseen = ["audit_seals", "audit_heads", "jobs", "webhook_deliveries"];
    let tables = office.service.db.raw.tables().await.into_iter();
    let tables: Vec<_> =
        tables.filter(|(name, columns)| columns.iter().any(|column| column == "organization_id") && !unseen.contains(&name.as_str())).collect();
    let names: Vec<_> = tables.iter().map(|(name, _)| name.as_str()).collect();
    let counts = office.rows_of(&names).await;
    tables.iter().map(|(name, _)| name.clone()).zip(counts).collect()
}

/// Which tables have other rows than before, with how many more.
pub fn grown(before: &[(String, i64)], after: &[(String, i64)]) -> Vec<(String, i64)> {
    before.iter().zip(after).filter(|(before, after)| before.1 != after.1).map(|(before, after)| (before.0.clone(), after.1 - before.1)).collect()
}

async fn whoever_has_not_signed_in_is_asked_who_they_are(service: &Service) {
    let office = Office::found(service).await;
    for route in swept() {
        let wish = wish(&route.operation, &office).await;
        let before = owned(&office).await;
        let answer = wish.call(&route, &office.slug, &service.visitor()).await;
        is_careful(&answer);
        if route.access == Access::Anybody {
            assert!((200..300).contains(&answer.status), "{}: {}", named(&route), answer.text);
        } else {
            answer.refused(401, "UNAUTHENTICATED");
            assert_eq!(grown(&before, &owned(&office).await), [], "{}", named(&route));
        }
    }
}

async fn a_role_may_what_its_permissions_say(service: &Service) {
    let office = Office::found(service).await;
    for role in Role::ALL {
        office.client(*role).await;
    }
    for route in swept() {
        let refused_wish = wish(&route.operation, &office).await;
        for role in Role::ALL {
            let may = match route.access {
                Access::Permission(permission) => role.may(permission),
                Access::Anybody | Access::SignedIn => true,
            };
            let wish = if may { &wish(&route.operation, &office).await } else { &refused_wish };
            let before = owned(&office).await;
            let client = office.client(*role).await;
            let answer = wish.call(&route, &office.slug, wish.oneself.as_ref().unwrap_or(&client)).await;
            is_careful(&answer);
            let grown = grown(&before, &owned(&office).await);
            if may {
                does_what_it_says(&route, &answer, &grown);
            } else {
                let problem = answer.refused(403, "PERMISSION_DENIED");
                let Access::Permission(permission) = route.access else { unreachable!() };
                assert_eq!(problem["permission"], permission.as_str());
                assert_eq!(grown, [("audit_entries".to_owned(), 1)], "{} as {role}", named(&route));
            }
        }
    }
    // What is told of somebody is sealed under their own key, so that it goes with it.
    let keyless = "organization_id = $1 AND subject_ref IS NULL AND CAST(fields AS text) LIKE '%\"person_id\"%'";
    assert_eq!(service.db.raw.count_where("audit_entries", keyless, [office.id.into()]).await, 0);
}

pub fn does_what_it_says(route: &Route, answer: &Answer, grown: &[(String, i64)]) {
    assert!(route.answers.iter().any(|(status, _)| *status == answer.status), "{}: {} {}", named(route), answer.status, answer.text);
    if route.changes {
        for table in ["audit_entries", "outbox"] {
            assert!(grown.iter().any(|(name, more)| name == table && *more > 0), "{} leaves nothing in {table}: {grown:?}", named(route));
        }
    } else {
        assert_eq!(grown, [], "{} changes something", named(route));
    }
}

/// Every id of an organization.
async fn ids(office: &Office<'_>) -> Vec<String> {
    let mut ids = Vec::new();
    for (table, columns) in office.service.db.raw.tables().await {
        if ["id", "organization_id"].iter().all(|name| columns.iter().any(|column| column == name)) {
            let sql = format!("SELECT id FROM {table} WHERE organization_id = $1");
            ids.extend(office.service.db.raw.column::<Uuid>(&sql, [office.id.into()]).await.iter().map(Uuid::to_string));
        }
    }
    ids
}

async fn what_belongs_to_another_organization_is_not_there(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let stranger = other.owner().await;
    let mut exceptions = BTreeSet::new();
    for route in routes().iter().filter(|route| route.access != Access::Anybody) {
        let mut wish = wish(&route.operation, &office).await;
        if wish.oneself.is_some() && wish.id.is_none() {
            // It is about whoever asks, so there is nothing of anybody else's.
            continue;
        }
        let (before, ids) = (owned(&office).await, ids(&office).await);
        let answer = wish.call(route, &office.slug, &stranger).await;
        assert_eq!(grown(&before, &owned(&office).await), [], "{}", named(route));
        for id in ids.iter().filter(|id| wish.body.as_ref().is_none_or(|body| !body.to_string().contains(*id))) {
            assert!(!answer.text.contains(id), "{}: {}", named(route), answer.text);
        }
        if wish.id.is_none() || NAMED_BY_EACH.contains(&route.operation.as_str()) {
            exceptions.extend(wish.id.is_some().then(|| route.operation.clone()));
            assert!(matches!(answer.status, 200..300 | 422), "{}: {} {}", named(route), answer.status, answer.text);
            continue;
        }
        answer.refused(404, "NOT_FOUND");
        // What nobody has cannot be told apart from it.
        wish.id = Some(service.db.id::<matricula_domain::shared::RecordId>().to_string());
        let nobody = wish.call(route, &office.slug, &stranger).await;
        assert_eq!((nobody.status, nobody.without_request_id()), (404, answer.without_request_id()), "{}", named(route));
    }
    assert_eq!(exceptions.iter().map(String::as_str).collect::<Vec<_>>(), NAMED_BY_EACH, "the exceptions may only get fewer");
    // Now that there is something of every kind, once more what lists it.
    let (owner, ids) = (office.owner().await, ids(&office).await);
    let mut empty = BTreeSet::new();
    let gives_file = |route: &Route| route.answers.iter().any(|(_, content)| matches!(content, Content::File));
    for route in routes().iter().filter(|route| route.access != Access::Anybody && route.method == "GET" && !gives_file(route)) {
        let wish = wish(&route.operation, &office).await;
        let ours = wish.call(route, &office.slug, &owner).await;
        let Some(items) = (ours.status == 200).then(|| ours.json()["items"].as_array().cloned()).flatten() else { continue };
        if items.is_empty() {
            empty.insert(route.operation.clone());
        }
        let theirs = wish.call(route, &office.slug, &stranger).await;
        for id in &ids {
            assert!(!theirs.text.contains(id), "{}: {}", named(route), theirs.text);
        }
    }
    assert_eq!(empty.iter().map(String::as_str).collect::<Vec<_>>(), EMPTY, "a list that shows nothing to its owner proves nothing of strangers");
}

async fn who_may_is_looked_at_before_what_they_say(service: &Service) {
    let office = Office::found(service).await;
    let learner = office.client(Role::Learner).await;
    for route in routes().iter().filter(|route| matches!(route.access, Access::Permission(_))) {
        let Access::Permission(permission) = route.access else { unreachable!() };
        let path = format!("/api/v1{}?nonsense=1", route.path.replace("{id}", "x").replace("{key}", "X"));
        for body in ["{", "{\"nonsense\": 1}"] {
            let call = |client: &Client| client.call(route.method.as_str(), &path).text("application/json", body.to_owned());
            call(&service.visitor()).await.refused(401, "UNAUTHENTICATED");
            if !Role::Learner.may(permission) {
                let denied =
                    service.db.raw.count_where("audit_entries", "organization_id = $1 AND action = 'access.denied'", [office.id.into()]).await;
                call(&learner).await.refused(403, "PERMISSION_DENIED");
                let now = service.db.raw.count_where("audit_entries", "organization_id = $1 AND action = 'access.denied'", [office.id.into()]).await;
                assert_eq!(now, denied + 1, "{}", named(route));
            }
        }
    }
}

async fn without_a_grant_nobody_and_no_program_may_anything(service: &Service) {
    let office = Office::found(service).await;
    let (_, nobody) = office.worker(&[]).await;
    let (audits, reports) = (office.program(&["audit.read"]).await, office.program(&["reporting.read"]).await);
    for route in swept() {
        let program = if route.access == Access::Permission(Permission::ReadAudit) { &reports } else { &audits };
        let wish = wish(&route.operation, &office).await;
        let before = owned(&office).await;
        match route.access {
            Access::Anybody => {}
            Access::SignedIn => {
                wish.call(&route, &office.slug, program).await.refused(403, "SIGN_IN_REQUIRED");
                assert_eq!(grown(&before, &owned(&office).await), [], "{}", named(&route));
            }
            Access::Permission(permission) => {
                for client in [&nobody, program] {
                    let problem = wish.call(&route, &office.slug, client).await.refused(403, "PERMISSION_DENIED");
                    assert_eq!(problem["permission"], permission.as_str());
                }
                assert_eq!(grown(&before, &owned(&office).await), [("audit_entries".to_owned(), 2)], "{}", named(&route));
            }
        }
    }
}

async fn a_suspended_organization_shows_everything_and_changes_nothing(service: &Service) {
    let office = Office::found(service).await;
    let (owner, visitor) = (office.owner().await, service.visitor());
    let mut wishes = Vec::new();
    for route in swept() {
        wishes.push((wish(&route.operation, &office).await, route));
    }
    service.move_organization(office.id, "suspended").await;
    for (wish, route) in wishes {
        let client = wish.oneself.as_ref().unwrap_or(if route.access == Access::Anybody { &visitor } else { &owner });
        // What is about one's own sign-in does not lead into the organization.
        let own = route.access == Access::SignedIn || OF_ONES_OWN.contains(&route.operation.as_str());
        let before = owned(&office).await;
        let answer = wish.call(&route, &office.slug, client).await;
        if route.changes && !own {
            answer.refused(403, "ORGANIZATION_SUSPENDED");
            assert_eq!(grown(&before, &owned(&office).await), [], "{}", named(&route));
        } else {
            assert!(route.answers.iter().any(|(status, _)| *status == answer.status), "{}: {} {}", named(&route), answer.status, answer.text);
        }
    }
}

#[test]
fn the_routes_are_those_of_the_document() {
    let document = matricula_web::document();
    let listed: BTreeSet<_> = routes().iter().map(|route| format!("{} /api/v1{}", route.method, route.path)).collect();
    let mut described = BTreeSet::new();
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described.insert(format!("{} {path}", method.to_uppercase()));
            let id = text(&operation["operationId"]);
            assert!(operations.insert(id.clone()), "two operations are called {id}");
        }
    }
    assert_eq!(listed, described);
    assert_eq!(listed.len(), routes().len(), "a route is there twice");
}

#[test]
fn every_route_that_changes_something_asks_for_a_right_or_is_a_door() {
    let doors: Vec<_> = routes().into_iter().filter(|route| route.changes && route.access == Access::Anybody).map(|route| route.operation).collect();
    let by_link = ["resetPassword", "acceptInvitation", "confirmEmailChange", "vetoEmailChange", "setUp"];
    let others = doors.iter().filter(|door| !by_link.contains(&door.as_str())).map(String::as_str);
    assert_eq!(
        others.collect::<Vec<_>>(),
        ["login", "refresh", "beginProviderSignIn", "finishProviderSignIn", "requestPasswordReset", "leaveLead"],
        "nothing else is changed by nobody in particular"
    );
    assert_eq!(doors.len(), by_link.len() + 6, "and these by whoever has a link");
    for route in routes() {
        assert_eq!(route.changes, route.method != "GET", "{}", named(&route));
        assert_eq!(route.guarded, ["PATCH", "PUT", "DELETE"].contains(&route.method.as_str()), "{}", named(&route));
    }
}

#[test]
fn the_committed_document_is_the_one_of_the_code() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let committed: Json = serde_json::from_str(&committed).unwrap_or_default();
    assert!(committed == matricula_web::document(), "openapi.json is not what the code says: run `just openapi` and commit what it writes");
}
