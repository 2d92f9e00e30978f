//! Consent: the cases of `privacy.md` that reach the HTTP API, the ledger, permission.

use matricula_domain::identity::{OrganizationId, Role};
use matricula_domain::people::PersonId;
use matricula_domain::privacy::{Attestation, Evidence};
use matricula_domain::shared::{Id as _, Instant};
use matricula_ports::{Actor, PortError, Scope, transact};
use matricula_tests::program::Service;
use matricula_tests::speak::{Answer, Client, each, text};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::office::{Office, merged, someone};

over_http_alone! {
    d01_a_submitted_form_is_on_record_with_its_proof,
    d16_the_age_of_consent_is_that_of_the_day,
    d18_a_material_text_asks_again_for_its_purpose_alone,
    d19_a_consent_of_former_times_allows_nothing,
    permission_is_asked_as_of_any_moment,
}

over_http! {
    d02_a_pre_ticked_box_is_not_published,
    d03_a_marketing_box_is_neither_required_nor_needed,
    d04_a_box_decides_one_purpose,
    d05_without_notice_or_attestation_nothing_stays,
    a_form_shows_texts_that_are_published,
    a_text_is_published_once_and_for_all,
    what_somebody_decided_is_recorded_once,
    what_somebody_took_back_is_theirs_alone_to_give,
    whoever_says_that_they_are_a_child_needs_a_guardian,
    the_ledger_says_what_holds,
    a_ledger_is_nobodys_but_its_organization_s,
}

/// The ledger's entries of somebody: `purpose action`.
async fn entries(client: &Client, person: &str) -> Vec<String> {
    let ledger = client.get(&format!("/people/{person}/consents")).await.is(200);
    each(&ledger, "purpose").iter().zip(each(&ledger, "action")).map(|(purpose, action)| format!("{} {}", text(purpose), text(&action))).collect()
}

async fn decide(client: &Client, person: &str, purpose: &str, action: &str) -> Answer {
    client.post(&format!("/people/{person}/consents"), &json!({"purpose": purpose, "action": action, "channel": "phone"})).await
}

/// Decision and reason, asked by a client, at a moment or now.
async fn verdict(client: &Client, person: &str, purpose: &str, at: &str) -> String {
    let mut pairs = vec![("person_id", person), ("purpose", purpose)];
    if !at.is_empty() {
        pairs.push(("at", at));
    }
    let verdict = client.get("/permission").query(&pairs).await.is(200);
    format!("{} {}", text(&verdict["decision"]), text(&verdict["reason"]))
}

async fn d01_a_submitted_form_is_on_record_with_its_proof(service: &Service) {
    let office = Office::found(service).await;
    office.form("web-contacto", &["email_marketing"]).await;
    office.form("web-contacto", &["email_marketing", "phone_marketing"]).await;
    let (notice, label) = ("Responsable: el centro.\r\nFinalidad: responderte.", "Quiero recibir noticias por correo");
    let notice_id = office.text(json!({"kind": "notice", "body": notice})).await.id;
    let label_id = office.text(json!({"purpose": "email_marketing", "body": label})).await.id;
    let boxes = json!([{"purposes": ["email_marketing"], "text_id": label_id, "default": false, "required": false}]);
    let v3 = json!({"title": "Contacto", "fields": ["name", "email"], "boxes": boxes, "notice_text_id": notice_id});
    let v3 = office.owner().await.post("/forms/web-contacto/versions", &v3).await.is(201);
    assert_eq!(v3["number"], 3);

    assert_eq!(service.now(), "2026-03-01T10:00:00Z".parse::<Instant>().unwrap());
    let form = merged(someone(), json!({"form": "web-contacto", "consents": ["email_marketing"]}));
    let visitor = service.visitor().at("203.0.113.7");
    let lead = visitor.post(&office.door("/leads"), &form).header("User-Agent", "X").await.id(201);
    let dpo = office.client(Role::Dpo).await;
    let person = text(&dpo.get(&format!("/leads/{lead}")).await.is(200)["person_id"]);
    let ledger = dpo.get(&format!("/people/{person}/consents")).await.is(200);
    let [shown, granted] = &ledger["items"].as_array().unwrap()[..] else { panic!("{ledger}") };
    assert_eq!((&shown["action"], &granted["action"]), (&json!("NOTICE_SHOWN"), &json!("GRANTED")));
    assert_eq!((&shown["purpose"], &granted["purpose"]), (&json!("lead_enquiry"), &json!("email_marketing")));
    for (entry, text_id, wording) in [(shown, &notice_id, notice.replace("\r\n", "\n")), (granted, &label_id, label.to_owned())] {
        let sha256 = Sha256::digest(wording.as_bytes()).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert_eq!((&entry["form_version_id"], &entry["text_id"], &entry["wording_sha256"]), (&v3["id"], &json!(text_id), &json!(sha256)));
        assert_eq!((&entry["at"], &entry["actor"], &entry["channel"]), (&json!("2026-03-01T10:00:00Z"), &json!("subject"), &json!("web")));
        assert_eq!((entry["evidence_id"].is_string(), &entry["evidence_id"]), (true, &shown["evidence_id"]));
    }
    assert_eq!(verdict(&dpo, &person, "email_marketing", "").await, "DENY DOI_PENDING");

    // The circumstances are there, and sealed: nobody reads an address in a table.
    assert_eq!(office.rows("consent_evidence").await, 1);
    assert_eq!(service.db.raw.hits(&["203.0.113.7".into()]).await, Vec::<String>::new());
    let before = service.db.raw.dump("consent_events").await;
    for statement in ["UPDATE consent_events SET purpose = 'x'", "DELETE FROM consent_events"] {
        assert!(service.db.raw.refusal(statement).await.contains("append-only"), "{statement}");
    }
    if service.db.is_postgres() {
        assert!(service.db.raw.refusal("TRUNCATE consent_events").await.contains("append-only"));
    }
    assert_eq!(service.db.raw.dump("consent_events").await, before);
}

