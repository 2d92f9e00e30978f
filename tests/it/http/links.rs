//! What goes by links that open once, and the mails that bring them.

use std::time::{Duration, Instant as Stopwatch};

use chrono::TimeDelta;
use matricula_domain::identity::Role;
use matricula_tests::program::{PASSWORD, Service};
use matricula_tests::speak::{Answer, Client, at_once, each, text};
use serde_json::{Value as Json, json};

use super::identity::{login, soon_is_shut_out};
use super::office::Office;
use super::wishes::{begun, code, set_up};

over_http_alone! {
    a_forgotten_password_is_chosen_anew_by_mail,
    whether_an_address_has_an_account_does_not_show,
    another_password_does_not_pass_by_the_second_factor,
    a_link_opens_for_its_time_and_the_newest_alone,
    what_was_tampered_with_opens_nothing_and_the_audit_knows,
    of_twenty_who_use_a_link_at_once_one_does,
    somebody_new_comes_by_an_invitation,
    who_works_elsewhere_just_joins,
    invitations_are_listed_and_taken_back,
    a_password_is_changed_by_who_knows_it,
    an_address_changes_when_the_new_one_confirms,
    the_old_address_can_object,
    the_first_owner_sets_the_installation_up,
}

mod server {
    use std::sync::{LazyLock, mpsc};

    use matricula_app::settings::Settings;
    use matricula_gateways::mail::Destination;
    use matricula_tests::Engine;
    use matricula_tests::program::alone;
    use matricula_tests::sink::{Letter, Manners, Sink};

    use super::*;

    /// A mail server on a thread of its own.
    static SINK: LazyLock<Sink> = LazyLock::new(|| {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                sender.send(Sink::open(Manners::RefusesMail(451)).await).unwrap();
                std::future::pending::<()>().await;
            });
        });
        receiver.recv().unwrap()
    });

    fn to_sink(settings: &mut Settings) {
        settings.mail.destination = Destination::parse(&format!("smtp://127.0.0.1:{}", SINK.port)).unwrap();
    }

    /// Waits until a job for mail is in a state, and answers why it failed last.
    async fn failed(service: &Service, status: &str) -> String {
        for _ in 0..300 {
            let found: Vec<Option<String>> = service
                .db
                .raw
                .column("SELECT last_error FROM jobs WHERE kind = 'notifications.mail' AND status = $1 AND attempts > 0", [status.into()])
                .await;
            if let Some(why) = found.into_iter().flatten().next() {
                return why;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no mail is {status}");
    }

    #[test]
    fn mail_waits_for_its_server_and_a_refused_one_is_a_dead_letter() {
        alone(Engine::Sqlite, to_sink, async |service| {
            let office = Office::found(service).await;
            let (email, _) = office.newcomer().await;
            forget(service, &email).await;
            assert_eq!(failed(service, "ready").await, "the mail server answered 451");
            SINK.behave(Manners::Takes);
            service.db.clock.advance(TimeDelta::seconds(3));
            for _ in 0..300 {
                if !SINK.taken().is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let taken = SINK.taken();
            assert_eq!((taken.len(), &taken[0].to), (1, &vec![email.clone()]));
            is_nothing(&reset(service, &Letter::read(&taken[0].bytes).token()).await, 204);

            SINK.behave(Manners::RefusesRecipient(550));
            let (other, _) = office.newcomer().await;
            forget(service, &other).await;
            assert_eq!(failed(service, "dead").await, "the mail server refused with 550");
            for row in service.db.raw.dump("jobs").await {
                assert!(!row.contains(&email) && !row.contains(&other) && !row.contains("mlk_"), "{row}");
            }
        });
    }
}

const NEW: &str = "una contraseña bien distinta";

fn is_nothing(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.text.as_str()), (status, ""));
}

async fn forget(service: &Service, email: &str) {
    is_nothing(&service.visitor().post("/auth/password-resets", &json!({"email": email})).await, 202);
}

async fn reset(service: &Service, token: &str) -> Answer {
    service.visitor().post("/auth/password-resets/confirm", &json!({"token": token, "password": NEW})).await
}

async fn refusals(office: &Office<'_>, why: &str) -> i64 {
    let condition = "organization_id = $1 AND action = 'one_time_link.refused' AND purpose = $2";
    office.service.db.raw.count_where("audit_entries", condition, [office.id.into(), why.into()]).await
}

