use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder};
use matricula_domain::identity::Grants;
use matricula_ports::StoredAnswer;
use serde::Serialize;
use serde_json::Value as Json;

use crate::page::Listed;

/// What a handler answers: an answer that could be kept, or a refusal.
pub(crate) type Answered = Result<Answer, crate::error::ApiError>;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) stored: StoredAnswer,
    pub(crate) replayed: bool,
}

impl Answer {
    fn of(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned());
        Self { stored: StoredAnswer { status: status.as_u16(), headers: Vec::new(), body }, replayed: false }
    }

    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::of(StatusCode::OK, body)
    }

    pub(crate) fn created(body: &impl Serialize, location: String) -> Self {
        Self::of(StatusCode::CREATED, body).with("Location", location)
    }

    pub(crate) fn nothing() -> Self {
        Self { stored: StoredAnswer { status: 204, headers: Vec::new(), body: String::new() }, replayed: false }
    }

    /// It is somewhere else now.
    pub(crate) fn moved(location: String) -> Self {
        Self { stored: StoredAnswer { status: 301, headers: Vec::new(), body: String::new() }, replayed: false }.with("Location", location)
    }

    /// It will be done.
    pub(crate) fn accepted() -> Self {
        Self { stored: StoredAnswer { status: 202, headers: Vec::new(), body: String::new() }, replayed: false }
    }

    /// A page of a list, with the link to the next one.
    pub(crate) fn list<T: Serialize>(request: &HttpRequest, listed: &Listed<T>) -> Self {
        let answer = Self::ok(listed);
        match &listed.next_cursor {
            Some(cursor) => {
                let others = request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
                let query: Vec<_> = others.map(str::to_owned).chain([format!("cursor={cursor}")]).collect();
                answer.with("Link", format!("<{}?{}>; rel=\"next\"", request.path(), query.join("&")))
            }
            None => answer,
        }
    }

    /// The same answer about a kind of thing, a list of such things, or several things of which one has its name, without the fields that
    /// these grants do not open.
    pub(crate) fn open_to(mut self, grants: &Grants, of: &str) -> Self {
        let withheld: Vec<_> = grants.withheld(of).map(|guarded| guarded.field).collect();
        if !withheld.is_empty()
            && let Ok(mut body) = serde_json::from_str::<Json>(&self.stored.body)
        {
            let without = |thing: &mut Json| _ = thing.as_object_mut().map(|thing| thing.retain(|field, _| !withheld.contains(&field.as_str())));
            match body.get_mut("items").and_then(Json::as_array_mut) {
                Some(items) => items.iter_mut().for_each(without),
                None => {
                    without(&mut body);
                    body.get_mut(of).into_iter().for_each(without);
                }
            }
            self.stored.body = body.to_string();
        }
        self
    }

    pub(crate) fn with(mut self, name: &str, value: String) -> Self {
        self.stored.headers.push((name.to_owned(), value));
        self
    }

    /// With the version that `If-Match` names later.
    pub(crate) fn etag(self, version: u32) -> Self {
        self.with("ETag", format!("\"{version}\""))
    }
}

impl Responder for Answer {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.stored.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        for (name, value) in &self.stored.headers {
            response.insert_header((name.as_str(), value.as_str()));
        }
        if self.replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        if self.stored.body.is_empty() {
            return response.finish();
        }
        response.content_type("application/json").body(self.stored.body)
    }
}
