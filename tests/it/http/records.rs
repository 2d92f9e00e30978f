//! Records: what holds for every kind is asked of every kind.

use matricula_domain::identity::Role;
use matricula_domain::shared::Kind;
use matricula_tests::program::Service;
use matricula_tests::records::{Extent, kind, references};
use matricula_tests::speak::{at_once, each, text};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Made, Office, merged, path_of};

over_http! {
    a_record_is_created_and_shown_with_all_its_fields,
    a_record_is_changed_by_who_saw_it_last,
    a_record_is_hidden_and_comes_back,
    what_only_one_may_have_belongs_to_one_that_is_not_hidden,
    what_a_record_refers_to_is_there,
    records_are_filtered_and_in_their_order,
    a_record_goes_from_state_to_state_by_its_ways,
    everything_wrong_with_a_record_is_told_at_once,
}

async fn a_record_is_created_and_shown_with_all_its_fields(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for kind in matricula_web::kinds() {
        let (kind, whole) = (path_of(kind.schema), office.example(kind.schema, Extent::Whole).await);
        let before = each(&owner.get(&kind).await.is(200), "id").len();
        let answer = owner.post(&kind, &whole).await;
        let made = Made::of(&answer, 201);
        let path = format!("{kind}/{}", made.id);
        assert_eq!(answer.header("Location"), Some(format!("/api/v1{path}").as_str()));
        let created_at = &made.shown["created_at"];
        let beside = json!({"id": made.id, "archived_at": null, "created_at": created_at, "updated_at": created_at});
        assert_eq!(made.shown, merged(whole, beside));
        let read = owner.get(&path).await;
        assert_eq!((read.is(200), read.etag()), (made.shown.clone(), "\"1\""));
        let listed = owner.get(&kind).await.is(200);
        assert_eq!(each(&listed, "id").len(), before + 1);
        assert!(listed["items"].as_array().unwrap().contains(&made.shown), "{listed}");
        owner.get(&format!("{kind}/{}", Uuid::from_u128(7))).await.refused(404, "NOT_FOUND");
        owner.get(&format!("{kind}/no-id")).await.refused(404, "NOT_FOUND");
    }
}

async fn a_record_is_changed_by_who_saw_it_last(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for kind in matricula_web::kinds() {
        let made = Made::of(&owner.post(&path_of(kind.schema), &office.example(kind.schema, Extent::Whole).await).await, 201);
        let path = format!("{}/{}", path_of(kind.schema), made.id);
        // What can be left out is cleared, what cannot be becomes what another one has.
        let mut patch = office.example(kind.schema, Extent::Least).await;
        for field in kind.schema.fields.iter().filter(|field| !field.required && !matches!(field.kind, Kind::List(..) | Kind::Boolean)) {
            patch[field.name] = Json::Null;
        }
        let changed = Made::of(&owner.patch(&path, &made.etag, &patch).await, 200);
        let untouched = merged(made.shown, json!({"updated_at": changed.shown["updated_at"]}));
        assert_eq!((&changed.shown, changed.etag.as_str()), (&merged(untouched, patch.clone()), "\"2\""));
        owner.patch(&path, &made.etag, &patch).await.refused(412, "STALE");
        owner.call("PATCH", &format!("/api/v1{path}")).json(&patch).await.refused(428, "IF_MATCH_REQUIRED");
        for tag in ["2", "W/\"2\"", "\"x\"", "\"\""] {
            owner.patch(&path, tag, &patch).await.refused(412, "STALE");
        }
        assert_eq!(owner.get(&path).await.is(200), changed.shown);
        for field in kind.schema.fields.iter().filter(|field| field.required) {
            let faults = owner.patch(&path, &changed.etag, &json!({field.name: null})).await.faults();
            assert_eq!(faults, [(format!("/{}", field.name), "REQUIRED".to_owned())]);
        }
        owner.patch(&path, "*", &json!({})).await.is(200);
    }
}

async fn a_record_is_hidden_and_comes_back(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for kind in matricula_web::kinds() {
        let (many, kind) = (kind.schema.noun.many, path_of(kind.schema));
        let made = office.record(many, json!({})).await;
        let path = format!("{kind}/{}", made.id);
        let listed = async |query: &str| each(&owner.get(&format!("{kind}{query}")).await.is(200), "id").contains(&json!(made.id));
        owner.act(&format!("{path}/restore")).await.refused(409, "ALREADY_SO");
        let hidden = owner.act(&format!("{path}/archive")).await.is(200);
        assert!(hidden["archived_at"].is_string(), "{hidden}");
        owner.act(&format!("{path}/archive")).await.refused(409, "ALREADY_SO");
        assert_eq!((listed("").await, listed("?archived=true").await), (false, true));
        let back = owner.act(&format!("{path}/restore")).await.is(200);
        assert_eq!(merged(back, json!({"updated_at": null})), merged(made.shown.clone(), json!({"updated_at": null})));
        assert_eq!((listed("").await, listed("?archived=true").await), (true, false));
        owner.act(&format!("{kind}/{}/archive", Uuid::from_u128(7))).await.refused(404, "NOT_FOUND");
    }
}

