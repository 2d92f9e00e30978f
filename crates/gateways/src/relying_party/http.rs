use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::redirect::Policy;
use url::Url;

use crate::neighborhood::{Forbidden, Neighborhood, tls};

/// The most that a provider may answer: what it says of itself, its keys, or a token.
const MOST_BYTES: usize = 128 * 1024;

/// Speaks with providers: in time, not for too long, never onwards to where an answer points, and only with those who may be spoken to.
#[derive(Clone)]
pub(super) struct Guarded {
    client: reqwest::Client,
    neighborhood: Neighborhood,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpFault {
    /// It may not be spoken to.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It does not answer, or answers that it cannot.
    #[error("the provider is away")]
    Away(#[source] Option<reqwest::Error>),
    /// It says too much.
    #[error("the provider's answer is too long")]
    TooLong,
    /// It is no HTTP.
    #[error("this cannot be said over HTTP")]
    Http(#[from] http::Error),
}

impl From<reqwest::Error> for HttpFault {
    /// Without the address, in which there may be something that opens.
    fn from(error: reqwest::Error) -> Self {
        Self::Away(Some(error.without_url()))
    }
}

impl Guarded {
    /// A client whose requests take so long at most.
    ///
    /// # Errors
    /// When the machine gives us no client.
    pub(super) fn new(neighborhood: Neighborhood, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls())
            .dns_resolver(Arc::new(neighborhood))
            .redirect(Policy::none())
            // A proxy would look names up by itself.
            .no_proxy()
            .timeout(timeout)
            // A connection belongs to the thread that made it, and is not kept for another one.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { client, neighborhood })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        let address = Url::parse(&request.uri().to_string()).map_err(|_| Forbidden)?;
        self.neighborhood.admits(&address)?;
        let mut response = self.client.execute(request.try_into()?).await?;
        if response.status().is_server_error() {
            return Err(HttpFault::Away(None));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(HttpFault::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        Ok(answer.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Guarded {
    type Error = HttpFault;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpFault>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
