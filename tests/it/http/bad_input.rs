//! What cannot be read or is refused: every fault at once, nothing stored, and nothing personal repeated.

use matricula_tests::program::Service;
use matricula_tests::speak::{Answer, text};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Office, merged, someone};

over_http! {
    what_is_not_json_is_not_read,
    a_body_is_json_and_says_so,
    a_body_has_a_limit,
    every_fault_of_a_lead_is_told_at_once,
    text_is_what_people_can_read,
    a_field_has_the_type_that_the_document_says,
    a_query_is_as_strict_as_a_body,
    what_is_refused_is_not_repeated,
    numbers_have_bounds,
}

/// Counts of everything that a request could leave behind.
async fn stored(office: &Office<'_>) -> Vec<i64> {
    let tables =
        ["people", "person_identifiers", "leads", "lead_touches", "consent_events", "consent_evidence", "courses", "course_runs", "enrollments"];
    let mut counts = office.rows_of(&tables).await;
    counts
        .extend(office.rows_of(&["cycles", "campuses", "campaigns", "consent_texts", "forms", "outbox", "audit_entries", "idempotency_keys"]).await);
    counts
}

/// Routes that take a body: path and a body that they would accept.
async fn takers(office: &Office<'_>) -> Vec<(String, Json)> {
    let run = office.run(3).await;
    vec![
        ("/auth/login".to_owned(), json!({"email": "a@example.es", "password": "contraseña"})),
        (office.door("/leads"), someone()),
        ("/leads".to_owned(), someone()),
        ("/courses".to_owned(), json!({"slug": "a", "title": "A", "duration_hours": 1, "modality": "online"})),
        ("/cycles".to_owned(), json!({"slug": "a", "name": "A", "level": "grado_medio", "order_display": 1})),
        (format!("/course-runs/{}/enrollments", run.id), json!({"person": {"name": "A", "email": "a@example.es"}})),
        ("/consent-texts".to_owned(), json!({"kind": "notice", "locale": "es", "body": "A", "material": false})),
    ]
}

async fn what_is_not_json_is_not_read(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let takers = takers(&office).await;
    let before = stored(&office).await;
    let deep = "[".repeat(50_000);
    for (path, _) in &takers {
        for body in [
            "",
            "{",
            "{\"name\": }",
            "{\"a\":1,}",
            "{'a': 1}",
            "{} {}",
            "nul",
            "\"\\ud800\"",
            "{\"a\": NaN}",
            "{\"a\": 01}",
            "\u{feff}{}",
            deep.as_str(),
        ] {
            let answer = owner.post(path, &json!({})).text("application/json", body.to_owned()).await;
            answer.refused(400, "MALFORMED");
        }
        let bytes = owner.call("POST", &format!("/api/v1{path}")).text("application/json", vec![b'"', 0xff, 0xfe, b'"']).await;
        bytes.refused(400, "MALFORMED");
    }
    assert_eq!(stored(&office).await, before);
}

async fn a_body_is_json_and_says_so(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for (path, body) in takers(&office).await {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "text/json", ""] {
            let call = owner.call("POST", &format!("/api/v1{path}"));
            call.text(kind, body.to_string()).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
        }
        owner.call("POST", &format!("/api/v1{path}")).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"] {
        owner.call("POST", "/api/v1/leads").text(kind, someone().to_string()).await.is(201);
    }
}

async fn a_body_has_a_limit(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let takers = takers(&office).await;
    let before = stored(&office).await;
    for (path, body) in takers {
        for size in [64 * 1024, 1024 * 1024] {
            let client = if path.starts_with("/public") { service.visitor() } else { owner.clone() };
            client.post(&path, &merged(body.clone(), json!({"name": "a".repeat(size)}))).await.refused(413, "TOO_LARGE");
        }
    }
    // Within the limit of a body, but not of a name.
    let long = owner.post("/leads", &merged(someone(), json!({"name": "ñ".repeat(20_000)}))).await;
    assert_eq!(long.faults(), [("/name".to_owned(), "TOO_LONG".to_owned())]);
    assert_eq!(stored(&office).await, before);
    owner.post("/leads", &merged(someone(), json!({"name": "ñ".repeat(200), "message": "a".repeat(5000)}))).await.is(201);
}