/// A form with one box, and what is said of it.
async fn publish(office: &Office<'_>, one: Json) -> Answer {
    let notice = office.text(json!({"kind": "notice"})).await.id;
    let label = office.text(json!({"purpose": "email_marketing"})).await.id;
    let usual = json!({"purposes": ["email_marketing"], "text_id": label, "default": false, "required": false});
    let form = json!({"title": "Contacto", "fields": ["name"], "boxes": [merged(usual, one)], "notice_text_id": notice});
    office.client(Role::Marketing).await.post("/forms/contacto/versions", &form).await
}

async fn is_not_published(office: &Office<'_>, one: Json, code: &str, field: &str) {
    let answer = publish(office, one).await;
    answer.refused(422, code);
    assert_eq!(answer.faults(), [(format!("/boxes/0/{field}"), code.to_owned())]);
    assert_eq!(office.rows_of(&["forms", "form_versions"]).await, [0, 0]);
}

async fn d02_a_pre_ticked_box_is_not_published(service: &Service) {
    is_not_published(&Office::found(service).await, json!({"default": true}), "FORM_PRETICKED_CONSENT", "default").await;
}

async fn d03_a_marketing_box_is_neither_required_nor_needed(service: &Service) {
    let office = Office::found(service).await;
    is_not_published(&office, json!({"required": true}), "CONSENT_BUNDLED", "required").await;
    publish(&office, json!({})).await.is(201);
    let left_empty = merged(someone(), json!({"form": "contacto", "consents": []}));
    let lead = service.visitor().post(&office.door("/leads"), &left_empty).await.id(201);
    let dpo = office.client(Role::Dpo).await;
    let person = text(&dpo.get(&format!("/leads/{lead}")).await.is(200)["person_id"]);
    assert_eq!(verdict(&dpo, &person, "email_marketing", "").await, "DENY NO_CONSENT");
    let enquiry = dpo.get(&format!("/permission?person_id={person}&purpose=lead_enquiry")).await.is(200);
    assert_eq!((&enquiry["decision"], &enquiry["basis"], &enquiry["reason"]), (&json!("ALLOW"), &json!("pre_contract"), &json!("PRE_CONTRACT")));
    assert!(enquiry["evidence_id"].is_string(), "{enquiry}");
}

async fn d04_a_box_decides_one_purpose(service: &Service) {
    let two = json!({"purposes": ["email_marketing", "sms_marketing"]});
    is_not_published(&Office::found(service).await, two, "CONSENT_NOT_GRANULAR", "purposes").await;
    is_not_published(&Office::found(service).await, json!({"purposes": []}), "CONSENT_NOT_GRANULAR", "purposes").await;
    is_not_published(&Office::found(service).await, json!({"purposes": ["billing"]}), "NOT_A_CONSENT_PURPOSE", "purposes").await;
}

