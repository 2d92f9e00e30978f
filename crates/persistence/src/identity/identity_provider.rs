use async_trait::async_trait;
use matricula_domain::identity::{ClientSecret, IdentityProvider, IdentityProviderDetails, IdentityProviderFact, IdentityProviderId};
use matricula_domain::shared::{Aggregate, Changed, Field, Flag, Id};
use matricula_entity::identity::{email_domains, identity_providers};
use matricula_ports::PortError;
use matricula_ports::identity::IdentityProviderRepository;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::rights::list;
use crate::convert::{count, parsed, parsed_or_none, value};
use crate::sealing::{open, seal};
use crate::sql::Write;
use crate::unit::Session;

/// The secret of the installation under which those of clients are sealed.
const SECRET: &str = "identity_providers";

impl Session {
    async fn row_of(&self, id: IdentityProviderId) -> Result<Option<identity_providers::Model>, PortError> {
        self.one(self.select::<identity_providers::Entity>().filter(identity_providers::Column::Id.eq(id.as_uuid()))).await
    }
}

#[async_trait]
impl IdentityProviderRepository for Session {
    async fn find(&self, id: IdentityProviderId) -> Result<Option<IdentityProvider>, PortError> {
        self.row_of(id).await?.map(identity_provider_of).transpose()
    }

    async fn secret_of(&self, id: IdentityProviderId) -> Result<Option<ClientSecret>, PortError> {
        let Some(row) = self.row_of(id).await? else { return Ok(None) };
        let secret = open(&self.directory.keys.secret(SECRET).await?, &place(row.id), &row.sealed_secret)?;
        let secret = String::from_utf8(secret).map_err(|_| PortError::Broken("identity_providers.sealed_secret is no text".to_owned()))?;
        parsed(secret, "identity_providers.sealed_secret").map(Some)
    }

    async fn save(&self, provider: &Changed<IdentityProvider>) -> Result<(), PortError> {
        let IdentityProvider { id, details, .. } = provider.state();
        let sealed_secret = match provider.fact().secret() {
            Some(secret) => seal(&self.directory.keys.secret(SECRET).await?, &place(id.as_uuid()), secret.reveal().as_bytes())?,
            None => Vec::new(),
        };
        let kept: &[_] = if sealed_secret.is_empty() { &[identity_providers::Column::SealedSecret] } else { &[] };
        let model = identity_providers::Model {
            organization_id: self.organization,
            id: id.as_uuid(),
            name: details.name.to_string(),
            issuer: details.issuer.as_str().to_owned(),
            client_id: details.client_id.to_string(),
            sealed_secret,
            email_domains: list(&details.email_domains),
            role_claim: details.role_claim.as_ref().map(ToString::to_string),
            role_mappings: list(&details.role_mappings),
            default_role: details.default_role.as_ref().map(ToString::to_string),
            makes_members: details.makes_members.0,
            demands_second_factor: details.demands_second_factor.0,
            archived_at: provider.state().archived_at,
            created_at: provider.state().created_at,
            updated_at: provider.state().updated_at,
            version: count(i64::from(provider.state().version), "identity_providers.version")?,
        };
        if provider.is_new() {
            self.insert::<identity_providers::Entity>(model);
        } else {
            self.update::<identity_providers::Entity>(model, provider.state().version(), kept);
        }
        self.claim_domains(provider);
        self.note(provider);
        Ok(())
    }
}

impl Session {
    /// The domains of a provider in use are nobody else's.
    fn claim_domains(&self, provider: &Changed<IdentityProvider>) {
        let (organization_id, provider_id) = (self.organization, provider.state().id.as_uuid());
        if matches!(provider.fact(), IdentityProviderFact::Changed(_) | IdentityProviderFact::Archived) {
            let key = vec![("organization_id", organization_id.into()), ("provider_id", provider_id.into())];
            self.write(Write::Delete { table: "email_domains", key });
        }
        if provider.state().archived_at.is_none() {
            for domain in &provider.state().details.email_domains {
                let domain = domain.as_str().to_owned();
                self.insert::<email_domains::Entity>(email_domains::Model { domain, organization_id, provider_id });
            }
        }
    }
}

/// Where a sealed secret stands: it opens for no other provider.
fn place(id: Uuid) -> Vec<u8> {
    [b"identity_providers.secret", id.as_bytes().as_slice()].concat()
}

pub(super) fn identity_provider_of(row: identity_providers::Model) -> Result<IdentityProvider, PortError> {
    Ok(IdentityProvider {
        id: IdentityProviderId::from_uuid(row.id),
        details: IdentityProviderDetails {
            name: parsed(row.name, "identity_providers.name")?,
            issuer: parsed(row.issuer, "identity_providers.issuer")?,
            client_id: parsed(row.client_id, "identity_providers.client_id")?,
            client_secret: None,
            email_domains: items(row.email_domains, "identity_providers.email_domains")?,
            role_claim: parsed_or_none(row.role_claim, "identity_providers.role_claim")?,
            role_mappings: items(row.role_mappings, "identity_providers.role_mappings")?,
            default_role: parsed_or_none(row.default_role, "identity_providers.default_role")?,
            makes_members: Flag(row.makes_members),
            demands_second_factor: Flag(row.demands_second_factor),
        },
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "identity_providers.version")?,
    })
}

/// A list as [`list`] keeps it.
fn items<F: Field>(json: serde_json::Value, what: &str) -> Result<Vec<F>, PortError> {
    parsed(value(json), what)
}