fn told(answer: &Answer) -> Vec<String> {
    answer.faults().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect()
}

async fn every_fault_of_a_lead_is_told_at_once(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let before = stored(&office).await;
    let wrong = json!({
        "name": "\u{7}", "email": "a@b.es\r\nBcc: c@d.es", "phone": "seiscientos", "course": "No Slug", "course_run_id": "7", "campaign": "Otoño",
        "form": "web contacto", "message": "hola\u{0}", "locale": "una lengua muy larga", "age_band": "12", "gdpr_consent": "yes", "privacy_policy_accepted": 1,
        "consents": ["email_marketing", "fun", 7], "utm": {"source": "\u{1b}", "where": "x"}, "click_ids": "abc", "source": "", "sauce": "web",
    });
    let expected = [
        "/sauce UNKNOWN_FIELD",
        "/name CONTROL_CHARACTER",
        "/email CONTROL_CHARACTER",
        "/phone NOT_A_PHONE",
        "/course NOT_A_SLUG",
        "/course_run_id NOT_AN_ID",
        "/campaign NOT_A_SLUG",
        "/form NOT_A_CODE",
        "/message CONTROL_CHARACTER",
        "/locale TOO_LONG",
        "/age_band NOT_A_CHOICE",
        "/gdpr_consent WRONG_TYPE",
        "/privacy_policy_accepted WRONG_TYPE",
        "/consents/1 NOT_A_CHOICE",
        "/consents/2 WRONG_TYPE",
        "/utm/where UNKNOWN_FIELD",
        "/utm/source CONTROL_CHARACTER",
        "/click_ids WRONG_TYPE",
        "/source REQUIRED",
    ];
    for answer in [owner.post("/leads", &wrong).await, service.visitor().post(&office.door("/leads"), &wrong).await] {
        answer.refused(422, "VALIDATION_FAILED");
        assert_eq!(told(&answer), expected);
    }
    // Rules across fields, all at once too; a rule of its own names the whole.
    let answer = owner.post("/leads", &json!({"name": "A", "gdpr_consent": false, "privacy_policy_accepted": false, "consents": ["billing"]})).await;
    answer.refused(422, "NOTICE_NOT_ACKNOWLEDGED");
    let rules = [
        "/privacy_policy_accepted NOTICE_NOT_ACKNOWLEDGED",
        "/gdpr_consent INTAKE_ATTESTATION_REQUIRED",
        "/email REQUIRED",
        "/consents/0 NOT_A_CONSENT_PURPOSE",
    ];
    assert_eq!(told(&answer), rules);
    assert_eq!(stored(&office).await, before);
}

