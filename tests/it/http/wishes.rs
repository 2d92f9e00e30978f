//! The table of all routes: for each of them a request that is fine.

use std::time::Duration;

use matricula_domain::identity::{LinkPurpose, Role, SecondFactor, Seed};
use matricula_tests::files;
use matricula_tests::openid::{CLIENT, Known, SECRET};
use matricula_tests::program::{PASSWORD, Service};
use matricula_tests::records::Extent;
use matricula_tests::speak::{Call, Client, text};
use matricula_web::route::Route;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Office, merged, path_of, someone};
use super::provider_sign_in::{come_back, sign_in};

/// A request that is fine, for somebody who may. `{id}` in its query stands for its id.
pub struct Wish {
    pub id: Option<String>,
    /// Who asks, where it is about the very one who asks.
    pub oneself: Option<Client>,
    query: &'static str,
    pub body: Option<Json>,
    file: Option<Vec<u8>>,
}

fn plain() -> Wish {
    Wish { id: None, oneself: None, query: "", body: None, file: None }
}

fn on(id: impl Into<String>) -> Wish {
    Wish { id: Some(id.into()), ..plain() }
}

fn body(body: Json) -> Wish {
    Wish { body: Some(body), ..plain() }
}

impl Wish {
    fn with(self, body: Json) -> Self {
        Self { body: Some(body), ..self }
    }

    fn by(self, client: Client) -> Self {
        Self { oneself: Some(client), ..self }
    }

    fn on(self, id: String) -> Self {
        Self { id: Some(id), ..self }
    }

    fn asking(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    /// The request, to the organization whose door it is, by somebody.
    pub fn call(&self, route: &Route, slug: &str, client: &Client) -> Call {
        let id = self.id.as_deref().unwrap_or_default();
        // Of what has a page, courses stand for all.
        let path = route.path.replace("{organization}", slug).replace("{entity_type}", "course").replace("{width}", "320");
        let path = ["{id}", "{key}", "{slug}"].iter().fold(path, |path, place| path.replace(place, id));
        let query = self.query.replace("{id}", id);
        let mut call = client.call(route.method.as_str(), &format!("/api/v1{path}{query}"));
        if let Some(body) = &self.body {
            call = call.json(body);
        }
        if let Some(file) = &self.file {
            call = call.text("application/octet-stream", file.clone());
        }
        if route.guarded { call.header("If-Match", "*") } else { call }
    }
}

/// Somebody new who works in the office, signed in twice: the first client, and the id of the second sign-in.
async fn signed_in_twice(office: &Office<'_>) -> (Client, String) {
    let email = format!("{}@{}.example", office.service.unique("quien"), office.slug);
    office.service.admit(office.id, &email, Role::Viewer).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let visitor = office.service.visitor();
        let tokens = visitor.post("/auth/login", &json!({"email": email, "password": PASSWORD})).await.is(200);
        clients.push(visitor.with_token(&text(&tokens["access_token"])));
    }
    let sessions = clients[0].get("/auth/login-sessions").await.is(200);
    let other = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    (clients.remove(0), text(&other["id"]))
}

/// The seed of an app that somebody sets up.
pub async fn begun(client: &Client) -> Seed {
    let setup = client.post("/auth/second-factor", &json!({"password": PASSWORD})).await.is(200);
    Seed(data_encoding::BASE32_NOPAD.decode(text(&setup["seed"]).as_bytes()).unwrap().try_into().unwrap())
}

/// What an app shows so many seconds from now.
pub fn code(service: &Service, seed: Seed, seconds: i64) -> String {
    seed.code_at((service.now().timestamp() + seconds).div_euclid(SecondFactor::STEP))
}