async fn what_only_one_may_have_belongs_to_one_that_is_not_hidden(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let owner = office.owner().await;
    for kind in matricula_web::kinds() {
        let Some(unique) = kind.schema.unique.first() else { continue };
        let (code, kind, schema) = (if *unique == "slug" { "SLUG_TAKEN" } else { "TAKEN" }, path_of(kind.schema), kind.schema);
        let wanted = office.example(schema, Extent::Least).await;
        let first = Made::of(&owner.post(&kind, &wanted).await, 201);
        let answer = owner.post(&kind, &wanted).await;
        answer.refused(422, code);
        assert_eq!(answer.faults(), [(format!("/{unique}"), code.to_owned())]);
        let second = office.record(schema.noun.many, json!({})).await;
        owner.patch(&format!("{kind}/{}", second.id), &second.etag, &json!({*unique: wanted[*unique]})).await.refused(422, code);
        // Another organization has its own.
        other.record(schema.noun.many, json!({*unique: wanted[*unique]})).await;
        // What is hidden gives it away, and does not get it back while somebody has it.
        owner.act(&format!("{kind}/{}/archive", first.id)).await.is(200);
        owner.post(&kind, &wanted).await.is(201);
        owner.act(&format!("{kind}/{}/restore", first.id)).await.refused(422, code);
    }
    // Of twenty who want the same slug at once, one gets it.
    let wanted = merged(office.example(kind("cycles"), Extent::Whole).await, json!({"slug": "el-mismo"}));
    let answers = at_once((0..20).map(|_| owner.post("/cycles", &wanted))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        lost.refused(422, "SLUG_TAKEN");
    }
}

async fn what_a_record_refers_to_is_there(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let owner = office.owner().await;
    for kind in matricula_web::kinds() {
        for (field, noun) in references(kind.schema, Extent::Whole) {
            let fine = office.example(kind.schema, Extent::Whole).await;
            let foreign = other.record(noun.many, json!({})).await.id;
            for id in [Uuid::from_u128(7).to_string(), foreign] {
                let faults = owner.post(&path_of(kind.schema), &merged(fine.clone(), json!({field: id}))).await.faults();
                assert_eq!(faults, [(format!("/{field}"), "NOT_FOUND".to_owned())], "{}", kind.schema.noun.many);
            }
        }
    }
}

async fn a_record_goes_from_state_to_state_by_its_ways(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let mut asked = 0;
    for (schema, lifecycle) in matricula_web::kinds().into_iter().filter_map(|kind| Some((kind.schema, kind.schema.lifecycle?))) {
        for (from, ways) in lifecycle.ways {
            for to in lifecycle.ways.iter().map(|(state, _)| state) {
                let made = office.record(schema.noun.many, json!({lifecycle.field: from})).await;
                let path = format!("{}/{}", path_of(schema), made.id);
                let (is_way, version) = (ways.contains(to), if from == to { &"changed" } else { to });
                let answer = owner.post(&format!("{path}/transitions"), &json!({"to": to})).await;
                // A patch goes the same ways; one that names the state in which it is says nothing new.
                let other = office.record(schema.noun.many, json!({lifecycle.field: from})).await;
                let patched = owner.patch(&format!("{}/{}", path_of(schema), other.id), "*", &json!({lifecycle.field: to})).await;
                if is_way {
                    assert_eq!(answer.is(200)[lifecycle.field], json!(to));
                } else {
                    answer.refused(409, "INVALID_TRANSITION");
                    assert_eq!(answer.json()["possible"], json!(ways), "{from} to {to}");
                    assert_eq!(owner.get(&path).await.is(200)[lifecycle.field], json!(from));
                }
                if is_way || from == to {
                    patched.is(200);
                    let told = owner.get(&format!("/audit/entries?entity_id={}", other.id)).await.is(200);
                    assert!(each(&told, "action").contains(&json!(format!("{}.{version}", schema.noun.one))), "{told}");
                } else {
                    patched.refused(409, "INVALID_TRANSITION");
                }
                asked += 1;
            }
        }
        let made = office.record(schema.noun.many, json!({})).await;
        let path = format!("{}/{}/transitions", path_of(schema), made.id);
        for (body, pointer, code) in [
            (json!({}), "/to", "REQUIRED"),
            (json!({"to": "nowhere"}), "/to", "NOT_A_CHOICE"),
            (json!({"to": 1}), "/to", "WRONG_TYPE"),
            (json!({"to": lifecycle.ways[0].1[0], "why": "x"}), "/why", "UNKNOWN_FIELD"),
        ] {
            assert_eq!(owner.post(&path, &body).await.faults(), [(pointer.to_owned(), code.to_owned())]);
        }
    }
    assert!(asked >= 16, "no kind has states");
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
    let campaign = office.example(kind("campaigns"), Extent::Whole).await;
    let campus = office.example(kind("campuses"), Extent::Whole).await;
    let backwards = merged(campaign, json!({"start_date": "2026-09-01", "end_date": "2026-08-31"}));
    assert_eq!(owner.post("/campaigns", &backwards).await.faults(), [("/end_date".to_owned(), "END_BEFORE_START".to_owned())]);
    assert_eq!(owner.post("/campuses", &merged(campus, json!({"time_zone": "Europe/Sevilla"}))).await.faults()[0].1, "NOT_A_TIME_ZONE");
    assert_eq!(office.rows_of(&["campaigns", "campuses"]).await, [0, 0]);
}
