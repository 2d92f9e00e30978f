use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use matricula_domain::identity::{EmailDomain, ProviderSignIn};
use matricula_domain::shared::{EmailAddress, Fault, Instant, Slug};
use matricula_ports::{Actor, Scope, transact};

use super::super::tokens::digest;
use super::super::{Door, IdentityError};
use super::{Providers, ties};

matricula_domain::form! {
    /// Who wants to sign in by way of an identity provider: by their address or by where they work.
    pub struct ProviderSignInRequest {
        /// Their address, of which the domain says the provider.
        email: Option<EmailAddress>,
        /// The organization, whose provider it is.
        organization: Option<Slug>,
    } check |request, faults| {
        if request.email.is_some() == request.organization.is_some() {
            faults.add(Fault::rule("/email", "ONE_OF", "name the address or the organization"));
        }
    }
}

/// Somebody sets out for their provider.
#[derive(Clone)]
pub struct SetOut {
    /// Where their browser goes.
    pub authorization_url: String,
    /// What their browser keeps until it is back; nobody else has it.
    pub browser_secret: String,
    /// Until when they must be back.
    pub expires_at: Instant,
}

/// What the browser has opens nothing for who only debugs.
impl std::fmt::Debug for SetOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetOut").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Providers {
    /// Sends somebody to their provider.
    ///
    /// # Errors
    /// [`IdentityError::NoProvider`], whether the organization or the domain is known or not; [`IdentityError::Provider`] if what answers
    /// there is none; a port's if nobody answers.
    #[expect(clippy::disallowed_methods, reason = "whoever signs in has no sign-in yet")]
    pub async fn begin(&self, request: &ProviderSignInRequest, door: &Door) -> Result<SetOut, IdentityError> {
        let found = match (&request.email, &request.organization) {
            (Some(email), _) => self.directory.provider_of_domain(&EmailDomain::of(email)).await?,
            (None, Some(slug)) => self.directory.provider_of_organization(slug.as_str()).await?,
            (None, None) => None,
        };
        let (organization, provider) = found.ok_or(IdentityError::NoProvider)?;
        let scope = Scope::new(organization, Actor::Public).of_request(door.request_id.as_str());
        let party = transact(&*self.world.transactions, &scope, async |tx| {
            let provider = tx.identity_providers().find(provider).await?.filter(|provider| provider.archived_at.is_none());
            Ok::<_, IdentityError>(self.party(tx, &provider.ok_or(IdentityError::NoProvider)?).await?)
        })
        .await?;
        let [state, browser_secret] = [(); 2].map(|()| BASE64_URL_SAFE_NO_PAD.encode(self.world.ids.secret()));
        let authorization_url = self.relying_party.question(&party, &ties(&state, &browser_secret)).await?;
        transact(&*self.world.transactions, &scope, async |tx| {
            let begun = ProviderSignIn::begin(self.world.id(), provider, digest(&state), digest(&browser_secret), self.world.now());
            tx.provider_sign_ins().save(&begun).await?;
            let expires_at = begun.state().expires_at;
            Ok(SetOut { authorization_url: authorization_url.clone(), browser_secret: browser_secret.clone(), expires_at })
        })
        .await
    }
}
