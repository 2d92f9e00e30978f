//! What is logged, and what never is.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use matricula_app::settings::Settings;
use matricula_app::telemetry::log_to;
use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::text;
use serde_json::json;
use uuid::Uuid;

use super::office::{Office, merged};

over_http! {
    nothing_personal_is_logged,
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Has everything logged that the program and its libraries can log, but for the client of the tests themselves.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut settings = Settings::on("sqlite://none.db").unwrap();
        "debug,reqwest=off,hyper=off,hyper_util=off".clone_into(&mut settings.log);
        log_to(&settings, || Kept).unwrap();
    });
}

/// What was logged so far.
pub fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

async fn nothing_personal_is_logged(service: &Service) {
    listen();
    let office = Office::found(service).await;
    let (owner, adviser, visitor) = (office.owner().await, office.client(Role::Adviser).await, service.visitor());
    let (name, phone) = (service.unique("Qx7Canary Pérez"), "+34699777123");
    let email = format!("{}@example.es", service.unique("qx7canary"));
    let form = json!({
        "name": name, "email": email, "phone": phone, "message": format!("Soy {name}, {email}, {phone}"), "gdpr_consent": true, "privacy_policy_accepted": true,
        "consents": ["email_marketing"],
    });

    // What goes well.
    let request = service.unique("request");
    let lead = visitor.post(&office.door("/leads"), &form).header("X-Request-Id", &request).header("User-Agent", &email).key(&email).await.id(201);
    adviser.post("/leads", &form).await.is(200);
    let person = text(&adviser.get(&format!("/leads/{lead}")).await.is(200)["person_id"]);
    for (pointer, pairs) in [("/leads", ("q", &email)), ("/leads", ("q", &name)), ("/people", ("email", &email)), ("/people", ("q", &name))] {
        adviser.get(pointer).query(&[(pairs.0, pairs.1.as_str())]).await.is(200);
    }
    adviser.patch(&format!("/people/{person}"), "*", &json!({"name": format!("{name} Ruiz")})).await.is(200);
    let run = office.run(1).await;
    let enrollments = format!("/course-runs/{}/enrollments", run.id);
    adviser.post(&enrollments, &json!({"person": {"name": name, "email": email}})).await.is(201);

    // What is refused, and what cannot be read.
    adviser.post(&enrollments, &json!({"person": {"name": name, "phone": phone}})).await.refused(409, "ALREADY_ENROLLED");
    adviser.post(&enrollments, &json!({"person": {"name": name, "email": format!("otra.{email}")}})).await.refused(409, "RUN_FULL");
    for (wrong, code) in [
        (json!({"gdpr_consent": false}), "INTAKE_ATTESTATION_REQUIRED"),
        (json!({"privacy_policy_accepted": false}), "NOTICE_NOT_ACKNOWLEDGED"),
        (
            json!({"name": format!("{name}\u{0}"), "email": format!("{email}\r\n"), "phone": format!("{phone}x"), "course": email}),
            "VALIDATION_FAILED",
        ),
    ] {
        visitor.post(&office.door("/leads"), &merged(form.clone(), wrong)).await.refused(422, code);
    }
    visitor.post(&office.door("/leads"), &json!({})).text("application/json", format!("{{\"email\": \"{email}\"")).await.refused(400, "MALFORMED");
    visitor.post(&office.door("/leads"), &form).key(&email).header("Referer", &email).await.is(201);
    visitor.get("/me").header("X-Request-Id", &email).header("Authorization", &format!("Bearer {email}")).await.refused(401, "UNAUTHENTICATED");
    visitor.get(&format!("/nothing/{email}?email={email}")).await.refused(404, "NOT_FOUND");
    visitor.get(&format!("/public/{email}/courses/{email}")).await.refused(404, "NOT_FOUND");
    adviser.get(&format!("/people?email={email}&phone={phone}")).await.refused(422, "VALIDATION_FAILED");
    let password = format!("{email} es mi contraseña");
    visitor.post("/auth/login", &json!({"email": email, "password": password})).await.refused(401, "INVALID_CREDENTIALS");
    office.client(Role::Learner).await.get(&format!("/people?email={email}")).await.refused(403, "PERMISSION_DENIED");

    // What breaks: a row that nobody can read.
    let id: Uuid = person.parse().unwrap();
    service.db.raw.execute("UPDATE people SET name = $1 WHERE id = $2", [format!("{name}\u{7}").into(), id.into()]).await;
    owner.get(&format!("/people/{person}")).await.refused(500, "INTERNAL");

    let log = logged();
    for there in [request.as_str(), "/api/v1/public/{organization}/leads", "a request failed", "people.name"] {
        assert!(log.contains(there), "{there} is not logged");
    }
    for personal in [&name, &email, phone, &password, "Qx7Canary", PASSWORD_OF_ALL] {
        let line = log.lines().find(|line| line.contains(personal));
        assert_eq!(line, None, "{personal} is logged");
    }
    assert!(!log.contains("mat_") && !log.contains("mrt_"), "a token is logged");
}

const PASSWORD_OF_ALL: &str = matricula_tests::program::PASSWORD;
