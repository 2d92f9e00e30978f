//! Signing in and out, and what tokens open.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::TimeDelta;
use matricula_domain::identity::Role;
use matricula_tests::program::{PASSWORD, Service};
use matricula_tests::speak::{Answer, Client, text};
use serde_json::{Value as Json, json};

use super::office::Office;

over_http_alone! {
    who_signs_in_gets_tokens_and_is_known,
    whether_an_account_exists_does_not_show,
    a_token_that_cannot_be_one_opens_nothing,
    an_access_token_opens_for_a_quarter_of_an_hour,
    a_refresh_token_is_used_once,
    a_lost_answer_is_forgiven_for_half_a_minute,
    a_sign_in_ends_after_twelve_hours,
    who_signs_out_is_out,
    failures_slow_an_account_down,
    failures_slow_an_address_down,
}

pub(super) async fn login(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/auth/login", &json!({"email": email, "password": password})).await
}

async fn refresh(client: &Client, token: &Json) -> Answer {
    client.post("/auth/refresh", &json!({"refresh_token": token})).await
}

/// Tokens of a fresh sign-in of the office's adviser, and who has them.
async fn signed_in(office: &Office<'_>) -> (Json, Client) {
    office.user(Role::Adviser).await;
    let visitor = office.service.visitor();
    let tokens = login(&visitor, &office.email(Role::Adviser), PASSWORD).await.is(200);
    let client = visitor.with_token(&text(&tokens["access_token"]));
    (tokens, client)
}

/// A token that opened a moment ago is not looked up for up to two seconds.
pub(super) async fn soon_is_shut_out(client: &Client) {
    for _ in 0..40 {
        let answer = client.get("/me").await;
        if answer.status == 401 {
            answer.refused(401, "UNAUTHENTICATED");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the token still opens");
}

async fn who_signs_in_gets_tokens_and_is_known(service: &Service) {
    let office = Office::found(service).await;
    let user = office.user(Role::Adviser).await;
    let visitor = service.visitor();
    let credentials =
        json!({"email": format!(" {} ", office.email(Role::Adviser).to_uppercase()), "password": PASSWORD, "organization": office.slug});
    let tokens = visitor.post("/auth/login", &credentials).await.is(200);
    let mut names: Vec<_> = tokens.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["access_token", "expires_in", "refresh_token", "token_type"]);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));

    let me = visitor.with_token(&text(&tokens["access_token"])).get("/me").await.is(200);
    assert_eq!(me["user"], json!({"id": user, "email": office.email(Role::Adviser), "name": "Quien es adviser"}));
    let organization = json!({"id": office.id, "slug": office.slug, "name": office.slug, "time_zone": "Europe/Madrid", "locale": "es"});
    assert_eq!((&me["organization"], &me["role"]), (&organization, &json!("adviser")));
    let permissions: Vec<_> = Role::Adviser.permissions().iter().map(|permission| permission.as_str()).collect();
    assert_eq!(me["permissions"], json!(permissions));
}

async fn whether_an_account_exists_does_not_show(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    office.user(Role::Adviser).await;
    let visitor = service.visitor();
    let email = office.email(Role::Adviser);
    let wrong = login(&visitor, &email, "una contraseña cualquiera").await;
    wrong.refused(401, "INVALID_CREDENTIALS");
    let unknown = login(&visitor, "nadie@example.es", "una contraseña cualquiera").await;
    assert_eq!((unknown.status, unknown.without_request_id()), (401, wrong.without_request_id()));
    let elsewhere = visitor.post("/auth/login", &json!({"email": email, "password": PASSWORD, "organization": other.slug})).await;
    assert_eq!((elsewhere.status, elsewhere.without_request_id()), (401, wrong.without_request_id()));

    let answer = visitor.post("/auth/login", &json!({"email": "nobody", "password": "short", "pin": 1})).await;
    let faults: Vec<_> = answer.faults().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
    assert_eq!(faults, ["/pin UNKNOWN_FIELD", "/email NOT_AN_EMAIL", "/password TOO_SHORT"]);
}

