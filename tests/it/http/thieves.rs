//! What thieves try: guessing passwords by the thousand, using a stolen refresh token, going on with a stolen sign-in.

use chrono::TimeDelta;
use matricula_domain::identity::{LoginSession, Role};
use matricula_tests::figure;
use matricula_tests::program::{PASSWORD, Service};
use matricula_tests::speak::{Answer, Client, text};
use serde_json::{Value as Json, json};

use super::office::Office;
use super::wishes::{begun, code};

over_http_alone! {
    however_many_guess_few_tries_are_made_and_the_owner_still_signs_in,
    a_lost_answer_ends_no_sign_in,
    a_refresh_token_that_comes_again_ends_the_sign_in_and_its_owner_is_told,
    who_did_not_get_in_stands_in_the_audit,
    who_signed_in_a_while_ago_shows_again_who_they_are_before_they_change_what_others_may,
    in_a_role_that_asks_for_a_second_factor_nobody_works_without_one,
    a_new_organization_asks_for_a_second_factor_in_the_roles_that_reach_everything,
}

async fn sign_in(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/auth/login", &json!({"email": email, "password": password})).await
}

async fn refresh(client: &Client, token: &Json) -> Answer {
    client.post("/auth/refresh", &json!({"refresh_token": token})).await
}

async fn written(service: &Service, office: &Office<'_>, action: &str) -> i64 {
    service.db.raw.count_where("audit_entries", "organization_id = $1 AND action = $2", [office.id.into(), action.into()]).await
}

/// At most so many wrong passwords are tried in an hour for an account, and from an address (docs/reliability.md): four for nothing, then
/// one after each wait of 1, 2, 4 … 512 seconds, then one each quarter of an hour.
const BUDGET_OF_AN_HOUR: i64 = 4 + 1 + 10 + 3;

/// S6 of the reliability figures: 10,000 tries from 50 addresses on 100 accounts; here fewer, unless `MATRICULA_TRIES` says so.
async fn however_many_guess_few_tries_are_made_and_the_owner_still_signs_in(service: &Service) {
    let tries = figure("MATRICULA_TRIES", 1_000);
    let (accounts, addresses) = (tries.div_ceil(100), tries.div_ceil(200));
    let office = Office::found(service).await;
    let mut emails = vec![office.email(Role::Owner)];
    office.user(Role::Owner).await;
    for _ in 1..accounts {
        let email = format!("{}@{}.example", service.unique("victima"), office.slug);
        service.admit(office.id, &email, Role::Viewer).await;
        emails.push(email);
    }
    let home = service.visitor();
    sign_in(&home, &emails[0], PASSWORD).await.is(200);

    let pause = TimeDelta::hours(1) / i32::try_from(tries).unwrap();
    for n in 0..tries {
        let thief = home.at(&format!("198.51.100.{}", n % addresses));
        let answer = sign_in(&thief, &emails[n / addresses % accounts], "not the password").await;
        assert!(matches!(answer.status, 401 | 429), "{}", answer.text);
        service.db.clock.advance(pause);
        if n == tries / 2 {
            sign_in(&home, &emails[0], PASSWORD).await.is(200);
        }
    }
    // Each try that reaches the hasher is written down.
    let reached = written(service, &office, "user.sign_in_refused").await;
    let most = BUDGET_OF_AN_HOUR * i64::try_from(accounts.min(addresses)).unwrap();
    println!("{tries} tries from {addresses} addresses on {accounts} accounts: {reached} reached the hasher, at most {most} may");
    assert!((i64::try_from(addresses).unwrap()..=most).contains(&reached), "{reached} of at most {most}");

    sign_in(&home, &emails[0], PASSWORD).await.is(200);
    // Who was never here before waits, but not for good.
    service.db.clock.advance(TimeDelta::minutes(15));
    sign_in(&service.visitor(), &emails[1], PASSWORD).await.is(200);
}

