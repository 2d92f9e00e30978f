//! What happens to every request: an id, a deadline, a line in the log, a count, and headers that keep browsers careful.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use uuid::Uuid;

use crate::call::{ClientIp, RequestId};
use crate::error::{ApiError, REQUEST_ID};

/// Where files come in.
const UPLOADS: &str = "/api/v1/media";

/// How requests are treated.
#[derive(Clone, Debug)]
pub struct Manners {
    /// How long a request may take.
    pub deadline: Duration,
    /// How long one may take that brings a file.
    pub upload_deadline: Duration,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

pub(crate) async fn manners(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    let manners = request.app_data::<Data<Manners>>().cloned();
    let started = Stopwatch::now();
    let id = request_id(&request);
    let ip = client_ip(&request, manners.as_ref().map_or(&[], |manners| manners.trusted_proxies.as_slice()));
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    request.extensions_mut().insert(ClientIp(ip));
    let method = request.method().clone();
    let brings_file = method == Method::POST && request.path() == UPLOADS;
    let deadline = manners.map_or(Duration::from_secs(15), |manners| if brings_file { manners.upload_deadline } else { manners.deadline });

    let mut response = match tokio::time::timeout(deadline, next.call(request)).await {
        Ok(answered) => answered?.map_into_boxed_body(),
        // The request went with the handler that was given up.
        Err(_) => {
            metrics::counter!("http_requests_given_up_total").increment(1);
            tracing::error!(request_id = %id, %method, "a request took longer than its deadline");
            let mut answer = ApiError::unavailable().respond(&id);
            be_careful(answer.headers_mut());
            return Err(InternalError::from_response("given up", answer).into());
        }
    };
    if response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json") {
        response = with_request_id(response, &id).await;
    }

    if brings_file && response.status().is_client_error() {
        // The rest of the file may be on its way: nobody shall ask anything else behind it.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    be_careful(headers);

    // The pattern, not the path: a path can hold what is personal.
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let (status, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
    metrics::counter!("http_requests_total", "method" => method.to_string(), "route" => route.clone(), "status" => status.to_string()).increment(1);
    metrics::histogram!("http_request_seconds", "method" => method.to_string(), "route" => route.clone()).record(seconds);
    tracing::info!(request_id = %id, %method, route, status, milliseconds = seconds * 1000.0, "request");
    Ok(response)
}

/// What makes browsers careful with an answer, whatever it is (ASVS 3.4): nothing of it runs, nothing frames it, nothing keeps it. A page
/// that is to be seen brings a policy of its own.
fn be_careful(headers: &mut HeaderMap) {
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// The id that the client sent, if it is a plain word, else a fresh one.
fn request_id(request: &ServiceRequest) -> Arc<str> {
    let sent = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    match sent {
        Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') => Arc::from(id),
        _ => Arc::from(fresh_id().to_string()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the id of a request is no part of the product's data")]
fn fresh_id() -> Uuid {
    Uuid::new_v4()
}

/// The peer, or whom a proxy that is trusted names: the last address in its list that is not itself a trusted proxy.
fn client_ip(request: &ServiceRequest, trusted: &[IpAddr]) -> Option<IpAddr> {
    let peer = request.peer_addr().map(|peer| peer.ip())?;
    if !trusted.contains(&peer) {
        return Some(peer);
    }
    let named: Vec<&str> =
        request.headers().get_all("X-Forwarded-For").filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    named.iter().rev().map_while(|name| name.trim().parse::<IpAddr>().ok()).find(|ip| !trusted.contains(ip)).or(Some(peer))
}

/// Puts the request's id into a problem document, whoever wrote it.
async fn with_request_id(response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let (response, body) = response.into_parts();
    let bytes = actix_web::body::to_bytes(body).await.unwrap_or_default();
    let body = match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes) {
        Ok(mut problem) => {
            problem.insert("request_id".to_owned(), id.into());
            serde_json::Value::Object(problem).to_string().into()
        }
        Err(_) => bytes,
    };
    ServiceResponse::new(request, response.set_body(BoxBody::new(body)))
}
