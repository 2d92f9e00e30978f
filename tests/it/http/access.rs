//! Who may what in an organization: roles of its own, groups, reach, keys for programs, and an organization that does no work.

use matricula_domain::identity::{LinkPurpose, Role};
use matricula_tests::program::{PASSWORD, Service};
use matricula_tests::speak::{Client, at_once, each, text};
use serde_json::{Value as Json, json};
use sha2::Digest as _;

use super::identity::soon_is_shut_out;
use super::office::{Office, someone};

over_http! {
    a_role_is_cloned_given_changed_and_hidden,
    nobody_gives_what_they_have_not,
    a_role_has_a_name_that_no_other_has,
    a_group_gives_its_members_what_its_roles_grant,
    an_adviser_sees_and_works_on_what_is_their_own,
    a_campus_sees_what_is_taught_there,
    who_is_let_go_is_out_at_once,
    the_last_owner_stays,
    nobody_comes_once_all_seats_are_taken,
    what_is_kept_is_written_down_before_an_organization_is_closed,
    what_is_noted_about_a_lead_is_for_who_may_read_it,
    a_national_id_is_for_who_may_see_it,
    a_program_comes_in_with_a_key,
    a_key_is_told_once_and_may_nothing_but_what_its_maker_may,
    the_organization_is_changed_by_who_may,
    a_price_is_for_who_may_see_prices,
    access_is_explained,
    somebody_sees_what_a_role_sees,
}

over_http_alone! {
    an_organization_that_is_suspended_can_be_read_and_nothing_more,
}

async fn permissions(client: &Client) -> Vec<String> {
    client.get("/me").await.is(200)["permissions"].as_array().unwrap().iter().map(text).collect()
}

async fn a_role_is_cloned_given_changed_and_hidden(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let slug = service.unique("becaria");
    let new = json!({"slug": slug, "name": "Becaria", "grants": ["leads.read_own"], "cloned_from": "trainer"});
    let made = owner.post("/roles", &new).await;
    let role = made.is(201);
    assert_eq!(role["grants"], json!(["catalog.read", "leads.read_own", "enrollment.read", "publishing.read"]));
    assert_eq!((&role["slug"], &role["cloned_from"], &role["archived_at"]), (&json!(slug), &json!("trainer"), &Json::Null));
    assert_eq!(made.header("Location"), Some(format!("/api/v1/roles/{}", text(&role["id"])).as_str()));
    let path = format!("/roles/{}", text(&role["id"]));

    let (user, viewer) = (office.user(Role::Viewer).await, office.client(Role::Viewer).await);
    let seen = owner.get(&format!("/users/{user}")).await;
    let given = owner.patch(&format!("/users/{user}"), seen.etag(), &json!({"role": slug})).await.is(200);
    assert_eq!((&given["role"], &given["active"]), (&json!(slug), &json!(true)));
    assert_eq!(permissions(&viewer).await, ["catalog.read", "leads.read_own", "enrollment.read", "publishing.read"]);
    assert_eq!(viewer.get("/me").await.is(200)["role"], json!(slug));
    viewer.get("/people").await.refused(403, "PERMISSION_DENIED");

    let changed = owner.patch(&path, made.etag(), &json!({"grants": ["people.read"]})).await;
    assert_eq!(changed.is(200)["grants"], json!(["people.read"]));
    viewer.get("/people").await.is(200);
    owner.patch(&path, made.etag(), &json!({"name": "Otra"})).await.refused(412, "STALE");
    owner.act(&format!("{path}/archive")).await.is(200);
    assert_eq!(permissions(&viewer).await, Vec::<String>::new());
    owner.act(&format!("{path}/archive")).await.refused(409, "ALREADY_SO");
    assert_eq!(each(&owner.get("/roles?archived=true").await.is(200), "slug"), [json!(slug)]);
    assert!(each(&owner.get("/roles").await.is(200), "slug").is_empty());
    owner.act(&format!("{path}/restore")).await.is(200);
    viewer.get("/people").await.is(200);
    owner.patch(&format!("/users/{user}"), "*", &json!({"role": "nadie"})).await.refused(422, "VALIDATION_FAILED");
}