async fn d05_without_notice_or_attestation_nothing_stays(service: &Service) {
    let office = Office::found(service).await;
    let canary = service.unique("qx7canary");
    let tables = ["people", "person_identifiers", "leads", "lead_touches", "consent_events", "consent_evidence", "outbox", "idempotency_keys"];
    office.owner().await;
    let before = office.rows_of(&tables).await;
    let form = merged(someone(), json!({"name": canary, "email": format!("{canary}@example.es"), "consents": ["email_marketing"]}));
    for (field, code) in [("privacy_policy_accepted", "NOTICE_NOT_ACKNOWLEDGED"), ("gdpr_consent", "INTAKE_ATTESTATION_REQUIRED")] {
        for client in [service.visitor(), office.owner().await] {
            for path in [office.door("/leads"), "/leads".to_owned()] {
                let answer = client.post(&path, &merged(form.clone(), json!({field: false}))).key(&canary).await;
                if answer.status != 401 {
                    answer.refused(422, code);
                }
                assert!(!answer.text.contains(&canary), "{}", answer.text);
            }
        }
    }
    assert_eq!(office.rows_of(&tables).await, before);
    assert_eq!(service.db.raw.hits(&[canary.into()]).await, Vec::<String>::new());
}

async fn d16_the_age_of_consent_is_that_of_the_day(service: &Service) {
    let office = Office::found(service).await;
    let person = office.person().await;
    let id: Uuid = person.parse().unwrap();
    service.db.raw.execute("UPDATE people SET birth_date = $1 WHERE id = $2", [birth_date("2012-11-21"), id.into()]).await;

    // Midnight comes at 23:00Z in Madrid.
    service.it_is("2026-11-20T22:59:00Z");
    let adviser = office.sign_in(Role::Adviser).await;
    decide(&adviser, &person, "phone_marketing", "GRANTED").await.refused(422, "GUARDIAN_REQUIRED");
    assert_eq!(verdict(&adviser, &person, "phone_marketing", "").await, "DENY GUARDIAN_REQUIRED");
    service.it_is("2026-11-20T23:00:00Z");
    assert_eq!(decide(&adviser, &person, "phone_marketing", "GRANTED").await.is(201)["state"], "granted");
    assert_eq!(verdict(&adviser, &person, "phone_marketing", "").await, "ALLOW CONSENT");

    let rule = "INSERT INTO age_limits (organization_id, id, country, effective_from, age, created_at) VALUES ($1, $2, 'ES', $3, 16, $4)";
    let rule_of_2027 = [office.id.into(), Uuid::from_u128(16).into(), birth_date("2027-01-01"), service.now().into()];
    service.db.raw.execute(rule, rule_of_2027).await;
    service.it_is("2027-02-01T10:00:00Z");
    let adviser = office.sign_in(Role::Adviser).await;
    decide(&adviser, &person, "scoring_profiling", "GRANTED").await.refused(422, "GUARDIAN_REQUIRED");
    // What was decided when they were of age for it stays decided, and what held then still held then.
    assert_eq!(verdict(&adviser, &person, "phone_marketing", "").await, "ALLOW CONSENT");
    for (at, expected) in
        [("2026-11-20T12:00:00Z", "DENY GUARDIAN_REQUIRED"), ("2026-11-21T12:00:00Z", "ALLOW CONSENT"), ("2026-12-31T12:00:00Z", "ALLOW CONSENT")]
    {
        assert_eq!(verdict(&adviser, &person, "phone_marketing", at).await, expected, "{at}");
    }
    assert_eq!(verdict(&adviser, &person, "scoring_profiling", "").await, "DENY GUARDIAN_REQUIRED");
}

fn birth_date(day: &str) -> sea_orm::Value {
    day.parse::<matricula_domain::shared::LocalDate>().unwrap().into()
}

