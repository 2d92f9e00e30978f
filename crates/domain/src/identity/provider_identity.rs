use uuid::Uuid;

use super::{IdentityProviderId, UserId};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fields, Id, Instant, Noun, Value};

crate::id!(
    /// Who somebody is at an identity provider.
    ProviderIdentityId
);

/// Who a user is at an identity provider. It never changes: whoever comes with another `sub` is somebody else, whatever their address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderIdentity {
    /// Id.
    pub id: ProviderIdentityId,
    /// The provider.
    pub provider: IdentityProviderId,
    /// SHA-256 of who they are there.
    pub subject_hash: [u8; 32],
    /// The user.
    pub user: UserId,
    /// Since when.
    pub created_at: Instant,
    /// Version.
    pub version: u32,
}

impl ProviderIdentity {
    /// A user signs in by a provider for the first time.
    pub fn tie(id: ProviderIdentityId, provider: IdentityProviderId, subject_hash: [u8; 32], user: UserId, now: Instant) -> Changed<Self> {
        let tied = Self { id, provider, subject_hash, user, created_at: now, version: 0 };
        Changed::created(tied, ProviderIdentityFact::Tied, now)
    }
}

impl Aggregate for ProviderIdentity {
    type Fact = ProviderIdentityFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "provider_identity", many: "provider_identities" }
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
        vec![("provider_id".to_owned(), Value::Id(self.provider.as_uuid())), ("user_id".to_owned(), Value::Id(self.user.as_uuid()))]
    }
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderIdentityFact {
    /// A user came by the provider for the first time.
    Tied,
}

impl Fact for ProviderIdentityFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Tied => "tied",
        }
    }
}
