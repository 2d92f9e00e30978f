//! What holds for every answer: headers, request ids, methods, paths, versions; health and the document.

use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::{Answer, text};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Office, someone};

over_http! {
    a_path_that_leads_nowhere_is_404,
    a_method_that_a_path_does_not_have_is_405,
    a_request_has_an_id,
    the_audit_knows_the_request,
    every_answer_has_headers_that_keep_browsers_careful,
    a_change_needs_the_version_that_was_seen,
    of_ten_who_change_the_same_version_one_does,
    an_id_that_is_none_is_one_that_nobody_has,
    the_program_says_how_it_is,
    the_document_has_a_page,
}

async fn a_path_that_leads_nowhere_is_404(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for path in
        ["/", "/api", "/api/v1", "/api/v1/", "/api/v2/leads", "/api/v1/lead", "/api/v1/leads/", "/api/v1//leads", "/metrics", "/api/v1/%2e%2e/leads"]
    {
        for client in [service.visitor(), owner.clone()] {
            client.call("GET", path).await.refused(404, "NOT_FOUND");
        }
    }
    owner.call("POST", "/api/v1/nothing").json(&json!({})).await.refused(404, "NOT_FOUND");
}

async fn a_method_that_a_path_does_not_have_is_405(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let some = Uuid::from_u128(7);
    for (method, path, allowed) in [
        ("DELETE", "/api/v1/leads".to_owned(), vec!["GET", "POST"]),
        ("PUT", format!("/api/v1/leads/{some}"), vec!["GET", "PATCH"]),
        ("GET", "/api/v1/auth/login".to_owned(), vec!["POST"]),
        ("POST", "/api/v1/me".to_owned(), vec!["GET"]),
        ("GET", format!("/api/v1/cycles/{some}/archive"), vec!["POST"]),
        ("DELETE", format!("/api/v1/people/{some}"), vec!["GET", "PATCH"]),
        ("PATCH", format!("/api/v1{}", office.door("/leads")), vec!["POST"]),
        ("OPTIONS", "/api/v1/course-runs".to_owned(), vec!["GET", "POST"]),
        ("POST", "/livez".to_owned(), vec!["GET"]),
        ("DELETE", "/readyz".to_owned(), vec!["GET"]),
        ("POST", "/api/v1/openapi.json".to_owned(), vec!["GET"]),
        ("PUT", "/api/docs/".to_owned(), vec!["GET"]),
    ] {
        for client in [service.visitor(), owner.clone()] {
            let answer = client.call(method, &path).await;
            answer.refused(405, "METHOD_NOT_ALLOWED");
            let mut named: Vec<_> = answer.header("Allow").unwrap().split(", ").collect();
            named.sort_unstable();
            assert_eq!(named, allowed, "{method} {path}");
        }
    }
}

async fn a_request_has_an_id(service: &Service) {
    let visitor = service.visitor();
    for sent in ["abc", "a-Z_0", &"x".repeat(64), "67efb447-686a-4e4d-ad49-b53c00766a70"] {
        let answer = visitor.get("/me").header("X-Request-Id", sent).await;
        assert_eq!(answer.header("X-Request-Id"), Some(sent));
        assert_eq!(answer.refused(401, "UNAUTHENTICATED")["request_id"], sent);
    }
    // What is no plain word is not repeated.
    for sent in ["", "a b", "a\"b", "<script>", &"x".repeat(65), "lucia@example.es", "a/b", "ñ"] {
        let answer = visitor.get("/me").header("X-Request-Id", sent).await;
        let id = answer.header("X-Request-Id").unwrap().to_owned();
        assert!(id.parse::<Uuid>().is_ok() && answer.refused(401, "UNAUTHENTICATED")["request_id"] == id, "{sent}: {id}");
    }
    let [first, second] = [visitor.get("/me").await, visitor.get("/me").await].map(|answer| answer.header("X-Request-Id").unwrap().to_owned());
    assert_ne!(first, second);
    let traced = visitor.get("/me").header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").await;
    traced.refused(401, "UNAUTHENTICATED");
}