async fn nobody_gives_what_they_have_not(service: &Service) {
    let office = Office::found(service).await;
    let (_, maker) = office.worker(&["identity.read", "identity.manage_roles", "identity.manage_users", "leads.read_campus", "people.read"]).await;
    let role = async |grants: &[&str]| {
        let slug = service.unique("rol");
        maker.post("/roles", &json!({"slug": slug, "name": slug, "grants": grants})).await
    };
    role(&["people.read", "leads.read_campus"]).await.is(201);
    for more in ["leads.read", "leads.read_own", "leads.work_own", "audit.read"] {
        role(&["people.read", more]).await.refused(403, "EXCEEDS_MAKER");
    }
    let clone = json!({"slug": service.unique("rol"), "name": "X", "grants": [], "cloned_from": "owner"});
    maker.post("/roles", &clone).await.refused(403, "EXCEEDS_MAKER");
    let wider = office.role(&["leads.read"]).await;
    let path = format!("/roles/{}", wider.id);
    maker.patch(&path, "*", &json!({"name": "Mío"})).await.refused(403, "EXCEEDS_MAKER");
    maker.act(&format!("{path}/archive")).await.refused(403, "EXCEEDS_MAKER");

    let somebody = office.somebody().await;
    let user = format!("/users/{somebody}");
    maker.patch(&user, "*", &json!({"role": "owner"})).await.refused(403, "EXCEEDS_MAKER");
    maker.act(&format!("{user}/deactivate")).await.refused(403, "EXCEEDS_MAKER");
    maker.post("/groups", &json!({"name": "Todo", "roles": ["viewer", "owner"]})).await.refused(403, "EXCEEDS_MAKER");
    let group = office.group(&["owner"]).await;
    let me = maker.get("/me").await.is(200)["user"]["id"].clone();
    maker.post(&format!("/groups/{group}/members"), &json!({"user_id": me})).await.refused(403, "EXCEEDS_MAKER");
    maker.post("/groups", &json!({"name": "Nada", "roles": []})).await.is(201);
}

async fn a_role_has_a_name_that_no_other_has(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let owner = office.owner().await;
    let role = office.role(&["leads.read"]).await;
    let again = json!({"slug": role.shown["slug"], "name": "Otro", "grants": []});
    owner.post("/roles", &again).await.refused(422, "SLUG_TAKEN");
    owner.act(&format!("/roles/{}/archive", role.id)).await.is(200);
    owner.post("/roles", &again).await.refused(422, "SLUG_TAKEN");
    other.owner().await.post("/roles", &again).await.is(201);
    owner.post("/roles", &json!({"slug": "owner", "name": "Otro"})).await.refused(422, "ROLE_IS_BUILT_IN");
    let wrong = owner.post("/roles", &json!({"slug": "x", "name": "X", "grants": ["leads.read", "leads.fly"], "cloned_from": "nadie"})).await;
    assert_eq!(wrong.faults(), [("/grants/1".to_owned(), "NOT_A_GRANT".to_owned())]);
    let foreign = owner.post("/roles", &json!({"slug": "x", "name": "X", "cloned_from": other.role(&[]).await.shown["slug"]})).await;
    assert_eq!(foreign.faults(), [("/cloned_from".to_owned(), "NOT_FOUND".to_owned())]);
}

async fn a_group_gives_its_members_what_its_roles_grant(service: &Service) {
    let office = Office::found(service).await;
    let (owner, viewer) = (office.owner().await, office.client(Role::Learner).await);
    let user = office.user(Role::Learner).await;
    let own = office.role(&["people.read"]).await;
    let group = office.group(&["marketing", &text(&own.shown["slug"])]).await;
    let member = json!({"user_id": user});
    viewer.get("/people").await.refused(403, "PERMISSION_DENIED");
    owner.post(&format!("/groups/{group}/members"), &member).await.is(200);
    owner.post(&format!("/groups/{group}/members"), &member).await.refused(409, "ALREADY_SO");
    assert_eq!(each(&owner.get(&format!("/groups/{group}/members")).await.is(200), "id"), [json!(user)]);
    viewer.get("/people").await.is(200);
    viewer.get("/campaigns").await.is(200);
    owner.patch(&format!("/groups/{group}"), "*", &json!({"roles": ["trainer"]})).await.is(200);
    viewer.get("/campaigns").await.refused(403, "PERMISSION_DENIED");
    viewer.get("/enrollments").await.is(200);
    owner.post(&format!("/groups/{group}/members/remove"), &member).await.is(200);
    owner.post(&format!("/groups/{group}/members/remove"), &member).await.refused(409, "ALREADY_SO");
    viewer.get("/enrollments").await.refused(403, "PERMISSION_DENIED");
    let stranger = Office::found(service).await.user(Role::Viewer).await;
    let refused = owner.post(&format!("/groups/{group}/members"), &json!({"user_id": stranger})).await;
    assert_eq!(refused.faults(), [("/user_id".to_owned(), "NOT_FOUND".to_owned())]);
}