async fn a_token_that_cannot_be_one_opens_nothing(service: &Service) {
    let office = Office::found(service).await;
    let (tokens, client) = signed_in(&office).await;
    let visitor = service.visitor();
    let (access, refreshing) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
    for token in
        ["", "x", "mat_", "null", &access[..46], &format!("{access}A"), &access.to_uppercase(), &refreshing, &"a".repeat(5000), &"mat_".repeat(12)]
    {
        visitor.with_token(token).get("/me").await.refused(401, "UNAUTHENTICATED");
    }
    for scheme in [format!("Basic {access}"), access.clone(), format!("Token {access}"), "Bearer".to_owned()] {
        visitor.get("/me").header("Authorization", &scheme).await.refused(401, "UNAUTHENTICATED");
    }
    visitor.get("/me").header("Authorization", &format!("bearer {access}")).await.is(200);
    for token in [json!(access), json!("x"), json!("mrt_".repeat(12)), json!(&refreshing[..46])] {
        refresh(&visitor, &token).await.refused(401, "INVALID_CREDENTIALS");
    }
    client.get("/me").await.is(200);
}

async fn an_access_token_opens_for_a_quarter_of_an_hour(service: &Service) {
    let office = Office::found(service).await;
    let (tokens, client) = signed_in(&office).await;
    service.db.clock.advance(TimeDelta::seconds(899));
    client.get("/me").await.is(200);
    service.db.clock.advance(TimeDelta::seconds(1));
    client.get("/me").await.refused(401, "UNAUTHENTICATED");
    let fresh = refresh(&service.visitor(), &tokens["refresh_token"]).await.is(200);
    client.with_token(&text(&fresh["access_token"])).get("/me").await.is(200);
}

async fn a_refresh_token_is_used_once(service: &Service) {
    let office = Office::found(service).await;
    let (first, old) = signed_in(&office).await;
    let visitor = service.visitor();
    let second = refresh(&visitor, &first["refresh_token"]).await.is(200);
    assert!(["access_token", "refresh_token"].iter().all(|name| first[name] != second[name]), "rotated");
    let client = old.with_token(&text(&second["access_token"]));
    client.get("/me").await.is(200);
    soon_is_shut_out(&old).await;

    // Somebody else has the old one too: nothing of this sign-in opens any more, and other sign-ins are none the worse.
    let (_, bystander) = signed_in(&office).await;
    service.db.clock.advance(TimeDelta::seconds(31));
    refresh(&visitor, &first["refresh_token"]).await.refused(401, "INVALID_CREDENTIALS");
    refresh(&visitor, &second["refresh_token"]).await.refused(401, "INVALID_CREDENTIALS");
    soon_is_shut_out(&client).await;
    bystander.get("/me").await.is(200);
    let ended = "organization_id = $1 AND action = 'login_session.ended'";
    assert_eq!(service.db.raw.count_where("audit_entries", ended, [office.id.into()]).await, 1);
}

async fn a_lost_answer_is_forgiven_for_half_a_minute(service: &Service) {
    let office = Office::found(service).await;
    let (first, client) = signed_in(&office).await;
    let visitor = service.visitor();
    refresh(&visitor, &first["refresh_token"]).await.is(200);
    service.db.clock.advance(TimeDelta::seconds(30));
    let again = refresh(&visitor, &first["refresh_token"]).await.is(200);
    client.with_token(&text(&again["access_token"])).get("/me").await.is(200);
    refresh(&visitor, &again["refresh_token"]).await.is(200);
}

async fn a_sign_in_ends_after_twelve_hours(service: &Service) {
    let office = Office::found(service).await;
    let (mut tokens, client) = signed_in(&office).await;
    for _ in 0..2 {
        service.db.clock.advance(TimeDelta::minutes(359));
        tokens = refresh(&service.visitor(), &tokens["refresh_token"]).await.is(200);
    }
    // Two minutes are left, not fifteen.
    service.db.clock.advance(TimeDelta::seconds(119));
    client.with_token(&text(&tokens["access_token"])).get("/me").await.is(200);
    service.db.clock.advance(TimeDelta::seconds(1));
    client.with_token(&text(&tokens["access_token"])).get("/me").await.refused(401, "UNAUTHENTICATED");
    refresh(&service.visitor(), &tokens["refresh_token"]).await.refused(401, "INVALID_CREDENTIALS");
}

