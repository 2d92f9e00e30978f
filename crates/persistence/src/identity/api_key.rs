use async_trait::async_trait;
use matricula_domain::identity::{ApiKey, ApiKeyId, UserId};
use matricula_domain::shared::{Aggregate, Changed, Id};
use matricula_entity::identity::api_keys;
use matricula_ports::PortError;
use matricula_ports::identity::ApiKeyRepository;
use sea_orm::{ColumnTrait, QueryFilter};

use super::rights::{grants_of, list};
use crate::convert::{count, digest, parsed};
use crate::unit::Session;

#[async_trait]
impl ApiKeyRepository for Session {
    async fn find(&self, id: ApiKeyId) -> Result<Option<ApiKey>, PortError> {
        self.one(self.select::<api_keys::Entity>().filter(api_keys::Column::Id.eq(id.as_uuid()))).await?.map(api_key_of).transpose()
    }

    async fn save(&self, key: &Changed<ApiKey>) -> Result<(), PortError> {
        let state = key.state();
        let model = api_keys::Model {
            organization_id: self.organization,
            id: state.id.as_uuid(),
            name: state.name.to_string(),
            hint: state.hint.clone(),
            key_hash: state.hash.to_vec(),
            grants: list(&state.grants),
            made_by: state.made_by.as_uuid(),
            expires_at: state.expires_at,
            revoked_at: state.revoked_at,
            last_used_at: state.last_used_at,
            created_at: state.created_at,
            updated_at: state.updated_at,
            version: count(i64::from(state.version), "api_keys.version")?,
        };
        if key.is_new() {
            self.insert::<api_keys::Entity>(model);
        } else {
            // When it was last used is written by whoever lets it in.
            self.update::<api_keys::Entity>(model, state.version(), &[api_keys::Column::LastUsedAt]);
            self.rights_changed(state.id.as_uuid());
        }
        self.note(key);
        Ok(())
    }
}

pub(super) fn api_key_of(row: api_keys::Model) -> Result<ApiKey, PortError> {
    Ok(ApiKey {
        id: ApiKeyId::from_uuid(row.id),
        name: parsed(row.name, "api_keys.name")?,
        hint: row.hint,
        hash: digest(&row.key_hash, "api_keys.key_hash")?,
        grants: grants_of(row.grants),
        made_by: UserId::from_uuid(row.made_by),
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "api_keys.version")?,
    })
}
