//! Signing in, refreshing, signing out; who am I.

use actix_web::http::StatusCode;
use matricula_application::identity::{Credentials, Door, IdentityError, Tokens};
use matricula_domain::shared::{Fault, Line};
use matricula_ports::PortError;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::{Anybody, Basics, SignedIn};
use crate::error::{ApiError, Coded};
use crate::input::Body;
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
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

/// Who is signed in.
#[derive(Serialize, ToSchema)]
struct MeView {
    /// The user.
    user: MeUser,
    /// The organization of this sign-in.
    organization: MeOrganization,
    /// The role there.
    role: &'static str,
    /// What the role may do.
    permissions: Vec<&'static str>,
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
    Ok(Answer::nothing())
}

async fn me(call: SignedIn) -> Answered {
    let principal = call.caller.principal();
    let organization = &principal.organization;
    Ok(Answer::ok(&MeView {
        user: MeUser { id: matricula_domain::shared::Id::as_uuid(principal.user), email: principal.email.clone(), name: principal.name.clone() },
        organization: MeOrganization {
            id: matricula_domain::shared::Id::as_uuid(organization.id),
            slug: organization.slug.clone(),
            name: organization.name.clone(),
            time_zone: organization.time_zone.name().to_owned(),
            locale: organization.locale.clone(),
        },
        role: principal.role.as_str(),
        permissions: principal.role.permissions().iter().map(|permission| permission.as_str()).collect(),
    }))
}

impl Coded for IdentityError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidCredentials => (StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS"),
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