async fn a_forgotten_password_is_chosen_anew_by_mail(service: &Service) {
    let office = Office::found(service).await;
    let (email, first) = office.newcomer().await;
    let tokens = login(&service.visitor(), &email, PASSWORD).await.is(200);
    let second = service.visitor().with_token(&text(&tokens["access_token"]));
    forget(service, &email).await;
    let mail = service.mailed(&email, 1).await.remove(0);
    assert_eq!((mail.subject.as_str(), mail.to_name.as_deref()), ("Elige otra contraseña", Some("Quien es viewer")));
    assert!(mail.html.contains("<html lang=\"es\">") && mail.html.contains(&mail.token()));
    assert!(mail.headers.iter().any(|name| name == "Auto-Submitted"));

    // Nothing that opens the link is anywhere in the database, and the address is in none of what waits to be sent.
    assert_eq!(service.db.raw.hits(&[mail.token().into_bytes()]).await, Vec::<String>::new());
    for table in ["jobs", "outbox"] {
        assert!(service.db.raw.dump(table).await.iter().all(|row| !row.contains(&email)), "{table}");
    }

    is_nothing(&reset(service, &mail.token()).await, 204);
    login(&service.visitor(), &email, PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    soon_is_shut_out(&first).await;
    soon_is_shut_out(&second).await;
    service.visitor().post("/auth/refresh", &json!({"refresh_token": tokens["refresh_token"]})).await.refused(401, "INVALID_CREDENTIALS");
    login(&service.visitor(), &email, NEW).await.is(200);
    let notice = service.mailed(&email, 2).await.remove(1);
    assert_eq!(notice.subject, "Tu contraseña ha cambiado");

    reset(service, &mail.token()).await.refused(410, "LINK_OVER");
    assert_eq!(refusals(&office, "over").await, 1);
}

async fn whether_an_address_has_an_account_does_not_show(service: &Service) {
    let office = Office::found(service).await;
    let (email, _) = office.newcomer().await;
    let mut times = Vec::new();
    for address in [email.as_str(), "nadie@example.es", email.as_str()] {
        let begun = Stopwatch::now();
        forget(service, address).await;
        times.push(begun.elapsed());
    }
    assert!(times.iter().all(|time| *time >= Duration::from_millis(250)), "{times:?}");
    service.mailed(&email, 1).await;
    assert!(service.mails("nadie@example.es").is_empty());
    service.visitor().post("/auth/password-resets", &json!({"email": "nadie"})).await.faults();
}

async fn another_password_does_not_pass_by_the_second_factor(service: &Service) {
    let office = Office::found(service).await;
    let (email, client) = office.newcomer().await;
    let seed = begun(&client).await;
    client.post("/auth/second-factor/confirm", &json!({"totp_code": code(service, seed, 0)})).await.is(200);
    forget(service, &email).await;
    let token = service.mailed(&email, 1).await.remove(0).token();
    is_nothing(&reset(service, &token).await, 204);
    login(&service.visitor(), &email, NEW).await.refused(401, "SECOND_FACTOR_REQUIRED");
    service.db.clock.advance(TimeDelta::minutes(1));
    let with_code = json!({"email": email, "password": NEW, "totp_code": code(service, seed, 0)});
    service.visitor().post("/auth/login", &with_code).await.is(200);
}

async fn a_link_opens_for_its_time_and_the_newest_alone(service: &Service) {
    let office = Office::found(service).await;
    let (email, _) = office.newcomer().await;
    forget(service, &email).await;
    let first = service.mailed(&email, 1).await.remove(0);
    // Whoever knows an address cannot flood it.
    for _ in 0..3 {
        forget(service, &email).await;
    }
    service.db.clock.advance(TimeDelta::minutes(2));
    forget(service, &email).await;
    let second = service.mailed(&email, 2).await.remove(1);
    assert_ne!(first.token(), second.token());
    reset(service, &first.token()).await.refused(410, "LINK_OVER");
    service.db.clock.advance(TimeDelta::minutes(60));
    reset(service, &second.token()).await.refused(410, "LINK_OVER");
    login(&service.visitor(), &email, PASSWORD).await.is(200);
}

async fn what_was_tampered_with_opens_nothing_and_the_audit_knows(service: &Service) {
    let office = Office::found(service).await;
    let (email, client) = office.newcomer().await;
    forget(service, &email).await;
    let token = service.mailed(&email, 1).await.remove(0).token();
    let mut flipped = token.clone().into_bytes();
    let last = flipped.last_mut().unwrap();
    *last = if *last == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    reset(service, &flipped).await.refused(401, "INVALID_LINK");
    assert_eq!(refusals(&office, "wrong_token").await, 1);
    // What opens one thing opens no other.
    let elsewhere = service.visitor().post("/auth/email-changes/confirm", &json!({"token": token})).await;
    elsewhere.refused(401, "INVALID_LINK");
    assert_eq!(refusals(&office, "wrong_token").await, 2);
    for nothing in ["mlk_", "x", &token[1..], &format!("{token}A"), &format!("mlk_{}", "A".repeat(64))] {
        reset(service, nothing).await.refused(401, "INVALID_LINK");
    }
    let signed_in = login(&service.visitor(), &email, PASSWORD).await.is(200);
    reset(service, &text(&signed_in["access_token"])).await.refused(401, "INVALID_LINK");
    client.get("/me").await.is(200);
    is_nothing(&reset(service, &token).await, 204);
}

async fn of_twenty_who_use_a_link_at_once_one_does(service: &Service) {
    let office = Office::found(service).await;
    let (email, _) = office.newcomer().await;
    forget(service, &email).await;
    let token = service.mailed(&email, 1).await.remove(0).token();
    let visitor = service.visitor();
    let body = json!({"token": token, "password": NEW});
    let answers = at_once((0..20).map(|_| visitor.post("/auth/password-resets/confirm", &body))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![204], vec![410; 19]].concat());
    let changed = "organization_id = $1 AND action = 'user.password_changed'";
    assert_eq!(service.db.raw.count_where("audit_entries", changed, [office.id.into()]).await, 1);
}