async fn d18_a_material_text_asks_again_for_its_purpose_alone(service: &Service) {
    let office = Office::found(service).await;
    let purposes = ["phone_marketing", "scoring_profiling"];
    for _ in 0..3 {
        for purpose in purposes {
            office.text(json!({"purpose": purpose})).await;
        }
    }
    let dpo = office.client(Role::Dpo).await;
    let person = office.person().await;
    for purpose in purposes {
        decide(&dpo, &person, purpose, "GRANTED").await.is(201);
    }
    service.db.clock.advance(chrono::TimeDelta::seconds(1));
    let before = service.db.raw.dump("consent_events").await;

    let text_of =
        |material: bool| json!({"kind": "consent_label", "purpose": "phone_marketing", "locale": "es", "body": "Llamadas", "material": material});
    let v4 = dpo.post("/consent-texts", &text_of(true)).await.is(201);
    assert_eq!(v4["number"], 4);
    for at in ["", "2026-03-01T10:00:01Z"] {
        assert_eq!(verdict(&dpo, &person, "phone_marketing", at).await, "DENY REFRESH_REQUIRED");
        assert_eq!(verdict(&dpo, &person, "scoring_profiling", at).await, "ALLOW CONSENT");
    }
    assert_eq!(verdict(&dpo, &person, "phone_marketing", "2026-03-01T10:00:00Z").await, "ALLOW CONSENT");
    assert_eq!(service.db.raw.dump("consent_events").await, before, "no entry is rewritten");

    service.db.clock.advance(chrono::TimeDelta::seconds(1));
    decide(&dpo, &person, "phone_marketing", "GRANTED").await.is(201);
    service.db.clock.advance(chrono::TimeDelta::seconds(1));
    assert_eq!(dpo.post("/consent-texts", &text_of(false)).await.is(201)["number"], 5);
    assert_eq!(verdict(&dpo, &person, "phone_marketing", "").await, "ALLOW CONSENT");
}

#[expect(clippy::disallowed_methods, reason = "a migration acts, which has no sign-in")]
async fn d19_a_consent_of_former_times_allows_nothing(service: &Service) {
    let office = Office::found(service).await;
    let lead = office.lead(json!({})).await;
    let person = text(&lead["person_id"]);
    let id = PersonId::from_uuid(person.parse().unwrap());
    let scope = Scope::new(OrganizationId::from_uuid(office.id), Actor::System("migration"));
    let taken_over = transact(&service.db.store, &scope, async |tx| {
        let ledger = tx.consents().ledger(id).await?.unwrap();
        let ip = "203.0.113.7".parse().ok();
        let evidence = Evidence { id: service.db.id(), ip, user_agent: None, referer: None, page_url: None };
        let dated = "2023-05-01T00:00:00Z".parse().ok();
        let claim = Attestation { id: service.db.id(), dated, text: None, evidence: Some(evidence), at: service.now() };
        tx.consents().append(&ledger.legacy(claim).unwrap()).await?;
        Ok::<_, PortError>(())
    });
    taken_over.await.unwrap();

    let dpo = office.client(Role::Dpo).await;
    assert_eq!(entries(&dpo, &person).await, ["legacy_unspecified LEGACY_ATTESTED", "lead_enquiry NOTICE_SHOWN"]);
    assert_eq!(verdict(&dpo, &person, "email_marketing", "").await, "DENY NO_CONSENT");
    assert_eq!(verdict(&dpo, &person, "lead_enquiry", "").await, "ALLOW PRE_CONTRACT");

    service.db.clock.advance(chrono::TimeDelta::seconds(1));
    decide(&dpo, &person, "legacy_unspecified", "WITHDRAWN").await.is(201);
    for purpose in ["email_marketing", "sms_marketing", "phone_marketing"] {
        assert_eq!(verdict(&dpo, &person, purpose, "").await, "DENY WITHDRAWN", "{purpose}");
    }
    assert_eq!(verdict(&dpo, &person, "lead_enquiry", "").await, "ALLOW PRE_CONTRACT");
    let attested = "organization_id = $1 AND gdpr_consent AND privacy_policy_accepted";
    assert_eq!(service.db.raw.count_where("leads", attested, [office.id.into()]).await, 1, "the attestation never changes");
    assert_eq!(entries(&dpo, &person).await.last().map(String::as_str), Some("legacy_unspecified WITHDRAWN"));
}