async fn the_audit_knows_the_request(service: &Service) {
    let office = Office::found(service).await;
    let (owner, learner) = (office.owner().await, office.client(Role::Learner).await);
    let (did, was_denied) = (service.unique("did"), service.unique("denied"));
    owner.post("/leads", &someone()).header("X-Request-Id", &did).await.is(201);
    learner.get("/leads").header("X-Request-Id", &was_denied).await.refused(403, "PERMISSION_DENIED");
    for (request, actions) in [(did, vec!["consent.noticed", "lead.captured", "person.met"]), (was_denied, vec!["access.denied"])] {
        let sql = "SELECT action FROM audit_entries WHERE request_id = $1 ORDER BY 1";
        assert_eq!(service.db.raw.column::<String>(sql, [request.into()]).await, actions);
    }
    let entries = owner.get("/audit/entries").await.is(200);
    let user = office.user(Role::Learner).await;
    let denied = entries["items"].as_array().unwrap().iter().find(|entry| entry["action"] == "access.denied").unwrap();
    assert_eq!((&denied["actor"], &denied["entity"]), (&json!(format!("user:{user}")), &json!("permission")));
}

pub(super) fn is_careful(answer: &Answer) {
    // A file that everybody may have never changes.
    let is_file = answer.status == 304 || answer.header("Content-Disposition").is_some();
    let is_public_file = is_file && answer.header("Cache-Control").is_some_and(|kept| kept.starts_with("public"));
    let kept = if is_public_file { "public, max-age=31536000, immutable" } else { "no-store" };
    for (name, value) in [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("Cache-Control", kept)] {
        assert_eq!(answer.header(name), Some(value), "{name}: {} {}", answer.status, answer.text);
    }
    assert_eq!(answer.header("Strict-Transport-Security"), Some("max-age=31536000; includeSubDomains"));
    let policy = answer.header("Content-Security-Policy").unwrap();
    for kept in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(kept) && !policy.contains("unsafe"), "{policy}");
    }
    assert!(answer.header("X-Request-Id").is_some());
    assert_eq!(answer.header("Server"), None);
    assert_eq!(answer.header("Access-Control-Allow-Origin"), None);
}

async fn every_answer_has_headers_that_keep_browsers_careful(service: &Service) {
    let office = Office::found(service).await;
    let (owner, visitor) = (office.owner().await, service.visitor());
    for answer in [
        owner.get("/leads").await,
        owner.get("/me").header("Origin", "https://evil.example").await,
        visitor.get("/me").await,
        visitor.get("/nothing").await,
        visitor.call("DELETE", "/api/v1/leads").await,
        visitor.post("/auth/login", &json!({})).await,
        owner.post("/leads", &json!([])).await,
        owner.post("/leads", &someone()).await,
        visitor.get(&office.door("/courses")).await,
        visitor.call("GET", "/livez").await,
        visitor.call("GET", "/readyz").await,
        visitor.call("GET", "/api/docs/").await,
        visitor.call("GET", "/api/docs/swagger-ui-bundle.js").await,
        owner.act("/auth/logout").await,
    ] {
        is_careful(&answer);
    }
}

/// Things that are changed with `If-Match`: path, and a change.
async fn guarded(office: &Office<'_>) -> Vec<(String, Json)> {
    let lead = office.lead(json!({})).await;
    let course = office.course().await.id;
    vec![
        (format!("/leads/{}", text(&lead["id"])), json!({"source": "feria"})),
        (format!("/people/{}", text(&lead["person_id"])), json!({"name": "Otro Nombre"})),
        (format!("/courses/{course}"), json!({"title": "Otro"})),
        (format!("/course-runs/{}", office.run(3).await.id), json!({"max_students": 4})),
        (format!("/cycles/{}", office.record("cycles", json!({})).await.id), json!({"name": "Otro"})),
        (format!("/campuses/{}", office.record("campuses", json!({})).await.id), json!({"name": "Otro"})),
        (format!("/campaigns/{}", office.record("campaigns", json!({})).await.id), json!({"name": "Otro"})),
    ]
}

