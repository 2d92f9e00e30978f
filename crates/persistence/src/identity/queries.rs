use async_trait::async_trait;
use matricula_domain::identity::{ApiKey, CustomRole, Group, GroupId, Organization, Rights, RoleId, RoleName, User, UserId};
use matricula_domain::shared::{Id, Instant, Value};
use matricula_entity::identity::{api_keys, groups, roles};
use matricula_ports::identity::AccessQueries;
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::api_key::api_key_of;
use super::group::group_of;
use super::organization::{organization_of, select_organization};
use super::rights::{Gathered, RIGHTS, join_rights};
use super::role::role_of;
use super::user::{USER, user_of};
use crate::convert::Columns;
use crate::paging::{after, columns, order};
use crate::scoped::{OrganizationOwned, Queries, SCOPED, models, prepare_select};

impl Queries {
    /// A page of the rows `t` of an organization's table, newest first.
    pub(super) async fn newest<E>(&self, scope: &Scope, table: &str, archived: Option<bool>, page: &Page) -> Result<Vec<E::Model>, PortError>
    where
        E: OrganizationOwned,
    {
        let reader = self.directory(scope);
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<E>("t")).push(" FROM ").name(table).push(" t WHERE ").push(SCOPED);
        sql.push(" AND t.organization_id = ").bind(scope.organization().as_uuid());
        if let Some(archived) = archived {
            sql.push(if archived { " AND t.archived_at IS NOT NULL" } else { " AND t.archived_at IS NULL" });
        }
        after(&mut sql, page, "t.created_at", "t.id")?;
        order(&mut sql, page, "t.created_at", "t.id");
        models::<E>(&reader.rows(sql).await?)
    }

    pub(super) async fn first<E: OrganizationOwned>(
        &self,
        scope: &Scope,
        condition: sea_orm::sea_query::SimpleExpr,
    ) -> Result<Option<E::Model>, PortError> {
        let reader = self.directory(scope);
        let statement = prepare_select(reader.database.engine, reader.select::<E>().filter(condition), reader.sight);
        Ok(models::<E>(&reader.statement(statement).await?)?.pop())
    }
}

pub(super) fn cut<T>(items: Vec<T>, page: &Page, place: impl FnOnce(&T) -> (Instant, Uuid)) -> Slice<T> {
    Slice::cut(items, page.limit, |last| {
        let (at, id) = place(last);
        vec![Value::Instant(at), Value::Id(id)]
    })
}

pub(super) fn all<M, T>(rows: Vec<M>, turn: impl Fn(M) -> Result<T, PortError>) -> Result<Vec<T>, PortError> {
    rows.into_iter().map(turn).collect()
}

#[async_trait]
impl AccessQueries for Queries {
    async fn organization(&self, scope: &Scope) -> Result<Option<Organization>, PortError> {
        let reader = self.directory(scope);
        let mut sql = reader.sql();
        select_organization(&mut sql, scope.organization().as_uuid());
        reader.rows(sql).await?.first().map(organization_of).transpose()
    }

    async fn users(&self, scope: &Scope, group: Option<GroupId>, page: &Page) -> Result<Slice<User>, PortError> {
        let reader = self.directory(scope);
        let organization = scope.organization().as_uuid();
        let mut sql = reader.sql();
        sql.push("SELECT ").push(USER).push(" FROM memberships m JOIN users u ON u.id = m.user_id WHERE ").push(SCOPED);
        sql.push(" AND m.organization_id = ").bind(organization);
        if let Some(group) = group {
            sql.push(" AND m.user_id IN (SELECT user_id FROM user_groups WHERE organization_id = ").bind(organization);
            sql.push(" AND group_id = ").bind(group.as_uuid()).push(")");
        }
        after(&mut sql, page, "u.created_at", "u.id")?;
        order(&mut sql, page, "u.created_at", "u.id");
        let users = all(reader.rows(sql).await?, |row| user_of(&mut Columns::of(&row), organization))?;
        Ok(cut(users, page, |last| (last.created_at, last.id.as_uuid())))
    }

    async fn user(&self, scope: &Scope, id: UserId) -> Result<Option<User>, PortError> {
        let reader = self.directory(scope);
        let organization = scope.organization().as_uuid();
        let mut sql = reader.sql();
        sql.push("SELECT ").push(USER).push(" FROM memberships m JOIN users u ON u.id = m.user_id WHERE ").push(SCOPED);
        sql.push(" AND m.organization_id = ").bind(organization).push(" AND m.user_id = ").bind(id.as_uuid());
        reader.rows(sql).await?.pop().map(|row| user_of(&mut Columns::of(&row), organization)).transpose()
    }

    async fn rights(&self, scope: &Scope, user: UserId) -> Result<Option<Rights>, PortError> {
        let reader = self.directory(scope);
        let mut sql = reader.sql();
        sql.push("SELECT ").push(RIGHTS).push(" FROM memberships m JOIN users u ON u.id = m.user_id");
        join_rights(&mut sql);
        sql.push(" WHERE ").push(SCOPED).push(" AND m.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND m.user_id = ").bind(user.as_uuid()).push(" AND m.active AND u.active");
        let mut gathered = Gathered::default();
        for row in reader.rows(sql).await? {
            gathered.add(&mut Columns::of(&row))?;
        }
        Ok(gathered.into_rights().map(|(_, rights)| rights))
    }

    async fn roles(&self, scope: &Scope, archived: bool, page: &Page) -> Result<Slice<CustomRole>, PortError> {
        let rows = self.newest::<roles::Entity>(scope, "roles", Some(archived), page).await?;
        Ok(cut(all(rows, role_of)?, page, |last| (last.created_at, last.id.as_uuid())))
    }

    async fn role(&self, scope: &Scope, id: RoleId) -> Result<Option<CustomRole>, PortError> {
        self.first::<roles::Entity>(scope, roles::Column::Id.eq(id.as_uuid())).await?.map(role_of).transpose()
    }

    async fn role_named(&self, scope: &Scope, name: &RoleName) -> Result<Option<CustomRole>, PortError> {
        self.first::<roles::Entity>(scope, roles::Column::Slug.eq(name.as_str())).await?.map(role_of).transpose()
    }

    async fn groups(&self, scope: &Scope, archived: bool, page: &Page) -> Result<Slice<Group>, PortError> {
        let rows = self.newest::<groups::Entity>(scope, "groups", Some(archived), page).await?;
        Ok(cut(all(rows, group_of)?, page, |last| (last.created_at, last.id.as_uuid())))
    }

    async fn group(&self, scope: &Scope, id: GroupId) -> Result<Option<Group>, PortError> {
        self.first::<groups::Entity>(scope, groups::Column::Id.eq(id.as_uuid())).await?.map(group_of).transpose()
    }

    async fn api_keys(&self, scope: &Scope, page: &Page) -> Result<Slice<ApiKey>, PortError> {
        let rows = self.newest::<api_keys::Entity>(scope, "api_keys", None, page).await?;
        Ok(cut(all(rows, api_key_of)?, page, |last| (last.created_at, last.id.as_uuid())))
    }
}
