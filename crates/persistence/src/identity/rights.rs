use std::collections::BTreeMap;

use matricula_domain::identity::{Grant, GroupId, Post, Rights, Role, RoleName, Source, UserId};
use matricula_domain::shared::{Field, Id, RecordId};
use matricula_ports::PortError;
use uuid::Uuid;

use crate::convert::{Columns, parsed};
use crate::people::names;
use crate::sql::Sql;

/// What is read of a membership `m` to know what somebody may do, once [`join_rights`] has joined it: a row for each pair of a group
/// and a role that counts.
pub(super) const RIGHTS: &str = "m.user_id, m.role, m.campus_ids, g.id, g.roles, r.slug, r.grants";

/// Joins a membership `m` with its groups and with the roles of the organization's own that it has by itself or through them.
pub(super) fn join_rights(sql: &mut Sql) {
    sql.push(" LEFT JOIN user_groups ug ON ug.organization_id = m.organization_id AND ug.user_id = m.user_id");
    sql.push(" LEFT JOIN groups g ON g.organization_id = m.organization_id AND g.id = ug.group_id AND g.archived_at IS NULL");
    sql.push(" LEFT JOIN roles r ON r.organization_id = m.organization_id AND r.archived_at IS NULL AND (r.slug = m.role OR ");
    sql.push(if sql.is_postgres() { "jsonb_exists(g.roles, r.slug))" } else { "r.slug IN (SELECT value FROM json_each(g.roles)))" });
}

/// The rights of somebody, gathered row by row.
#[derive(Default)]
pub(super) struct Gathered {
    post: Post,
    role: Option<RoleName>,
    groups: BTreeMap<Uuid, Vec<RoleName>>,
    own: BTreeMap<RoleName, Vec<Grant>>,
}

impl Gathered {
    /// Reads the columns of [`RIGHTS`].
    pub(super) fn add(&mut self, columns: &mut Columns<'_>) -> Result<(), PortError> {
        let (user, role, campuses): (Uuid, String, serde_json::Value) = (columns.next()?, columns.next()?, columns.next()?);
        let (group, roles): (Option<Uuid>, Option<serde_json::Value>) = (columns.next()?, columns.next()?);
        let (slug, grants): (Option<String>, Option<serde_json::Value>) = (columns.next()?, columns.next()?);
        if self.role.is_none() {
            self.post.user = Some(UserId::from_uuid(user));
            self.post.campuses = campuses_of(campuses)?;
            self.role = Some(parsed(role, "memberships.role")?);
        }
        if let Some(group) = group.filter(|group| !self.groups.contains_key(group)) {
            self.groups.insert(group, role_names(roles.unwrap_or_default(), "groups.roles")?);
        }
        if let (Some(slug), Some(grants)) = (slug, grants) {
            let name: RoleName = parsed(slug, "roles.slug")?;
            self.own.entry(name).or_insert_with(|| grants_of(grants));
        }
        Ok(())
    }

    /// The role of the membership, and everything that somebody may do; `None` if nothing was read.
    pub(super) fn into_rights(self) -> Option<(RoleName, Rights)> {
        let Self { mut post, role, groups, own } = self;
        let role = role?;
        let granted =
            |name: &RoleName| name.built_in().map_or_else(|| own.get(name).cloned().unwrap_or_default(), |role| Role::grants(role).collect());
        let source = |name: &RoleName, group| Source { role: name.clone(), group, grants: granted(name) };
        let through_groups = groups.iter().flat_map(|(group, names)| names.iter().map(|name| source(name, Some(GroupId::from_uuid(*group)))));
        let sources = [source(&role, None)].into_iter().chain(through_groups).collect();
        post.groups = groups.keys().copied().map(GroupId::from_uuid).collect();
        Some((role, Rights::new(sources, post)))
    }
}

/// A grant that nobody knows any more (a later version of the program made it) grants nothing.
pub(super) fn grants_of(json: serde_json::Value) -> Vec<Grant> {
    names(json).iter().filter_map(|word| Grant::from_word(word)).collect()
}

pub(super) fn role_names(json: serde_json::Value, column: &'static str) -> Result<Vec<RoleName>, PortError> {
    names(json).into_iter().map(|name| parsed(name, column)).collect()
}

pub(super) fn campuses_of(json: serde_json::Value) -> Result<Vec<RecordId>, PortError> {
    names(json).into_iter().map(|id| parsed(id, "memberships.campus_ids")).collect()
}

/// A list as it is kept.
pub(super) fn list<F: Field + Clone>(items: &[F]) -> serde_json::Value {
    crate::convert::json(&items.to_vec().value())
}
