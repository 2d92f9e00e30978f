//! Signing in, refreshing, signing out; who am I; who works here and what they may do.

mod api_keys;
mod groups;
mod organization;
mod providers;
mod roles;
mod users;

pub(crate) mod links;

use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use matricula_application::identity::{AdministrationError, Credentials, Door, IdentityError, Tokens};
use matricula_domain::identity::{LinkError, Password, ProviderRefusal, SecondFactorError};
use matricula_domain::shared::{Fault, Id as _, Line};
use matricula_ports::PortError;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::{Anybody, Basics, SignedIn};
use crate::error::{ApiError, Coded};
use crate::input::{Body, path_field};
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    [doors(), organization::routes(), users::routes(), groups::routes(), roles::routes(), api_keys::routes(), providers::routes()]
        .into_iter()
        .flatten()
        .collect()
}

fn doors() -> Vec<Route> {
    vec![
        Route::post("/auth/login", "login", "identity", login).says("Signs in.").takes::<Credentials>().gives::<TokensView>(200),
        Route::post("/auth/refresh", "refresh", "identity", refresh)
            .says("Exchanges a refresh token for new tokens; a token that was used before ends the sign-in.")
            .takes::<RefreshToken>()
            .gives::<TokensView>(200),
        Route::post("/auth/logout", "logout", "identity", logout)
            .says("Signs out: none of the tokens of this sign-in opens any more.")
            .signed_in()
            .gives_nothing(),
        Route::get("/auth/login-sessions", "listLoginSessions", "identity", login_sessions)
            .says("Where I am signed in now, the newest first.")
            .signed_in()
            .gives::<LoginSessionsView>(200),
        Route::post("/auth/login-sessions/{id}/end", "endLoginSession", "identity", end_login_session)
            .says("Ends one of my sign-ins.")
            .signed_in()
            .gives_nothing(),
        Route::post("/auth/login-sessions/end-others", "endOtherLoginSessions", "identity", end_other_login_sessions)
            .says("Ends all of my sign-ins but this one.")
            .signed_in()
            .gives_nothing(),
        Route::post("/auth/step-up", "stepUp", "identity", step_up)
            .says("Shows once more who I am: for half an hour I can change what others may.")
            .signed_in()
            .takes::<StepUp>()
            .gives_nothing(),
        Route::post("/auth/second-factor", "beginSecondFactor", "identity", begin_second_factor)
            .says("Sets up an app that makes codes; from its first code on, one is asked for at each sign-in.")
            .signed_in()
            .takes::<PasswordAgain>()
            .gives::<SecondFactorSetupView>(200),
        Route::post("/auth/second-factor/confirm", "confirmSecondFactor", "identity", confirm_second_factor)
            .says("Shows the app's first code, and gives codes for the day on which the app is lost.")
            .signed_in()
            .takes::<FirstCode>()
            .gives::<RecoveryCodesView>(200),
        Route::post("/auth/second-factor/recovery-codes", "renewRecoveryCodes", "identity", renew_recovery_codes)
            .says("Makes new recovery codes; the old ones open no more.")
            .signed_in()
            .takes::<PasswordAndCode>()
            .gives::<RecoveryCodesView>(200),
        Route::post("/auth/second-factor/remove", "removeSecondFactor", "identity", remove_second_factor)
            .says("Takes the second factor off.")
            .signed_in()
            .takes::<PasswordAndCode>()
            .gives_nothing(),
        Route::get("/me", "me", "identity", me).says("Who is signed in, where, and what they may do.").signed_in().gives::<MeView>(200),
    ]
}

matricula_domain::form! {
    /// What gets new tokens.
    pub struct RefreshToken {
        /// The refresh token.
        refresh_token: Line<100>,
    }
}

/// Tokens.
#[derive(Serialize, ToSchema)]
struct TokensView {
    /// Opens the API.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds for which the access token opens.
    expires_in: i64,
    /// Gets new tokens, once.
    refresh_token: String,
}

