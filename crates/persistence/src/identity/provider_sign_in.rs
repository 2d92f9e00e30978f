//! Sign-ins by way of identity providers, and who comes by them.

use async_trait::async_trait;
use matricula_domain::identity::{
    EmailDomain, IdentityProvider, IdentityProviderId, OrganizationId, ProviderIdentity, ProviderIdentityId, ProviderSignIn, ProviderSignInId, UserId,
};
use matricula_domain::shared::{Aggregate, Changed, Id, Instant};
use matricula_entity::identity::{identity_providers, provider_identities, provider_sign_ins};
use matricula_ports::identity::{IdentityProviderQueries, ProviderDirectory, ProviderIdentityRepository, ProviderSignInRepository};
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryResult};
use uuid::Uuid;

use super::directory::Accounts;
use super::identity_provider::identity_provider_of;
use super::queries::{all, cut};
use crate::convert::{Columns, count, digest, time};
use crate::error::port;
use crate::feed::begin_for_all;
use crate::scoped::{Queries, SCOPED};
use crate::sql::Sql;
use crate::unit::Session;

#[async_trait]
impl ProviderSignInRepository for Session {
    async fn find(&self, id: ProviderSignInId) -> Result<Option<ProviderSignIn>, PortError> {
        let select = self.select::<provider_sign_ins::Entity>().filter(provider_sign_ins::Column::Id.eq(id.as_uuid()));
        self.one(select).await?.as_ref().map(sign_in_of).transpose()
    }

    async fn save(&self, sign_in: &Changed<ProviderSignIn>) -> Result<(), PortError> {
        let state = sign_in.state();
        let model = provider_sign_ins::Model {
            organization_id: self.organization,
            id: state.id.as_uuid(),
            provider_id: state.provider.as_uuid(),
            state_hash: state.state_hash.to_vec(),
            browser_hash: state.browser_hash.to_vec(),
            expires_at: state.expires_at,
            answered_at: state.answered_at,
            created_at: state.created_at,
            updated_at: sign_in.at(),
            version: count(i64::from(state.version), "provider_sign_ins.version")?,
        };
        if sign_in.is_new() {
            self.insert::<provider_sign_ins::Entity>(model);
        } else {
            self.update::<provider_sign_ins::Entity>(model, state.version(), &[]);
        }
        self.note(sign_in);
        Ok(())
    }
}

fn sign_in_of(row: &provider_sign_ins::Model) -> Result<ProviderSignIn, PortError> {
    Ok(ProviderSignIn {
        id: ProviderSignInId::from_uuid(row.id),
        provider: IdentityProviderId::from_uuid(row.provider_id),
        state_hash: digest(&row.state_hash, "provider_sign_ins.state_hash")?,
        browser_hash: digest(&row.browser_hash, "provider_sign_ins.browser_hash")?,
        expires_at: row.expires_at,
        answered_at: row.answered_at,
        created_at: row.created_at,
        version: count(row.version, "provider_sign_ins.version")?,
    })
}

#[async_trait]
impl ProviderIdentityRepository for Session {
    async fn find(&self, provider: IdentityProviderId, subject_hash: [u8; 32]) -> Result<Option<ProviderIdentity>, PortError> {
        let select = self.select::<provider_identities::Entity>().filter(provider_identities::Column::ProviderId.eq(provider.as_uuid()));
        let select = select.filter(provider_identities::Column::SubjectHash.eq(subject_hash.to_vec()));
        self.one(select).await?.as_ref().map(provider_identity_of).transpose()
    }

    async fn of_user(&self, provider: IdentityProviderId, user: UserId) -> Result<Option<ProviderIdentity>, PortError> {
        let select = self.select::<provider_identities::Entity>().filter(provider_identities::Column::ProviderId.eq(provider.as_uuid()));
        let select = select.filter(provider_identities::Column::UserId.eq(user.as_uuid()));
        self.one(select).await?.as_ref().map(provider_identity_of).transpose()
    }

