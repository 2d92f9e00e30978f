use async_trait::async_trait;
use matricula_domain::identity::{Group, GroupDetails, GroupFact, GroupId, UserId};
use matricula_domain::shared::{Aggregate, Changed, Id};
use matricula_entity::identity::{groups, user_groups};
use matricula_ports::PortError;
use matricula_ports::identity::GroupRepository;
use sea_orm::{ColumnTrait, QueryFilter};

use super::rights::{list, role_names};
use crate::convert::{count, parsed, parsed_or_none};
use crate::sql::Write;
use crate::unit::Session;

#[async_trait]
impl GroupRepository for Session {
    async fn find(&self, id: GroupId) -> Result<Option<Group>, PortError> {
        self.one(self.select::<groups::Entity>().filter(groups::Column::Id.eq(id.as_uuid()))).await?.map(group_of).transpose()
    }

    async fn has(&self, id: GroupId, user: UserId) -> Result<bool, PortError> {
        let select = self.select::<user_groups::Entity>().filter(user_groups::Column::GroupId.eq(id.as_uuid()));
        Ok(self.one(select.filter(user_groups::Column::UserId.eq(user.as_uuid()))).await?.is_some())
    }

    async fn save(&self, group: &Changed<Group>) -> Result<(), PortError> {
        let state = group.state();
        let (organization_id, group_id) = (self.organization, state.id.as_uuid());
        let model = groups::Model {
            organization_id,
            id: group_id,
            name: state.details.name.to_string(),
            description: state.details.description.as_ref().map(|text| text.as_str().to_owned()),
            roles: list(&state.details.roles),
            archived_at: state.archived_at,
            created_at: state.created_at,
            updated_at: state.updated_at,
            version: count(i64::from(state.version), "groups.version")?,
        };
        if group.is_new() {
            self.insert::<groups::Entity>(model);
        } else {
            self.update::<groups::Entity>(model, state.version(), &[]);
            self.rights_changed(organization_id);
        }
        match group.fact() {
            GroupFact::Joined(user) => {
                self.insert::<user_groups::Entity>(user_groups::Model { organization_id, group_id, user_id: user.as_uuid() });
            }
            GroupFact::Left(user) => self.write(Write::Delete {
                table: "user_groups",
                key: vec![("organization_id", organization_id.into()), ("group_id", group_id.into()), ("user_id", user.as_uuid().into())],
            }),
            GroupFact::Created | GroupFact::Changed | GroupFact::Archived | GroupFact::Restored => {}
        }
        self.note(group);
        Ok(())
    }
}

pub(super) fn group_of(row: groups::Model) -> Result<Group, PortError> {
    Ok(Group {
        id: GroupId::from_uuid(row.id),
        details: GroupDetails {
            name: parsed(row.name, "groups.name")?,
            description: parsed_or_none(row.description, "groups.description")?,
            roles: role_names(row.roles, "groups.roles")?,
        },
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "groups.version")?,
    })
}