impl From<Tokens> for TokensView {
    fn from(tokens: Tokens) -> Self {
        Self { access_token: tokens.access, token_type: "Bearer", expires_in: tokens.expires_in, refresh_token: tokens.refresh }
    }
}

matricula_domain::form! {
    /// The password once more, for what would help a thief of a sign-in.
    pub struct PasswordAgain {
        /// The password.
        password: Password,
    }
}

matricula_domain::form! {
    /// Who somebody is, once more.
    pub struct StepUp {
        /// The password.
        password: Password,
        /// A code of the second factor, for who has one: six digits of the app, or a recovery code.
        totp_code: Option<Line<32>>,
    }
}

matricula_domain::form! {
    /// The first code of an app.
    pub struct FirstCode {
        /// Six digits.
        totp_code: Line<32>,
    }
}

matricula_domain::form! {
    /// The password and a code once more.
    pub struct PasswordAndCode {
        /// The password.
        password: Password,
        /// Six digits of the app, or a recovery code.
        totp_code: Line<32>,
    }
}

/// Sign-ins.
#[derive(Serialize, ToSchema)]
struct LoginSessionsView {
    /// At most a hundred.
    items: Vec<LoginSessionView>,
}

/// A sign-in that is not over.
#[derive(Serialize, ToSchema)]
struct LoginSessionView {
    id: Uuid,
    /// The slug of the organization.
    organization: String,
    /// Whether it is this one.
    current: bool,
    created_at: DateTime<Utc>,
    /// When its tokens were last replaced.
    last_used_at: DateTime<Utc>,
    /// Until when, whatever happens.
    expires_at: DateTime<Utc>,
}

/// What an app needs to make codes; shown once.
#[derive(Serialize, ToSchema)]
struct SecondFactorSetupView {
    /// The seed in base 32.
    seed: String,
    /// The same as apps read it from a picture.
    uri: String,
}