async fn an_adviser_sees_and_works_on_what_is_their_own(service: &Service) {
    let office = Office::found(service).await;
    let grants = ["leads.read_own", "leads.work_own", "leads.assign_own"];
    let ((ana, as_ana), (bea, as_bea)) = (office.worker(&grants).await, office.worker(&grants).await);
    let owner = office.owner().await;
    let (hers, others) = (text(&office.lead(json!({})).await["id"]), text(&office.lead(json!({})).await["id"]));
    for (lead, user) in [(&hers, &ana), (&others, &bea)] {
        owner.post(&format!("/leads/{lead}/assign"), &json!({"user_id": user})).await.is(200);
    }
    assert_eq!(each(&as_ana.get("/leads").await.is(200), "id"), [json!(hers)]);
    assert_eq!(each(&as_ana.get(&format!("/leads?assigned_to={bea}")).await.is(200), "id"), Vec::<Json>::new());
    let not_there = as_ana.get(&format!("/leads/{}", uuid::Uuid::nil())).await.without_request_id();
    for (method, path, body) in [
        ("GET", format!("/leads/{others}"), None),
        ("PATCH", format!("/leads/{others}"), Some(json!({"source": "feria"}))),
        ("POST", format!("/leads/{others}/transitions"), Some(json!({"to": "contacted"}))),
        ("POST", format!("/leads/{others}/assign"), Some(json!({"user_id": ana}))),
        ("POST", format!("/leads/{others}/convert"), Some(json!({"course_run_id": office.run(1).await.id}))),
    ] {
        let call = as_ana.call(method, &format!("/api/v1{path}")).header("If-Match", "*");
        let answer = if let Some(body) = &body { call.json(body).await } else { call.await };
        answer.refused(404, "NOT_FOUND");
        assert_eq!(answer.without_request_id(), not_there, "{method} {path}");
    }
    as_ana.post(&format!("/leads/{hers}/transitions"), &json!({"to": "contacted"})).await.is(200);
    // Who gives a lead away sees it no more.
    as_ana.post(&format!("/leads/{hers}/assign"), &json!({"user_id": bea})).await.is(200);
    as_ana.get(&format!("/leads/{hers}")).await.refused(404, "NOT_FOUND");
    assert_eq!(each(&as_bea.get("/leads").await.is(200), "id").len(), 2);
}

async fn a_campus_sees_what_is_taught_there(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let (north, south) = (office.record("campuses", json!({})).await.id, office.record("campuses", json!({})).await.id);
    let grants = ["leads.read_campus", "enrollment.read_campus", "enrollment.manage_campus", "people.read"];
    let (user, as_north) = office.worker(&grants).await;
    let path = format!("/users/{user}");
    owner.patch(&path, "*", &json!({"campus_ids": [north]})).await.is(200);
    let wrong = owner.patch(&path, "*", &json!({"campus_ids": [north, uuid::Uuid::nil()]})).await;
    assert_eq!(wrong.problem()["code"], "VALIDATION_FAILED");
    let slug = service.unique("curso");
    let course = office.course_with(json!({"slug": slug, "title": slug, "modality": "presencial", "campus_ids": [north, south]})).await;
    let run_at = async |campus: &str| office.run_of(&course.id, json!({"campus_id": campus})).await.id;
    let (here, there) = (run_at(&north).await, run_at(&south).await);
    let lead = async |run: &str| text(&office.lead(json!({"course": slug, "course_run_id": run})).await["id"]);
    let (seen, unseen) = (lead(&here).await, lead(&there).await);
    assert_eq!(each(&as_north.get("/leads").await.is(200), "id"), [json!(seen)]);
    as_north.get(&format!("/leads/{unseen}")).await.refused(404, "NOT_FOUND");

    let place = json!({"person_id": office.person().await});
    as_north.post(&format!("/course-runs/{there}/enrollments"), &place).await.refused(404, "NOT_FOUND");
    as_north.post(&format!("/course-runs/{there}/holds"), &json!({"person_id": place["person_id"], "hours": 1})).await.refused(404, "NOT_FOUND");
    let mine = as_north.post(&format!("/course-runs/{here}/enrollments"), &place).await.id(201);
    let foreign = owner.post(&format!("/course-runs/{there}/enrollments"), &place).await.id(201);
    assert_eq!(each(&as_north.get("/enrollments").await.is(200), "id"), [json!(mine)]);
    as_north.get(&format!("/enrollments/{foreign}")).await.refused(404, "NOT_FOUND");
    as_north.post(&format!("/enrollments/{foreign}/transitions"), &json!({"to": "suspended"})).await.refused(404, "NOT_FOUND");
    as_north.post(&format!("/enrollments/{mine}/transitions"), &json!({"to": "suspended"})).await.is(200);
}

