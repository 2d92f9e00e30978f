use async_trait::async_trait;
use matricula_domain::identity::{CustomRole, RoleDetails, RoleId, RoleName};
use matricula_domain::shared::{Aggregate, Changed, Id};
use matricula_entity::identity::roles;
use matricula_ports::PortError;
use matricula_ports::identity::RoleRepository;
use sea_orm::{ColumnTrait, QueryFilter};

use super::rights::{grants_of, list};
use crate::convert::{count, parsed, parsed_or_none};
use crate::unit::Session;

#[async_trait]
impl RoleRepository for Session {
    async fn find(&self, id: RoleId) -> Result<Option<CustomRole>, PortError> {
        self.one(self.select::<roles::Entity>().filter(roles::Column::Id.eq(id.as_uuid()))).await?.map(role_of).transpose()
    }

    async fn named(&self, names: &[RoleName]) -> Result<Vec<CustomRole>, PortError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let select = self.select::<roles::Entity>().filter(roles::Column::Slug.is_in(names.iter().map(RoleName::as_str)));
        self.all(select).await?.into_iter().map(role_of).collect()
    }

    async fn save(&self, role: &Changed<CustomRole>) -> Result<(), PortError> {
        let state = role.state();
        let model = roles::Model {
            organization_id: self.organization,
            id: state.id.as_uuid(),
            slug: state.slug.to_string(),
            name: state.details.name.to_string(),
            description: state.details.description.as_ref().map(|text| text.as_str().to_owned()),
            grants: list(&state.details.grants),
            cloned_from: state.cloned_from.as_ref().map(ToString::to_string),
            archived_at: state.archived_at,
            created_at: state.created_at,
            updated_at: state.updated_at,
            version: count(i64::from(state.version), "roles.version")?,
        };
        if role.is_new() {
            self.insert::<roles::Entity>(model);
        } else {
            self.update::<roles::Entity>(model, state.version(), &[]);
            self.rights_changed(self.organization);
        }
        self.note(role);
        Ok(())
    }
}

pub(super) fn role_of(row: roles::Model) -> Result<CustomRole, PortError> {
    Ok(CustomRole {
        id: RoleId::from_uuid(row.id),
        slug: parsed(row.slug, "roles.slug")?,
        cloned_from: parsed_or_none(row.cloned_from, "roles.cloned_from")?,
        details: RoleDetails {
            name: parsed(row.name, "roles.name")?,
            description: parsed_or_none(row.description, "roles.description")?,
            grants: grants_of(row.grants),
        },
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "roles.version")?,
    })
}