async fn text_is_what_people_can_read(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let before = stored(&office).await;
    for bad in ["a\u{0}b", "a\nb", "a\r\nb", "a\tb", "\u{202e}abc", "a\u{feff}", "\u{7f}", "\u{85}", "\u{1b}[31m"] {
        assert_eq!(told(&owner.post("/leads", &merged(someone(), json!({"name": bad}))).await), ["/name CONTROL_CHARACTER"], "{bad:?}");
    }
    for (email, code) in [
        ("a@b.es\r\nBcc: c@d.es", "CONTROL_CHARACTER"),
        ("a@b.es\nc@d.es", "CONTROL_CHARACTER"),
        ("a@b.es\u{0}", "CONTROL_CHARACTER"),
        ("a b@c.es", "NOT_AN_EMAIL"),
        ("a@b@c.es", "NOT_AN_EMAIL"),
        ("<a@b.es>", "NOT_AN_EMAIL"),
        ("a@b.es, c@d.es", "NOT_AN_EMAIL"),
        ("a@localhost", "NOT_AN_EMAIL"),
    ] {
        assert_eq!(told(&owner.post("/leads", &merged(someone(), json!({"email": email}))).await), [format!("/email {code}")], "{email:?}");
    }
    for phone in ["abc", "600-CALL-ME", "+34 600 111 22x", "12", "+0600111222", "٦٠٠١١١٢٢٢", "+34600111222;ext=1"] {
        assert_eq!(told(&owner.post("/leads", &merged(someone(), json!({"phone": phone}))).await), ["/phone NOT_A_PHONE"], "{phone}");
    }
    for date in ["2026-02-30", "2026-13-01", "2026-1-1", "01/02/2026", "2026-01-01T00:00:00Z", "0000-00-00", ""] {
        let plan = json!({"course_id": Uuid::from_u128(7), "start_date": date, "end_date": "2026-01-02", "max_students": 1});
        assert_eq!(told(&owner.post("/course-runs", &plan).await), ["/start_date NOT_A_DATE"], "{date}");
    }
    assert_eq!(stored(&office).await, before);
    // What people do write is taken, and given back as they wrote it.
    for good in [
        "Zoë O’Connor-Ñáñez",
        "李小龍",
        "مريم",
        "D'Artagnan (padre) & hijo",
        "😀",
        "<b>x</b>",
        "Robert'); DROP TABLE people;--",
        "=1+1",
        "%s ${x} {{y}}",
    ] {
        let lead = owner.post("/leads", &merged(someone(), json!({"name": good}))).await.is(201);
        assert_eq!(owner.get(&format!("/people/{}", text(&lead["person_id"]))).await.is(200)["name"], good);
    }
}

async fn a_field_has_the_type_that_the_document_says(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let takers = takers(&office).await;
    let before = stored(&office).await;
    for (path, body) in takers {
        for (name, value) in body.as_object().unwrap() {
            for other in [json!(null), json!(7), json!("x"), json!(true), json!([]), json!({"x": 1}), json!(1.5)] {
                // What is of the same type may be fine.
                let same = std::mem::discriminant(value) == std::mem::discriminant(&other);
                if same {
                    continue;
                }
                let answer = owner.post(&path, &merged(body.clone(), json!({name: other}))).await;
                assert!(
                    told(&answer).iter().any(|fault| fault.starts_with(&format!("/{name}"))) || other.is_null(),
                    "{path} {name}: {other}: {}",
                    answer.text
                );
            }
        }
        for no_object in [json!(null), json!([]), json!("x"), json!(7), json!([body])] {
            assert_eq!(owner.post(&path, &no_object).await.status, 422, "{path} {no_object}");
        }
    }
    assert_eq!(stored(&office).await, before);
}

async fn a_query_is_as_strict_as_a_body(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for (query, expected) in [
        ("/leads?unknown=1", vec!["/unknown UNKNOWN_FIELD"]),
        ("/leads?status=new,lost&limit=0&q=%00", vec!["/status/1 NOT_A_CHOICE", "/q CONTROL_CHARACTER", "/limit OUT_OF_RANGE"]),
        ("/leads?%3Cscript%3E=1", vec!["/? UNKNOWN_FIELD"]),
        ("/people?email=nobody&q=", vec!["/q REQUIRED", "/email NOT_AN_EMAIL"]),
        ("/courses?featured=maybe&modality=tv", vec!["/modality NOT_A_CHOICE", "/featured WRONG_TYPE"]),
        ("/course-runs?starts_from=2026-02-30", vec!["/starts_from NOT_A_DATE"]),
        ("/campuses?city=%00", vec!["/city CONTROL_CHARACTER"]),
        (&*format!("/campuses?city={}", "a".repeat(101)), vec!["/city TOO_LONG"]),
        ("/cycles?limit=x&level=%00", vec!["/limit WRONG_TYPE", "/level NOT_A_CHOICE"]),
        ("/enrollments?person_id=%00", vec!["/person_id NOT_AN_ID"]),
        ("/audit/entries?entity_id=7", vec!["/entity_id NOT_AN_ID"]),
        ("/reports/upcoming-runs?from=hoy", vec!["/from NOT_A_DATE"]),
    ] {
        assert_eq!(told(&owner.get(query).await), expected, "{query}");
    }
    for strange in ["/leads?q=%ff", "/leads?%ff=1", "/campuses?city=%c3%28", "/leads?=", "/leads?&&&", "/leads?q=a%20%25%5f%5c"] {
        let answer = owner.get(strange).await;
        assert!(matches!(answer.status, 200 | 422), "{strange}: {} {}", answer.status, answer.text);
    }
    for path in ["/leads", "/cycles", "/people"] {
        let answer = owner.get(&format!("{path}?q={}", "a".repeat(9_000))).await;
        assert_eq!(answer.problem()["errors"][0]["code"], "TOO_LONG", "{path}");
    }
}

