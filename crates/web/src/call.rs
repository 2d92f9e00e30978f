//! Who calls: the extractors that a handler's signature names, and with which it reaches its use case.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, IF_MATCH, REFERER, USER_AGENT};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev};
use futures_util::future::LocalBoxFuture;
use matricula_application::access::{Access, Allowed, Caller, Denied, Right, ViewAs, Visitor};
use matricula_application::{Circumstances, Expected};
use matricula_domain::identity::{Grants, Permission, RoleName};
use matricula_domain::shared::Field;
use matricula_ports::audit::Observation;
use matricula_ports::identity::OrganizationRow;
use tokio::sync::watch;

use crate::api::Api;
use crate::error::ApiError;

/// The id of the request, as the middleware gave it.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// The address that the request comes from, as the middleware found it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientIp(pub(crate) Option<IpAddr>);

/// What every handler knows of its request.
pub(crate) struct Basics {
    pub(crate) api: Data<Api>,
    pub(crate) request: HttpRequest,
}

impl Basics {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let api = request.app_data::<Data<Api>>().cloned().ok_or_else(ApiError::unavailable)?;
        Ok(Self { api, request: request.clone() })
    }

    pub(crate) fn request_id(&self) -> Arc<str> {
        self.request.extensions().get::<RequestId>().map_or_else(|| Arc::from(""), |id| Arc::clone(&id.0))
    }

    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.request.extensions().get::<ClientIp>().and_then(|ip| ip.0)
    }

    /// How the request came, as proof.
    pub(crate) fn circumstances(&self) -> Circumstances {
        let headers = self.request.headers();
        Circumstances { ip: self.ip(), user_agent: line(headers, &USER_AGENT), referer: line(headers, &REFERER) }
    }

    /// Which version the client saw. To change something without saying so is 428.
    pub(crate) fn expected(&self) -> Result<Expected, ApiError> {
        let Some(seen) = self.request.headers().get(IF_MATCH) else {
            return Err(ApiError::new(StatusCode::PRECONDITION_REQUIRED, "IF_MATCH_REQUIRED", "send If-Match with the ETag that you have seen"));
        };
        match seen.to_str().unwrap_or_default().trim() {
            "*" => Ok(Expected::Any),
            // What is no ETag of ours cannot be the newest one.
            tag => Ok(Expected::Version(tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok()).unwrap_or(0))),
        }
    }
}

/// A header as one line without control characters, cut to a length that can be kept.
fn line(headers: &HeaderMap, name: &actix_web::http::header::HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.chars().filter(|c| !c.is_control()).take(500).collect())
}

/// Opens once it is clear that somebody may. Until then nothing of what they say is judged: who may not learns nothing else.
#[derive(Clone)]
pub(crate) struct Gate(watch::Receiver<bool>);

impl Gate {
    fn close(request: &HttpRequest) -> watch::Sender<bool> {
        let (opener, gate) = watch::channel(false);
        request.extensions_mut().insert(Self(gate));
        opener
    }

    /// The gate of a request, if there is one: whoever asks for it stands behind the caller in the handler's signature.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// Waits until it is open, or until nobody will open it.
    pub(crate) async fn pass(gate: Option<Self>) {
        if let Some(Self(mut gate)) = gate {
            let _ = gate.wait_for(|open| *open).await;
        }
    }
}

/// The header with which somebody looks at what a role sees.
pub(crate) const VIEW_AS: &str = "View-As";

/// Who came in.
enum Bearer {
    User(Caller),
    Program(Access),
}

impl Bearer {
    async fn of(basics: &Basics) -> Result<Self, ApiError> {
        let (token, identity) = (token(basics)?, &basics.api.identity);
        let bearer = match identity.principal(token).await? {
            Some(principal) => Self::User(Caller::new(Arc::new(principal), &basics.request_id())),
            None => {
                let holder = identity.key_holder(token).await?.ok_or_else(ApiError::unauthenticated)?;
                Self::Program(Access::of_key(&holder, &basics.request_id()))
            }
        };
        match basics.request.headers().get(VIEW_AS) {
            Some(role) => bearer.seeing_as(role.to_str().unwrap_or_default(), basics).await,
            None => Ok(bearer),
        }
    }

    /// Who came in, for as long as they look at what a role sees: what both may. That they looked is written down.
    async fn seeing_as(self, role: &str, basics: &Basics) -> Result<Self, ApiError> {
        let (scope, watch) = (self.access().scope(), &basics.api.watch);
        if !basics.request.method().is_safe() {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "VIEW_AS_ONLY_READS",
                "who sees as a role changes nothing: leave the header View-As out",
            ));
        }
        if let Err(denied) = self.access().allow::<ViewAs>() {
            watch.denied(scope, denied).await;
            return Err(denied.into());
        }
        let unknown = || ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "UNKNOWN_ROLE", "the header View-As names no role here");
        let name = RoleName::parse(&role.into()).map_err(|_| unknown())?;
        let grants: Grants = match name.built_in() {
            Some(role) => role.grants().collect(),
            None => basics.api.access_queries.role_named(scope, &name).await?.ok_or_else(unknown)?.grants().iter().copied().collect(),
        };
        let observation = Observation { action: "access.viewed_as", entity: "role", entity_id: None, subject: None, purpose: Some(name.to_string()) };
        watch.observe(scope, observation).await;
        Ok(match self {
            Self::User(caller) => Self::User(caller.within(&grants)),
            Self::Program(access) => Self::Program(access.within(&grants)),
        })
    }

    fn access(&self) -> &Access {
        match self {
            Self::User(caller) => caller.access(),
            Self::Program(access) => access,
        }
    }
}