/// The rows of the routes that are about whoever asks.
async fn about_oneself(operation: &str, office: &Office<'_>) -> Option<Wish> {
    let service = office.service;
    Some(match operation {
        "logout" => plain().by(signed_in_twice(office).await.0),
        "endLoginSession" => {
            let (client, other) = signed_in_twice(office).await;
            on(other).by(client)
        }
        "endOtherLoginSessions" => plain().by(signed_in_twice(office).await.0),
        "beginSecondFactor" | "stepUp" => body(json!({"password": PASSWORD})).by(signed_in_twice(office).await.0),
        "confirmSecondFactor" => {
            let client = signed_in_twice(office).await.0;
            let seed = begun(&client).await;
            body(json!({"totp_code": code(service, seed, 0)})).by(client)
        }
        "renewRecoveryCodes" | "removeSecondFactor" => {
            let client = signed_in_twice(office).await.0;
            let seed = begun(&client).await;
            client.post("/auth/second-factor/confirm", &json!({"totp_code": code(service, seed, 0)})).await.is(200);
            body(json!({"password": PASSWORD, "totp_code": code(service, seed, SecondFactor::STEP)})).by(client)
        }
        _ => return None,
    })
}

/// The rows of identity providers and of signing in by way of them.
async fn by_provider(operation: &str, office: &Office<'_>) -> Option<Wish> {
    let owner = office.owner().await;
    Some(match operation {
        "createIdentityProvider" => {
            let (provider, made) = office.identity_provider(json!({})).await;
            owner.act(&format!("/identity-providers/{}/archive", made.id)).await.is(200);
            let details = json!({"name": "Otro", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET});
            body(merged(details, json!({"email_domains": made.shown["email_domains"]})))
        }
        "listIdentityProviders" => {
            office.identity_provider(json!({})).await;
            plain()
        }
        "getIdentityProvider" | "archiveIdentityProvider" => on(office.identity_provider(json!({})).await.1.id),
        "changeIdentityProvider" => on(office.identity_provider(json!({})).await.1.id).with(json!({"name": "Otro"})),
        "restoreIdentityProvider" => {
            let made = office.identity_provider(json!({})).await.1;
            owner.act(&format!("/identity-providers/{}/archive", made.id)).await.is(200);
            on(made.id)
        }
        "beginProviderSignIn" => {
            let domain = text(&office.identity_provider(json!({})).await.1.shown["email_domains"][0]);
            body(json!({"email": format!("alguien@{domain}")}))
        }
        "finishProviderSignIn" => {
            // Somebody who comes for the second time.
            let (provider, made) = office.identity_provider(json!({})).await;
            let known = Known::of("alguien", &format!("alguien@{}", text(&made.shown["email_domains"][0])));
            sign_in(office.service, &provider, &known).await.is(200);
            body(come_back(office.service, &provider, &known).await)
        }
        _ => return None,
    })
}

/// The rows of media.
async fn of_media(operation: &str, office: &Office<'_>) -> Option<Wish> {
    let owner = office.owner().await;
    let used = async || json!({"entity_type": "course", "entity_id": office.course().await.id, "role": "cover"});
    Some(match operation {
        "uploadMedia" => Wish { file: Some(files::png(400, 10)), ..plain() }.asking("?filename=foto.png&alt_text=Una%20foto"),
        "listMedia" => {
            office.media().await;
            plain().asking("?mime_type=image/png&limit=5")
        }
        "listMediaOrphans" => {
            office.service.put_file(&format!("{}/{}/original", office.id, Uuid::from_u128(7)), b"x", Duration::from_hours(2));
            plain()
        }
        "getMedia" | "archiveMedia" | "getMediaFile" | "getMediaThumbnail" => on(office.media().await.id),
        "changeMedia" => on(office.media().await.id).with(json!({"alt_text": "Otra"})),
        "moveMedia" => on(office.media().await.id).with(json!({"to": "published"})),
        "restoreMedia" => {
            let asset = office.media().await.id;
            owner.act(&format!("/media/{asset}/archive")).await.is(200);
            on(asset)
        }
        "linkMedia" => on(office.media().await.id).with(used().await),
        "unlinkMedia" | "listMediaLinks" => {
            let (asset, used) = (office.media().await.id, used().await);
            owner.post(&format!("/media/{asset}/links"), &used).await.is(200);
            if operation == "unlinkMedia" { on(asset).with(used) } else { on(asset) }
        }
        "getPublishedMedia" | "getPublishedThumbnail" => {
            let asset = office.media().await.id;
            owner.post(&format!("/media/{asset}/transitions"), &json!({"to": "published"})).await.is(200);
            on(asset)
        }
        _ => return None,
    })
}

