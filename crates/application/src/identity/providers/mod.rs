//! Signing in by way of identity providers (OpenID Connect, authorization code flow with PKCE), and which ones there are.

mod begin;
mod finish;
mod manage;

pub use begin::{ProviderSignInRequest, SetOut};
pub use finish::ProviderAnswer;

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use matricula_domain::identity::IdentityProvider;
use matricula_ports::identity::{Party, ProviderDirectory, ProviderError, RelyingParty, Ties};
use matricula_ports::{PortError, Tx};

use super::IdentityError;
use super::tokens::digest;
use crate::World;
use crate::access::Watch;

/// The use cases around identity providers.
#[derive(Clone)]
pub struct Providers {
    world: World,
    directory: Arc<dyn ProviderDirectory>,
    relying_party: Arc<dyn RelyingParty>,
    watch: Watch,
    redirect_uri: String,
}

impl Providers {
    /// Over this world; providers send people back to this address.
    pub fn new(
        world: World,
        directory: Arc<dyn ProviderDirectory>,
        relying_party: Arc<dyn RelyingParty>,
        watch: Watch,
        redirect_uri: String,
    ) -> Self {
        Self { world, directory, relying_party, watch, redirect_uri }
    }

    /// Who we are at a provider.
    async fn party(&self, tx: &Tx, provider: &IdentityProvider) -> Result<Party, PortError> {
        let secret = tx.identity_providers().secret_of(provider.id).await?;
        Ok(Party {
            issuer: provider.details.issuer.clone(),
            client_id: provider.details.client_id.as_str().to_owned(),
            client_secret: secret.ok_or(PortError::Dangling("identity_provider"))?,
            role_claim: provider.details.role_claim.as_ref().map(|claim| claim.as_str().to_owned()),
            redirect_uri: self.redirect_uri.clone(),
        })
    }
}

/// What ties an answer to its question. `nonce` and the verifier follow from what the browser has, so that they are kept nowhere, and
/// whoever steals the answer on its way cannot use it.
fn ties(state: &str, browser_secret: &str) -> Ties {
    let derived = |what: &str| BASE64_URL_SAFE_NO_PAD.encode(digest(&format!("{what}:{browser_secret}")));
    Ties { state: state.to_owned(), nonce: derived("nonce"), code_verifier: derived("code_verifier") }
}

impl From<ProviderError> for IdentityError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Refused(why) => Self::Provider(why),
            ProviderError::Port(error) => Self::Port(error),
        }
    }
}
