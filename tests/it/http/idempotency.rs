//! `Idempotency-Key`: the same request twice is one effect. `MATRICULA_KEYS` says how many keys; 200 where nothing is said.

use matricula_domain::identity::Role;
use matricula_tests::figure;
use matricula_tests::program::Service;
use matricula_tests::speak::{Answer, Client, at_once, text};
use matricula_web::routes;
use serde_json::json;

use super::office::{Office, merged, someone};
use super::seats::eventually;
use super::wishes::wish;

over_http! {
    as_many_effects_as_keys,
    every_route_that_understands_a_key_replays_its_answer,
    another_body_is_refused,
    a_refusal_is_not_kept,
    a_key_is_its_owners_alone,
    a_key_is_of_one_route,
    visitors_have_keys_too,
    a_key_is_a_line_of_255_characters,
}

over_http_alone! {
    an_answer_is_kept_for_a_day,
}

/// How many keys are tried at the same time, five times each.
const AT_ONCE: usize = 20;

fn is_replayed(answer: &Answer) -> bool {
    answer.header("Idempotency-Replayed") == Some("true")
}

async fn as_many_effects_as_keys(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let keys: Vec<_> = (0..figure("MATRICULA_KEYS", 200)).map(|n| (format!("key-{n}"), someone())).collect();
    let (mut first, mut replayed, mut in_use) = (0, 0, 0);
    for batch in keys.chunks(AT_ONCE) {
        let answers = at_once(batch.iter().flat_map(|(key, body)| (0..5).map(|_| adviser.post("/leads", body).key(key)))).await;
        for repeats in answers.chunks(5) {
            let done: Vec<_> = repeats.iter().filter(|answer| answer.status == 201).collect();
            let made: Vec<_> = done.iter().filter(|answer| !is_replayed(answer)).collect();
            assert_eq!(made.len(), 1, "{repeats:?}");
            for answer in &done {
                assert_eq!((&answer.text, answer.header("Location")), (&made[0].text, made[0].header("Location")));
            }
            for refused in repeats.iter().filter(|answer| answer.status != 201) {
                refused.refused(409, "IDEMPOTENCY_KEY_IN_USE");
                in_use += 1;
            }
            first += 1;
            replayed += done.len() - 1;
        }
    }
    assert_eq!(first + replayed + in_use, keys.len() * 5);
    // Whoever was told that it was still running gets the answer now.
    for (key, body) in keys.iter().step_by(10) {
        let answer = adviser.post("/leads", body).key(key).await;
        assert!(answer.status == 201 && is_replayed(&answer), "{answer:?}");
    }
    let effects = i64::try_from(keys.len()).unwrap();
    assert_eq!(office.rows_of(&["leads", "people", "lead_touches", "idempotency_keys"]).await, [effects; 4]);
}

async fn every_route_that_understands_a_key_replays_its_answer(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for route in routes().iter().filter(|route| route.once) {
        let wish = wish(&route.operation, &office).await;
        let call = || wish.call(route, &office.slug, &owner).key("la-misma");
        let first = call().await;
        assert!((200..300).contains(&first.status) && !is_replayed(&first), "{}: {}", route.operation, first.text);
        let before = office.rows_of(&["audit_entries", "outbox", "idempotency_keys"]).await;
        let again = call().await;
        assert!(is_replayed(&again), "{}: {}", route.operation, again.text);
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{}", route.operation);
        for header in ["Location", "ETag", "Content-Type"] {
            assert_eq!(again.header(header), first.header(header), "{} {header}", route.operation);
        }
        assert_eq!(office.rows_of(&["audit_entries", "outbox", "idempotency_keys"]).await, before, "{}", route.operation);
    }
}