/// The rows of what goes by links that open once.
async fn by_link(operation: &str, office: &Office<'_>) -> Option<Wish> {
    let service = office.service;
    let slug = service.unique("enlace");
    Some(match operation {
        "requestPasswordReset" => body(json!({"email": office.newcomer().await.0})),
        "resetPassword" => {
            let (email, _) = office.newcomer().await;
            let asked = service.visitor().post("/auth/password-resets", &json!({"email": email})).await;
            assert_eq!(asked.status, 202);
            body(json!({"token": office.link(LinkPurpose::PasswordReset).await, "password": "otra contraseña larga"}))
        }
        "changePassword" => body(json!({"current_password": PASSWORD, "new_password": PASSWORD})),
        "changeEmail" => body(json!({"email": format!("{slug}@example.es"), "current_password": PASSWORD})),
        "confirmEmailChange" | "vetoEmailChange" => {
            let (_, client) = office.newcomer().await;
            let asked = client.post("/me/email", &json!({"email": format!("{slug}@example.es"), "current_password": PASSWORD})).await;
            assert_eq!(asked.status, 202);
            let purpose = if operation == "vetoEmailChange" { LinkPurpose::EmailVeto } else { LinkPurpose::EmailChange };
            body(json!({"token": office.link(purpose).await}))
        }
        "invite" => body(json!({"email": format!("{slug}@example.es"), "role": "adviser"})),
        "acceptInvitation" | "revokeInvitation" | "listInvitations" => {
            let invited = office.owner().await.post("/invitations", &json!({"email": format!("{slug}@example.es"), "role": "adviser"})).await;
            let invitation = invited.id(201);
            match operation {
                "revokeInvitation" => on(invitation),
                "listInvitations" => plain(),
                _ => body(json!({"token": office.link(LinkPurpose::Invitation).await, "name": "Quien llega", "password": PASSWORD})),
            }
        }
        "setUp" => body(set_up("mlk_", &slug)),
        _ => return None,
    })
}

/// A set-up with what may open it.
pub fn set_up(token: &str, slug: &str) -> Json {
    json!({
        "token": token,
        "organization": {"slug": slug, "name": "Academia", "time_zone": "Europe/Madrid", "locale": "es", "country": "ES"},
        "email": format!("{slug}@example.es"), "name": "Quien manda", "password": PASSWORD,
    })
}

/// The rows of records: the same for every kind.
async fn of_records(operation: &str, office: &Office<'_>) -> Option<Wish> {
    let kinds = matricula_web::kinds();
    let (kind, route) = kinds.iter().find_map(|kind| Some((kind.schema, kind.routes.iter().find(|route| route.operation == operation)?)))?;
    let one = async || on(office.record(kind.noun.many, json!({})).await.id);
    Some(match (route.method.as_str(), route.path.rsplit('/').next()) {
        (_, Some("{id}")) if route.patch => one().await.with(office.example(kind, Extent::Whole).await),
        (_, Some("{id}" | "archive")) => one().await,
        (_, Some("restore")) => {
            let wish = one().await;
            office.owner().await.act(&format!("{}/{}/archive", path_of(kind), wish.id.as_deref().unwrap_or_default())).await.is(200);
            wish
        }
        (_, Some("transitions")) => {
            let made = office.record(kind.noun.many, json!({})).await;
            let lifecycle = kind.lifecycle.unwrap();
            on(made.id).with(json!({"to": lifecycle.possible(&text(&made.shown[lifecycle.field]))[0]}))
        }
        ("GET", _) => plain(),
        _ => body(office.example(kind, Extent::Least).await),
    })
}