async fn who_is_let_go_is_out_at_once(service: &Service) {
    let office = Office::found(service).await;
    let (owner, user) = (office.owner().await, office.user(Role::Adviser).await);
    let (one, two) = (office.sign_in(Role::Adviser).await, office.sign_in(Role::Adviser).await);
    assert_eq!(owner.act(&format!("/users/{user}/deactivate")).await.is(200)["active"], json!(false));
    for client in [&one, &two] {
        client.get("/me").await.refused(401, "UNAUTHENTICATED");
    }
    let visitor = service.visitor();
    let credentials = json!({"email": office.email(Role::Adviser), "password": PASSWORD});
    visitor.post("/auth/login", &credentials).await.refused(401, "INVALID_CREDENTIALS");
    owner.act(&format!("/users/{user}/deactivate")).await.refused(409, "ALREADY_SO");
    owner.act(&format!("/users/{user}/activate")).await.is(200);
    one.get("/me").await.refused(401, "UNAUTHENTICATED");
    visitor.post("/auth/login", &credentials).await.is(200);
}

async fn the_last_owner_stays(service: &Service) {
    let office = Office::found(service).await;
    let (owner, admin) = (office.owner().await, office.client(Role::Admin).await);
    let user = office.user(Role::Owner).await;
    admin.patch(&format!("/users/{user}"), "*", &json!({"role": "viewer"})).await.refused(409, "LAST_OWNER");
    owner.act(&format!("/users/{user}/deactivate")).await.refused(409, "LAST_OWNER");
    let second_email = format!("{}@{}.example", service.unique("duena"), office.slug);
    let second = service.admit(office.id, &second_email, Role::Owner).await.to_string();
    // Each demotes the other at the same moment, as only who owns it can.
    admin.patch(&format!("/users/{second}"), "*", &json!({"role": "viewer"})).await.refused(403, "EXCEEDS_MAKER");
    let visitor = service.visitor();
    let tokens = visitor.post("/auth/login", &json!({"email": second_email, "password": PASSWORD})).await.is(200);
    let other = visitor.with_token(&text(&tokens["access_token"]));
    let both = [(&other, user.to_string()), (&owner, second)].map(|(by, user)| by.patch(&format!("/users/{user}"), "*", &json!({"role": "viewer"})));
    let mut statuses: Vec<_> = at_once(both).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    // Who comes second is the last owner, or none any more.
    assert!(matches!(statuses[..], [200, 403 | 409]), "{statuses:?}");
}

async fn a_program_comes_in_with_a_key(service: &Service) {
    let office = Office::found(service).await;
    let made = office.api_key(&["leads.capture", "leads.read"]).await;
    let key = text(&made.shown["key"]);
    assert!(key.starts_with("mat_live_") && key.starts_with(&text(&made.shown["hint"])), "{key}");
    let program = service.visitor().with_token(&key);
    let lead = program.post("/leads", &someone()).await.id(201);
    program.get(&format!("/leads/{lead}")).await.is(200);
    assert_eq!(program.post("/leads", &someone()).key("k1").await.status, 201);
    let problem = program.get("/people").await.refused(403, "PERMISSION_DENIED");
    assert_eq!(problem["permission"], "people.read");
    program.get("/me").await.refused(403, "SIGN_IN_REQUIRED");
    program.act("/auth/logout").await.refused(403, "SIGN_IN_REQUIRED");
    let entries = office.owner().await.get("/audit/entries?limit=100").await.is(200);
    let captured = entries["items"].as_array().unwrap().iter().find(|entry| entry["entity_id"] == json!(lead)).unwrap().clone();
    assert_eq!(captured["actor"], json!(format!("key:{}", made.id)));

    let mut wrong = key.clone();
    let last = wrong.pop();
    wrong.push(if last == Some('A') { 'B' } else { 'A' });
    for wrong in [wrong, key.replace("mat_live_", "mat_test_"), key[..key.len() - 1].to_owned(), format!("{key}é")] {
        service.visitor().with_token(&wrong).get("/leads").await.refused(401, "UNAUTHENTICATED");
    }
    let listed = office.owner().await.get("/api-keys").await;
    assert!(!listed.text.contains(&key) && listed.is(200)["items"][0]["last_used_at"].is_string());
    office.owner().await.act(&format!("/api-keys/{}/revoke", made.id)).await.is(200);
    program.get("/leads").await.refused(401, "UNAUTHENTICATED");
    office.owner().await.act(&format!("/api-keys/{}/revoke", made.id)).await.refused(409, "ALREADY_SO");
}

