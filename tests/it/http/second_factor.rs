//! The second factor: an app, recovery codes, and what a sign-in asks for then.

use matricula_domain::identity::{Role, Seed};
use matricula_tests::program::{PASSWORD, Service};
use matricula_tests::speak::{Answer, Client, text};
use serde_json::{Value as Json, json};

use super::office::Office;
use super::wishes::{begun, code};

over_http_alone! {
    a_second_factor_is_asked_for_once_its_app_has_shown_a_code,
    a_code_opens_once,
    a_recovery_code_opens_once_and_new_ones_end_the_old,
    wrong_codes_slow_down,
    what_would_help_a_thief_needs_password_and_code,
    sign_ins_are_listed_and_ended,
    a_password_of_former_times_opens_and_is_kept_better,
}

async fn sign_in(client: &Client, office: &Office<'_>, code: Option<&str>) -> Answer {
    client.post("/auth/login", &json!({"email": office.email(Role::Adviser), "password": PASSWORD, "totp_code": code})).await
}

/// An adviser whose second factor is asked for, and the recovery codes.
async fn with_second_factor(office: &Office<'_>) -> (Client, Seed, Vec<String>) {
    let client = office.client(Role::Adviser).await;
    let seed = begun(&client).await;
    let confirmed = client.post("/auth/second-factor/confirm", &json!({"totp_code": code(office.service, seed, 0)})).await.is(200);
    (client, seed, codes(&confirmed))
}

fn codes(answer: &Json) -> Vec<String> {
    answer["recovery_codes"].as_array().unwrap().iter().map(text).collect()
}

async fn a_second_factor_is_asked_for_once_its_app_has_shown_a_code(service: &Service) {
    let office = Office::found(service).await;
    let client = office.client(Role::Adviser).await;
    let setup = client.post("/auth/second-factor", &json!({"password": PASSWORD})).await.is(200);
    let uri = text(&setup["uri"]);
    let wanted = format!("otpauth://totp/{0}%3Aadviser%40{0}.example?secret={1}&issuer={0}", office.slug, text(&setup["seed"]));
    assert_eq!(uri, wanted);
    sign_in(&service.visitor(), &office, None).await.is(200);
    client.post("/auth/second-factor/confirm", &json!({"totp_code": "000000"})).await.refused(422, "WRONG_CODE");

    // Begun anew, the first seed makes no codes any more.
    let old = Seed(data_encoding::BASE32_NOPAD.decode(text(&setup["seed"]).as_bytes()).unwrap().try_into().unwrap());
    let seed = begun(&client).await;
    client.post("/auth/second-factor/confirm", &json!({"totp_code": code(service, old, 0)})).await.refused(422, "WRONG_CODE");
    let confirmed = client.post("/auth/second-factor/confirm", &json!({"totp_code": code(service, seed, 0)})).await.is(200);
    assert_eq!(codes(&confirmed).len(), 10);
    client.post("/auth/second-factor", &json!({"password": PASSWORD})).await.refused(409, "SECOND_FACTOR_EXISTS");

    sign_in(&service.visitor(), &office, None).await.refused(401, "SECOND_FACTOR_REQUIRED");
    sign_in(&service.visitor(), &office, Some(&code(service, seed, 30))).await.is(200);
    // Who does not know the password learns nothing of a second factor.
    let wrong = json!({"email": office.email(Role::Adviser), "password": "not the password"});
    service.visitor().post("/auth/login", &wrong).await.refused(401, "INVALID_CREDENTIALS");
    let kept = service.db.raw.column::<Vec<u8>>("SELECT sealed_seed FROM second_factors", []).await;
    assert!(!kept.iter().any(|sealed| sealed.windows(20).any(|window| window == seed.0)), "the seed is sealed");
}

async fn a_code_opens_once(service: &Service) {
    let office = Office::found(service).await;
    let (_, seed, _) = with_second_factor(&office).await;
    // The one that confirmed was used.
    sign_in(&service.visitor(), &office, Some(&code(service, seed, 0))).await.refused(401, "INVALID_CREDENTIALS");
    let next = code(service, seed, 30);
    sign_in(&service.visitor(), &office, Some(&format!("{} {}", &next[..3], &next[3..]))).await.is(200);
    sign_in(&service.visitor(), &office, Some(&next)).await.refused(401, "INVALID_CREDENTIALS");
    sign_in(&service.visitor(), &office, Some(&code(service, seed, 60))).await.refused(401, "INVALID_CREDENTIALS");
}