async fn invite(office: &Office<'_>, email: &str, role: &str) -> Answer {
    office.owner().await.post("/invitations", &json!({"email": email, "role": role})).await
}

async fn accept(service: &Service, body: &Json) -> Answer {
    service.visitor().post("/auth/invitations/accept", body).await
}

async fn somebody_new_comes_by_an_invitation(service: &Service) {
    let office = Office::found(service).await;
    let invited = invite(&office, "Nueva@Example.ES", "adviser").await.is(201);
    assert_eq!((text(&invited["email"]).as_str(), &invited["role"], &invited["status"]), ("nueva@example.es", &json!("adviser"), &json!("open")));
    let mail = service.mailed("nueva@example.es", 1).await.remove(0);
    assert_eq!(mail.subject, format!("Quien es owner te invita a {}", office.slug));

    let token = mail.token();
    let faults = accept(service, &json!({"token": token})).await.faults();
    assert_eq!(faults, [("/name".to_owned(), "REQUIRED".to_owned()), ("/password".to_owned(), "REQUIRED".to_owned())]);
    let accepted = accept(service, &json!({"token": token, "name": "Nueva", "password": NEW})).await.is(200);
    assert_eq!((&accepted["role"], text(&accepted["organization_id"])), (&json!("adviser"), office.id.to_string()));
    let tokens = login(&service.visitor(), "nueva@example.es", NEW).await.is(200);
    let me = service.visitor().with_token(&text(&tokens["access_token"])).get("/me").await.is(200);
    assert_eq!((&me["role"], &me["user"]["name"]), (&json!("adviser"), &json!("Nueva")));

    accept(service, &json!({"token": token, "name": "Otra", "password": NEW})).await.refused(410, "LINK_OVER");
    invite(&office, "nueva@example.es", "viewer").await.refused(409, "WORKS_HERE_ALREADY");
    let manager = office.client(Role::Manager).await;
    let refused = manager.post("/invitations", &json!({"email": "x@example.es", "role": "viewer"})).await;
    refused.refused(403, "PERMISSION_DENIED");
    invite(&office, "tarde@example.es", "viewer").await.id(201);
    let late = service.mailed("tarde@example.es", 1).await.remove(0).token();
    service.db.clock.advance(TimeDelta::hours(24));
    accept(service, &json!({"token": late, "name": "Tarde", "password": NEW})).await.refused(410, "LINK_OVER");
}