async fn another_body_is_refused(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let body = json!({"name": "Ana", "email": "ana@example.es", "gdpr_consent": true, "privacy_policy_accepted": true, "consents": []});
    let first = adviser.post("/leads", &body).key("k").await;
    first.is(201);
    for other in [json!({"name": "Eva"}), json!({"consents": ["email_marketing"]}), json!({"message": "Hola"})] {
        adviser.post("/leads", &merged(body.clone(), other)).key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
    // The same, written in another way.
    let written = r#"{ "consents" : [], "privacy_policy_accepted":true, "gdpr_consent":true,"email":"ana@example.es","name":"\u0041na" }"#;
    let again = adviser.call("POST", "/api/v1/leads").text("application/json", written).key("k").await;
    assert!(again.status == 201 && is_replayed(&again) && again.text == first.text, "{again:?}");
    assert_eq!(office.rows("leads").await, 1);
}

async fn a_refusal_is_not_kept(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let wrong = merged(someone(), json!({"gdpr_consent": false}));
    adviser.post("/leads", &wrong).key("k").await.refused(422, "INTAKE_ATTESTATION_REQUIRED");
    assert!(!is_replayed(&adviser.post("/leads", &someone()).key("k").await));

    let (run, person) = (office.run(1).await, office.person().await);
    let path = format!("/course-runs/{}/enrollments", run.id);
    let seated = adviser.post(&path, &json!({"person_id": office.person().await})).await.id(201);
    let want = || adviser.post(&path, &json!({"person_id": person})).key("plaza");
    want().await.refused(409, "RUN_FULL");
    want().await.refused(409, "RUN_FULL");
    adviser.post(&format!("/enrollments/{seated}/transitions"), &json!({"to": "dropped"})).await.is(200);
    let placed = want().await;
    assert_eq!(placed.is(201)["status"], "active");
    assert!(!is_replayed(&placed) && is_replayed(&want().await));
    let learner = office.client(Role::Learner).await;
    learner.post("/leads", &someone()).key("verboten").await.refused(403, "PERMISSION_DENIED");
    assert_eq!(service.db.raw.count_where("idempotency_keys", "organization_id = $1 AND key = 'verboten'", [office.id.into()]).await, 0);
}

async fn a_key_is_its_owners_alone(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let mut ids = Vec::new();
    for client in [office.owner().await, office.client(Role::Adviser).await, other.owner().await] {
        let answer = client.post("/leads", &someone()).key("k").await;
        assert!(!is_replayed(&answer));
        ids.push(answer.id(201));
    }
    for client in [service.visitor(), office.client(Role::Manager).await] {
        let path = if ids.len() == 3 { office.door("/leads") } else { "/leads".to_owned() };
        let answer = client.post(&path, &someone()).key("k").await;
        assert!(!is_replayed(&answer));
        ids.push(answer.id(201));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

async fn a_key_is_of_one_route(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let record = |slug: &str| json!({"slug": slug, "name": "A", "city": "Madrid", "time_zone": "Europe/Madrid"});
    owner.post("/campuses", &record("a")).key("k").await.is(201);
    owner.post("/cycles", &json!({"slug": "a", "name": "A", "level": "grado_medio", "order_display": 1})).key("k").await.is(201);
    // The same verb on another thing is another route too.
    for _ in 0..2 {
        let lead = text(&office.lead(json!({})).await["id"]);
        let moved = owner.post(&format!("/leads/{lead}/transitions"), &json!({"to": "contacted"})).key("k").await;
        assert!(moved.status == 200 && !is_replayed(&moved), "{}", moved.text);
    }
    owner.post("/campuses", &record("b")).key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
}

async fn visitors_have_keys_too(service: &Service) {
    let office = Office::found(service).await;
    let form = someone();
    let first = service.visitor().post(&office.door("/leads"), &form).key("formulario-7").await;
    let again = service.visitor().post(&office.door("/leads"), &form).key("formulario-7").await;
    assert_eq!((first.status, again.status, &again.text), (201, 201, &first.text));
    assert!(is_replayed(&again) && !is_replayed(&first));
    // Whoever repeats a key must know the body too.
    let stranger = service.visitor().post(&office.door("/leads"), &someone()).key("formulario-7").await;
    stranger.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert!(!stranger.text.contains(&text(&first.json()["id"])));
    assert_eq!(office.rows("lead_touches").await, 1);
}

async fn a_key_is_a_line_of_255_characters(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for key in ["x", &"k".repeat(255), "clave con espacios", "\"quoted\"", "a/b?c=d&e;f"] {
        let body = someone();
        owner.post("/leads", &body).key(key).await.is(201);
        assert!(is_replayed(&owner.post("/leads", &body).key(key).await), "{key}");
    }
    for key in ["", "   ", &"k".repeat(256), "ñ", "a\tb"] {
        let answer = owner.post("/leads", &someone()).key(key).await;
        answer.refused(422, "INVALID_IDEMPOTENCY_KEY");
    }
    assert_eq!(office.rows("leads").await, 5);
}

async fn an_answer_is_kept_for_a_day(service: &Service) {
    let office = Office::found(service).await;
    let person = office.person().await;
    let adviser = office.client(Role::Adviser).await;
    let refuse = json!({"purpose": "phone_marketing", "action": "REFUSED", "channel": "phone"});
    let path = format!("/people/{person}/consents");
    adviser.post(&path, &refuse).await.is(201);
    let form = someone();
    // One that makes something, and one that finds everything as it should be.
    let calls = |client: &Client| [client.post("/leads", &form).key("lead"), client.post(&path, &refuse).key("no")];
    for (answer, status) in at_once(calls(&adviser)).await.iter().zip([201, 200]) {
        answer.is(status);
        assert!(!is_replayed(answer));
    }
    service.it_is("2026-03-02T09:55:00Z");
    // Long enough for whatever clears up to have done so.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let adviser = office.sign_in(Role::Adviser).await;
    for (answer, status) in at_once(calls(&adviser)).await.iter().zip([201, 200]) {
        answer.is(status);
        assert!(is_replayed(answer), "{answer:?}");
    }
    service.it_is("2026-03-02T10:15:00Z");
    let kept = async || service.db.raw.count_where("idempotency_keys", "organization_id = $1 AND key = 'lead'", [office.id.into()]).await;
    eventually("kept answers are cleared away", async || kept().await == 0).await;
    let adviser = office.sign_in(Role::Adviser).await;
    let answer = adviser.post("/leads", &form).key("lead").await;
    assert!(answer.status == 200 && !is_replayed(&answer), "the lead is open: it is touched: {answer:?}");
}