async fn a_recovery_code_opens_once_and_new_ones_end_the_old(service: &Service) {
    let office = Office::found(service).await;
    let (client, seed, first) = with_second_factor(&office).await;
    sign_in(&service.visitor(), &office, Some(&first[0].to_lowercase())).await.is(200);
    sign_in(&service.visitor(), &office, Some(&first[0])).await.refused(401, "INVALID_CREDENTIALS");
    let again = json!({"password": PASSWORD, "totp_code": code(service, seed, 30)});
    let second = codes(&client.post("/auth/second-factor/recovery-codes", &again).await.is(200));
    assert!(second.iter().all(|code| !first.contains(code)));
    sign_in(&service.visitor(), &office, Some(&first[1])).await.refused(401, "INVALID_CREDENTIALS");
    sign_in(&service.visitor(), &office, Some(&second[1])).await.is(200);
    let office_rows = "organization_id = $1 AND action = 'second_factor.recovery_code_used'";
    assert_eq!(service.db.raw.count_where("audit_entries", office_rows, [office.id.into()]).await, 2);
}

async fn wrong_codes_slow_down(service: &Service) {
    let office = Office::found(service).await;
    with_second_factor(&office).await;
    let visitor = service.visitor();
    let mut tries = 0;
    while sign_in(&visitor, &office, Some("000000")).await.status == 401 {
        tries += 1;
        assert!(tries < 20, "a code can be guessed");
    }
    let slowed = sign_in(&service.visitor(), &office, Some("000000")).await;
    slowed.refused(429, "TOO_MANY_REQUESTS");
    assert!(slowed.header("Retry-After").is_some());
}

async fn what_would_help_a_thief_needs_password_and_code(service: &Service) {
    let office = Office::found(service).await;
    let (client, seed, _) = with_second_factor(&office).await;
    for (path, password, code) in [
        ("/auth/second-factor", "not the password", None),
        ("/auth/second-factor/remove", "not the password", Some(code(service, seed, 30))),
        ("/auth/second-factor/recovery-codes", PASSWORD, Some("000000".to_owned())),
    ] {
        let body = code.map_or_else(|| json!({"password": password}), |code| json!({"password": password, "totp_code": code}));
        client.post(path, &body).await.refused(401, "INVALID_CREDENTIALS");
    }
    sign_in(&service.visitor(), &office, None).await.refused(401, "SECOND_FACTOR_REQUIRED");
    client.post("/auth/second-factor/remove", &json!({"password": PASSWORD, "totp_code": code(service, seed, 30)})).await.is(204);
    sign_in(&service.visitor(), &office, None).await.is(200);
    let none = json!({"password": PASSWORD, "totp_code": code(service, seed, 30)});
    client.post("/auth/second-factor/remove", &none).await.refused(409, "NO_SECOND_FACTOR");
}

async fn sign_ins_are_listed_and_ended(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let mine: Vec<Client> = vec![office.sign_in(Role::Adviser).await, office.sign_in(Role::Adviser).await, office.sign_in(Role::Adviser).await];
    let theirs = other.sign_in(Role::Adviser).await;
    let listed = mine[0].get("/auth/login-sessions").await.is(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.iter().map(|item| item["current"] == true).collect::<Vec<_>>(), [false, false, true], "the newest first: {listed}");
    assert!(items.iter().all(|item| item["organization"] == json!(office.slug)));

    theirs.act(&format!("/auth/login-sessions/{}/end", text(&items[0]["id"]))).await.refused(404, "NOT_FOUND");
    mine[0].act(&format!("/auth/login-sessions/{}/end", text(&items[0]["id"]))).await.is(204);
    mine[2].get("/me").await.refused(401, "UNAUTHENTICATED");
    mine[0].act(&format!("/auth/login-sessions/{}/end", text(&items[0]["id"]))).await.refused(404, "NOT_FOUND");
    mine[0].act("/auth/login-sessions/end-others").await.is(204);
    mine[1].get("/me").await.refused(401, "UNAUTHENTICATED");
    mine[0].get("/me").await.is(200);
    theirs.get("/me").await.is(200);
    assert_eq!(mine[0].get("/auth/login-sessions").await.is(200)["items"].as_array().unwrap().len(), 1);
}

async fn a_password_of_former_times_opens_and_is_kept_better(service: &Service) {
    let office = Office::found(service).await;
    let user = office.user(Role::Adviser).await;
    // As an import brings it from a system that used bcrypt, at that system's cost.
    let bcrypt = bcrypt::hash(PASSWORD, 4).unwrap();
    service.db.raw.execute("UPDATE users SET password_hash = $1 WHERE id = $2", [bcrypt.into(), user.into()]).await;
    sign_in(&service.visitor(), &office, None).await.is(200);
    let kept: String = service.db.raw.one("SELECT password_hash FROM users WHERE id = $1", [user.into()]).await;
    assert!(kept.starts_with("$argon2id$"), "{kept}");
    sign_in(&service.visitor(), &office, None).await.is(200);
    let again: String = service.db.raw.one("SELECT password_hash FROM users WHERE id = $1", [user.into()]).await;
    assert_eq!(again, kept, "it is made better once");
}