/// Codes for the day on which the app is lost; shown once, and each opens once.
#[derive(Serialize, ToSchema)]
struct RecoveryCodesView {
    recovery_codes: Vec<String>,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
struct MeView {
    /// The user.
    user: MeUser,
    /// The organization of this sign-in.
    organization: MeOrganization,
    /// The role of the membership: a built-in one, or one of the organization's own.
    role: String,
    /// What they may do, through that role and those of their groups: permissions, with `_campus`, `_team` or `_own` behind those that do
    /// not reach everything.
    permissions: Vec<String>,
    /// Whether the organization asks for a second factor in one of their roles, and they have none: until they set one up, they may nothing.
    owes_second_factor: bool,
}

#[derive(Serialize, ToSchema)]
struct MeUser {
    id: Uuid,
    email: String,
    name: String,
}

#[derive(Serialize, ToSchema)]
struct MeOrganization {
    id: Uuid,
    slug: String,
    name: String,
    time_zone: String,
    locale: String,
}

fn door(basics: &Basics) -> Door {
    Door { ip: basics.ip(), request_id: basics.request_id().to_string() }
}

/// A refusal; whom failures slowed down is told for how long, by the program's own clock.
fn refusal(basics: &Basics, error: IdentityError) -> ApiError {
    let wait = match error {
        IdentityError::SlowedDown(until) => Some(until - basics.api.world.clock.now()),
        _ => None,
    };
    let refusal = ApiError::from(error);
    match wait {
        Some(wait) => refusal.after(u64::try_from(wait.num_milliseconds()).unwrap_or(0).div_ceil(1000)),
        None => refusal,
    }
}

async fn login(call: Anybody, body: Body<Credentials>) -> Answered {
    call.0.api.limits.sign_in(call.0.ip())?;
    let tokens = call.0.api.identity.sign_in(&body, &door(&call.0)).await.map_err(|error| refusal(&call.0, error))?;
    Ok(Answer::ok(&TokensView::from(tokens)))
}

async fn refresh(call: Anybody, body: Body<RefreshToken>) -> Answered {
    call.0.api.limits.sign_in(call.0.ip())?;
    let tokens = call.0.api.identity.refresh(body.refresh_token.as_str(), &door(&call.0)).await?;
    Ok(Answer::ok(&TokensView::from(tokens)))
}

async fn logout(call: SignedIn) -> Answered {
    call.basics.api.identity.sign_out(&call.caller).await?;
    // What a browser kept of this sign-in goes with it (ASVS 14.3.1).
    Ok(Answer::nothing().with("Clear-Site-Data", r#""cache", "cookies", "storage""#.to_owned()))
}

async fn me(call: SignedIn) -> Answered {
    let principal = call.caller.principal();
    let organization = &principal.organization;
    Ok(Answer::ok(&MeView {
        user: MeUser { id: principal.user.as_uuid(), email: principal.email.clone(), name: principal.name.clone() },
        organization: MeOrganization {
            id: organization.id.as_uuid(),
            slug: organization.slug.clone(),
            name: organization.name.clone(),
            time_zone: organization.time_zone.name().to_owned(),
            locale: organization.locale.clone(),
        },
        role: principal.role.to_string(),
        permissions: call.caller.access().grants().words().iter().map(ToString::to_string).collect(),
        owes_second_factor: principal.owes_second_factor(),
    }))
}

async fn login_sessions(call: SignedIn) -> Answered {
    let current = call.caller.principal().session;
    let sessions = call.basics.api.identity.login_sessions(&call.caller).await?;
    let items = sessions.into_iter().map(|session| LoginSessionView {
        id: session.id.as_uuid(),
        organization: session.organization_slug,
        current: session.id == current,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
    });
    Ok(Answer::ok(&LoginSessionsView { items: items.collect() }))
}

async fn end_login_session(call: SignedIn) -> Answered {
    let id = path_field(&call.basics.request, "id")?;
    call.basics.api.identity.end_login_session(&call.caller, id).await?;
    Ok(Answer::nothing())
}

async fn end_other_login_sessions(call: SignedIn) -> Answered {
    call.basics.api.identity.end_other_login_sessions(&call.caller).await?;
    Ok(Answer::nothing())
}

async fn step_up(call: SignedIn, body: Body<StepUp>) -> Answered {
    let (identity, code) = (&call.basics.api.identity, body.totp_code.as_ref().map(Line::as_str));
    let proven = identity.step_up(&call.caller, &body.password, code, &door(&call.basics)).await;
    proven.map_err(|error| refusal(&call.basics, error))?;
    Ok(Answer::nothing())
}

async fn begin_second_factor(call: SignedIn, body: Body<PasswordAgain>) -> Answered {
    let (api, caller) = (&call.basics.api, &call.caller);
    let setup = api.identity.begin_second_factor(caller, &body.password, &door(&call.basics)).await.map_err(|error| refusal(&call.basics, error))?;
    let principal = caller.principal();
    Ok(Answer::ok(&SecondFactorSetupView { uri: app_uri(&principal.organization.name, &principal.email, &setup.seed), seed: setup.seed }))
}

/// What an app reads from a picture (the key URI format of the authenticator apps).
fn app_uri(organization: &str, email: &str, seed: &str) -> String {
    let mut uri = url::form_urlencoded::Serializer::new(String::new());
    uri.append_pair("secret", seed).append_pair("issuer", organization);
    let label: String = url::form_urlencoded::byte_serialize(format!("{organization}:{email}").as_bytes()).collect();
    // A form writes a space as a plus, which apps would show.
    format!("otpauth://totp/{label}?{}", uri.finish()).replace('+', "%20")
}

async fn confirm_second_factor(call: SignedIn, body: Body<FirstCode>) -> Answered {
    let codes = call.basics.api.identity.confirm_second_factor(&call.caller, body.totp_code.as_str()).await?;
    Ok(Answer::ok(&RecoveryCodesView { recovery_codes: codes.0 }))
}

async fn renew_recovery_codes(call: SignedIn, body: Body<PasswordAndCode>) -> Answered {
    let (identity, door) = (&call.basics.api.identity, door(&call.basics));
    let codes = identity.renew_recovery_codes(&call.caller, &body.password, body.totp_code.as_str(), &door).await;
    Ok(Answer::ok(&RecoveryCodesView { recovery_codes: codes.map_err(|error| refusal(&call.basics, error))?.0 }))
}

async fn remove_second_factor(call: SignedIn, body: Body<PasswordAndCode>) -> Answered {
    let (identity, door) = (&call.basics.api.identity, door(&call.basics));
    let removed = identity.remove_second_factor(&call.caller, &body.password, body.totp_code.as_str(), &door).await;
    removed.map_err(|error| refusal(&call.basics, error))?;
    Ok(Answer::nothing())
}

impl Coded for AdministrationError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::AlreadySo => (StatusCode::CONFLICT, "ALREADY_SO"),
            Self::ExceedsMaker => (StatusCode::FORBIDDEN, "EXCEEDS_MAKER"),
            Self::LastOwner => (StatusCode::CONFLICT, "LAST_OWNER"),
            Self::NoRoom => (StatusCode::CONFLICT, "NO_SEATS_LEFT"),
            Self::Invalid(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) => &faults.0,
            _ => &[],
        }
    }
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
}