async fn who_signs_out_is_out(service: &Service) {
    let office = Office::found(service).await;
    let (tokens, client) = signed_in(&office).await;
    let answer = client.act("/auth/logout").await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("Clear-Site-Data"), Some(r#""cache", "cookies", "storage""#));
    refresh(&service.visitor(), &tokens["refresh_token"]).await.refused(401, "INVALID_CREDENTIALS");
    soon_is_shut_out(&client).await;
    client.act("/auth/logout").await.refused(401, "UNAUTHENTICATED");
}

fn seconds_to_wait(answer: &Answer) -> i64 {
    answer.refused(429, "TOO_MANY_REQUESTS");
    answer.header("Retry-After").unwrap().parse().unwrap()
}

async fn failures_slow_an_account_down(service: &Service) {
    let office = Office::found(service).await;
    office.user(Role::Adviser).await;
    let known = office.email(Role::Adviser);
    // Nobody learns from it whether there is such an account, nor can anybody be kept out for good.
    for email in [known.as_str(), "nadie@example.es"] {
        for _ in 0..5 {
            login(&service.visitor(), email, "adivina adivinanza").await.refused(401, "INVALID_CREDENTIALS");
        }
        assert_eq!(seconds_to_wait(&login(&service.visitor(), email, "adivina adivinanza").await), 1);
    }
    assert_eq!(seconds_to_wait(&login(&service.visitor(), &known, PASSWORD).await), 1, "the right password waits too");
    service.db.clock.advance(TimeDelta::seconds(1));
    login(&service.visitor(), &known, "adivina adivinanza").await.refused(401, "INVALID_CREDENTIALS");
    assert_eq!(seconds_to_wait(&login(&service.visitor(), &known, PASSWORD).await), 2, "the wait doubles");
    service.db.clock.advance(TimeDelta::seconds(2));
    login(&service.visitor(), &known, PASSWORD).await.is(200);
    // Who got in begins anew.
    login(&service.visitor(), &known, "adivina adivinanza").await.refused(401, "INVALID_CREDENTIALS");
    login(&service.visitor(), &known, PASSWORD).await.is(200);
}

async fn failures_slow_an_address_down(service: &Service) {
    let office = Office::found(service).await;
    office.user(Role::Adviser).await;
    let guesser = service.visitor();
    for n in 0..5 {
        login(&guesser, &format!("nadie{n}@example.es"), "adivina adivinanza").await.refused(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(seconds_to_wait(&login(&guesser, &office.email(Role::Adviser), PASSWORD).await), 1);
    login(&service.visitor(), &office.email(Role::Adviser), PASSWORD).await.is(200);
}

mod limits {
    use super::*;
    use matricula_app::settings::Settings;
    use matricula_tests::Engine;
    use matricula_tests::program::alone;

    fn few(settings: &mut Settings) {
        settings.rates.sign_ins_per_address = NonZeroU32::new(3).unwrap();
        settings.rates.public_per_address = NonZeroU32::new(4).unwrap();
        settings.rates.leads_per_organization = NonZeroU32::new(6).unwrap();
    }

    #[test]
    fn an_address_has_so_many_tries_to_sign_in_a_minute() {
        alone(Engine::Sqlite, few, async |service| {
            let office = Office::found(service).await;
            office.user(Role::Adviser).await;
            let visitor = service.visitor();
            for _ in 0..3 {
                login(&visitor, &office.email(Role::Adviser), PASSWORD).await.is(200);
            }
            let wait = seconds_to_wait(&login(&visitor, &office.email(Role::Adviser), PASSWORD).await);
            assert!((1..=21).contains(&wait), "{wait}");
            seconds_to_wait(&refresh(&visitor, &json!("mrt_".repeat(12))).await);
            login(&service.visitor(), &office.email(Role::Adviser), PASSWORD).await.is(200);
        });
    }

    #[test]
    fn an_address_and_an_organization_have_so_many_leads_a_minute() {
        alone(Engine::Sqlite, few, async |service| {
            let (office, other) = (Office::found(service).await, Office::found(service).await);
            let leave = async |client: &Client, office: &Office<'_>| client.post(&office.door("/leads"), &super::super::office::someone()).await;
            let visitor = service.visitor();
            for _ in 0..4 {
                leave(&visitor, &office).await.is(201);
            }
            seconds_to_wait(&leave(&visitor, &office).await);
            seconds_to_wait(&visitor.get(&office.door("/courses")).await);
            // Somebody else still can, until the organization has had enough; then another organization still has not.
            for _ in 0..2 {
                leave(&service.visitor(), &office).await.is(201);
            }
            seconds_to_wait(&leave(&service.visitor(), &office).await);
            leave(&service.visitor(), &other).await.is(201);
            assert_eq!(office.rows("leads").await, 6);
            // Staff are not slowed down.
            assert_eq!(text(&office.lead(json!({})).await["status"]), "new");
        });
    }
}
