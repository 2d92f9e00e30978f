use chrono::Duration;
use uuid::Uuid;

use super::IdentityProviderId;
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fields, Id, Instant, Noun, Value};

crate::id!(
    /// A sign-in by way of an identity provider.
    ProviderSignInId
);

crate::choice! {
    /// Why a sign-in by way of an identity provider is refused. The audit is told; whoever is refused learns less.
    pub enum ProviderRefusal {
        /// Somebody answers in another browser than the one that began, or has made the answer up.
        OtherBrowser = "other_browser",
        /// It was answered already, or its time is over, or the provider is out of use.
        Over = "over",
        /// The provider says no: they did not sign in there, or did not agree.
        Denied = "denied",
        /// The provider does not take the code, or not from us.
        CodeRefused = "code_refused",
        /// The answer cannot be read, is too long, or has no identity token.
        Unreadable = "unreadable",
        /// The answer is another provider's.
        WrongIssuer = "wrong_issuer",
        /// The answer is for somebody else.
        WrongAudience = "wrong_audience",
        /// The answer is to another question.
        WrongNonce = "wrong_nonce",
        /// The answer is signed in a way that is not accepted, or not at all.
        WrongAlgorithm = "wrong_algorithm",
        /// The answer is signed with a key that the provider does not have (any more).
        UnknownKey = "unknown_key",
        /// The signature is wrong.
        WrongSignature = "wrong_signature",
        /// The answer is too old, or comes from the future.
        Expired = "expired",
        /// The provider has not seen two factors.
        NoSecondFactor = "no_second_factor",
        /// The provider tells no address.
        NoEmail = "no_email",
        /// The provider has not verified the address.
        EmailNotVerified = "email_not_verified",
        /// The provider may not vouch for addresses of this domain.
        ForeignDomain = "foreign_domain",
        /// The address is that of somebody who was somebody else at the provider.
        OtherSubject = "other_subject",
        /// The address is that of a user who does not work here: they join by an invitation.
        Stranger = "stranger",
        /// They own the organization, whose owners do not sign in by this provider.
        NotForOwners = "not_for_owners",
        /// They do not work here any more, or may not sign in at all.
        Disabled = "disabled",
        /// Nobody knows them, and nobody is let in for what the provider says of them.
        NoRole = "no_role",
    }
}

/// What an identity provider says of somebody, once it is clear that it is the provider who says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderClaims {
    /// Who they are there, for ever (OIDC Core 2, `sub`).
    pub subject: String,
    /// Their address.
    pub email: Option<String>,
    /// Whether the provider has verified it.
    pub email_verified: bool,
    /// What they are called.
    pub name: Option<String>,
    /// The values of the role claim.
    pub roles: Vec<String>,
    /// Whether the provider has seen two factors (RFC 8176, `mfa`).
    pub two_factors: bool,
}

/// Somebody is on their way to an identity provider and back. What ties the way back to the way there (`state`, and what only the browser
/// has that began) is known here by its SHA-256 alone; `nonce` and the verifier of RFC 7636 are derived from what the browser has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSignIn {
    /// Id.
    pub id: ProviderSignInId,
    /// By which provider.
    pub provider: IdentityProviderId,
    /// SHA-256 of `state`.
    pub state_hash: [u8; 32],
    /// SHA-256 of what the browser has.
    pub browser_hash: [u8; 32],
    /// Until when an answer is taken.
    pub expires_at: Instant,
    /// When an answer came.
    pub answered_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
    /// Version.
    pub version: u32,
}

impl ProviderSignIn {
    /// How long the way may take.
    pub const LIVES: Duration = Duration::minutes(10);

    /// Somebody sets out.
    pub fn begin(id: ProviderSignInId, provider: IdentityProviderId, state_hash: [u8; 32], browser_hash: [u8; 32], now: Instant) -> Changed<Self> {
        let expires_at = now + Self::LIVES;
        let begun = Self { id, provider, state_hash, browser_hash, expires_at, answered_at: None, created_at: now, version: 0 };
        Changed::created(begun, ProviderSignInFact::Begun, now)
    }

    /// Somebody is back, whatever they bring. That happens once.
    ///
    /// # Errors
    /// [`ProviderRefusal::OtherBrowser`], whether it is over or not; [`ProviderRefusal::Over`].
    pub fn answer(&self, browser_hash: [u8; 32], now: Instant) -> Result<Changed<Self>, ProviderRefusal> {
        if browser_hash != self.browser_hash {
            return Err(ProviderRefusal::OtherBrowser);
        }
        if self.answered_at.is_some() || now >= self.expires_at {
            return Err(ProviderRefusal::Over);
        }
        Ok(Changed::of(self, Self { answered_at: Some(now), ..self.clone() }, ProviderSignInFact::Answered, now))
    }
}

impl Aggregate for ProviderSignIn {
    type Fact = ProviderSignInFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "provider_sign_in", many: "provider_sign_ins" }
    }
    fn id(&self) -> Uuid {
        self.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn mark(&mut self, version: u32, _: Instant) {
        self.version = version;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        vec![
            ("provider_id".to_owned(), Value::Id(self.provider.as_uuid())),
            ("expires_at".to_owned(), Value::Instant(self.expires_at)),
            ("answered_at".to_owned(), self.answered_at.map_or(Value::Null, Value::Instant)),
        ]
    }
}

/// What can happen to a sign-in by way of an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderSignInFact {
    /// Somebody set out.
    Begun,
    /// Somebody came back.
    Answered,
}

impl Fact for ProviderSignInFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Answered => "answered",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Instant {
        "2026-03-01T10:00:00Z".parse::<Instant>().unwrap() + Duration::seconds(seconds)
    }

    fn begun() -> ProviderSignIn {
        let id = Uuid::from_u128;
        ProviderSignIn::begin(ProviderSignInId::from_uuid(id(1)), IdentityProviderId::from_uuid(id(2)), [1; 32], [2; 32], at(0)).into_state()
    }

    #[test]
    fn it_is_answered_once_in_the_browser_that_began_and_in_time() {
        let answered = begun().answer([2; 32], at(599)).unwrap();
        assert_eq!((answered.fact().verb(), answered.state().answered_at), ("answered", Some(at(599))));
        assert_eq!(answered.state().answer([2; 32], at(599)).err(), Some(ProviderRefusal::Over));
        assert_eq!(begun().answer([2; 32], at(600)).err(), Some(ProviderRefusal::Over));
        assert_eq!(begun().answer([3; 32], at(1)).err(), Some(ProviderRefusal::OtherBrowser));
        assert_eq!(answered.state().answer([3; 32], at(601)).err(), Some(ProviderRefusal::OtherBrowser), "who has nothing learns nothing");
    }

    #[test]
    fn the_audit_learns_nothing_that_opens() {
        assert!(begun().fields().iter().all(|(name, _)| !name.contains("hash")));
    }
}
