use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use matricula_domain::identity::{Issuer, ProviderClaims, ProviderRefusal};
use matricula_domain::shared::Instant;
use matricula_ports::identity::{Party, ProviderError, RelyingParty, Ties};
use matricula_ports::{Clock, PortError};
use moka::sync::Cache;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthType, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken, IdTokenClaims, IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};

use super::http::{Guarded, HttpFault};
use crate::neighborhood::Neighborhood;

/// How long it is believed what a provider says of itself, and so a key that it has taken back. Its keys are asked for anew when a token names
/// one that is not among them.
const KNOWN_LIVES: Duration = Duration::from_mins(10);

/// How many providers are remembered.
const MOST_KNOWN: u64 = 1_000;

/// How far a provider's clock may be from ours.
const LEEWAY: TimeDelta = TimeDelta::minutes(1);

/// How tokens may be signed: with a key that the provider alone has. Never `none`, never with the client's secret (RFC 8725, 3.1 and 3.2).
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The claims beside the standard ones: among them the one that says what somebody may do.
#[derive(Debug, Deserialize, Serialize)]
struct Others(BTreeMap<String, serde_json::Value>);

impl AdditionalClaims for Others {}

type Token = IdToken<Others, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type TokenFields = IdTokenFields<Others, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// We, at a provider that said where it is asked.
type Asking = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<TokenFields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// OpenID Connect as the crate `openidconnect` speaks it.
pub struct OpenId {
    http: Guarded,
    clock: Arc<dyn Clock>,
    known: Cache<Issuer, Arc<CoreProviderMetadata>>,
}

impl OpenId {
    /// A relying party whose requests take so long at most.
    ///
    /// # Errors
    /// When the machine gives us no client for HTTP.
    pub fn new(neighborhood: Neighborhood, timeout: Duration, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        let known = Cache::builder().max_capacity(MOST_KNOWN).time_to_live(KNOWN_LIVES).build();
        Ok(Self { http: Guarded::new(neighborhood, timeout)?, clock, known })
    }

    /// What a provider says of itself.
    async fn metadata(&self, issuer: &Issuer) -> Result<Arc<CoreProviderMetadata>, ProviderError> {
        if let Some(known) = self.known.get(issuer) {
            return Ok(known);
        }
        let url = IssuerUrl::new(issuer.as_str().to_owned()).map_err(|_| ProviderError::Refused(ProviderRefusal::Unreadable))?;
        let found = CoreProviderMetadata::discover_async(url, &self.http).await.map_err(undiscovered)?;
        let found = Arc::new(found);
        self.known.insert(issuer.clone(), Arc::clone(&found));
        Ok(found)
    }

    /// The same with the keys that it has now.
    async fn with_new_keys(&self, issuer: &Issuer, known: &CoreProviderMetadata) -> Result<Arc<CoreProviderMetadata>, ProviderError> {
        let keys = CoreJsonWebKeySet::fetch_async(known.jwks_uri(), &self.http).await.map_err(undiscovered)?;
        let found = Arc::new(known.clone().set_jwks(keys));
        self.known.insert(issuer.clone(), Arc::clone(&found));
        Ok(found)
    }

    /// What a token says, if it is the answer to our question.
    fn claims<'t>(
        &self,
        asking: &Asking,
        token: &'t Token,
        ties: &Ties,
    ) -> Result<&'t IdTokenClaims<Others, CoreGenderClaim>, ClaimsVerificationError> {
        let now: Instant = self.clock.now();
        let verifier = asking
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now - LEEWAY)
            .set_issue_time_verifier_fn(move |issued| if issued <= now + LEEWAY { Ok(()) } else { Err("issued in the future".to_owned()) });
        token.claims(&verifier, &Nonce::new(ties.nonce.clone()))
    }
}

#[async_trait]
impl RelyingParty for OpenId {
    async fn meet(&self, issuer: &Issuer) -> Result<(), ProviderError> {
        self.metadata(issuer).await.map(|_| ())
    }

    async fn question(&self, party: &Party, ties: &Ties) -> Result<String, ProviderError> {
        let metadata = self.metadata(&party.issuer).await?;
        let asking = asking(party, &metadata)?;
        let verifier = PkceCodeVerifier::new(ties.code_verifier.clone());
        let (state, nonce) = (CsrfToken::new(ties.state.clone()), Nonce::new(ties.nonce.clone()));
        let (address, _, _) = asking
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(address.into())
    }