async fn what_is_refused_is_not_repeated(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let canary = "qx7canary";
    let wrong = json!({
        "name": format!("{canary}\u{7}"), "email": format!("{canary} @example.es"), "phone": canary, "course": format!("{canary} "), "message": format!("{canary}\u{0}"),
        "age_band": canary, "gdpr_consent": canary, "consents": [canary], "utm": {format!("{canary} "): 1, "source": [canary]},
    });
    let run = office.run(3).await;
    let answers = [
        owner.post("/leads", &wrong).await,
        owner.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person": wrong})).await,
        owner.post("/auth/login", &json!({"email": format!("{canary}@"), "password": "kanarek", "organization": format!("{canary} ")})).await,
        owner.post("/auth/login", &json!({"email": format!("{canary}@example.es"), "password": format!("{canary}{canary}")})).await,
        owner.get(&format!("/people?email={canary}&q=%00{canary}")).await,
        owner.get(&format!("/leads?q={canary}%00&status={canary}&cursor={canary}")).await,
        owner.get(&format!("/leads/{canary}")).await,
        service.visitor().get(&format!("/public/{canary}/courses/{canary}")).await,
        owner.call("POST", "/api/v1/leads").text("application/json", format!("{{\"email\": \"{canary}@example.es\"")).await,
        owner.call("POST", &format!("/api/v1/{canary}")).text(canary, canary).await,
        owner.post("/leads", &someone()).key(&"ñ".repeat(3)).header("X-Request-Id", &format!("{canary}@example.es")).await,
        service.visitor().with_token(canary).get("/leads").await,
    ];
    for answer in answers {
        answer.problem();
        let headers = format!("{:?}", answer.headers);
        assert!(!answer.text.contains(canary) && !headers.contains(canary), "{} {headers}", answer.text);
    }
}

async fn numbers_have_bounds(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let before = office.rows_of(&["courses", "campaigns", "cycles"]).await;
    for number in ["-1", "1e400", "1e3", "1.0", "99999999999999999999", "-9223372036854775809", "1000001", "\"7\""] {
        let body = format!("{{\"slug\": \"a\", \"title\": \"A\", \"modality\": \"online\", \"duration_hours\": {number}}}");
        let answer = owner.call("POST", "/api/v1/courses").text("application/json", body).await;
        assert!(matches!(answer.status, 400 | 422), "{number}: {} {}", answer.status, answer.text);
    }
    for amount in ["-1", "100000000001", "0.5", "null"] {
        let body = format!(
            "{{\"slug\": \"a\", \"name\": \"A\", \"platform\": \"email\", \"status\": \"draft\", \"budget\": {{\"amount\": {amount}, \"currency\": \"EUR\"}}}}"
        );
        let answer = owner.call("POST", "/api/v1/campaigns").text("application/json", body).await;
        assert_eq!(answer.faults()[0].0, "/budget/amount", "{amount}");
    }
    for order in [i64::MAX, i64::MIN, 1_000_000_001] {
        let cycle = json!({"slug": "a", "name": "A", "level": "grado_medio", "order_display": order});
        assert_eq!(told(&owner.post("/cycles", &cycle).await), ["/order_display OUT_OF_RANGE"]);
    }
    assert_eq!(office.rows_of(&["courses", "campaigns", "cycles"]).await, before);
}
