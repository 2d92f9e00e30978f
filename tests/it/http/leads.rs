use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::{Client, each, text};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Made, Office, merged, someone};

over_http! {
    the_example_of_the_contract_is_a_lead,
    a_visitor_learns_id_and_status_alone,
    who_asks_again_for_the_same_course_touches_the_open_lead,
    who_asks_for_another_course_or_after_the_end_has_a_new_lead_and_what_came_to_nothing_opens_again,
    an_address_is_the_same_however_it_is_written,
    what_is_not_attested_is_not_taken,
    a_lead_moves_through_its_lifecycle,
    a_transition_that_is_not_possible_names_those_that_are,
    a_rejection_needs_a_reason,
    a_lead_is_changed_by_who_saw_it_last,
    a_lead_is_given_to_somebody_who_works_here,
    a_lead_becomes_a_place,
    a_conversion_into_a_full_run_leaves_lead_and_run_alone,
    of_ten_conversions_into_the_last_seat_one_goes_well,
    a_converted_lead_is_not_converted_again,
    the_lead_of_somebody_restricted_is_not_touched,
}

/// The example of `api.md`, with the words that name something here.
fn example(course: &str, campaign: &str, form: &str) -> Json {
    json!({
        "name": "Lucía Pérez", "email": "lucia@example.es", "phone": "+34600111222",
        "course": course, "course_run_id": null, "campaign": campaign, "form": form,
        "message": "¿Hay plazas por la tarde?", "locale": "es", "age_band": "adult",
        "gdpr_consent": true, "privacy_policy_accepted": true, "consents": ["email_marketing"],
        "utm": {"source": "meta", "medium": "cpc", "campaign": "otono-2026", "content": "a1", "term": null},
        "click_ids": {"fbclid": "..."}, "source": "web"
    })
}