/// S7: 1,000 rotations; here fewer, unless `MATRICULA_ROTATIONS` says so.
async fn a_lost_answer_ends_no_sign_in(service: &Service) {
    let office = Office::found(service).await;
    office.user(Role::Adviser).await;
    let client = service.visitor();
    let mut token = sign_in(&client, &office.email(Role::Adviser), PASSWORD).await.is(200)["refresh_token"].clone();
    for _ in 0..figure("MATRICULA_ROTATIONS", 100) {
        // The answer to the first is lost, and so is that to the second, which may still be on its way when the third comes.
        let mut lost = Vec::new();
        for _ in 0..2 {
            lost.push(refresh(&client, &token).await.is(200)["refresh_token"].clone());
        }
        token = lost.pop().unwrap();
        service.db.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(written(service, &office, "login_session.ended").await, 0);
}

/// S7: 100 replays; here fewer, unless `MATRICULA_REPLAYS` says so.
async fn a_refresh_token_that_comes_again_ends_the_sign_in_and_its_owner_is_told(service: &Service) {
    let office = Office::found(service).await;
    office.user(Role::Adviser).await;
    let (client, email, replays) = (service.visitor(), office.email(Role::Adviser), figure("MATRICULA_REPLAYS", 10));
    let mut stolen = Vec::new();
    for _ in 0..replays {
        let first = sign_in(&client, &email, PASSWORD).await.is(200)["refresh_token"].clone();
        let tokens = refresh(&client, &first).await.is(200);
        stolen.push((first, tokens));
    }
    service.db.clock.advance(LoginSession::LOST_ANSWER + TimeDelta::seconds(1));
    for (first, tokens) in &stolen {
        refresh(&service.visitor(), first).await.refused(401, "INVALID_CREDENTIALS");
        refresh(&client, &tokens["refresh_token"]).await.refused(401, "INVALID_CREDENTIALS");
        client.with_token(&text(&tokens["access_token"])).get("/me").await.refused(401, "UNAUTHENTICATED");
    }
    let replays = i64::try_from(replays).unwrap();
    assert_eq!(written(service, &office, "login_session.ended").await, replays);
    assert_eq!(written(service, &office, "user.sign_in_refused").await, replays, "the owner's own tokens are good for nothing either");
    let letters = service.mailed(&email, usize::try_from(replays).unwrap()).await;
    assert!(letters.iter().all(|letter| letter.subject.contains("sesiones")), "{letters:?}");
}

async fn who_did_not_get_in_stands_in_the_audit(service: &Service) {
    let office = Office::found(service).await;
    let user = office.user(Role::Adviser).await;
    sign_in(&service.visitor(), &office.email(Role::Adviser), "not the password").await.refused(401, "INVALID_CREDENTIALS");
    sign_in(&service.visitor(), "nadie@example.es", "not the password").await.refused(401, "INVALID_CREDENTIALS");
    let entries = office.owner().await.get("/audit/entries").await.is(200);
    let refused: Vec<_> = entries["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == "user.sign_in_refused").collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!((&refused[0]["entity_id"], &refused[0]["actor"]), (&json!(user), &json!("public")));
}

async fn who_signed_in_a_while_ago_shows_again_who_they_are_before_they_change_what_others_may(service: &Service) {
    let office = Office::found(service).await;
    office.user(Role::Owner).await;
    let visitor = service.visitor();
    let tokens = sign_in(&visitor, &office.email(Role::Owner), PASSWORD).await.is(200);
    let owner = visitor.with_token(&text(&tokens["access_token"]));
    let group = json!({"name": "Tarde", "roles": []});
    owner.post("/groups", &group).await.is(201);

    service.db.clock.advance(LoginSession::PROOF);
    let tokens = refresh(&visitor, &tokens["refresh_token"]).await.is(200);
    let owner = visitor.with_token(&text(&tokens["access_token"]));
    owner.post("/groups", &group).await.refused(403, "STEP_UP_REQUIRED");
    owner.patch("/organization", "*", &json!({"name": "Otra"})).await.refused(403, "STEP_UP_REQUIRED");
    owner.get("/groups").await.is(200);
    owner.post("/campaigns", &json!({"slug": "otono", "name": "Otoño", "platform": "meta_ads", "status": "active"})).await.is(201);

    owner.post("/auth/step-up", &json!({"password": "not the password"})).await.refused(401, "INVALID_CREDENTIALS");
    owner.post("/groups", &group).await.refused(403, "STEP_UP_REQUIRED");
    owner.post("/auth/step-up", &json!({"password": PASSWORD})).await.is(204);
    owner.post("/groups", &group).await.is(201);

    // Who has a second factor shows it too.
    let seed = begun(&owner).await;
    owner.post("/auth/second-factor/confirm", &json!({"totp_code": code(service, seed, 0)})).await.is(200);
    owner.post("/auth/step-up", &json!({"password": PASSWORD})).await.refused(401, "SECOND_FACTOR_REQUIRED");
    owner.post("/auth/step-up", &json!({"password": PASSWORD, "totp_code": "000000"})).await.refused(401, "INVALID_CREDENTIALS");
    owner.post("/auth/step-up", &json!({"password": PASSWORD, "totp_code": code(service, seed, 30)})).await.is(204);
}

async fn in_a_role_that_asks_for_a_second_factor_nobody_works_without_one(service: &Service) {
    let office = Office::found(service).await;
    let (owner, adviser) = (office.owner().await, office.client(Role::Adviser).await);
    let unknown = json!({"second_factor_roles": ["adviser", "nobody-knows"]});
    owner.patch("/organization", "*", &unknown).await.refused(422, "UNKNOWN_ROLE");
    let role = office.role(&["leads.read"]).await;
    let (_, worker) = office.worker(&["leads.read"]).await;
    owner.patch("/organization", "*", &json!({"second_factor_roles": ["adviser", role.shown["slug"]]})).await.is(200);

    // At once, for who is signed in already.
    adviser.get("/leads").await.refused(403, "SECOND_FACTOR_MISSING");
    adviser.post("/leads", &super::office::someone()).await.refused(403, "SECOND_FACTOR_MISSING");
    let me = adviser.get("/me").await.is(200);
    assert_eq!((&me["owes_second_factor"], &me["permissions"]), (&json!(true), &json!([])));
    worker.get("/leads").await.is(200);
    office.program(&["leads.read"]).await.get("/leads").await.is(200);

    let seed = begun(&adviser).await;
    adviser.get("/leads").await.refused(403, "SECOND_FACTOR_MISSING");
    adviser.post("/auth/second-factor/confirm", &json!({"totp_code": code(service, seed, 0)})).await.is(200);
    adviser.get("/leads").await.is(200);
    adviser.post("/auth/second-factor/remove", &json!({"password": PASSWORD, "totp_code": code(service, seed, 30)})).await.is(204);
    adviser.get("/leads").await.refused(403, "SECOND_FACTOR_MISSING");

    // Through a group, the role asks for one too.
    let group = office.group(&["adviser"]).await;
    let (id, somebody) = office.worker(&["leads.read"]).await;
    somebody.get("/leads").await.is(200);
    owner.post(&format!("/groups/{group}/members"), &json!({"user_id": id})).await;
    somebody.get("/leads").await.refused(403, "SECOND_FACTOR_MISSING");
}

async fn a_new_organization_asks_for_a_second_factor_in_the_roles_that_reach_everything(service: &Service) {
    let slug = service.unique("nueva");
    let id = service.found_as_it_comes(&slug).await;
    for (role, owes) in [(Role::Owner, true), (Role::Admin, true), (Role::Dpo, true), (Role::Manager, false), (Role::Viewer, false)] {
        let email = format!("{role}@{slug}.example");
        service.admit(id, &email, role).await;
        let visitor = service.visitor();
        let tokens = sign_in(&visitor, &email, PASSWORD).await.is(200);
        let me = visitor.with_token(&text(&tokens["access_token"])).get("/me").await.is(200);
        assert_eq!(me["owes_second_factor"], json!(owes), "{role}");
    }
}
