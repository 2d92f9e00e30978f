//! Records of every kind: cycles, campuses, campaigns.

use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::{at_once, each, text};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Made, Office, merged};

over_http! {
    a_record_is_created_and_shown_with_all_its_fields,
    a_record_is_changed_by_who_saw_it_last,
    a_record_is_hidden_and_comes_back,
    a_slug_belongs_to_one_record_that_is_not_hidden,
    records_are_filtered_and_in_their_order,
    everything_wrong_with_a_record_is_told_at_once,
}

const KINDS: [&str; 3] = ["cycles", "campuses", "campaigns"];

/// A record with every field.
fn whole(kind: &str) -> Json {
    match kind {
        "cycles" => {
            json!({"slug": "dam", "name": "DAM", "description": "Aplicaciones\nmultiplataforma", "level": "grado_superior", "order_display": 3})
        }
        "campuses" => json!({
            "slug": "las-palmas", "name": "Las Palmas", "city": "Las Palmas de Gran Canaria", "address": "Calle Triana 1", "postal_code": "35002",
            "phone": "+34928000111", "email": "laspalmas@example.es", "maps_url": "https://maps.example.es/?q=triana", "time_zone": "Atlantic/Canary",
        }),
        _ => json!({
            "slug": "otono-2026", "name": "Otoño 2026", "description": "Vuelta al cole", "platform": "google_ads", "budget": {"amount": 250_000, "currency": "EUR"},
            "start_date": "2026-09-01", "end_date": "2026-10-31", "target_audience": {"ages": [18, 30], "interests": ["fp"]}, "conversion_goal": "matricula",
            "status": "draft",
        }),
    }
}

async fn a_record_is_created_and_shown_with_all_its_fields(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for kind in KINDS {
        let answer = owner.post(&format!("/{kind}"), &whole(kind)).await;
        let made = Made::of(&answer, 201);
        let path = format!("/{kind}/{}", made.id);
        assert_eq!(answer.header("Location"), Some(format!("/api/v1{path}").as_str()));
        let created_at = &made.shown["created_at"];
        let beside = json!({"id": made.id, "archived_at": null, "created_at": created_at, "updated_at": created_at});
        assert_eq!(made.shown, merged(whole(kind), beside));
        let read = owner.get(&path).await;
        assert_eq!((read.is(200), read.etag()), (made.shown.clone(), "\"1\""));
        assert_eq!(owner.get(&format!("/{kind}")).await.is(200), json!({"items": [made.shown], "next_cursor": null}));
        owner.get(&format!("/{kind}/{}", Uuid::from_u128(7))).await.refused(404, "NOT_FOUND");
        owner.get(&format!("/{kind}/no-id")).await.refused(404, "NOT_FOUND");
    }
}

async fn a_record_is_changed_by_who_saw_it_last(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for kind in KINDS {
        let made = Made::of(&owner.post(&format!("/{kind}"), &whole(kind)).await, 201);
        let path = format!("/{kind}/{}", made.id);
        let optional = if kind == "campuses" { "address" } else { "description" };
        let changed = Made::of(&owner.patch(&path, &made.etag, &json!({"name": "Otro nombre", optional: null})).await, 200);
        assert_eq!((&changed.shown["name"], &changed.shown[optional], changed.etag.as_str()), (&json!("Otro nombre"), &Json::Null, "\"2\""));
        owner.patch(&path, &made.etag, &json!({"name": "Tarde"})).await.refused(412, "STALE");
        let without = owner.call("PATCH", &format!("/api/v1{path}")).json(&json!({"name": "Sin ver"})).await;
        without.refused(428, "IF_MATCH_REQUIRED");
        for tag in ["2", "W/\"2\"", "\"x\"", "\"\""] {
            owner.patch(&path, tag, &json!({"name": "Raro"})).await.refused(412, "STALE");
        }
        assert_eq!(owner.get(&path).await.is(200)["name"], "Otro nombre");
        assert_eq!(owner.patch(&path, &changed.etag, &json!({"name": null})).await.faults(), [("/name".to_owned(), "REQUIRED".to_owned())]);
        assert_eq!(owner.patch(&path, "*", &json!({})).await.is(200)["name"], "Otro nombre");
    }
}

async fn a_record_is_hidden_and_comes_back(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for kind in KINDS {
        let made = office.record(kind, json!({})).await;
        let path = format!("/{kind}/{}", made.id);
        owner.act(&format!("{path}/restore")).await.refused(409, "ALREADY_SO");
        let hidden = owner.act(&format!("{path}/archive")).await.is(200);
        assert!(hidden["archived_at"].is_string(), "{hidden}");
        owner.act(&format!("{path}/archive")).await.refused(409, "ALREADY_SO");
        assert_eq!(each(&owner.get(&format!("/{kind}")).await.is(200), "id"), Vec::<Json>::new());
        assert_eq!(each(&owner.get(&format!("/{kind}?archived=true")).await.is(200), "id"), [json!(made.id)]);
        let back = owner.act(&format!("{path}/restore")).await.is(200);
        assert_eq!(merged(back, json!({"updated_at": null})), merged(made.shown, json!({"updated_at": null})));
        assert_eq!(each(&owner.get(&format!("/{kind}")).await.is(200), "id"), [json!(made.id)]);
        owner.act(&format!("/{kind}/{}/archive", Uuid::from_u128(7))).await.refused(404, "NOT_FOUND");
    }
}