/// Whoever is refused after a sign-in elsewhere learns whether it helps to try again there, or to ask the administrator, who finds the reason
/// in the audit.
fn refused(why: ProviderRefusal) -> (StatusCode, &'static str) {
    use ProviderRefusal as R;
    match why {
        R::OtherBrowser => (StatusCode::UNAUTHORIZED, "INVALID_PROVIDER_SIGN_IN"),
        R::Over => (StatusCode::GONE, "PROVIDER_SIGN_IN_OVER"),
        R::Denied => (StatusCode::UNAUTHORIZED, "PROVIDER_DENIED"),
        R::CodeRefused
        | R::Unreadable
        | R::WrongIssuer
        | R::WrongAudience
        | R::WrongNonce
        | R::WrongAlgorithm
        | R::UnknownKey
        | R::WrongSignature
        | R::Expired => (StatusCode::UNAUTHORIZED, "PROVIDER_NOT_BELIEVED"),
        R::NoSecondFactor
        | R::NoEmail
        | R::EmailNotVerified
        | R::ForeignDomain
        | R::OtherSubject
        | R::Stranger
        | R::NotForOwners
        | R::Disabled
        | R::NoRole => (StatusCode::UNAUTHORIZED, "NOT_LET_IN"),
    }
}

impl Coded for IdentityError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidCredentials => (StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS"),
            Self::SecondFactorRequired => (StatusCode::UNAUTHORIZED, "SECOND_FACTOR_REQUIRED"),
            Self::SecondFactor(SecondFactorError::WrongCode) => (StatusCode::UNPROCESSABLE_ENTITY, "WRONG_CODE"),
            Self::SecondFactor(SecondFactorError::AlreadyThere) => (StatusCode::CONFLICT, "SECOND_FACTOR_EXISTS"),
            Self::SecondFactor(SecondFactorError::NotThere) => (StatusCode::CONFLICT, "NO_SECOND_FACTOR"),
            Self::Suspended => (StatusCode::FORBIDDEN, "ORGANIZATION_SUSPENDED"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Link(LinkError::WrongToken) => (StatusCode::UNAUTHORIZED, "INVALID_LINK"),
            Self::Link(LinkError::Over) => (StatusCode::GONE, "LINK_OVER"),
            Self::NoProvider => (StatusCode::UNPROCESSABLE_ENTITY, "NO_IDENTITY_PROVIDER"),
            Self::Provider(why) => refused(*why),
            Self::ExceedsRights => (StatusCode::FORBIDDEN, "ROLE_EXCEEDS_YOURS"),
            Self::WorksHere => (StatusCode::CONFLICT, "WORKS_HERE_ALREADY"),
            Self::NoRoom => (StatusCode::CONFLICT, "NO_SEATS_LEFT"),
            Self::EmailTaken => (StatusCode::CONFLICT, "EMAIL_TAKEN"),
            Self::SlowedDown(_) => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
            Self::Invalid(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) => &faults.0,
            _ => &[],
        }
    }
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
}