async fn permission_is_asked_as_of_any_moment(service: &Service) {
    let office = Office::found(service).await;
    let (dpo, person) = (office.client(Role::Dpo).await, office.person().await);
    for (minute, action) in [(1, "GRANTED"), (2, "WITHDRAWN"), (3, "OBJECTED")] {
        service.it_is(&format!("2026-03-01T10:0{minute}:00Z"));
        decide(&dpo, &person, "phone_marketing", action).await.is(201);
    }
    for (at, expected) in [
        ("2026-03-01T10:00:30Z", "DENY NO_CONSENT"),
        ("2026-03-01T10:01:00Z", "ALLOW CONSENT"),
        ("2026-03-01T11:01:59+01:00", "ALLOW CONSENT"),
        ("2026-03-01T10:02:00Z", "DENY WITHDRAWN"),
        ("2026-03-01T10:03:00Z", "DENY OBJECTED"),
        ("2030-01-01T00:00:00Z", "DENY OBJECTED"),
    ] {
        assert_eq!(verdict(&dpo, &person, "phone_marketing", at).await, expected, "{at}");
    }
    // A yes by phone is none by e-mail, and whoever has it shows by what.
    let by_email = dpo
        .get("/permission")
        .query(&[("person_id", &person), ("purpose", "phone_marketing"), ("channel", "email"), ("at", "2026-03-01T10:01:00Z")])
        .await;
    assert_eq!(by_email.is(200)["reason"], "NO_CONSENT");
    let ledger = dpo.get(&format!("/people/{person}/consents")).await.is(200);
    let allowed =
        dpo.get("/permission").query(&[("person_id", &person), ("purpose", "phone_marketing"), ("at", "2026-03-01T10:01:00Z")]).await.is(200);
    assert_eq!(allowed, json!({"decision": "ALLOW", "basis": "consent", "reason": "CONSENT", "evidence_id": ledger["items"][1]["id"]}));

    let nobody = Uuid::from_u128(7).to_string();
    dpo.get(&format!("/permission?person_id={nobody}&purpose=lead_enquiry")).await.refused(404, "NOT_FOUND");
    let answer = dpo.get("/permission?person_id=x&purpose=fun&at=now&channel=fax").await;
    let faults: Vec<_> = answer.faults().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
    assert_eq!(faults, ["/person_id NOT_AN_ID", "/purpose NOT_A_CHOICE", "/channel NOT_A_CHOICE", "/at NOT_AN_INSTANT"]);
    assert_eq!(
        dpo.get("/permission").await.faults(),
        [("/person_id".to_owned(), "REQUIRED".to_owned()), ("/purpose".to_owned(), "REQUIRED".to_owned())]
    );
}

async fn a_form_shows_texts_that_are_published(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let marketing = office.client(Role::Marketing).await;
    let (notice, label) = (office.text(json!({"kind": "notice"})).await.id, office.text(json!({"purpose": "email_marketing"})).await.id);
    let theirs = other.text(json!({"kind": "notice"})).await.id;
    let version = |notice: &str, purpose: &str, label: &str| {
        let boxes = json!([{"purposes": [purpose], "text_id": label, "default": false, "required": false}]);
        json!({"title": "Contacto", "fields": [], "boxes": boxes, "notice_text_id": notice})
    };
    let (notice_fault, label_fault) = ("/notice_text_id NO_SUCH_TEXT", "/boxes/0/text_id NO_SUCH_TEXT");
    for (notice, purpose, label, expected) in [
        (&theirs, "email_marketing", &label, vec![notice_fault]),
        (&label, "email_marketing", &notice, vec![notice_fault, label_fault]),
        (&notice, "sms_marketing", &label, vec![label_fault]),
    ] {
        let answer = marketing.post("/forms/contacto/versions", &version(notice, purpose, label)).await;
        let faults: Vec<_> = answer.faults().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
        assert_eq!(faults, expected);
    }
    let published = marketing.post("/forms/contacto/versions", &version(&notice, "email_marketing", &label)).await.is(201);
    assert_eq!((&published["key"], &published["number"]), (&json!("contacto"), &json!(1)));
    assert_eq!(text(&published["rendered_sha256"]).len(), 64);
    // A box that the form does not have cannot have been ticked.
    let ticked = merged(someone(), json!({"form": "contacto", "consents": ["email_marketing", "sms_marketing"]}));
    let answer = service.visitor().post(&office.door("/leads"), &ticked).await;
    assert_eq!(answer.faults(), [("/consents/1".to_owned(), "NO_SUCH_BOX".to_owned())]);
    marketing.post("/forms/Contacto/versions", &version(&notice, "email_marketing", &label)).await.refused(404, "NOT_FOUND");
}

