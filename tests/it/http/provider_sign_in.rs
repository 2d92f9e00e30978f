//! Signing in by way of an identity provider, and what is refused of what comes back.

use chrono::TimeDelta;
use matricula_app::settings::Settings;
use matricula_domain::identity::Role;
use matricula_gateways::relying_party::Neighborhood;
use matricula_tests::openid::{CLIENT, Conduct, Known, OpenProvider, SECRET};
use matricula_tests::program::{PASSWORD, Service, alone};
use matricula_tests::speak::{Answer, Client, at_once, text};
use serde_json::{Value as Json, json};

use super::office::{Made, Office, merged};

over_http_alone! {
    somebody_new_comes_with_the_role_that_their_provider_says,
    who_works_here_is_known_by_their_address_first_and_by_who_they_are_then,
    nobody_is_let_in_whom_the_organization_does_not_want,
    what_a_provider_does_not_say_is_not_believed,
    a_provider_that_does_not_answer_is_away,
    a_key_that_is_new_is_asked_for,
    a_way_is_gone_once_by_who_set_out,
    a_code_is_no_use_to_whoever_steals_it,
    of_ten_who_come_back_at_once_one_is_let_in,
    who_has_no_provider_learns_nothing_else,
    a_provider_may_want_the_secret_in_the_body,
    an_organization_that_is_full_or_suspended_takes_on_nobody,
    a_provider_is_kept_and_its_secret_told_to_nobody,
    a_domain_is_one_providers,
    whoever_says_who_people_are_has_all_rights,
    two_factors_at_the_provider_are_enough_in_a_role_that_asks_for_them,
}

/// Begins a sign-in; the address for the browser, and what it keeps.
async fn set_out(service: &Service, request: &Json) -> (String, String) {
    let begun = service.visitor().post("/auth/provider-sign-ins", request).await.is(200);
    (text(&begun["authorization_url"]), text(&begun["browser_secret"]))
}

/// Goes to a provider and comes back: what is shown then.
pub async fn come_back(service: &Service, provider: &OpenProvider, known: &Known) -> Json {
    let email = known.email.clone().unwrap_or_default();
    let (address, browser_secret) = set_out(service, &json!({"email": email})).await;
    shown(provider.authorize(&address, known), &browser_secret)
}

fn shown(brought: std::collections::HashMap<String, String>, browser_secret: &str) -> Json {
    merged(serde_json::to_value(brought).unwrap(), json!({"browser_secret": browser_secret}))
}

async fn finish(service: &Service, answer: &Json) -> Answer {
    service.visitor().post("/auth/provider-sign-ins/finish", answer).await
}

/// The whole way.
pub async fn sign_in(service: &Service, provider: &OpenProvider, known: &Known) -> Answer {
    finish(service, &come_back(service, provider, known).await).await
}

/// Who they are here, once they are in.
async fn me(service: &Service, signed_in: &Answer) -> Json {
    let tokens = signed_in.is(200);
    service.visitor().with_token(&text(&tokens["access_token"])).get("/me").await.is(200)
}

/// Somebody at the domain of a provider.
fn somebody(name: &str, made: &Made) -> Known {
    Known::of(&format!("sub-{name}"), &format!("{name}@{}", text(&made.shown["email_domains"][0])))
}

/// Why sign-ins by way of a provider were refused here, as the audit was told.
async fn reasons(office: &Office<'_>) -> Vec<String> {
    let told = "SELECT purpose FROM audit_entries WHERE organization_id = $1 AND action = 'provider_sign_in.refused' ORDER BY at, id";
    office.service.db.raw.column(told, [office.id.into()]).await
}

async fn happened(office: &Office<'_>, action: &str) -> i64 {
    let condition = format!("organization_id = $1 AND action = '{action}'");
    office.service.db.raw.count_where("audit_entries", &condition, [office.id.into()]).await
}