async fn a_change_needs_the_version_that_was_seen(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for (path, patch) in guarded(&office).await {
        let seen = owner.get(&path).await.etag().to_owned();
        let unguarded = owner.call("PATCH", &format!("/api/v1{path}")).json(&patch).await;
        unguarded.refused(428, "IF_MATCH_REQUIRED");
        let before = owner.get(&path).await.is(200);
        let changed = owner.patch(&path, &seen, &patch).await;
        assert_ne!(changed.is(200), before, "{path}");
        assert_ne!(changed.etag(), seen);
        assert_eq!(owner.get(&path).await.etag(), changed.etag());
        for stale in [seen.as_str(), "\"0\"", "\"99\"", "nonsense", "W/\"2\""] {
            owner.patch(&path, stale, &patch).await.refused(412, "STALE");
        }
        assert_eq!(owner.get(&path).await.etag(), changed.etag(), "{path}");
        owner.patch(&path, "*", &patch).await.is(200);
        for no_patch in [json!(null), json!([]), json!("name"), json!(7)] {
            assert_eq!(owner.patch(&path, "*", &no_patch).await.status, 422, "{path} {no_patch}");
        }
        let nobody = format!("{}/{}", path.rsplit_once('/').unwrap().0, Uuid::from_u128(7));
        owner.patch(&nobody, "*", &patch).await.refused(404, "NOT_FOUND");
    }
}

async fn of_ten_who_change_the_same_version_one_does(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for (path, patch) in guarded(&office).await {
        let seen = owner.get(&path).await.etag().to_owned();
        let answers = matricula_tests::speak::at_once((0..10).map(|_| owner.patch(&path, &seen, &patch))).await;
        for late in answers.iter().filter(|answer| answer.status != 200) {
            late.refused(412, "STALE");
        }
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{path}");
    }
}

async fn an_id_that_is_none_is_one_that_nobody_has(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let strange = ["x", "7", "%00", "%20", "%ff", "..", "%27%20OR%201=1--", "00000000-0000-0000-0000-00000000000g", "%F0%9F%98%80"];
    for kind in ["leads", "people", "courses", "course-runs", "cycles", "campuses", "campaigns", "enrollments"] {
        let nobody = owner.get(&format!("/{kind}/{}", Uuid::from_u128(7))).await;
        nobody.refused(404, "NOT_FOUND");
        for id in strange {
            let answer = owner.get(&format!("/{kind}/{id}")).await;
            // `..` is resolved before it is sent.
            if id != ".." {
                assert_eq!((answer.status, answer.without_request_id()), (404, nobody.without_request_id()), "{kind}/{id}");
            }
        }
    }
}

async fn the_program_says_how_it_is(service: &Service) {
    let visitor = service.visitor();
    assert_eq!(visitor.call("GET", "/livez").await.is(200), json!({"status": "alive"}));
    let ready = visitor.call("GET", "/readyz").await.is(200);
    assert_eq!(ready, json!({"status": "ready", "checks": {"database": "ok", "staying": "ok", "media": "ok"}}));
}

async fn the_document_has_a_page(service: &Service) {
    let visitor = service.visitor();
    assert_eq!(visitor.get("/openapi.json").await.is(200), matricula_web::document());
    let moved = visitor.call("GET", "/api/docs").await;
    assert_eq!((moved.status, moved.header("Location")), (308, Some("/api/docs/")));
    let page = visitor.call("GET", "/api/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("Content-Type").unwrap().starts_with("text/html") && page.text.contains("swagger-ui"), "{}", page.text);
    let script = page.text.split('"').find(|part| part.ends_with("swagger-initializer.js")).unwrap();
    let script = visitor.call("GET", &format!("/api/docs/{}", script.trim_start_matches("./"))).await;
    assert!(script.status == 200 && script.text.contains("/api/v1/openapi.json"), "{}", script.text);
    visitor.call("GET", "/api/docs/no-such-file.js").await.refused(404, "NOT_FOUND");
}
