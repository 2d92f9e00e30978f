//! Reading a request: its body, its query, its path. Everything is a form of the domain, so all faults are told at once.

use std::ops::Deref;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use matricula_domain::shared::{Fault, Faults, Field, Form, Kind, Value};
use matricula_ports::json::from_json;
use sha2::{Digest, Sha256};

use crate::call::Gate;
use crate::error::ApiError;

/// The most that a JSON body may have.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

/// A JSON body as it came: its value, and the SHA-256 of its canonical form.
pub(crate) struct Raw {
    pub(crate) value: Value,
    pub(crate) fingerprint: [u8; 32],
}

impl FromRequest for Raw {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| matches!(kind.trim().to_ascii_lowercase().as_str(), "application/json" | "application/merge-patch+json"));
        let (mut payload, gate) = (payload.take(), Gate::of(request));
        Box::pin(async move {
            Gate::pass(gate).await;
            if !is_json {
                return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json").into());
            }
            let mut bytes = BytesMut::new();
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "MALFORMED", "the body did not arrive whole"))?;
                if bytes.len() + chunk.len() > BODY_LIMIT {
                    return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", "the body may have 64 KiB").into());
                }
                bytes.extend_from_slice(&chunk);
            }
            let json = serde_json::from_slice(&bytes).map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "MALFORMED", "the body is not JSON"))?;
            let value = from_json(json);
            let fingerprint = Sha256::digest(value.canonical().as_bytes()).into();
            Ok(Self { value, fingerprint })
        })
    }
}

/// A body that is valid.
pub(crate) struct Body<T> {
    pub(crate) form: T,
    pub(crate) fingerprint: [u8; 32],
}

impl<T> Deref for Body<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.form
    }
}

impl<T: Form + 'static> FromRequest for Body<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let raw = Raw::from_request(request, payload);
        Box::pin(async move {
            let Raw { value, fingerprint } = raw.await?;
            let form = T::read(&value).map_err(ApiError::from)?;
            Ok(Self { form, fingerprint })
        })
    }
}

/// A query string that is valid.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: Form + 'static> FromRequest for Query<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let (read, gate) = (read_query::<T>(request.query_string()), Gate::of(request));
        Box::pin(async move {
            Gate::pass(gate).await;
            read.map(Self).map_err(|faults| ApiError::from(faults).into())
        })
    }
}

/// The most that a query string may have.
const QUERY_LIMIT: usize = 8 * 1024;

/// The pairs of a query string. What cannot be read is no query at all.
pub(crate) fn query_pairs(text: &str) -> Result<Vec<(String, String)>, Fault> {
    if text.len() > QUERY_LIMIT {
        return Err(Fault::new("TOO_LONG", "the query may have 8 KiB"));
    }
    let pairs = actix_web::web::Query::<Vec<_>>::from_query(text).map_err(|_| Fault::new("MALFORMED", "the query cannot be read"))?;
    Ok(pairs.into_inner())
}

/// What is wrong with a name that comes a second time.
pub(crate) fn given_twice() -> Fault {
    Fault::new("DUPLICATE", "is given twice")
}

/// A form from a query string.
pub(crate) fn read_query<T: Form>(text: &str) -> Result<T, Faults> {
    let mut fields = Vec::new();
    let mut faults = Faults::default();
    for (name, text) in query_pairs(text)? {
        if fields.iter().any(|(known, _)| *known == name) {
            faults.add(given_twice().under(if T::FIELDS.iter().any(|field| field.name == name) { &name } else { "?" }));
            continue;
        }
        let value = match T::FIELDS.iter().find(|field| field.name == name) {
            Some(field) => typed(&field.kind, text),
            None => Value::Text(text),
        };
        fields.push((name, value));
    }
    match T::read(&Value::Map(fields)) {
        Ok(form) => faults.into_result().map(|()| form),
        Err(more) => {
            faults.0.extend(more.0);
            Err(faults)
        }
    }
}

/// A query has texts only; the schema knows what they mean.
pub(crate) fn typed(kind: &Kind, text: String) -> Value {
    match kind {
        Kind::Integer { .. } => text.parse().map_or(Value::Text(text), Value::Int),
        Kind::Boolean => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Text(text),
        },
        Kind::List(..) => Value::List(text.split(',').filter(|item| !item.is_empty()).map(Value::from).collect()),
        _ => Value::Text(text),
    }
}

/// An id in the path. What is no id leads nowhere, as an id does that nobody has.
pub(crate) fn path_field<T: Field>(request: &HttpRequest, name: &str) -> Result<T, ApiError> {
    T::parse(&Value::from(request.match_info().get(name).unwrap_or_default())).map_err(|_| ApiError::not_found())
}