async fn somebody_new_comes_with_the_role_that_their_provider_says(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    let ana = Known { groups: vec!["todos".into(), "ventas".into()], ..somebody("ana", &made) };
    let first = me(service, &sign_in(service, &provider, &ana).await).await;
    assert_eq!((&first["role"], &first["user"]["name"]), (&json!("adviser"), &json!("Quien es sub-ana")));
    assert_eq!((text(&first["user"]["email"]), &first["organization"]["slug"]), (ana.email.clone().unwrap(), &json!(office.slug)));

    // The next time they are who they were, and what they may is for the organization to say.
    let ana = Known { groups: Vec::new(), ..ana };
    let again = me(service, &sign_in(service, &provider, &ana).await).await;
    assert_eq!(again, first);
    let eva = me(service, &sign_in(service, &provider, &somebody("eva", &made)).await).await;
    assert_eq!(eva["role"], "viewer");

    for (action, times) in
        [("provider_sign_in.begun", 3), ("provider_sign_in.answered", 3), ("provider_sign_in.refused", 0), ("provider_identity.tied", 2)]
    {
        assert_eq!(happened(&office, action).await, times, "{action}");
    }
    // By the organization as well as by the address; and there is no password that would open.
    let (address, secret) = set_out(service, &json!({"organization": office.slug})).await;
    finish(service, &shown(provider.authorize(&address, &ana), &secret)).await.is(200);
    let login = json!({"email": ana.email, "password": PASSWORD});
    service.visitor().post("/auth/login", &login).await.refused(401, "INVALID_CREDENTIALS");
    // What a provider calls somebody is not kept, and what opens is nowhere.
    assert_eq!(service.db.raw.hits(&[b"sub-ana".to_vec(), secret.into_bytes()]).await, ["users.name"]);
}

async fn who_works_here_is_known_by_their_address_first_and_by_who_they_are_then(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({"makes_members": false})).await;
    let luz = somebody("luz", &made);
    let id = service.admit(office.id, luz.email.as_deref().unwrap(), Role::Manager).await;
    let first = me(service, &sign_in(service, &provider, &luz).await).await;
    assert_eq!((text(&first["user"]["id"]), &first["role"]), (id.to_string(), &json!("manager")));

    // Another address at the provider: the same person.
    let moved = Known { email: somebody("lucia", &made).email, ..luz.clone() };
    assert_eq!(me(service, &sign_in(service, &provider, &moved).await).await["user"]["id"], first["user"]["id"]);
    // Somebody else with the address that was theirs: not the same person.
    let other = Known { subject: "sub-otra".into(), ..luz };
    sign_in(service, &provider, &other).await.refused(401, "NOT_LET_IN");
    assert_eq!(reasons(&office).await, ["other_subject"]);
    assert_eq!(happened(&office, "provider_identity.tied").await, 1);
}

async fn nobody_is_let_in_whom_the_organization_does_not_want(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let (provider, made) = office.identity_provider(json!({"default_role": null})).await;
    let sales = |name: &str| Known { groups: vec!["ventas".into()], ..somebody(name, &made) };
    let works_elsewhere = sales("fuera");
    service.admit(other.id, works_elsewhere.email.as_deref().unwrap(), Role::Owner).await;
    let gone = sales("ida");
    let id = service.admit(office.id, gone.email.as_deref().unwrap(), Role::Viewer).await;
    office.owner().await.act(&format!("/users/{id}/deactivate")).await.is(200);
    let came_and_went = sales("efimera");
    let me = me(service, &sign_in(service, &provider, &came_and_went).await).await;
    office.owner().await.act(&format!("/users/{}/deactivate", text(&me["user"]["id"]))).await.is(200);

    let sessions = office.rows("login_sessions").await;
    let users = service.db.raw.count("users").await;
    let elsewhere = Known { email: Some("x@otro.example".into()), ..sales("x") };
    let cases = [
        (Known { email: None, ..sales("a") }, "no_email"),
        (Known { email_verified: Some(false), ..sales("b") }, "email_not_verified"),
        (Known { email_verified: None, ..sales("c") }, "email_not_verified"),
        (elsewhere, "foreign_domain"),
        (Known { groups: vec!["compras".into()], ..sales("d") }, "no_role"),
        (works_elsewhere, "stranger"),
        (gone, "disabled"),
        (came_and_went, "disabled"),
    ];
    let mut expected = Vec::new();
    for (known, reason) in cases {
        let (address, secret) = set_out(service, &json!({"organization": office.slug})).await;
        finish(service, &shown(provider.authorize(&address, &known), &secret)).await.refused(401, "NOT_LET_IN");
        expected.push(reason);
        assert_eq!(reasons(&office).await, expected);
    }
    office.owner().await.patch(&format!("/identity-providers/{}", made.id), "*", &json!({"demands_second_factor": true})).await.is(200);
    let careful = Known { methods: vec!["pwd".into(), "mfa".into()], ..sales("e") };
    sign_in(service, &provider, &Known { methods: vec!["pwd".into()], ..careful.clone() }).await.refused(401, "NOT_LET_IN");
    assert_eq!(reasons(&office).await.last().map(String::as_str), Some("no_second_factor"));
    assert_eq!((office.rows("login_sessions").await, service.db.raw.count("users").await), (sessions, users));
    sign_in(service, &provider, &careful).await.is(200);
}