    async fn redeem(&self, party: &Party, ties: &Ties, code: &str) -> Result<ProviderClaims, ProviderError> {
        let metadata = self.metadata(&party.issuer).await?;
        let asking_now = asking(party, &metadata)?;
        let request = asking_now.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|_| refused(ProviderRefusal::Unreadable))?;
        let verifier = PkceCodeVerifier::new(ties.code_verifier.clone());
        let answer = request.set_pkce_verifier(verifier).request_async(&self.http).await.map_err(unredeemed)?;
        let token = answer.id_token().ok_or_else(|| refused(ProviderRefusal::Unreadable))?;
        let claims = match self.claims(&asking_now, token, ties) {
            // Perhaps it signs with another key since we last looked (OIDC Core 10.1.1).
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let metadata = self.with_new_keys(&party.issuer, &metadata).await?;
                self.claims(&asking(party, &metadata)?, token, ties)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| refused(why(&error)))?;
        // For us, and given to us (OIDC Core 3.1.3.7, 5).
        if claims.authorized_party().is_some_and(|party| party != asking_now.client_id()) {
            return Err(refused(ProviderRefusal::WrongAudience));
        }
        Ok(told(claims, party.role_claim.as_deref()))
    }
}

fn refused(why: ProviderRefusal) -> ProviderError {
    ProviderError::Refused(why)
}

fn asking(party: &Party, metadata: &CoreProviderMetadata) -> Result<Asking, ProviderError> {
    let redirect = RedirectUrl::new(party.redirect_uri.clone()).map_err(|error| PortError::Broken(error.to_string()))?;
    let secret = ClientSecret::new(party.client_secret.reveal().to_owned());
    let asking = Client::from_provider_metadata(metadata.clone(), ClientId::new(party.client_id.clone()), Some(secret)).set_redirect_uri(redirect);
    // Where nothing is said, it is `client_secret_basic` (OIDC Discovery 3).
    let methods = metadata.token_endpoint_auth_methods_supported().map_or(&[][..], Vec::as_slice);
    let in_the_body = methods.contains(&CoreClientAuthMethod::ClientSecretPost) && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic);
    Ok(asking.set_auth_type(if in_the_body { AuthType::RequestBody } else { AuthType::BasicAuth }))
}

fn unasked(fault: HttpFault) -> ProviderError {
    match fault {
        HttpFault::Away(_) | HttpFault::Forbidden(_) => PortError::Unavailable(Box::new(fault)).into(),
        HttpFault::TooLong | HttpFault::Http(_) => refused(ProviderRefusal::Unreadable),
    }
}

fn undiscovered(error: DiscoveryError<HttpFault>) -> ProviderError {
    match error {
        DiscoveryError::Request(fault) => unasked(fault),
        DiscoveryError::Validation(_) => refused(ProviderRefusal::WrongIssuer),
        _ => refused(ProviderRefusal::Unreadable),
    }
}

fn unredeemed(error: RequestTokenError<HttpFault, StandardErrorResponse<CoreErrorResponseType>>) -> ProviderError {
    match error {
        RequestTokenError::Request(fault) => unasked(fault),
        RequestTokenError::ServerResponse(_) => refused(ProviderRefusal::CodeRefused),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => refused(ProviderRefusal::Unreadable),
    }
}

/// Which rule a token breaks.
fn why(error: &ClaimsVerificationError) -> ProviderRefusal {
    use ClaimsVerificationError as E;
    use SignatureVerificationError as S;
    match error {
        E::InvalidIssuer(_) => ProviderRefusal::WrongIssuer,
        E::InvalidAudience(_) => ProviderRefusal::WrongAudience,
        E::InvalidNonce(_) => ProviderRefusal::WrongNonce,
        E::Expired(_) => ProviderRefusal::Expired,
        E::SignatureVerification(S::NoMatchingKey | S::AmbiguousKeyId(_)) => ProviderRefusal::UnknownKey,
        E::SignatureVerification(S::NoSignature | S::DisallowedAlg(_) | S::UnsupportedAlg(_)) => ProviderRefusal::WrongAlgorithm,
        E::SignatureVerification(_) => ProviderRefusal::WrongSignature,
        _ => ProviderRefusal::Unreadable,
    }
}

/// What of a token concerns us.
fn told(claims: &IdTokenClaims<Others, CoreGenderClaim>, role_claim: Option<&str>) -> ProviderClaims {
    let said = role_claim.and_then(|name| claims.additional_claims().0.get(name));
    ProviderClaims {
        subject: claims.subject().to_string(),
        email: claims.email().map(|email| email.to_string()),
        email_verified: claims.email_verified() == Some(true),
        name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
        roles: said.map(words).unwrap_or_default(),
        two_factors: claims.auth_method_refs().is_some_and(|methods| methods.iter().any(|method| method.as_str() == "mfa")),
    }
}

/// A claim is one text or several.
fn words(claim: &serde_json::Value) -> Vec<String> {
    match claim {
        serde_json::Value::String(word) => vec![word.clone()],
        serde_json::Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