async fn a_key_is_told_once_and_may_nothing_but_what_its_maker_may(service: &Service) {
    let office = Office::found(service).await;
    let (_, maker) = office.worker(&["identity.manage_api_keys", "leads.capture", "leads.read_own"]).await;
    let make = async |grants: &[&str]| maker.post("/api-keys", &json!({"name": "Web", "grants": grants})).await;
    make(&["leads.capture"]).await.is(201);
    make(&["leads.read"]).await.refused(403, "EXCEEDS_MAKER");
    assert_eq!(make(&["leads.read_own"]).await.faults(), [("/grants/0".to_owned(), "NOT_FOR_PROGRAMS".to_owned())]);
    assert_eq!(make(&[]).await.faults(), [("/grants".to_owned(), "REQUIRED".to_owned())]);
    let past = maker.post("/api-keys", &json!({"name": "Web", "grants": ["leads.capture"], "expires_at": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(past.faults(), [("/expires_at".to_owned(), "IN_THE_PAST".to_owned())]);
    let program = office.program(&["identity.manage_api_keys", "leads.capture"]).await;
    program.post("/api-keys", &json!({"name": "Otra", "grants": ["leads.capture"]})).await.refused(403, "EXCEEDS_MAKER");
}

async fn the_organization_is_changed_by_who_may(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let seen = owner.get("/organization").await;
    let organization = seen.is(200);
    assert_eq!((&organization["slug"], &organization["status"], &organization["seats_used"]), (&json!(office.slug), &json!("active"), &json!(1)));
    office.user(Role::Viewer).await;
    assert_eq!(owner.get("/organization").await.is(200)["seats_used"], json!(2));
    let patch = json!({"name": "Otro nombre", "settings": {"color": "verde"}, "logo_url": "https://example.es/l.png"});
    let changed = owner.patch("/organization", seen.etag(), &patch).await.is(200);
    assert_eq!((&changed["name"], &changed["settings"], &changed["logo_url"]), (&patch["name"], &patch["settings"], &patch["logo_url"]));
    assert_eq!(owner.get("/me").await.is(200)["organization"]["name"], patch["name"]);
    for (field, value) in [("slug", "otro"), ("status", "closed"), ("plan", "gratis")] {
        owner.patch("/organization", "*", &json!({field: value})).await.refused(422, "VALIDATION_FAILED");
    }
    office.client(Role::Manager).await.get("/organization").await.refused(403, "PERMISSION_DENIED");
}

async fn an_organization_that_is_suspended_can_be_read_and_nothing_more(service: &Service) {
    let office = Office::found(service).await;
    let (owner, program) = (office.owner().await, office.program(&["leads.capture", "leads.read"]).await);
    let lead = text(&office.lead(json!({})).await["id"]);
    let leads = office.rows("leads").await;
    service.move_organization(office.id, "suspended").await;
    for client in [&owner, &program] {
        client.get(&format!("/leads/{lead}")).await.is(200);
        client.post("/leads", &someone()).await.refused(403, "ORGANIZATION_SUSPENDED");
    }
    let visitor = service.visitor();
    visitor.post(&office.door("/leads"), &someone()).await.refused(403, "ORGANIZATION_SUSPENDED");
    visitor.get(&office.door("/courses")).await.is(200);
    assert_eq!(office.rows("leads").await, leads);
    // Who has no right learns nothing of it, and who signs out is out.
    office.sign_in(Role::Learner).await.post("/leads", &someone()).await.refused(403, "PERMISSION_DENIED");
    office.sign_in(Role::Viewer).await.act("/auth/logout").await.is(204);
    service.move_organization(office.id, "active").await;
    visitor.post(&office.door("/leads"), &someone()).await.is(201);
    service.move_organization(office.id, "closed").await;
    owner.get("/leads").await.refused(401, "UNAUTHENTICATED");
    program.get("/leads").await.refused(401, "UNAUTHENTICATED");
    visitor.get(&office.door("/courses")).await.refused(404, "NOT_FOUND");
}

async fn a_price_is_for_who_may_see_prices(service: &Service) {
    let office = Office::found(service).await;
    let course = office.course().await;
    let path = format!("/courses/{}", course.id);
    assert_eq!(course.shown["price"]["amount"], 12_500);
    let trainer = office.client(Role::Trainer).await;
    let shown = trainer.get(&path).await.is(200);
    assert!(shown.get("price").is_none() && shown["title"].is_string(), "{shown}");
    let listed = trainer.get("/courses").await.is(200);
    assert!(listed["items"].as_array().unwrap().iter().all(|course| course.get("price").is_none() && course["id"].is_string()));
    assert_eq!(office.client(Role::Viewer).await.get(&path).await.is(200)["price"]["amount"], 12_500);

    let (_, planner) = office.worker(&["catalog.read", "catalog.manage"]).await;
    let price = json!({"amount": 1, "currency": "EUR"});
    for body in [json!({"price": price}), json!({"title": "Otro", "price": null})] {
        let problem = planner.patch(&path, "*", &body).await.refused(403, "PERMISSION_DENIED");
        assert_eq!(problem["permission"], "catalog.read_prices");
    }
    let slug = service.unique("curso");
    let new = json!({"slug": slug, "title": slug, "duration_hours": 1, "modality": "online"});
    planner.post("/courses", &super::office::merged(new.clone(), json!({"price": price}))).await.refused(403, "PERMISSION_DENIED");
    let (first, again) = (planner.post("/courses", &new).key("k").await, planner.post("/courses", &new).key("k").await);
    assert_eq!((first.is(201), again.header("Idempotency-Replayed")), (again.is(201), Some("true")));
    assert!(first.json().get("price").is_none());
    let changed = planner.patch(&path, "*", &json!({"title": "Otro"})).await.is(200);
    assert!(changed.get("price").is_none() && changed["title"] == "Otro");
    assert_eq!(office.owner().await.get(&path).await.is(200)["price"]["amount"], 12_500, "what is not seen is not lost");
}

async fn access_is_explained(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let (user, as_user) = office.worker(&["leads.read_own", "leads.read_campus", "people.read"]).await;
    let asked = async |permission: &str, resource: Option<&str>| {
        let resource = resource.map(|id| format!("&resource={id}")).unwrap_or_default();
        owner.get(&format!("/access/explain?user={user}&permission={permission}{resource}")).await
    };
    let told = async |permission: &str, resource: Option<&str>| {
        let answer = asked(permission, resource).await.is(200);
        let allows: Vec<_> = answer["through"].as_array().unwrap().iter().map(|one| (text(&one["grant"]), one["allows"] == true)).collect();
        (answer["allowed"] == true, text(&answer["reason"]), allows)
    };
    let (hers, others) = (text(&office.lead(json!({})).await["id"]), text(&office.lead(json!({})).await["id"]));
    owner.post(&format!("/leads/{hers}/assign"), &json!({"user_id": user})).await.is(200);
    let both = |campus: bool, own: bool| vec![("leads.read_campus".to_owned(), campus), ("leads.read_own".to_owned(), own)];
    assert_eq!(told("leads.read", Some(&hers)).await, (true, "GRANTED".to_owned(), both(false, true)));
    assert_eq!(told("leads.read", Some(&others)).await, (false, "OUT_OF_REACH".to_owned(), both(false, false)));
    assert_eq!(told("leads.work", Some(&hers)).await, (false, "NO_GRANT".to_owned(), vec![]));
    assert_eq!(told("people.read", None).await, (true, "GRANTED".to_owned(), vec![("people.read".to_owned(), true)]));
    for (lead, status) in [(&hers, 200), (&others, 404)] {
        assert_eq!(as_user.get(&format!("/leads/{lead}")).await.status, status, "what is explained is what happens");
    }
    let group = office.group(&["adviser"]).await;
    owner.post(&format!("/groups/{group}/members"), &json!({"user_id": user})).await.is(200);
    let through = asked("leads.work", Some(&hers)).await.is(200)["through"].clone();
    assert_eq!(through, json!([{"grant": "leads.work", "role": "adviser", "group_id": group, "scope": "all", "allows": true}]));
    owner.act(&format!("/users/{user}/deactivate")).await.is(200);
    assert_eq!(told("leads.read", None).await, (false, "NOT_ACTIVE".to_owned(), vec![]));
    asked("leads.read", Some(&uuid::Uuid::nil().to_string())).await.refused(404, "NOT_FOUND");
    assert_eq!(asked("people.read", Some(&hers)).await.faults(), [("/resource".to_owned(), "NOT_SCOPED".to_owned())]);
    let foreign = Office::found(service).await.lead(json!({})).await;
    asked("leads.read", Some(&text(&foreign["id"]))).await.refused(404, "NOT_FOUND");
}

async fn somebody_sees_what_a_role_sees(service: &Service) {
    let office = Office::found(service).await;
    let (owner, course) = (office.owner().await, office.course().await);
    let as_role = |role: &str, path: &str| owner.get(path).header("View-As", role);
    let viewed =
        async || service.db.raw.count_where("audit_entries", "organization_id = $1 AND action = 'access.viewed_as'", [office.id.into()]).await;
    let shown = as_role("trainer", &format!("/courses/{}", course.id)).await.is(200);
    assert!(shown.get("price").is_none());
    as_role("trainer", "/leads").await.refused(403, "PERMISSION_DENIED");
    assert_eq!(as_role("trainer", "/me").await.is(200)["permissions"], json!(["catalog.read", "enrollment.read", "publishing.read"]));
    assert_eq!(viewed().await, 3, "once a request");
    office.lead(json!({})).await;
    let own = office.role(&["leads.read_own"]).await;
    assert!(each(&as_role(&text(&own.shown["slug"]), "/leads").await.is(200), "id").is_empty());
    assert_eq!(each(&owner.get("/leads").await.is(200), "id").len(), 1);
    as_role("nadie", "/leads").await.refused(422, "UNKNOWN_ROLE");
    owner.post("/leads", &someone()).header("View-As", "adviser").await.refused(403, "VIEW_AS_ONLY_READS");
    let manager = office.client(Role::Manager).await;
    let problem = manager.get("/leads").header("View-As", "owner").await.refused(403, "PERMISSION_DENIED");
    assert_eq!(problem["permission"], "identity.view_as");
    let (_, looking) = office.worker(&["identity.view_as", "catalog.read"]).await;
    looking.get("/leads").header("View-As", "owner").await.refused(403, "PERMISSION_DENIED");
}

async fn nobody_comes_once_all_seats_are_taken(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let somebody = office.somebody().await;
    let invited = format!("{}@example.es", service.unique("invitada"));
    owner.post("/invitations", &json!({"email": invited, "role": "viewer"})).await.is(201);
    let token = office.link(LinkPurpose::Invitation).await;
    service.purchase_seats(office.id, Some(2)).await;
    let shown = owner.get("/organization").await.is(200);
    assert_eq!((&shown["seats_purchased"], &shown["seats_used"]), (&json!(2), &json!(2)));
    let accept = json!({"token": token, "name": "Invitada", "password": PASSWORD});
    service.visitor().post("/auth/invitations/accept", &accept).await.refused(409, "NO_SEATS_LEFT");
    owner.act(&format!("/users/{somebody}/deactivate")).await.is(200);
    service.visitor().post("/auth/invitations/accept", &accept).await.is(200);
    owner.act(&format!("/users/{somebody}/activate")).await.refused(409, "NO_SEATS_LEFT");
    service.purchase_seats(office.id, None).await;
    owner.act(&format!("/users/{somebody}/activate")).await.is(200);
    assert_eq!(owner.get("/organization").await.is(200)["seats_used"], json!(3));
}

async fn what_is_noted_about_a_lead_is_for_who_may_read_it(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let (_, without) = office.worker(&["leads.read", "leads.work", "leads.assign", "enrollment.manage", "enrollment.read"]).await;
    let lead = office.lead(json!({})).await;
    let path = format!("/leads/{}", text(&lead["id"]));
    let note = json!({"internal_notes": "Llamar por la tarde"});
    without.patch(&path, "*", &note).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(adviser.patch(&path, "*", &note).await.is(200)["internal_notes"], note["internal_notes"]);
    assert_eq!(adviser.get(&path).await.is(200)["internal_notes"], note["internal_notes"]);

    let noted = json!({"kind": "note", "text": "Prefiere la tarde"});
    without.post(&format!("{path}/activities"), &noted).await.refused(403, "PERMISSION_DENIED");
    without.post(&format!("{path}/transitions"), &json!({"to": "contacted", "note": "x"})).await.refused(403, "PERMISSION_DENIED");
    adviser.post(&format!("{path}/activities"), &noted).await.is(201);
    assert!(adviser.get(&format!("{path}/activities")).await.text.contains("tarde"));
    assert!(!without.get(&format!("{path}/activities")).await.text.contains("tarde"));

    // Neither where it is read, nor where something else of it is changed; and what is hidden stays.
    let run = office.run(3).await.id;
    let convert = json!({"course_run_id": run});
    for answer in [
        without.get(&path).await,
        without.patch(&path, "*", &json!({"source": "feria"})).await,
        without.post(&format!("{path}/assign"), &json!({"user_id": null})).await,
        without.post(&format!("{path}/transitions"), &json!({"to": "contacted"})).await,
        without.post(&format!("{path}/activities"), &json!({"kind": "email"})).await,
        without.post(&format!("{path}/convert"), &convert).await,
    ] {
        assert!((200..300).contains(&answer.status) && !answer.text.contains("internal_notes"), "{}", answer.text);
    }
    assert!(!without.get("/leads").await.text.contains("tarde"));
    assert_eq!(adviser.get(&path).await.is(200)["internal_notes"], note["internal_notes"]);
}

async fn a_national_id_is_for_who_may_see_it(service: &Service) {
    let office = Office::found(service).await;
    let (manager, adviser) = (office.client(Role::Manager).await, office.client(Role::Adviser).await);
    let path = format!("/people/{}", office.person().await);
    let told = |number: &str| json!({"national_id": number});
    adviser.patch(&path, "*", &told("12345678Z")).await.refused(403, "PERMISSION_DENIED");
    let wrong = manager.patch(&path, "*", &told("12345678A")).await.faults();
    assert_eq!(wrong, [("/national_id".to_owned(), "NOT_A_NATIONAL_ID".to_owned())]);
    assert_eq!(manager.patch(&path, "*", &told("12.345.678-z")).await.is(200)["national_id"], "12345678Z");
    assert_eq!(manager.patch(&path, "*", &told("X1234567L")).await.is(200)["national_id"], "X1234567L");
    for answer in [adviser.get(&path).await, adviser.get("/people").await, adviser.patch(&path, "*", &json!({"name": "Lucía Otra"})).await] {
        assert!(answer.status == 200 && !answer.text.contains("X1234567L") && !answer.text.contains("national_id"), "{}", answer.text);
    }
    let shown = manager.get(&path).await.is(200);
    assert_eq!((&shown["national_id"], &shown["name"]), (&json!("X1234567L"), &json!("Lucía Otra")));
    assert!(shown["identifiers"].as_array().unwrap().iter().all(|one| one["kind"] != "nif"));

    let other = format!("/people/{}", office.person().await);
    manager.patch(&other, "*", &told("X1234567L")).await.refused(422, "NATIONAL_ID_TAKEN");
    assert_eq!(manager.patch(&path, "*", &json!({"national_id": null})).await.is(200)["national_id"], json!(null));
    assert_eq!(manager.patch(&other, "*", &told("X1234567L")).await.is(200)["national_id"], "X1234567L");
}

async fn what_is_kept_is_written_down_before_an_organization_is_closed(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let lead = office.lead(json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("something"), "else").unwrap();
    let refused = service.close(office.id, folder.path()).await.unwrap_err();
    assert!(refused.to_string().contains("not empty"), "{refused}");
    owner.patch("/organization", "*", &json!({"name": "Sigue"})).await.is(200);

    let folder = folder.path().join("fin");
    service.close(office.id, &folder).await.unwrap();
    soon_is_shut_out(&owner).await;
    let manifest: Json = serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let leads = manifest["files"].as_array().unwrap().iter().find(|file| file["file"] == "leads.jsonl").unwrap();
    assert_eq!(leads["rows"], 1);
    let kept = std::fs::read_to_string(folder.join("leads.jsonl")).unwrap();
    assert_eq!(serde_json::from_str::<Json>(kept.trim()).unwrap()["id"], lead["id"]);
    assert_eq!(leads["sha256"], data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(&kept)));
    assert!(service.close(office.id, &folder.join("again")).await.is_err(), "closed is for good");
}