async fn what_a_provider_does_not_say_is_not_believed(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    let (ana, before) = (somebody("ana", &made), office.rows("login_sessions").await);
    let mut expected = Vec::new();
    for (conduct, reason) in [
        (Conduct::WrongNonce, "wrong_nonce"),
        (Conduct::NoNonce, "wrong_nonce"),
        (Conduct::WrongAudience, "wrong_audience"),
        (Conduct::TwoAudiences, "wrong_audience"),
        (Conduct::WrongParty, "wrong_audience"),
        (Conduct::WrongIssuer, "wrong_issuer"),
        (Conduct::AlgorithmNone, "wrong_algorithm"),
        (Conduct::SharedSecret, "wrong_algorithm"),
        (Conduct::UnknownKey, "unknown_key"),
        (Conduct::WrongSignature, "wrong_signature"),
        (Conduct::Expired, "expired"),
        (Conduct::FromTheFuture, "expired"),
        (Conduct::NoToken, "unreadable"),
        (Conduct::Nonsense, "unreadable"),
        (Conduct::Endless, "unreadable"),
        (Conduct::Redirects, "unreadable"),
    ] {
        provider.behave(conduct);
        let refused = sign_in(service, &provider, &ana).await;
        assert_eq!(refused.problem()["code"], "PROVIDER_NOT_BELIEVED", "{conduct:?}");
        expected.push(reason);
        assert_eq!(reasons(&office).await, expected, "{conduct:?}");
    }
    assert!(!provider.asked().contains(&"/elsewhere".to_owned()), "nobody is sent on");
    assert_eq!(office.rows("login_sessions").await, before);
    provider.behave(Conduct::Proper);
    sign_in(service, &provider, &ana).await.is(200);
}

async fn a_provider_that_does_not_answer_is_away(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    let ana = somebody("ana", &made);
    for conduct in [Conduct::Fails, Conduct::Slow] {
        provider.behave(Conduct::Proper);
        let answer = come_back(service, &provider, &ana).await;
        provider.behave(conduct);
        finish(service, &answer).await.refused(503, "UNAVAILABLE");
    }
}

async fn a_key_that_is_new_is_asked_for(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    let ana = somebody("ana", &made);
    for _ in 0..2 {
        sign_in(service, &provider, &ana).await.is(200);
    }
    let asked = |path: &str| provider.asked().iter().filter(|asked| *asked == path).count();
    assert_eq!((asked("/.well-known/openid-configuration"), asked("/keys")), (1, 1), "what is known is not asked again");
    provider.rotate();
    for _ in 0..2 {
        sign_in(service, &provider, &ana).await.is(200);
    }
    assert_eq!((asked("/.well-known/openid-configuration"), asked("/keys")), (1, 2));
    // And one that is gone opens nothing.
    provider.behave(Conduct::UnknownKey);
    sign_in(service, &provider, &ana).await.refused(401, "PROVIDER_NOT_BELIEVED");
    assert_eq!(asked("/keys"), 3, "once for each sign-in, no more");
}

async fn a_way_is_gone_once_by_who_set_out(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    let ana = somebody("ana", &made);
    let answer = come_back(service, &provider, &ana).await;
    // Somebody else's browser has nothing, and leaves the way open for whose it is.
    let foreign = merged(answer.clone(), json!({"browser_secret": "A".repeat(43)}));
    finish(service, &foreign).await.refused(401, "INVALID_PROVIDER_SIGN_IN");
    finish(service, &merged(answer.clone(), json!({"state": "A".repeat(43)}))).await.refused(401, "INVALID_PROVIDER_SIGN_IN");
    finish(service, &answer).await.is(200);
    finish(service, &answer).await.refused(410, "PROVIDER_SIGN_IN_OVER");
    assert_eq!(reasons(&office).await, ["other_browser", "over"], "what belongs to no organization is told to none");

    let late = come_back(service, &provider, &ana).await;
    service.db.clock.advance(TimeDelta::minutes(10));
    provider.it_is(service.now());
    finish(service, &late).await.refused(410, "PROVIDER_SIGN_IN_OVER");
    // The provider refuses; or another one answers in its place (RFC 9207).
    let denied = merged(come_back(service, &provider, &ana).await, json!({"code": null, "error": "access_denied"}));
    finish(service, &denied).await.refused(401, "PROVIDER_DENIED");
    let mixed_up = merged(come_back(service, &provider, &ana).await, json!({"iss": "https://otro.example.es"}));
    finish(service, &mixed_up).await.refused(401, "PROVIDER_NOT_BELIEVED");
    let empty = merged(come_back(service, &provider, &ana).await, json!({"code": null}));
    finish(service, &empty).await.refused(401, "PROVIDER_NOT_BELIEVED");
    assert_eq!(reasons(&office).await[2..], ["over", "denied", "wrong_issuer", "unreadable"]);
    // Out of use while somebody is on their way.
    let interrupted = come_back(service, &provider, &ana).await;
    office.owner().await.act(&format!("/identity-providers/{}/archive", made.id)).await.is(200);
    finish(service, &interrupted).await.refused(410, "PROVIDER_SIGN_IN_OVER");
}