/// The rows of what is published, and of how it is found.
async fn of_content(operation: &str, office: &Office<'_>) -> Option<Wish> {
    let (owner, slug) = (office.owner().await, office.service.unique("barrido"));
    Some(match operation {
        "listBlogPosts" => {
            office.blog_post(json!({})).await;
            plain()
        }
        "listPublishedBlogPosts" => {
            office.blog_post(json!({})).await;
            plain()
        }
        "draftBlogPost" => body(json!({"slug": slug, "title": "Post", "author_id": office.user(Role::Marketing).await})),
        "getBlogPost" | "archiveBlogPost" => on(office.blog_post(json!({})).await.id),
        "changeBlogPost" => on(office.blog_post(json!({})).await.id).with(json!({"title": "Otro"})),
        "moveBlogPost" => on(office.blog_post(json!({})).await.id).with(json!({"to": "archived"})),
        "restoreBlogPost" => {
            let post = office.blog_post(json!({})).await.id;
            owner.act(&format!("/blog-posts/{post}/archive")).await.is(200);
            on(post)
        }
        "getPublishedBlogPost" => on(text(&office.blog_post(json!({})).await.shown["slug"])),
        "listPublishedFaqs" => {
            office.record("faqs", json!({"is_published": true})).await;
            plain()
        }
        "getSeoMetadata" | "listSeoMetadata" | "describe" => {
            let course = office.course().await.id;
            owner.call("PUT", &format!("/api/v1/seo-metadata/course/{course}")).header("If-Match", "*").json(&json!({"title": "T"})).await.is(200);
            match operation {
                "listSeoMetadata" => plain(),
                "describe" => on(course).with(json!({"title": "Otro"})),
                _ => on(course),
            }
        }
        "listRedirects" => {
            office.redirect().await;
            plain()
        }
        "removeRedirect" => on(office.redirect().await.id),
        _ => return None,
    })
}

/// The rows of leads and of the forms that they come by.
async fn of_leads(operation: &str, office: &Office<'_>) -> Option<Wish> {
    let lead = async || on(text(&office.lead(json!({})).await["id"]));
    Some(match operation {
        "leaveLead" | "captureLead" => body(someone()),
        "listLeads" => plain().asking("?status=new&limit=5"),
        "getLead" => lead().await,
        "listActivities" => {
            let wish = lead().await;
            let path = format!("/leads/{}/activities", wish.id.as_deref().unwrap_or_default());
            office.owner().await.post(&path, &json!({"kind": "email"})).await.is(201);
            wish
        }
        "suggestRuns" => {
            office.run(1).await;
            lead().await
        }
        "listInbox" => plain(),
        "logActivity" => lead().await.with(json!({"kind": "call", "outcome": "no_answer"})),
        "holdSeatForLead" => lead().await.with(json!({"course_run_id": office.run(1).await.id})),
        "changeLead" => lead().await.with(json!({"source": "feria"})),
        "assignLead" => lead().await.with(json!({"user_id": office.user(Role::Adviser).await})),
        "moveLead" => lead().await.with(json!({"to": "contacted"})),
        "convertLead" => lead().await.with(json!({"course_run_id": office.run(1).await.id})),
        "publishFormVersion" => {
            let (notice, label) = (office.text(json!({"kind": "notice"})).await.id, office.text(json!({"purpose": "sms_marketing"})).await.id);
            let boxes = json!([{"purposes": ["sms_marketing"], "text_id": label, "default": false, "required": false}]);
            on("contacto").with(json!({"title": "Contacto", "fields": ["name"], "boxes": boxes, "notice_text_id": notice}))
        }
        _ => return None,
    })
}

/// The rows of webhooks.
async fn of_webhooks(operation: &str, office: &Office<'_>) -> Option<Wish> {
    let owner = office.owner().await;
    // Nobody listens there, and what it is told does not happen in the sweep.
    let details = json!({"url": "http://127.0.0.1:9/", "facts": ["nothing.happens"]});
    let endpoint = async || owner.post("/webhook-endpoints", &details).await.id(201);
    let tested = async || {
        let id = endpoint().await;
        let sent = owner.act(&format!("/webhook-endpoints/{id}/test")).await.is(200);
        (id, text(&sent["id"]))
    };
    Some(match operation {
        "listWebhookEndpoints" => {
            endpoint().await;
            plain()
        }
        "createWebhookEndpoint" => body(details),
        "getWebhookEndpoint" | "archiveWebhookEndpoint" | "rotateWebhookSecret" | "testWebhookEndpoint" => on(endpoint().await),
        "changeWebhookEndpoint" => on(endpoint().await).with(json!({"description": "Otra"})),
        "moveWebhookEndpoint" => on(endpoint().await).with(json!({"to": "disabled"})),
        "restoreWebhookEndpoint" => {
            let id = endpoint().await;
            owner.act(&format!("/webhook-endpoints/{id}/archive")).await.is(200);
            on(id)
        }
        "listWebhookDeliveries" => on(tested().await.0),
        "replayWebhookDelivery" => on(tested().await.1),
        _ => return None,
    })
}