async fn the_example_of_the_contract_is_a_lead(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let course = office.course_with(json!({"slug": "marketing-digital", "title": "Marketing digital", "modality": "online"})).await;
    let campaign = office.record("campaigns", json!({"slug": "otono-2026", "name": "Otoño 2026"})).await;
    office.form("web-contacto", &["email_marketing"]).await;

    let answer = adviser.post("/leads", &example("marketing-digital", "otono-2026", "web-contacto")).await;
    let lead = answer.is(201);
    let (id, person) = (text(&lead["id"]), text(&lead["person_id"]));
    assert_eq!(answer.header("Location"), Some(format!("/api/v1/leads/{id}").as_str()));
    let consents = json!([{"purpose": "email_marketing", "state": "pending"}]);
    assert_eq!(lead, json!({"id": id, "status": "new", "person_id": person, "created_at": lead["created_at"], "consents": consents}));

    let list = adviser.get("/leads").await.is(200);
    let item = json!({
        "id": id,
        "person": {"id": person, "name": "Lucía Pérez", "email": "lucia@example.es", "phone": "+34600111222"},
        "course": {"id": course.id, "title": "Marketing digital"},
        "campaign": {"id": campaign.id, "name": "Otoño 2026"},
        "status": "new", "source": "web", "assigned_to": null, "created_at": lead["created_at"], "updated_at": lead["created_at"],
    });
    assert_eq!(list, json!({"items": [item], "next_cursor": null}));

    let read = adviser.get(&format!("/leads/{id}")).await;
    let shown = read.is(200);
    assert_eq!(read.etag(), "\"1\"");
    for (field, expected) in [
        ("message", json!("¿Hay plazas por la tarde?")),
        ("locale", json!("es")),
        ("course_id", json!(course.id)),
        ("campaign_id", json!(campaign.id)),
        ("course_run_id", Json::Null),
        ("person_id", json!(person)),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
}

async fn a_visitor_learns_id_and_status_alone(service: &Service) {
    let office = Office::found(service).await;
    let answer = service.visitor().post(&office.door("/leads"), &merged(someone(), json!({"consents": ["email_marketing"]}))).await;
    let lead = answer.is(201);
    let id = text(&lead["id"]);
    assert_eq!(lead, json!({"id": id, "status": "new"}));
    assert_eq!(answer.header("Location"), Some(format!("/api/v1/leads/{id}").as_str()));
    assert_eq!(office.owner().await.get(&format!("/leads/{id}")).await.is(200)["status"], "new");
    service.visitor().post("/public/no-such-place/leads", &someone()).await.refused(404, "NOT_FOUND");
}

async fn who_asks_again_for_the_same_course_touches_the_open_lead(service: &Service) {
    let office = Office::found(service).await;
    let course = office.course().await;
    let asks = merged(someone(), json!({"course": course.shown["slug"]}));
    let (visitor, owner) = (service.visitor(), office.owner().await);
    let first = visitor.post(&office.door("/leads"), &asks).await.id(201);
    assert_eq!(visitor.post(&office.door("/leads"), &asks).await.is(200), json!({"id": first, "status": "new"}));
    let by_staff = owner.post("/leads", &asks).await.is(200);
    assert_eq!(by_staff["id"], json!(first));
    assert_eq!(office.rows_of(&["people", "leads", "lead_touches"]).await, [1, 1, 3]);

    // It stays the same lead for as long as there is work in it.
    for to in ["contacted", "qualified"] {
        owner.post(&format!("/leads/{first}/transitions"), &json!({"to": to})).await.is(200);
        assert_eq!(visitor.post(&office.door("/leads"), &asks).await.is(200), json!({"id": first, "status": to}));
    }
}

async fn who_asks_for_another_course_or_after_the_end_has_a_new_lead_and_what_came_to_nothing_opens_again(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let (one, other) = (office.course().await, office.course().await);
    let asks = merged(someone(), json!({"course": one.shown["slug"]}));
    let first = owner.post("/leads", &asks).await.is(201);
    let second = owner.post("/leads", &merged(asks.clone(), json!({"course": other.shown["slug"]}))).await.is(201);
    let general = owner.post("/leads", &merged(asks.clone(), json!({"course": null}))).await.is(201);
    owner.post(&format!("/leads/{}/transitions", text(&first["id"])), &json!({"to": "rejected", "reason": "No contesta"})).await.is(200);
    // What came to nothing is open again.
    let again = owner.post("/leads", &asks).await.is(200);
    assert_eq!((&again["id"], &again["status"]), (&first["id"], &json!("new")));
    let reopened = owner.get(&format!("/leads/{}", text(&first["id"]))).await.is(200);
    assert_eq!((&reopened["status"], &reopened["status_reason"], &reopened["responded_at"]), (&json!("new"), &Json::Null, &Json::Null));
    // What became a place, or was never meant, is over.
    let run = office.run_of(&one.id, json!({})).await;
    owner.post(&format!("/leads/{}/convert", text(&first["id"])), &json!({"course_run_id": run.id})).await.is(201);
    let third = owner.post("/leads", &asks).await.is(201);
    owner.post(&format!("/leads/{}/transitions", text(&third["id"])), &json!({"to": "spam"})).await.is(200);
    let fourth = owner.post("/leads", &asks).await.is(201);
    for lead in [&second, &general, &third, &fourth] {
        assert_eq!(lead["person_id"], first["person_id"]);
    }
    assert_eq!(office.rows_of(&["people", "leads"]).await, [1, 5]);
}

async fn an_address_is_the_same_however_it_is_written(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let form = json!({"name": "Ana", "email": "ana@example.es", "phone": "600 111 222", "gdpr_consent": true, "privacy_policy_accepted": true});
    let first = owner.post("/leads", &form).await.is(201);
    owner.post("/leads", &merged(form.clone(), json!({"email": " ANA@EXAMPLE.es ", "phone": null}))).await.is(200);
    owner.post("/leads", &merged(form, json!({"email": null, "phone": "0034-600-111-222"}))).await.is(200);
    let person = owner.get(&format!("/people/{}", text(&first["person_id"]))).await.is(200);
    assert_eq!((&person["email"], &person["phone"]), (&json!("ana@example.es"), &json!("+34600111222")));
    assert_eq!(office.rows("people").await, 1);
}

async fn what_is_not_attested_is_not_taken(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let before = everything(&office).await;
    for (field, code) in [("privacy_policy_accepted", "NOTICE_NOT_ACKNOWLEDGED"), ("gdpr_consent", "INTAKE_ATTESTATION_REQUIRED")] {
        let form = merged(someone(), json!({field: false}));
        for answer in [owner.post("/leads", &form).await, service.visitor().post(&office.door("/leads"), &form).await] {
            answer.refused(422, code);
            assert_eq!(answer.faults(), [(format!("/{field}"), code.to_owned())]);
        }
    }
    assert_eq!(everything(&office).await, before);
}

async fn everything(office: &Office<'_>) -> Vec<i64> {
    office.rows_of(&["people", "person_identifiers", "leads", "lead_touches", "consent_events", "consent_evidence", "outbox", "audit_entries"]).await
}

async fn transition(client: &Client, lead: &str, body: Json) -> matricula_tests::speak::Answer {
    client.post(&format!("/leads/{lead}/transitions"), &body).await
}

async fn a_lead_moves_through_its_lifecycle(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let lead = text(&office.lead(json!({})).await["id"]);
    let mut version = 1;
    for (body, reason) in [
        (json!({"to": "contacted", "note": "Llamar por la tarde"}), Json::Null),
        (json!({"to": "qualified"}), Json::Null),
        (json!({"to": "rejected", "reason": "Prefiere otro centro"}), json!("Prefiere otro centro")),
        (json!({"to": "new"}), Json::Null),
        (json!({"to": "spam"}), Json::Null),
    ] {
        let answer = transition(&adviser, &lead, body.clone()).await;
        let moved = answer.is(200);
        // A note is one more change.
        version += if body["note"].is_null() { 1 } else { 2 };
        assert_eq!((&moved["id"], &moved["status"], &moved["status_reason"]), (&json!(lead), &body["to"], &reason));
        assert_eq!(answer.etag(), format!("\"{version}\""));
        assert_eq!(adviser.get(&format!("/leads/{lead}")).await.is(200)["status"], body["to"]);
    }
}

async fn a_transition_that_is_not_possible_names_those_that_are(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let lead = text(&office.lead(json!({})).await["id"]);
    for to in ["new", "qualified", "converted"] {
        let problem = transition(&adviser, &lead, json!({"to": to})).await.refused(409, "INVALID_TRANSITION");
        assert_eq!(problem["possible"], json!(["contacted", "rejected", "spam"]), "{to}");
    }
    transition(&adviser, &lead, json!({"to": "lost"})).await.refused(422, "VALIDATION_FAILED");
    let nobody = Uuid::from_u128(7).to_string();
    transition(&adviser, &nobody, json!({"to": "contacted"})).await.refused(404, "NOT_FOUND");
}

async fn a_rejection_needs_a_reason(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let lead = text(&office.lead(json!({})).await["id"]);
    transition(&adviser, &lead, json!({"to": "rejected"})).await.refused(422, "REASON_REQUIRED");
    assert_eq!(
        transition(&adviser, &lead, json!({"to": "rejected", "reason": "  "})).await.faults(),
        [("/reason".to_owned(), "REQUIRED".to_owned())]
    );
    assert_eq!(adviser.get(&format!("/leads/{lead}")).await.is(200)["status"], "new");
}

async fn a_lead_is_changed_by_who_saw_it_last(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let (course, lead) = (office.course().await, text(&office.lead(json!({"message": "Hola"})).await["id"]));
    let path = format!("/leads/{lead}");
    let seen = adviser.get(&path).await.etag().to_owned();
    let answer = adviser.patch(&path, &seen, &json!({"course_id": course.id, "message": null, "source": "feria"})).await;
    let changed = answer.is(200);
    assert_eq!((&changed["course_id"], &changed["message"], &changed["source"]), (&json!(course.id), &Json::Null, &json!("feria")));
    assert_ne!(answer.etag(), seen);
    adviser.patch(&path, &seen, &json!({"source": "web"})).await.refused(412, "STALE");
    assert_eq!(adviser.get(&path).await.is(200)["source"], "feria");

    // What is no field of a lead that people change is not known, and what names nothing here is refused.
    let answer = adviser.patch(&path, "*", &json!({"status": "converted", "course_id": Uuid::from_u128(7)})).await;
    assert_eq!(answer.faults(), [("/status".to_owned(), "UNKNOWN_FIELD".to_owned())]);
    let answer = adviser.patch(&path, "*", &json!({"course_id": Uuid::from_u128(7)})).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
}

async fn a_lead_is_given_to_somebody_who_works_here(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let manager = office.client(Role::Manager).await;
    let (adviser, stranger) = (office.user(Role::Adviser).await, other.user(Role::Adviser).await);
    let path = format!("/leads/{}/assign", text(&office.lead(json!({})).await["id"]));
    assert_eq!(manager.post(&path, &json!({"user_id": adviser})).await.is(200)["assigned_to"], json!(adviser));
    assert_eq!(each(&manager.get(&format!("/leads?assigned_to={adviser}")).await.is(200), "assigned_to"), [json!(adviser)]);
    for nobody in [stranger, Uuid::from_u128(7)] {
        let answer = manager.post(&path, &json!({"user_id": nobody})).await;
        assert_eq!(answer.faults(), [("/user_id".to_owned(), "NOT_FOUND".to_owned())]);
    }
    assert_eq!(manager.post(&path, &json!({"user_id": null})).await.is(200)["assigned_to"], Json::Null);
}

async fn convert(client: &Client, lead: &str, run: &str) -> matricula_tests::speak::Answer {
    client.post(&format!("/leads/{lead}/convert"), &json!({"course_run_id": run})).await
}

async fn a_lead_becomes_a_place(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let (run, lead) = (office.run(3).await, office.lead(json!({})).await);
    let id = text(&lead["id"]);
    let answer = convert(&adviser, &id, &run.id).await;
    let both = answer.is(201);
    let enrollment = text(&both["enrollment"]["id"]);
    assert_eq!(answer.header("Location"), Some(format!("/api/v1/enrollments/{enrollment}").as_str()));
    assert_eq!((&both["lead"]["id"], &both["lead"]["status"], &both["lead"]["enrollment_id"]), (&json!(id), &json!("converted"), &json!(enrollment)));
    for (field, expected) in
        [("course_run_id", json!(run.id)), ("person_id", lead["person_id"].clone()), ("status", json!("active")), ("attempt", json!(1))]
    {
        assert_eq!(both["enrollment"][field], expected, "{field}");
    }
    assert_eq!(adviser.get(&format!("/enrollments/{enrollment}")).await.is(200)["status"], "active");
    assert_eq!(adviser.get(&format!("/course-runs/{}", run.id)).await.is(200)["seats"]["taken"], 1);
}

async fn a_conversion_into_a_full_run_leaves_lead_and_run_alone(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let run = office.run(1).await;
    let [first, second] = [office.lead(json!({})).await, office.lead(json!({})).await].map(|lead| text(&lead["id"]));
    convert(&adviser, &first, &run.id).await.is(201);
    let before = office.rows_of(&["enrollments", "audit_entries", "outbox"]).await;
    convert(&adviser, &second, &run.id).await.refused(409, "RUN_FULL");
    assert_eq!(office.rows_of(&["enrollments", "audit_entries", "outbox"]).await, before);
    let lead = adviser.get(&format!("/leads/{second}")).await.is(200);
    assert_eq!((&lead["status"], &lead["enrollment_id"]), (&json!("new"), &Json::Null));
    let answer = convert(&adviser, &second, &Uuid::from_u128(7).to_string()).await;
    assert_eq!(answer.faults(), [("/course_run_id".to_owned(), "NOT_FOUND".to_owned())]);
}

async fn of_ten_conversions_into_the_last_seat_one_goes_well(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let run = office.run(1).await;
    let mut leads = Vec::new();
    for _ in 0..10 {
        leads.push(text(&office.lead(json!({})).await["id"]));
    }
    let answers = futures_util::future::join_all(leads.iter().map(|lead| convert(&adviser, lead, &run.id))).await;
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        lost.refused(409, "RUN_FULL");
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(each(&adviser.get("/leads?status=converted").await.is(200), "status").len(), 1);
    assert_eq!(office.rows("enrollments").await, 1);
}

async fn a_converted_lead_is_not_converted_again(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let (run, other) = (office.run(5).await, office.run(5).await);
    let lead = office.lead(json!({})).await;
    let id = text(&lead["id"]);
    convert(&adviser, &id, &run.id).await.is(201);
    let problem = convert(&adviser, &id, &other.id).await.refused(409, "INVALID_TRANSITION");
    assert_eq!(problem["possible"], json!([]));
    // The same person, with another lead, has a place in that run already.
    let course = office.course().await;
    let Made { shown: person, .. } = Made::of(&adviser.get(&format!("/people/{}", text(&lead["person_id"]))).await, 200);
    let again = office.lead(json!({"email": person["email"], "course": course.shown["slug"]})).await;
    convert(&adviser, &text(&again["id"]), &run.id).await.refused(409, "ALREADY_ENROLLED");
}

async fn the_lead_of_somebody_restricted_is_not_touched(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let form = someone();
    let lead = adviser.post("/leads", &form).await.is(201);
    let run = office.run(5).await;
    let person: Uuid = text(&lead["person_id"]).parse().unwrap();
    service.db.raw.execute("UPDATE people SET state = 'restricted' WHERE id = $1", [person.into()]).await;
    adviser.post("/leads", &form).await.refused(423, "RESTRICTED");
    convert(&adviser, &text(&lead["id"]), &run.id).await.refused(423, "RESTRICTED");
    adviser.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person_id": person})).await.refused(423, "RESTRICTED");
    adviser.post(&format!("/course-runs/{}/holds", run.id), &json!({"person_id": person})).await.refused(423, "RESTRICTED");
    assert_eq!(office.rows_of(&["leads", "enrollments", "seat_holds"]).await, [1, 0, 0]);
}