async fn a_code_is_no_use_to_whoever_steals_it(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    let ana = somebody("ana", &made);
    let (stolen, thief) = (come_back(service, &provider, &ana).await, come_back(service, &provider, &somebody("mala", &made)).await);
    let forged = merged(thief, json!({"code": stolen["code"]}));
    finish(service, &forged).await.refused(401, "PROVIDER_NOT_BELIEVED");
    assert_eq!(reasons(&office).await, ["code_refused"], "the verifier is not hers");
}

async fn of_ten_who_come_back_at_once_one_is_let_in(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    let answer = come_back(service, &provider, &somebody("ana", &made)).await;
    let visitor = service.visitor();
    let answers = at_once((0..10).map(|_| visitor.post("/auth/provider-sign-ins/finish", &answer))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![410; 9]].concat());
    // And of two ways by which the same newcomer comes at once, both lead to one user.
    let eva = somebody("eva", &made);
    let (one, other) = (come_back(service, &provider, &eva).await, come_back(service, &provider, &eva).await);
    let both = at_once([&one, &other].map(|answer| visitor.post("/auth/provider-sign-ins/finish", answer))).await;
    assert_eq!(me(service, &both[0]).await["user"], me(service, &both[1]).await["user"]);
}

async fn who_has_no_provider_learns_nothing_else(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let (_, made) = office.identity_provider(json!({})).await;
    office.owner().await.act(&format!("/identity-providers/{}/archive", made.id)).await.is(200);
    let begin = async |request: Json| service.visitor().post("/auth/provider-sign-ins", &request).await;
    let domain = text(&made.shown["email_domains"][0]);
    let nowhere = begin(json!({"organization": "no-existe"})).await;
    nowhere.refused(422, "NO_IDENTITY_PROVIDER");
    for request in [
        json!({"organization": other.slug}),
        json!({"organization": office.slug}),
        json!({"email": format!("ana@{domain}")}),
        json!({"email": other.email(Role::Owner)}),
        json!({"email": "ana@otro.example"}),
    ] {
        let answer = begin(request).await;
        assert_eq!((answer.status, answer.without_request_id()), (422, nowhere.without_request_id()));
    }
    let both = json!({"email": "ana@otro.example", "organization": office.slug});
    for request in [json!({}), both] {
        assert_eq!(begin(request).await.faults(), [("/email".to_owned(), "ONE_OF".to_owned())]);
    }
}

async fn a_provider_may_want_the_secret_in_the_body(service: &Service) {
    let office = Office::found(service).await;
    let provider = OpenProvider::open(service.now()).await;
    provider.want_secret_in_the_body();
    let (_, made) = office.identity_provider(json!({"issuer": provider.issuer})).await;
    sign_in(service, &provider, &somebody("ana", &made)).await.is(200);
    // With another secret we are nobody there.
    office.owner().await.patch(&format!("/identity-providers/{}", made.id), "*", &json!({"client_secret": "otro"})).await.is(200);
    sign_in(service, &provider, &somebody("ana", &made)).await.refused(401, "PROVIDER_NOT_BELIEVED");
    assert_eq!(reasons(&office).await, ["code_refused"]);
}