/// The table: what is asked of each route. What it changes is made anew each time.
pub async fn wish(operation: &str, office: &Office<'_>) -> Wish {
    if let Some(wish) = of_webhooks(operation, office).await {
        return wish;
    }
    if let Some(wish) = by_link(operation, office).await {
        return wish;
    }
    if let Some(wish) = by_provider(operation, office).await {
        return wish;
    }
    if let Some(wish) = of_records(operation, office).await {
        return wish;
    }
    if let Some(wish) = of_content(operation, office).await {
        return wish;
    }
    if let Some(wish) = of_media(operation, office).await {
        return wish;
    }
    if let Some(wish) = of_leads(operation, office).await {
        return wish;
    }
    let service = office.service;
    let slug = service.unique("barrido");
    match operation {
        "login" => {
            office.user(Role::Viewer).await;
            body(json!({"email": office.email(Role::Viewer), "password": PASSWORD}))
        }
        "refresh" => {
            office.user(Role::Viewer).await;
            let tokens = service.visitor().post("/auth/login", &json!({"email": office.email(Role::Viewer), "password": PASSWORD})).await.is(200);
            body(json!({"refresh_token": tokens["refresh_token"]}))
        }
        "me" | "listLoginSessions" => plain(),
        "listPeople" => plain().asking("?limit=5"),
        "getPerson" | "getTimeline" | "getConsents" => on(office.person().await),
        "changePerson" => on(office.person().await).with(json!({"name": "Otro Nombre"})),
        "recordConsent" => on(office.person().await).with(json!({"purpose": "phone_marketing", "action": "GRANTED", "channel": "phone"})),
        "getPermission" => on(office.person().await).asking("?person_id={id}&purpose=lead_enquiry"),
        "listConsentTexts" | "listCourses" | "countCourses" | "listRuns" | "listEnrollments" => plain(),
        "publishConsentText" => body(json!({"kind": "notice", "locale": "es", "body": "Aviso", "material": false})),
        "draftCourse" => body(json!({"slug": slug, "title": "Curso", "duration_hours": 1, "modality": "online"})),
        "getCourse" | "archiveCourse" => on(office.course().await.id),
        "changeCourse" => on(office.course().await.id).with(json!({"title": "Otro"})),
        "moveCourse" => on(office.course().await.id).with(json!({"to": "archived"})),
        "restoreCourse" => {
            let course = office.course().await.id;
            office.owner().await.act(&format!("/courses/{course}/archive")).await.is(200);
            on(course)
        }
        "scheduleRun" => {
            let (course, start, end) = (office.course().await.id, service.day(30), service.day(60));
            body(json!({"course_id": course, "start_date": start, "end_date": end, "max_students": 5}))
        }
        "getRun" | "archiveRun" => on(office.run(1).await.id),
        "changeRun" => on(office.run(1).await.id).with(json!({"max_students": 2})),
        "moveRun" => on(office.run(1).await.id).with(json!({"to": "ongoing"})),
        "copyRun" => on(office.run(1).await.id).with(json!({"shift_days": 7})),
        "shiftRun" => on(office.run(1).await.id).with(json!({"days": 7})),
        "mergeRun" => {
            let run = office.run(1).await;
            let into = office.run_of(&text(&run.shown["course_id"]), json!({})).await.id;
            on(run.id).with(json!({"into": into}))
        }
        "restoreRun" => {
            let run = office.run(1).await.id;
            office.owner().await.act(&format!("/course-runs/{run}/archive")).await.is(200);
            on(run)
        }
        "listPublishedCourses" | "countPublishedCourses" | "listPublishedRuns" => plain(),
        "getPublishedCourse" => on(text(&office.course().await.shown["slug"])),
        "enroll" => on(office.run(1).await.id).with(json!({"person_id": office.person().await})),
        "holdSeat" => on(office.run(1).await.id).with(json!({"person_id": office.person().await, "hours": 1})),
        "getEnrollment" | "moveEnrollment" => {
            let (run, person) = (office.run(1).await.id, office.person().await);
            let enrolled = office.owner().await.post(&format!("/course-runs/{run}/enrollments"), &json!({"person_id": person})).await;
            let wish = on(enrolled.id(201));
            if operation == "getEnrollment" { wish } else { wish.with(json!({"to": "suspended"})) }
        }
        "reportFunnel" => plain().asking("?by=course&compare=true"),
        "reportCampaignFunnel" => on(office.record("campaigns", json!({})).await.id),
        "reportCampaignPerformance" | "reportPopularCourses" | "reportUpcomingRuns" => plain().asking("?limit=5"),
        "listFacts" => plain().asking("?limit=5"),
        "listAuditEntries" => plain().asking("?limit=5"),
        "verifyAudit" => plain(),
        _ => match about_oneself(operation, office).await {
            Some(wish) => wish,
            None => wish_of_access(operation, office).await,
        },
    }
}