async fn a_slug_belongs_to_one_record_that_is_not_hidden(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let owner = office.owner().await;
    for kind in KINDS {
        let first = Made::of(&owner.post(&format!("/{kind}"), &whole(kind)).await, 201);
        let answer = owner.post(&format!("/{kind}"), &whole(kind)).await;
        answer.refused(422, "SLUG_TAKEN");
        assert_eq!(answer.faults(), [("/slug".to_owned(), "SLUG_TAKEN".to_owned())]);
        let second = office.record(kind, json!({})).await;
        owner.patch(&format!("/{kind}/{}", second.id), &second.etag, &json!({"slug": first.shown["slug"]})).await.refused(422, "SLUG_TAKEN");
        // Another organization has slugs of its own.
        other.owner().await.post(&format!("/{kind}"), &whole(kind)).await.is(201);
        // What is hidden gives its slug away, and does not get it back while somebody has it.
        owner.act(&format!("/{kind}/{}/archive", first.id)).await.is(200);
        owner.post(&format!("/{kind}"), &whole(kind)).await.is(201);
        owner.act(&format!("/{kind}/{}/restore", first.id)).await.refused(422, "SLUG_TAKEN");
    }
    // Of twenty who want the same slug at once, one gets it.
    let wanted = whole("cycles");
    let wanted = merged(wanted, json!({"slug": "el-mismo"}));
    let answers = at_once((0..20).map(|_| owner.post("/cycles", &wanted))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        lost.refused(422, "SLUG_TAKEN");
    }
}

async fn records_are_filtered_and_in_their_order(service: &Service) {
    let office = Office::found(service).await;
    let viewer = office.client(Role::Viewer).await;
    let mut cycles = Vec::new();
    for (order, level) in [(2, "grado_medio"), (1, "grado_superior"), (3, "grado_medio")] {
        cycles.push(office.record("cycles", json!({"order_display": order, "level": level})).await.id);
    }
    for (query, expected) in
        [("", vec![&cycles[1], &cycles[0], &cycles[2]]), ("?level=grado_medio", vec![&cycles[0], &cycles[2]]), ("?level=fp_basica", vec![])]
    {
        let found = each(&viewer.get(&format!("/cycles{query}")).await.is(200), "id");
        assert_eq!(found.iter().map(text).collect::<Vec<_>>().iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let sevilla = office.record("campuses", json!({"name": "A", "city": "Sevilla"})).await.id;
    office.record("campuses", json!({"name": "B", "city": "Cádiz"})).await;
    assert_eq!(each(&viewer.get("/campuses?city=Sevilla").await.is(200), "id"), [json!(sevilla)]);
    office.record("campaigns", json!({"status": "paused", "platform": "email"})).await;
    let running = office.record("campaigns", json!({"status": "active", "platform": "email"})).await.id;
    assert_eq!(each(&viewer.get("/campaigns?status=active&platform=email").await.is(200), "id"), [json!(running)]);
    for (query, pointer, code) in [
        ("/cycles?level=alto", "/level", "NOT_A_CHOICE"),
        ("/cycles?name=DAM", "/name", "UNKNOWN_FIELD"),
        ("/campuses?archived=yes", "/archived", "WRONG_TYPE"),
        ("/campaigns?status=active&status=draft", "/status", "DUPLICATE"),
    ] {
        assert_eq!(viewer.get(query).await.faults(), [(pointer.to_owned(), code.to_owned())], "{query}");
    }
}

async fn everything_wrong_with_a_record_is_told_at_once(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let wrong = json!({
        "slug": "Otoño", "name": "", "platform": "tv", "budget": {"amount": -1, "currency": "euros"}, "start_date": "2026-02-30", "end_date": 20_260_101,
        "target_audience": [], "colour": "red",
    });
    let answer = owner.post("/campaigns", &wrong).await;
    let faults: Vec<_> = answer.faults().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
    assert_eq!(
        faults,
        [
            "/colour UNKNOWN_FIELD",
            "/slug NOT_A_SLUG",
            "/name REQUIRED",
            "/platform NOT_A_CHOICE",
            "/budget/amount OUT_OF_RANGE",
            "/budget/currency NOT_A_CURRENCY",
            "/start_date NOT_A_DATE",
            "/end_date WRONG_TYPE",
            "/target_audience WRONG_TYPE",
            "/status REQUIRED",
        ]
    );
    let backwards = merged(whole("campaigns"), json!({"end_date": "2026-08-31"}));
    assert_eq!(owner.post("/campaigns", &backwards).await.faults(), [("/end_date".to_owned(), "END_BEFORE_START".to_owned())]);
    assert_eq!(owner.post("/campuses", &merged(whole("campuses"), json!({"time_zone": "Europe/Sevilla"}))).await.faults()[0].1, "NOT_A_TIME_ZONE");
    assert_eq!(office.rows_of(&["campaigns", "campuses"]).await, [0, 0]);
}