async fn who_works_elsewhere_just_joins(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let (email, client) = other.newcomer().await;
    invite(&office, &email, "manager").await.id(201);
    let token = service.mailed(&email, 1).await.remove(0).token();
    let accepted = accept(service, &json!({"token": token})).await.is(200);
    assert_eq!(accepted["role"], "manager");
    client.get("/me").await.is(200);
    let credentials = |slug: &str| json!({"email": email, "password": PASSWORD, "organization": slug});
    for (slug, role) in [(&office.slug, "manager"), (&other.slug, "viewer")] {
        let tokens = service.visitor().post("/auth/login", &credentials(slug)).await.is(200);
        let me = service.visitor().with_token(&text(&tokens["access_token"])).get("/me").await.is(200);
        assert_eq!((&me["role"], &me["organization"]["slug"]), (&json!(role), &json!(slug)));
    }
    // One user, one password: another one ends the sign-ins in all organizations.
    let here = service.visitor().post("/auth/login", &credentials(&office.slug)).await.is(200);
    let here = service.visitor().with_token(&text(&here["access_token"]));
    is_nothing(&here.post("/me/password", &json!({"current_password": PASSWORD, "new_password": NEW})).await, 204);
    soon_is_shut_out(&client).await;
    here.get("/me").await.is(200);
}

async fn invitations_are_listed_and_taken_back(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let first = invite(&office, "ana@example.es", "viewer").await.id(201);
    let token = service.mailed("ana@example.es", 1).await.remove(0).token();
    service.db.clock.advance(TimeDelta::minutes(1));
    let second = invite(&office, "ana@example.es", "adviser").await.id(201);
    let list = owner.get("/invitations").await.is(200);
    assert_eq!(each(&list, "id"), [json!(second), json!(first)]);
    assert_eq!(each(&list, "status"), [json!("open"), json!("replaced")]);
    accept(service, &json!({"token": token, "name": "Ana", "password": NEW})).await.refused(410, "LINK_OVER");

    let token = service.mailed("ana@example.es", 2).await.remove(1).token();
    let revoked = owner.act(&format!("/invitations/{second}/revoke")).await.is(200);
    assert_eq!(revoked["status"], "revoked");
    owner.act(&format!("/invitations/{second}/revoke")).await.refused(410, "LINK_OVER");
    accept(service, &json!({"token": token, "name": "Ana", "password": NEW})).await.refused(410, "LINK_OVER");
    let stranger = Office::found(service).await.owner().await.get("/invitations").await.is(200);
    assert_eq!(stranger["items"], json!([]));
    // A repeat of the key invites nobody a second time.
    let body = json!({"email": "eva@example.es", "role": "viewer"});
    let once = owner.post("/invitations", &body).key("una-vez").await.id(201);
    assert_eq!(owner.post("/invitations", &body).key("una-vez").await.id(201), once);
    service.mailed("eva@example.es", 1).await;
}

async fn change(client: &Client, current: &str, new: &str) -> Answer {
    client.post("/me/password", &json!({"current_password": current, "new_password": new})).await
}

