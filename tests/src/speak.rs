//! HTTP as a client of the API speaks it.

use std::future::IntoFuture;
use std::pin::Pin;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::Value as Json;

/// Somebody with an address on the network, and perhaps an access token.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    address: String,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(http: reqwest::Client, url: String, address: String) -> Self {
        Self { http, url, address, token: None }
    }

    /// The same client with an access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client at another address of the network.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// A request by its method and its path, which begins at the root.
    pub fn call(&self, method: &str, path: &str) -> Call {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.url)).header("X-Forwarded-For", &self.address);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        Call(request)
    }

    /// Reads something below `/api/v1`.
    pub fn get(&self, path: &str) -> Call {
        self.call("GET", &format!("/api/v1{path}"))
    }

    /// Sends JSON to something below `/api/v1`.
    pub fn post(&self, path: &str, body: &Json) -> Call {
        self.call("POST", &format!("/api/v1{path}")).json(body)
    }

    /// Does something below `/api/v1` that takes no body.
    pub fn act(&self, path: &str) -> Call {
        self.call("POST", &format!("/api/v1{path}"))
    }

    /// Changes something below `/api/v1` that was seen with this `ETag`.
    pub fn patch(&self, path: &str, etag: &str, body: &Json) -> Call {
        self.call("PATCH", &format!("/api/v1{path}")).json(body).header("If-Match", etag)
    }
}

/// A request, sent when it is awaited.
pub struct Call(reqwest::RequestBuilder);

impl Call {
    /// With a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// With an `Idempotency-Key`.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// With these pairs in the query.
    #[must_use]
    pub fn query(self, pairs: &[(&str, &str)]) -> Self {
        let Self(request) = self;
        let (client, request) = request.build_split();
        let mut request = request.unwrap();
        request.url_mut().query_pairs_mut().extend_pairs(pairs);
        Self(reqwest::RequestBuilder::from_parts(client, request))
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Json) -> Self {
        self.text("application/json", body.to_string())
    }

    /// With any body.
    #[must_use]
    pub fn text(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.header("Content-Type", content_type).body(body))
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let response = self.0.send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let bytes = response.bytes().await.unwrap();
            Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned(), bytes }
        })
    }
}

/// Sends requests all at once.
pub async fn at_once(calls: impl IntoIterator<Item = Call>) -> Vec<Answer> {
    futures_util::future::join_all(calls.into_iter().map(IntoFuture::into_future)).await
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub text: String,
    /// Body, as it came.
    pub bytes: Bytes,
}

impl Answer {
    /// A header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The `ETag`.
    #[track_caller]
    pub fn etag(&self) -> &str {
        self.header("ETag").unwrap_or_else(|| panic!("no ETag: {} {}", self.status, self.text))
    }

    /// The body as JSON, whatever the status is; `null` for none.
    #[track_caller]
    pub fn json(&self) -> Json {
        if self.text.is_empty() {
            return Json::Null;
        }
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    /// The body, if the status is the expected one.
    #[track_caller]
    pub fn is(&self, status: u16) -> Json {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The id in the body, if the status is the expected one.
    #[track_caller]
    pub fn id(&self, status: u16) -> String {
        text(&self.is(status)["id"])
    }

    /// The problem document of a refusal with this status and code. Everything is checked that holds for all of them (RFC 9457, `api.md`).
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Json {
        let problem = self.problem();
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
        problem
    }

    /// The problem document of any refusal.
    #[track_caller]
    pub fn problem(&self) -> Json {
        assert!(self.status >= 400, "no refusal: {} {}", self.status, self.text);
        assert_eq!(self.header("Content-Type"), Some("application/problem+json"), "{} {}", self.status, self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        for field in ["type", "title", "detail", "code", "request_id"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {problem}");
        }
        assert_eq!(problem["request_id"].as_str(), self.header("X-Request-Id"), "{problem}");
        assert!(text(&problem["code"]).bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'), "{problem}");
        let waits = matches!(self.status, 429 | 503);
        assert!(
            !waits || self.header("Retry-After").is_some_and(|after| after.parse::<u32>().is_ok_and(|seconds| seconds > 0)),
            "Retry-After: {problem}"
        );
        assert_eq!(self.status == 401, self.header("WWW-Authenticate").is_some(), "{problem}");
        problem
    }

    /// Where the faults of a refused input are, and their codes, in the order of the fields.
    #[track_caller]
    pub fn faults(&self) -> Vec<(String, String)> {
        let problem = self.problem();
        assert_eq!(self.status, 422, "{problem}");
        let faults = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors: {problem}"));
        assert!(faults.iter().all(|fault| fault["detail"].as_str().is_some_and(|detail| !detail.is_empty())), "{problem}");
        faults.iter().map(|fault| (text(&fault["pointer"]), text(&fault["code"]))).collect()
    }

    /// The same problem without what is different in each: the request's id.
    #[track_caller]
    pub fn without_request_id(&self) -> Json {
        let mut problem = self.problem();
        problem["request_id"] = Json::Null;
        problem
    }
}

/// A text that must be there.
#[track_caller]
pub fn text(json: &Json) -> String {
    json.as_str().unwrap_or_else(|| panic!("no text: {json}")).to_owned()
}

/// One field of every item of a list.
#[track_caller]
pub fn each(list: &Json, field: &str) -> Vec<Json> {
    list["items"].as_array().unwrap_or_else(|| panic!("no list: {list}")).iter().map(|item| item[field].clone()).collect()
}