/// The rows of who works here and what they may do.
async fn wish_of_access(operation: &str, office: &Office<'_>) -> Wish {
    let slug = office.service.unique("barrido");
    match operation {
        "explainAccess" => plain().asking("?user={id}&permission=leads.read").on(office.user(Role::Viewer).await.to_string()),
        "getOrganization" | "listUsers" | "listGroups" | "listRoles" | "listApiKeys" => plain(),
        "changeOrganization" => body(json!({"name": office.slug})),
        "getUser" => on(office.user(Role::Viewer).await.to_string()),
        "changeUser" => on(office.somebody().await).with(json!({"role": "adviser"})),
        "deactivateUser" => on(office.somebody().await),
        "activateUser" => {
            let user = office.somebody().await;
            office.owner().await.act(&format!("/users/{user}/deactivate")).await.is(200);
            on(user)
        }
        "createGroup" => body(json!({"name": slug, "roles": ["viewer"]})),
        "getGroup" | "archiveGroup" => on(office.group(&[]).await),
        "changeGroup" => on(office.group(&[]).await).with(json!({"name": "Otro"})),
        "restoreGroup" => {
            let group = office.group(&[]).await;
            office.owner().await.act(&format!("/groups/{group}/archive")).await.is(200);
            on(group)
        }
        "joinGroup" => on(office.group(&[]).await).with(json!({"user_id": office.user(Role::Viewer).await})),
        "listGroupMembers" | "leaveGroup" => {
            let (group, member) = (office.group(&[]).await, json!({"user_id": office.user(Role::Viewer).await}));
            office.owner().await.post(&format!("/groups/{group}/members"), &member).await.is(200);
            if operation == "leaveGroup" { on(group).with(member) } else { on(group) }
        }
        "createRole" => body(json!({"slug": slug, "name": "Rol", "grants": ["leads.read_own"], "cloned_from": "trainer"})),
        "getRole" | "archiveRole" => on(office.role(&["leads.read_own"]).await.id),
        "changeRole" => on(office.role(&["leads.read_own"]).await.id).with(json!({"grants": ["leads.read"]})),
        "restoreRole" => {
            let role = office.role(&[]).await.id;
            office.owner().await.act(&format!("/roles/{role}/archive")).await.is(200);
            on(role)
        }
        "makeApiKey" => body(json!({"name": "Web", "grants": ["leads.capture"]})),
        "revokeApiKey" => on(office.api_key(&["leads.capture"]).await.id),
        _ => panic!("the route {operation} has no row in tests/it/http/wishes.rs: say there what a fine request to it is"),
    }
}
