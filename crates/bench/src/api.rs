use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

/// A client for HTTP whose requests take so long at most.
///
/// # Errors
/// When no client can be made.
pub(crate) fn http(timeout: Duration) -> Result<Client> {
    // Nothing here is said over TLS, but no client is made that could not. Whoever was first has chosen the same.
    _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Client::builder().timeout(timeout).build()?)
}

/// A client of the API.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    url: String,
    token: String,
}

/// What the API answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// `ETag` without its quotes.
    pub etag: Option<String>,
    /// Whether it is the answer that the first request with this key got.
    pub replayed: bool,
    /// The body.
    pub body: Value,
}

impl Api {
    /// A client that is not signed in.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new() -> Result<Self> {
        let client = http(Duration::from_secs(20))?;
        Ok(Self { client, url: String::new(), token: String::new() })
    }

    /// The same client at a server.
    #[must_use]
    pub fn at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// Signs in.
    ///
    /// # Errors
    /// When nobody answers, or the sign-in is refused.
    pub async fn sign_in(mut self, email: &str, password: &str) -> Result<Self> {
        let answer = self.send(Method::POST, "/auth/login", None, Some(&json!({"email": email, "password": password}))).await?;
        answer.body["access_token"].as_str().with_context(|| format!("the sign-in is refused: {}", answer.body))?.clone_into(&mut self.token);
        Ok(self)
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request, and answers what came back, whatever its status.
    ///
    /// # Errors
    /// When nothing, or only a part, came back.
    pub async fn send(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> reqwest::Result<Answer> {
        let mut request = self.client.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.token);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let etag = answer.headers().get("ETag").and_then(|etag| etag.to_str().ok()).map(|etag| etag.trim_matches('"').to_owned());
        let replayed = answer.headers().contains_key("Idempotency-Replayed");
        let bytes = answer.bytes().await?;
        Ok(Answer { status, etag, replayed, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    /// Posts something that must go well, and answers its body.
    ///
    /// # Errors
    /// When it does not.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.send(Method::POST, path, None, Some(body)).await?;
        ensure!(answer.status.is_success(), "POST {path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// All items of a list.
    ///
    /// # Errors
    /// When a page does not come.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut page) = (Vec::new(), format!("{path}?limit=100"));
        loop {
            let mut answer = self.send(Method::GET, &page, None, None).await?;
            ensure!(answer.status.is_success(), "GET {page}: {} {}", answer.status, answer.body);
            let Value::Array(more) = answer.body["items"].take() else { return Err(anyhow::anyhow!("GET {page}: no list")) };
            items.extend(more);
            let Some(cursor) = answer.body["next_cursor"].as_str() else { return Ok(items) };
            page = format!("{path}?limit=100&cursor={cursor}");
        }
    }
}