async fn a_password_is_changed_by_who_knows_it(service: &Service) {
    let office = Office::found(service).await;
    let (email, client) = office.newcomer().await;
    let tokens = login(&service.visitor(), &email, PASSWORD).await.is(200);
    let elsewhere = service.visitor().with_token(&text(&tokens["access_token"]));
    forget(service, &email).await;
    let forgotten = service.mailed(&email, 1).await.remove(0).token();

    change(&client, "no es esta, no", NEW).await.refused(401, "INVALID_CREDENTIALS");
    change(&client, PASSWORD, "corta").await.faults();
    is_nothing(&change(&client, PASSWORD, NEW).await, 204);
    client.get("/me").await.is(200);
    soon_is_shut_out(&elsewhere).await;
    login(&service.visitor(), &email, PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    login(&service.visitor(), &email, NEW).await.is(200);
    assert_eq!(service.mailed(&email, 2).await[1].subject, "Tu contraseña ha cambiado");
    reset(service, &forgotten).await.refused(410, "LINK_OVER");
    // Who holds a stolen token guesses no faster than at the sign-in.
    for _ in 0..5 {
        change(&client, "adivina adivinanza", NEW).await.refused(401, "INVALID_CREDENTIALS");
    }
    change(&client, "adivina adivinanza", NEW).await.refused(429, "TOO_MANY_REQUESTS");
}

async fn ask(client: &Client, email: &str) -> Answer {
    client.post("/me/email", &json!({"email": email, "current_password": PASSWORD})).await
}

async fn an_address_changes_when_the_new_one_confirms(service: &Service) {
    let office = Office::found(service).await;
    let (old, client) = office.newcomer().await;
    let wrong = client.post("/me/email", &json!({"email": "nueva@example.es", "current_password": "no es esta, no"})).await;
    wrong.refused(401, "INVALID_CREDENTIALS");
    assert_eq!(ask(&client, &old).await.faults(), [("/email".to_owned(), "ALREADY_SO".to_owned())]);
    is_nothing(&ask(&client, "nueva@example.es").await, 202);
    let asked = service.mailed("nueva@example.es", 1).await.remove(0);
    let told = service.mailed(&old, 1).await.remove(0);
    assert_eq!((asked.subject.as_str(), told.subject.as_str()), ("Confirma tu nueva dirección", "Se ha pedido cambiar tu dirección"));
    login(&service.visitor(), "nueva@example.es", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");

    let confirm = async |token: &str| service.visitor().post("/auth/email-changes/confirm", &json!({"token": token})).await;
    is_nothing(&confirm(&asked.token()).await, 204);
    confirm(&asked.token()).await.refused(410, "LINK_OVER");
    login(&service.visitor(), &old, PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    login(&service.visitor(), "nueva@example.es", PASSWORD).await.is(200);

    // An address that is somebody else's: whoever asks learns nothing; whoever reads its mail does.
    let (taken, _) = office.newcomer().await;
    let (_, other) = office.newcomer().await;
    is_nothing(&ask(&other, &taken).await, 202);
    confirm(&service.mailed(&taken, 1).await.remove(0).token()).await.refused(409, "EMAIL_TAKEN");
}

async fn the_old_address_can_object(service: &Service) {
    let office = Office::found(service).await;
    let object = async |token: &str| service.visitor().post("/auth/email-changes/veto", &json!({"token": token})).await;
    let confirm = async |token: &str| service.visitor().post("/auth/email-changes/confirm", &json!({"token": token})).await;
    // Before the new one has confirmed …
    let (old, client) = office.newcomer().await;
    is_nothing(&ask(&client, "ladrona@example.es").await, 202);
    let veto = service.mailed(&old, 1).await.remove(0).token();
    is_nothing(&object(&veto).await, 204);
    let asked = service.mailed("ladrona@example.es", 1).await.remove(0).token();
    confirm(&asked).await.refused(410, "LINK_OVER");
    soon_is_shut_out(&client).await;
    object(&veto).await.refused(410, "LINK_OVER");
    login(&service.visitor(), &old, PASSWORD).await.is(200);
    // … and days after it has.
    let (old, client) = office.newcomer().await;
    is_nothing(&ask(&client, "ladron@example.es").await, 202);
    is_nothing(&confirm(&service.mailed("ladron@example.es", 1).await.remove(0).token()).await, 204);
    service.db.clock.advance(TimeDelta::days(6));
    is_nothing(&object(&service.mailed(&old, 1).await.remove(0).token()).await, 204);
    login(&service.visitor(), "ladron@example.es", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    login(&service.visitor(), &old, PASSWORD).await.is(200);
}

async fn the_first_owner_sets_the_installation_up(service: &Service) {
    let late = service.setup_token().await.unwrap();
    service.db.clock.advance(TimeDelta::hours(24));
    let set = async |token: &str, slug: &str| service.visitor().post("/auth/setup", &set_up(token, slug)).await;
    set(&late, "academia").await.refused(410, "LINK_OVER");
    let token = service.setup_token().await.unwrap();
    let other = if token.ends_with('A') { "B" } else { "A" };
    for nothing in ["mlk_", &token[..40], &format!("mlk_{}", "A".repeat(64)), &format!("{}{other}", &token[..67])] {
        set(nothing, "academia").await.refused(401, "INVALID_LINK");
    }
    let visitor = service.visitor();
    let answers = at_once((0..8).map(|n| visitor.post("/auth/setup", &set_up(&token, &format!("academia-{n}"))))).await;
    let founded: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(founded.len(), 1);
    assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 410 | 503)), "{answers:?}");
    assert_eq!((service.db.raw.count("organizations").await, service.db.raw.count("users").await), (1, 1));
    let tokens = login(&service.visitor(), &text(&founded[0].json()["email"]), PASSWORD).await.is(200);
    let me = service.visitor().with_token(&text(&tokens["access_token"])).get("/me").await.is(200);
    assert_eq!((&me["role"], &me["organization"]["slug"]), (&json!("owner"), &founded[0].json()["organization"]));
    set(&token, "otra").await.refused(410, "LINK_OVER");
    assert_eq!(service.setup_token().await, None);
}