async fn a_text_is_published_once_and_for_all(service: &Service) {
    let office = Office::found(service).await;
    let dpo = office.client(Role::Dpo).await;
    let new = json!({"kind": "notice", "purpose": null, "locale": "es", "body": "Aviso de privacidad.", "material": false, "effective_from": null});
    let first = dpo.post("/consent-texts", &new).await.is(201);
    assert_eq!((&first["number"], &first["body"], text(&first["sha256"]).len()), (&json!(1), &json!("Aviso de privacidad."), 64));
    let second = dpo.post("/consent-texts", &new).await.is(201);
    assert_eq!((&second["number"], &second["sha256"]), (&json!(2), &first["sha256"]));
    assert_eq!(dpo.post("/consent-texts", &merged(new.clone(), json!({"locale": "ca"}))).await.is(201)["number"], 1);
    assert_eq!(each(&dpo.get("/consent-texts").await.is(200), "number"), [1, 2, 1].map(|n| json!(n)));
    for (fields, fault) in [
        (json!({"kind": "consent_label"}), "/purpose REQUIRED"),
        (json!({"kind": "consent_label", "purpose": "billing"}), "/purpose NOT_A_CONSENT_PURPOSE"),
        (json!({"body": " \n "}), "/body REQUIRED"),
        (json!({"effective_from": "2020-01-01T00:00:00Z"}), "/effective_from IN_THE_PAST"),
    ] {
        let (pointer, code) = dpo.post("/consent-texts", &merged(new.clone(), fields)).await.faults().remove(0);
        assert_eq!(format!("{pointer} {code}"), fault);
    }
    // Of twenty at once each has a number of its own.
    let answers = matricula_tests::speak::at_once((0..20).map(|_| dpo.post("/consent-texts", &new))).await;
    let mut numbers: Vec<_> = answers.iter().map(|answer| answer.is(201)["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (3..=22).collect::<Vec<_>>());
}

async fn what_somebody_decided_is_recorded_once(service: &Service) {
    let office = Office::found(service).await;
    let (adviser, person) = (office.client(Role::Adviser).await, office.person().await);
    for (purpose, action, status, state) in [
        ("email_marketing", "GRANTED", 201, "pending"),
        ("email_marketing", "WITHDRAWN", 201, "withdrawn"),
        ("email_marketing", "WITHDRAWN", 200, "withdrawn"),
        ("phone_marketing", "REFUSED", 201, "refused"),
        ("phone_marketing", "REFUSED", 200, "refused"),
        ("lead_enquiry", "WITHDRAWN", 201, "withdrawn"),
        ("sms_marketing", "OBJECTED", 201, "objected"),
        ("sms_marketing", "OBJECTED", 200, "objected"),
    ] {
        assert_eq!(decide(&adviser, &person, purpose, action).await.is(status), json!({"purpose": purpose, "state": state}), "{action}");
    }
    assert_eq!(entries(&adviser, &person).await.len(), 6, "the notice, and five decisions");
    for (purpose, action, status, code) in [
        ("billing", "WITHDRAWN", 422, "NOT_REFUSABLE"),
        ("billing", "GRANTED", 422, "NOT_A_CONSENT_PURPOSE"),
        ("ads_audience_upload", "CONFIRMED", 403, "SUBJECT_ACTION_REQUIRED"),
        ("ads_audience_upload", "LEGACY_ATTESTED", 422, "NOT_A_DECISION"),
        ("ads_audience_upload", "EXPIRED", 409, "NOT_DUE"),
        ("ads_audience_upload", "GUARDIAN_APPROVED", 403, "SUBJECT_ACTION_REQUIRED"),
    ] {
        decide(&adviser, &person, purpose, action).await.refused(status, code);
    }
    let (shown, person) = (office.text(json!({"purpose": "scoring_profiling"})).await, office.person().await);
    let told = json!({"purpose": "scoring_profiling", "action": "GRANTED", "channel": "phone", "text_id": shown.id});
    adviser.post(&format!("/people/{person}/consents"), &told).await.is(201);
    let entry = adviser.get(&format!("/people/{person}/consents")).await.is(200)["items"][1].clone();
    assert_eq!((&entry["text_id"], &entry["wording_sha256"], &entry["actor"]), (&json!(shown.id), &shown.shown["sha256"], &json!("operator")));
    let answer = adviser.post(&format!("/people/{person}/consents"), &merged(told, json!({"text_id": Uuid::from_u128(7)}))).await;
    assert_eq!(answer.faults(), [("/text_id".to_owned(), "NOT_FOUND".to_owned())]);
}

async fn what_somebody_took_back_is_theirs_alone_to_give(service: &Service) {
    let office = Office::found(service).await;
    let form = someone();
    let adviser = office.client(Role::Adviser).await;
    let person = text(&adviser.post("/leads", &form).await.is(201)["person_id"]);
    for purpose in ["email_marketing", "phone_marketing"] {
        decide(&adviser, &person, purpose, "WITHDRAWN").await.is(201);
        decide(&adviser, &person, purpose, "GRANTED").await.refused(403, "SUBJECT_ACTION_REQUIRED");
    }
    let ticked = merged(form, json!({"consents": ["email_marketing"]}));
    adviser.post("/leads", &ticked).await.refused(403, "SUBJECT_ACTION_REQUIRED");
    let entered = entries(&adviser, &person).await.len();
    // The person's own tick is taken, and waits for the confirmation.
    service.visitor().post(&office.door("/leads"), &ticked).await.is(200);
    assert_eq!(entries(&adviser, &person).await.len(), entered + 2);
    assert_eq!(office.permission(&person, "email_marketing").await, ("DENY".to_owned(), "WITHDRAWN".to_owned()));
}

async fn whoever_says_that_they_are_a_child_needs_a_guardian(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let form = merged(someone(), json!({"age_band": "under_14", "consents": ["email_marketing", "phone_marketing"]}));
    let lead = adviser.post("/leads", &form).await.is(201);
    let requested = json!([{"purpose": "email_marketing", "state": "requested"}, {"purpose": "phone_marketing", "state": "requested"}]);
    assert_eq!(lead["consents"], requested);
    let person = text(&lead["person_id"]);
    assert_eq!(office.permission(&person, "phone_marketing").await, ("DENY".to_owned(), "GUARDIAN_REQUIRED".to_owned()));
    decide(&adviser, &person, "phone_marketing", "GRANTED").await.refused(422, "GUARDIAN_REQUIRED");

    // Who was known before says it now.
    let known = someone();
    adviser.post("/leads", &known).await.is(201);
    let now_a_child = adviser.post("/leads", &merged(known, json!({"age_band": "under_14", "consents": ["phone_marketing"]}))).await.is(200);
    assert_eq!(now_a_child["consents"], json!([{"purpose": "phone_marketing", "state": "requested"}]));
    // Fourteen is enough in Spain.
    let fourteen = adviser.post("/leads", &merged(someone(), json!({"age_band": "14_15", "consents": ["phone_marketing"]}))).await.is(201);
    assert_eq!(fourteen["consents"], json!([{"purpose": "phone_marketing", "state": "granted"}]));
}

async fn the_ledger_says_what_holds(service: &Service) {
    let office = Office::found(service).await;
    let viewer = office.client(Role::Viewer).await;
    let lead = office.lead(json!({"age_band": "adult", "consents": ["phone_marketing", "email_marketing"]})).await;
    let person = text(&lead["person_id"]);
    let ledger = viewer.get(&format!("/people/{person}/consents")).await.is(200);
    let states: Vec<_> =
        ledger["consents"].as_array().unwrap().iter().map(|one| format!("{} {}", text(&one["purpose"]), text(&one["state"]))).collect();
    assert_eq!(
        states,
        [
            "email_marketing pending",
            "sms_marketing none",
            "phone_marketing granted",
            "open_click_tracking none",
            "scoring_profiling none",
            "ads_audience_upload none",
        ]
    );
    assert_eq!(entries(&viewer, &person).await, ["lead_enquiry NOTICE_SHOWN", "phone_marketing GRANTED", "email_marketing GRANTED"]);
    let timeline = viewer.get(&format!("/people/{person}/timeline")).await.is(200);
    let mut what: Vec<_> = each(&timeline, "what").iter().map(text).collect();
    what.sort();
    assert_eq!(what, ["consent.granted", "lead.captured", "person.met"]);
    assert!(!timeline.to_string().contains("@example.es"), "{timeline}");
}

async fn a_ledger_is_nobodys_but_its_organization_s(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let person = office.person().await;
    let stranger = other.owner().await;
    for path in [format!("/people/{person}/consents"), format!("/permission?person_id={person}&purpose=lead_enquiry")] {
        stranger.get(&path).await.refused(404, "NOT_FOUND");
    }
    decide(&stranger, &person, "phone_marketing", "GRANTED").await.refused(404, "NOT_FOUND");
    assert_eq!(entries(&office.owner().await, &person).await, ["lead_enquiry NOTICE_SHOWN"]);
}
