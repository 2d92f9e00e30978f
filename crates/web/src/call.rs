//! Who calls: the extractors that a handler's signature names, and with which it reaches its use case.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, IF_MATCH, REFERER, USER_AGENT};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev};
use futures_util::future::LocalBoxFuture;
use matricula_application::access::{Allowed, Caller, Right, Visitor};
use matricula_application::{Circumstances, Expected};
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

async fn caller(basics: &Basics) -> Result<Caller, ApiError> {
    let header = basics.request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        header.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let token = token.ok_or_else(ApiError::unauthenticated)?;
    let principal = basics.api.identity.principal(token).await?.ok_or_else(ApiError::unauthenticated)?;
    Ok(Caller::new(Arc::new(principal), &basics.request_id()))
}

/// A call by somebody who signed in.
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
            let caller = caller(&basics).await?;
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
            let caller = caller(&basics).await?;
            match caller.allow::<R>() {
                Ok(who) => {
                    gate.send_replace(true);
                    Ok(Self { who, basics })
                }
                Err(denied) => {
                    basics.api.watch.denied(caller.scope(), denied).await;
                    Err(ApiError::from(denied).into())
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