    async fn save(&self, identity: &Changed<ProviderIdentity>) -> Result<(), PortError> {
        let state = identity.state();
        // It is made and never changed.
        self.insert::<provider_identities::Entity>(provider_identities::Model {
            organization_id: self.organization,
            id: state.id.as_uuid(),
            provider_id: state.provider.as_uuid(),
            subject_hash: state.subject_hash.to_vec(),
            user_id: state.user.as_uuid(),
            created_at: state.created_at,
            updated_at: identity.at(),
            version: count(i64::from(state.version), "provider_identities.version")?,
        });
        self.note(identity);
        Ok(())
    }
}

fn provider_identity_of(row: &provider_identities::Model) -> Result<ProviderIdentity, PortError> {
    Ok(ProviderIdentity {
        id: ProviderIdentityId::from_uuid(row.id),
        provider: IdentityProviderId::from_uuid(row.provider_id),
        subject_hash: digest(&row.subject_hash, "provider_identities.subject_hash")?,
        user: UserId::from_uuid(row.user_id),
        created_at: row.created_at,
        version: count(row.version, "provider_identities.version")?,
    })
}

#[async_trait]
impl IdentityProviderQueries for Queries {
    async fn identity_providers(&self, scope: &Scope, archived: bool, page: &Page) -> Result<Slice<IdentityProvider>, PortError> {
        let rows = self.newest::<identity_providers::Entity>(scope, "identity_providers", Some(archived), page).await?;
        Ok(cut(all(rows, identity_provider_of)?, page, |last| (last.created_at, last.id.as_uuid())))
    }

    async fn identity_provider(&self, scope: &Scope, id: IdentityProviderId) -> Result<Option<IdentityProvider>, PortError> {
        self.first::<identity_providers::Entity>(scope, identity_providers::Column::Id.eq(id.as_uuid())).await?.map(identity_provider_of).transpose()
    }
}

impl Accounts {
    /// The organization and the id in the first row of a hand-made select.
    async fn place<I: Id>(&self, sql: Sql) -> Result<Option<(OrganizationId, I)>, PortError> {
        let read = |row: &QueryResult| {
            let mut columns = Columns::of(row);
            let (organization, id): (Uuid, Uuid) = (columns.next()?, columns.next()?);
            Ok((OrganizationId::from_uuid(organization), I::from_uuid(id)))
        };
        self.reader().rows(sql).await?.first().map(read).transpose()
    }
}

#[async_trait]
impl ProviderDirectory for Accounts {
    async fn provider_of_domain(&self, domain: &EmailDomain) -> Result<Option<(OrganizationId, IdentityProviderId)>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT d.organization_id, d.provider_id FROM email_domains d JOIN organizations o ON o.id = d.organization_id WHERE ").push(SCOPED);
        sql.push(" AND d.domain = ").bind(domain.as_str()).push(" AND o.status <> 'closed'");
        self.place(sql).await
    }

    async fn provider_of_organization(&self, slug: &str) -> Result<Option<(OrganizationId, IdentityProviderId)>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT p.organization_id, p.id FROM identity_providers p JOIN organizations o ON o.id = p.organization_id WHERE ").push(SCOPED);
        sql.push(" AND o.slug = ").bind(slug).push(" AND o.status <> 'closed' AND p.archived_at IS NULL ORDER BY p.created_at, p.id LIMIT 1");
        self.place(sql).await
    }

    async fn sign_in_of_state(&self, state_hash: [u8; 32]) -> Result<Option<(OrganizationId, ProviderSignInId)>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT s.organization_id, s.id FROM provider_sign_ins s JOIN organizations o ON o.id = s.organization_id WHERE ").push(SCOPED);
        sql.push(" AND s.state_hash = ").bind(state_hash.to_vec()).push(" AND o.status <> 'closed'");
        self.place(sql).await
    }

    async fn sweep_sign_ins(&self, before: Instant, most: u32) -> Result<u64, PortError> {
        let mut sql = self.reader().sql();
        sql.push(
            "DELETE FROM provider_sign_ins WHERE (organization_id, id) IN (SELECT organization_id, id FROM provider_sign_ins WHERE expires_at < ",
        );
        sql.bind(time(before)).push(" LIMIT ").bind(i64::from(most)).push(")");
        let tx = begin_for_all(&self.database).await?;
        let swept = tx.execute_raw(sql.into_statement()).await.map_err(port)?.rows_affected();
        tx.commit().await.map_err(port)?;
        Ok(swept)
    }
}