/// Refuses whatever would change something in an organization that does no work. The one place that knows of it: everybody who
/// works for an organization, and everybody at its door, comes through here.
fn at_work(basics: &Basics, organization: &OrganizationRow) -> Result<(), ApiError> {
    if organization.status.works() || basics.request.method().is_safe() {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::FORBIDDEN, "ORGANIZATION_SUSPENDED", "the organization is suspended: everything can be read and nothing changed"))
}

/// Refuses a change of what others may by somebody who signed in a while ago: a thief of their sign-in goes no further. The one place
/// that knows of it. A program has nothing to show but its key.
fn proven(basics: &Basics, bearer: &Bearer, permission: Permission) -> Result<(), ApiError> {
    match bearer {
        Bearer::User(caller)
            if permission.is_sensitive() && !basics.request.method().is_safe() && !caller.is_proven(basics.api.world.clock.now()) =>
        {
            Err(ApiError::new(StatusCode::FORBIDDEN, "STEP_UP_REQUIRED", "show once more who you are: POST /api/v1/auth/step-up"))
        }
        _ => Ok(()),
    }
}

/// Somebody may not: either nothing yet, since they owe a second factor, or not this.
fn refused(bearer: &Bearer, denied: Denied) -> ApiError {
    match bearer {
        Bearer::User(caller) if caller.principal().owes_second_factor() => ApiError::new(
            StatusCode::FORBIDDEN,
            "SECOND_FACTOR_MISSING",
            "the organization asks for a second factor in your role: set one up with POST /api/v1/auth/second-factor",
        ),
        _ => denied.into(),
    }
}

fn token(basics: &Basics) -> Result<&str, ApiError> {
    let header = basics.request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token.ok_or_else(ApiError::unauthenticated)
}

/// A call by somebody who signed in, about their own sign-in: no program's, and possible in an organization that does no work too.
pub(crate) struct SignedIn {
    pub(crate) caller: Caller,
    pub(crate) basics: Basics,
}

impl FromRequest for SignedIn {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let (basics, gate) = (Basics::of(request), Gate::close(request));
        Box::pin(async move {
            let basics = basics?;
            let Bearer::User(caller) = Bearer::of(&basics).await? else {
                return Err(ApiError::new(StatusCode::FORBIDDEN, "SIGN_IN_REQUIRED", "this is for people who signed in, not for keys").into());
            };
            gate.send_replace(true);
            Ok(Self { caller, basics })
        })
    }
}

/// A call by somebody who has a right.
pub(crate) struct May<R: Right> {
    pub(crate) who: Allowed<R>,
    pub(crate) basics: Basics,
}

impl<R: Right> std::ops::Deref for May<R> {
    type Target = Basics;
    fn deref(&self) -> &Basics {
        &self.basics
    }
}

impl<R: Right> FromRequest for May<R> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let (basics, gate) = (Basics::of(request), Gate::close(request));
        Box::pin(async move {
            let basics = basics?;
            let bearer = Bearer::of(&basics).await?;
            let access = bearer.access();
            match access.allow::<R>() {
                Ok(who) => {
                    at_work(&basics, access.organization())?;
                    proven(&basics, &bearer, R::PERMISSION)?;
                    gate.send_replace(true);
                    Ok(Self { who, basics })
                }
                Err(denied) => {
                    basics.api.watch.denied(access.scope(), denied).await;
                    Err(refused(&bearer, denied).into())
                }
            }
        })
    }
}

/// A call at the public door of an organization.
pub(crate) struct Public {
    pub(crate) visitor: Visitor,
    pub(crate) basics: Basics,
}

impl std::ops::Deref for Public {
    type Target = Basics;
    fn deref(&self) -> &Basics {
        &self.basics
    }
}

impl FromRequest for Public {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let (basics, gate) = (Basics::of(request), Gate::close(request));
        Box::pin(async move {
            let basics = basics?;
            let slug = basics.request.match_info().get("organization").unwrap_or_default().to_owned();
            let organization = basics.api.directory.organization(&slug).await.map_err(ApiError::from)?.ok_or_else(ApiError::not_found)?;
            at_work(&basics, &organization)?;
            let visitor = Visitor::new(organization, &basics.request_id());
            gate.send_replace(true);
            Ok(Self { visitor, basics })
        })
    }
}

/// A call that needs nobody: signing in, refreshing.
pub(crate) struct Anybody(pub(crate) Basics);

impl FromRequest for Anybody {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        std::future::ready(Basics::of(request).map(Self).map_err(Into::into))
    }
}