async fn an_organization_that_is_full_or_suspended_takes_on_nobody(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    sign_in(service, &provider, &somebody("ana", &made)).await.is(200);
    service.purchase_seats(office.id, Some(2)).await;
    sign_in(service, &provider, &somebody("eva", &made)).await.refused(409, "NO_SEATS_LEFT");
    sign_in(service, &provider, &somebody("ana", &made)).await.is(200);
    service.purchase_seats(office.id, None).await;
    service.move_organization(office.id, "suspended").await;
    sign_in(service, &provider, &somebody("ana", &made)).await.is(200);
    sign_in(service, &provider, &somebody("eva", &made)).await.refused(403, "ORGANIZATION_SUSPENDED");
    service.move_organization(office.id, "closed").await;
    let begun = service.visitor().post("/auth/provider-sign-ins", &json!({"organization": office.slug})).await;
    begun.refused(422, "NO_IDENTITY_PROVIDER");
}

async fn a_provider_is_kept_and_its_secret_told_to_nobody(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let (provider, made) = office.identity_provider(json!({})).await;
    let path = format!("/identity-providers/{}", made.id);
    assert_eq!(owner.get(&path).await.is(200), made.shown);
    assert_eq!(made.shown.get("client_secret"), None);
    let changed = owner.patch(&path, &made.etag, &json!({"name": "Otra", "client_secret": "otro secreto, también secreto"})).await;
    assert_eq!(changed.is(200)["name"], "Otra");
    owner.patch(&path, &made.etag, &json!({"name": "Tarde"})).await.refused(412, "STALE");
    assert_eq!(service.db.raw.hits(&[SECRET.into(), "otro secreto, también secreto".into()]).await, Vec::<String>::new());

    for (patch, faults) in [
        (json!({"issuer": "https://otro.example.es"}), [("/issuer", "ISSUER_STAYS")]),
        (json!({"email_domains": []}), [("/email_domains", "REQUIRED")]),
        (json!({"default_role": "owner"}), [("/default_role", "OWNER_BY_DEFAULT")]),
        (json!({"default_role": "no-existe"}), [("/default_role", "NOT_FOUND")]),
        (json!({"role_mappings": [{"value": "a", "role": "viewer"}, {"value": "b", "role": "nadie"}]}), [("/role_mappings/1/role", "NOT_FOUND")]),
    ] {
        let told = owner.patch(&path, "*", &patch).await.faults();
        assert_eq!(told.iter().map(|(place, code)| (place.as_str(), code.as_str())).collect::<Vec<_>>(), faults, "{patch}");
    }
    let role = office.role(&["leads.read_own"]).await;
    owner.patch(&path, "*", &json!({"default_role": role.shown["slug"]})).await.is(200);

    let listed = owner.get("/identity-providers").await.is(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    owner.act(&format!("{path}/restore")).await.refused(409, "ALREADY_SO");
    assert!(owner.act(&format!("{path}/archive")).await.is(200)["archived_at"].is_string());
    assert_eq!(owner.get("/identity-providers").await.is(200)["items"], json!([]));
    assert_eq!(owner.get("/identity-providers?archived=true").await.is(200)["items"][0]["id"], made.shown["id"]);

    // Nobody there, somebody who is no provider, or one of another name.
    let new = |issuer: &str| json!({"name": "X", "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, "email_domains": ["x.example"]});
    let no_provider = OpenProvider::open(service.now()).await;
    no_provider.behave(Conduct::Fails);
    for issuer in ["http://127.0.0.1:9", no_provider.issuer.as_str(), &format!("{}/", provider.issuer)] {
        let told = owner.post("/identity-providers", &new(issuer)).await.faults();
        assert_eq!(told, [("/issuer".to_owned(), "NOT_A_PROVIDER".to_owned())], "{issuer}");
    }
    let mut without = new(&provider.issuer);
    without["client_secret"] = Json::Null;
    assert_eq!(owner.post("/identity-providers", &without).await.faults(), [("/client_secret".to_owned(), "REQUIRED".to_owned())]);
}

async fn a_domain_is_one_providers(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let (provider, made) = office.identity_provider(json!({})).await;
    let domains = &made.shown["email_domains"];
    let claim = json!({"name": "X", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "email_domains": domains});
    for office in [&office, &other] {
        let told = office.owner().await.post("/identity-providers", &claim).await.faults();
        assert_eq!(told, [("/email_domains".to_owned(), "EMAIL_DOMAIN_TAKEN".to_owned())]);
    }
    let (owner, path) = (office.owner().await, format!("/identity-providers/{}", made.id));
    owner.act(&format!("{path}/archive")).await.is(200);
    let theirs = other.owner().await.post("/identity-providers", &claim).await.id(201);
    assert_eq!(owner.act(&format!("{path}/restore")).await.faults(), [("/email_domains".to_owned(), "EMAIL_DOMAIN_TAKEN".to_owned())]);
    let free = json!({"email_domains": ["libre.example"]});
    other.owner().await.patch(&format!("/identity-providers/{theirs}"), "*", &free).await.is(200);
    owner.act(&format!("{path}/restore")).await.is(200);
    sign_in(service, &provider, &somebody("ana", &made)).await.is(200);
}

async fn whoever_says_who_people_are_has_all_rights(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    let (_, keeper) = office.worker(&["identity.manage_providers"]).await;
    let program: Client = office.program(&["identity.manage_providers"]).await;
    let claim = json!({"name": "X", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "email_domains": ["x.example"]});
    let path = format!("/identity-providers/{}", made.id);
    for client in [keeper, program] {
        client.get(&path).await.is(200);
        client.post("/identity-providers", &claim).await.refused(403, "EXCEEDS_MAKER");
        client.patch(&path, "*", &json!({"name": "Y"})).await.refused(403, "EXCEEDS_MAKER");
        client.act(&format!("{path}/archive")).await.refused(403, "EXCEEDS_MAKER");
    }
    let admin = office.client(Role::Admin).await;
    let id = admin.post("/identity-providers", &claim).await.id(201);
    // An administrator's provider makes no owners, and is none.
    let for_owners = json!({"role_claim": "groups", "role_mappings": [{"value": "direccion", "role": "owner"}]});
    admin.patch(&format!("/identity-providers/{id}"), "*", &for_owners).await.refused(403, "EXCEEDS_MAKER");
    let owner = somebody("duenna", &made);
    service.admit(office.id, owner.email.as_deref().unwrap(), Role::Owner).await;
    sign_in(service, &provider, &owner).await.refused(401, "NOT_LET_IN");
    assert_eq!(reasons(&office).await, ["not_for_owners"]);
    office.owner().await.patch(&path, "*", &for_owners).await.is(200);
    assert_eq!(me(service, &sign_in(service, &provider, &owner).await).await["role"], "owner");
    let heir = Known { groups: vec!["direccion".into()], ..somebody("heredera", &made) };
    assert_eq!(me(service, &sign_in(service, &provider, &heir).await).await["role"], "owner");
    admin.patch(&path, "*", &json!({"role_mappings": []})).await.refused(403, "EXCEEDS_MAKER");
}

async fn two_factors_at_the_provider_are_enough_in_a_role_that_asks_for_them(service: &Service) {
    let office = Office::found(service).await;
    let (provider, made) = office.identity_provider(json!({})).await;
    office.owner().await.patch("/organization", "*", &json!({"second_factor_roles": ["viewer"]})).await.is(200);
    let ana = somebody("ana", &made);
    let careful = Known { methods: vec!["mfa".into()], ..ana.clone() };
    for (known, owes) in [(ana, true), (careful, false)] {
        let tokens = sign_in(service, &provider, &known).await.is(200);
        let client = service.visitor().with_token(&text(&tokens["access_token"]));
        assert_eq!(client.get("/me").await.is(200)["owes_second_factor"], owes);
        let courses = client.get("/courses").await;
        if owes {
            courses.refused(403, "SECOND_FACTOR_MISSING")
        } else {
            courses.is(200)
        };
        // What was seen there holds for as long as the sign-in.
        let renewed = service.visitor().post("/auth/refresh", &json!({"refresh_token": tokens["refresh_token"]})).await.is(200);
        let client = service.visitor().with_token(&text(&renewed["access_token"]));
        assert_eq!(client.get("/me").await.is(200)["owes_second_factor"], owes);
    }
}

/// Whoever may not stand in the house is not spoken to.
#[test]
fn in_public_nothing_is_said_to_this_machine() {
    let public = |settings: &mut Settings| settings.providers.neighborhood = Neighborhood::Public;
    alone(matricula_tests::Engine::Sqlite, public, async |service: &Service| {
        let office = Office::found(service).await;
        let provider = OpenProvider::open(service.now()).await;
        let port = provider.issuer.rsplit(':').next().unwrap();
        for issuer in [provider.issuer.clone(), format!("https://127.0.0.1:{port}"), format!("https://localhost:{port}")] {
            let claim = json!({"name": "X", "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, "email_domains": ["x.example"]});
            let told = office.owner().await.post("/identity-providers", &claim).await.faults();
            assert_eq!(told, [("/issuer".to_owned(), "NOT_A_PROVIDER".to_owned())]);
        }
        assert_eq!(provider.asked(), Vec::<String>::new());
    });
}
