use async_trait::async_trait;
use matricula_domain::identity::{
    ClientSecret, EmailDomain, IdentityProvider, IdentityProviderId, Issuer, OrganizationId, ProviderClaims, ProviderIdentity, ProviderRefusal,
    ProviderSignIn, ProviderSignInId, UserId,
};
use matricula_domain::shared::{Changed, Instant};

use crate::{Page, PortError, Scope, Slice};

/// Identity providers of an organization.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait IdentityProviderRepository: Send + Sync {
    /// A provider, in use or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: IdentityProviderId) -> Result<Option<IdentityProvider>, PortError>;

    /// What this program shows a provider to be believed.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn secret_of(&self, id: IdentityProviderId) -> Result<Option<ClientSecret>, PortError>;

    /// Saves. A domain that another provider in use has, of whichever organization, is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, provider: &Changed<IdentityProvider>) -> Result<(), PortError>;
}

/// Sign-ins by way of identity providers.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ProviderSignInRepository: Send + Sync {
    /// A sign-in that began in this organization.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: ProviderSignInId) -> Result<Option<ProviderSignIn>, PortError>;

    /// Saves.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, sign_in: &Changed<ProviderSignIn>) -> Result<(), PortError>;
}

/// Who users are at identity providers.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ProviderIdentityRepository: Send + Sync {
    /// Who somebody is here whom a provider knows.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, provider: IdentityProviderId, subject_hash: [u8; 32]) -> Result<Option<ProviderIdentity>, PortError>;

    /// Who a user is there.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn of_user(&self, provider: IdentityProviderId, user: UserId) -> Result<Option<ProviderIdentity>, PortError>;

    /// Saves. Somebody who is tied already is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, identity: &Changed<ProviderIdentity>) -> Result<(), PortError>;
}

/// Reads of identity providers, for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait IdentityProviderQueries: Send + Sync {
    /// Providers, newest first; those out of use instead of the others, if asked.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn identity_providers(&self, scope: &Scope, archived: bool, page: &Page) -> Result<Slice<IdentityProvider>, PortError>;

    /// One of them.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn identity_provider(&self, scope: &Scope, id: IdentityProviderId) -> Result<Option<IdentityProvider>, PortError>;
}

/// What is asked about sign-ins by way of identity providers before an organization is known.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ProviderDirectory: Send + Sync {
    /// The provider in use that vouches for addresses of a domain.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn provider_of_domain(&self, domain: &EmailDomain) -> Result<Option<(OrganizationId, IdentityProviderId)>, PortError>;

    /// The provider in use of an organization; the oldest, if there are several.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn provider_of_organization(&self, slug: &str) -> Result<Option<(OrganizationId, IdentityProviderId)>, PortError>;

    /// The sign-in that has the `state` with this SHA-256.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn sign_in_of_state(&self, state_hash: [u8; 32]) -> Result<Option<(OrganizationId, ProviderSignInId)>, PortError>;

    /// Removes sign-ins of all organizations that were over before this time, at most so many; answers how many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn sweep_sign_ins(&self, before: Instant, most: u32) -> Result<u64, PortError>;
}

/// Who this program is at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The provider.
    pub issuer: Issuer,
    /// Who we are there.
    pub client_id: String,
    /// What makes it believe so.
    pub client_secret: ClientSecret,
    /// The claim that says what somebody may do.
    pub role_claim: Option<String>,
    /// Where it sends people back to.
    pub redirect_uri: String,
}

/// What ties a provider's answer to our question.
#[derive(Clone, PartialEq, Eq)]
pub struct Ties {
    /// Comes back beside the code (RFC 6749, 10.12).
    pub state: String,
    /// Comes back in the identity token (OIDC Core 3.1.2.1).
    pub nonce: String,
    /// Is shown with the code, once its hash was shown with the question (RFC 7636).
    pub code_verifier: String,
}

/// Whoever has them answers in somebody's place.
impl std::fmt::Debug for Ties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ties(…)")
    }
}

/// Why a provider does not help.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It answered, and the answer is not accepted.
    #[error("the provider's answer is not accepted: {0}")]
    Refused(ProviderRefusal),
    /// It does not answer, or answers that it cannot, or may not be spoken to.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Our part of OpenID Connect: the authorization code flow with PKCE.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RelyingParty: Send + Sync {
    /// Whether an OpenID provider answers there, and by this name.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if it is no such provider, [`PortError::Unavailable`].
    async fn meet(&self, issuer: &Issuer) -> Result<(), ProviderError>;

    /// Where somebody's browser goes to sign in there.
    ///
    /// # Errors
    /// As [`RelyingParty::meet`].
    async fn question(&self, party: &Party, ties: &Ties) -> Result<String, ProviderError>;

    /// What the provider says of whoever came back with a code. Issuer, audience, nonce, times and signature were checked, the signature by a
    /// key that the provider has now.
    ///
    /// # Errors
    /// [`ProviderError::Refused`], [`PortError::Unavailable`].
    async fn redeem(&self, party: &Party, ties: &Ties, code: &str) -> Result<ProviderClaims, ProviderError>;
}
