use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use matricula_application::access::Denied;
use matricula_domain::identity::Permission;
use matricula_domain::shared::{Fault, Faults};
use matricula_ports::PortError;
use serde_json::{Map, Value as Json, json};

/// What an error of a use case is to a client: a status and a stable code.
pub(crate) trait Coded {
    fn coded(&self) -> (StatusCode, &'static str);

    /// The faults of the input, where it is about the input.
    fn faults(&self) -> &[Fault] {
        &[]
    }

    /// The error of the world behind it, where there is one.
    fn port(&self) -> Option<&PortError> {
        None
    }

    /// What helps the client beside the sentence: possible states, for instance.
    fn hints(&self) -> Map<String, Json> {
        Map::new()
    }
}

/// An error as RFC 9457 writes it. It never holds anything personal, and nothing of the inside.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) hints: Map<String, Json>,
    pub(crate) retry_after: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), faults: Vec::new(), hints: Map::new(), retry_after: None }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such thing here")
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "a valid access token is needed")
    }

    pub(crate) fn unavailable() -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "try again in a moment");
        error.retry_after = Some(2);
        error
    }

    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// The document.
    fn body(&self, request_id: &str) -> Json {
        let mut body = Map::new();
        body.insert("type".into(), format!("urn:matricula:problem:{}", self.code.to_lowercase()).into());
        body.insert("title".into(), self.status.canonical_reason().unwrap_or("Error").into());
        body.insert("status".into(), self.status.as_u16().into());
        body.insert("detail".into(), self.detail.as_ref().into());
        body.insert("code".into(), self.code.into());
        body.insert("request_id".into(), request_id.into());
        if !self.faults.is_empty() {
            let errors = self.faults.iter().map(|fault| json!({"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}));
            body.insert("errors".into(), errors.collect());
        }
        body.extend(self.hints.clone());
        Json::Object(body)
    }

    /// The response, for a request whose id is known.
    pub(crate) fn respond(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        response.body(self.body(request_id).to_string())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        // The middleware puts the request's id in.
        self.respond("")
    }
}

/// The header that carries the id of a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The answer to a path that leads nowhere, and to a method that a path does not have.
pub(crate) fn no_such_path(request: &HttpRequest) -> HttpResponse {
    let _ = request;
    ApiError::not_found().error_response()
}

pub(crate) fn wrong_method(allowed: &str) -> HttpResponse {
    let mut response = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "this path does not have this method").error_response();
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(actix_web::http::header::ALLOW, allowed);
    }
    response
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        let code = faults.code();
        Self { faults: faults.0, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, "the input is understood, and refused") }
    }
}

impl From<Denied> for ApiError {
    fn from(Denied(permission): Denied) -> Self {
        Self {
            hints: missing(permission),
            ..Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", sentence("PERMISSION_DENIED", StatusCode::FORBIDDEN))
        }
    }
}

impl Coded for PortError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Stale => (StatusCode::PRECONDITION_FAILED, "STALE"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "CONFLICT"),
            Self::Dangling("cursor") => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_CURSOR"),
            Self::Dangling(_) => (StatusCode::UNPROCESSABLE_ENTITY, "NOT_FOUND_REFERENCE"),
            Self::KeyDestroyed => (StatusCode::GONE, "KEY_DESTROYED"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::Broken(_) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
        }
    }

    fn port(&self) -> Option<&PortError> {
        Some(self)
    }
}

/// The sentence that goes with a code.
fn sentence(code: &str, status: StatusCode) -> &'static str {
    match code {
        "PERMISSION_DENIED" => "your role does not have this permission",
        "NOT_FOUND" => "there is no such thing here",
        "STALE" => "somebody changed it meanwhile; read it again",
        "CONFLICT" => "it is in conflict with what is there",
        "RUN_FULL" => "there is no free seat in this run",
        "ALREADY_ENROLLED" => "this person has a place in this run already",
        "ENROLLMENT_CLOSED" => "the last day to enroll is over",
        "RUN_NOT_OPEN" => "the run is completed, cancelled or archived",
        "INVALID_TRANSITION" => "there is no way from this state to that one",
        "REASON_REQUIRED" => "a reason is required",
        "RESTRICTED" => "this person's data may only be kept (GDPR art. 18)",
        "INVALID_CREDENTIALS" => "address, password or token are wrong",
        "EXCEEDS_MAKER" => "nobody gives a right that they have not",
        "ORGANIZATION_SUSPENDED" => "the organization is suspended: everything can be read and nothing changed",
        "LAST_OWNER" => "somebody must be left who owns the organization",
        "NO_IDENTITY_PROVIDER" => "nobody signs in there by way of an identity provider",
        "NO_SEATS_LEFT" => "as many people work here as the organization has subscribed to",
        "INVALID_LINK" => "this opens nothing here",
        "LINK_OVER" => "the link was used or taken back, or its time is over",
        "ROLE_EXCEEDS_YOURS" => "the role has permissions that you lack",
        "WORKS_HERE_ALREADY" => "somebody with this address works here already",
        "EMAIL_TAKEN" => "somebody signs in with this address already",
        "ALREADY_SO" => "it is so already",
        "UNSUPPORTED_MEDIA_TYPE" => "files of this kind are not taken: its first bytes are not those of JPEG, PNG, WebP, PDF or MP4",
        "TOO_LARGE" => "the file is larger than one of its kind may be",
        "EMPTY_FILE" => "there is nothing in the file",
        "POLYGLOT" => "the file is something else too, or something stands behind its end",
        "ACTIVE_CONTENT" => "the file holds a program",
        "TOO_MANY_PIXELS" => "the picture has more pixels than one may have",
        "DECOMPRESSION_BOMB" => "the file unpacks to far more than it should",
        "BROKEN_FILE" => "the file cannot be read",
        "MEDIA_QUOTA_EXCEEDED" => "the organization's files would take more room than they may",
        "TOO_MANY_REQUESTS" => "wait a moment",
        _ if status.is_server_error() => "something went wrong on our side",
        _ => "it cannot be done",
    }
}

impl<E: Coded + fmt::Debug> From<E> for ApiError {
    fn from(error: E) -> Self {
        let (status, code) = error.coded();
        if status.is_server_error() {
            // Told once, here, with its whole chain; the client learns only that it happened.
            tracing::error!(error = ?error, code, "a request failed");
        }
        let faults = error.faults().to_vec();
        let detail = if faults.is_empty() { sentence(code, status) } else { "the input is understood, and refused" };
        let mut answer = Self { faults, hints: error.hints(), ..Self::new(status, code, detail) };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.retry_after = Some(2);
        }
        if let Some(PortError::Conflict("idempotency_keys")) = error.port() {
            answer.code = ALREADY_DONE;
        }
        answer
    }
}

/// Says that the same key was used by somebody who was faster: the kept answer is given instead of this error.
pub(crate) const ALREADY_DONE: &str = "ALREADY_DONE";

/// The permission that somebody lacks.
pub(crate) fn missing(permission: Permission) -> Map<String, Json> {
    Map::from_iter([("permission".to_owned(), permission.as_str().into())])
}

/// How much there may be.
pub(crate) fn limit(limit: u64) -> Map<String, Json> {
    Map::from_iter([("limit".to_owned(), limit.into())])
}

/// The states that a transition could have gone to.
pub(crate) fn possible(states: &[&'static str]) -> Map<String, Json> {
    Map::from_iter([("possible".to_owned(), Json::from(states.to_vec()))])
}
