use async_trait::async_trait;
use matricula_domain::identity::{Known, Membership, MembershipId, OrganizationId, Role, Stranger, Tally, User, UserFact, UserId};
use matricula_domain::shared::{Changed, EmailAddress, Id};
use matricula_entity::identity::memberships;
use matricula_ports::PortError;
use matricula_ports::identity::UserRepository;
use sea_orm::Value;
use uuid::Uuid;

use super::rights::{campuses_of, list};
use crate::convert::{Columns, count, parsed, time};
use crate::scoped::SCOPED;
use crate::sql::{WhenTaken, Write};
use crate::unit::Session;

/// The columns of a user `u` with their membership `m`, as [`user_of`] reads them.
pub(super) const USER: &str =
    "m.id, m.role, m.campus_ids, m.active, u.id, u.email, u.name, u.password_hash, u.locale, u.active, u.created_at, u.updated_at, u.version";

/// The columns of a user `u` alone.
const ALONE: &str = "u.id, u.email, u.name, u.password_hash, u.locale, u.active, u.created_at, u.updated_at, u.version";

pub(super) fn user_of(columns: &mut Columns<'_>, organization: Uuid) -> Result<User, PortError> {
    let membership = Membership {
        id: MembershipId::from_uuid(columns.next()?),
        organization: OrganizationId::from_uuid(organization),
        role: parsed(columns.next::<String>()?, "memberships.role")?,
        campuses: campuses_of(columns.next()?)?,
        active: columns.next()?,
    };
    user_with(columns, membership)
}

fn user_with(columns: &mut Columns<'_>, membership: Membership) -> Result<User, PortError> {
    Ok(User {
        id: UserId::from_uuid(columns.next()?),
        email: parsed(columns.next::<String>()?, "users.email")?,
        name: parsed(columns.next::<String>()?, "users.name")?,
        password_hash: columns.next()?,
        locale: columns.next()?,
        active: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
        version: count(columns.next::<i32>()?, "users.version")?,
        membership,
    })
}

#[async_trait]
impl UserRepository for Session {
    async fn find(&self, id: UserId) -> Result<Option<User>, PortError> {
        let mut sql = self.sql();
        // Users are nobody's own, so it is the membership that says whether this organization may see one.
        sql.push("SELECT ").push(USER).push(" FROM memberships m JOIN users u ON u.id = m.user_id WHERE ").push(SCOPED);
        sql.push(" AND m.organization_id = ").bind(self.organization).push(" AND m.user_id = ").bind(id.as_uuid());
        self.rows_of_directory(sql).await?.pop().map(|row| user_of(&mut Columns::of(&row), self.organization)).transpose()
    }

    async fn owners(&self) -> Result<u32, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE ").push(SCOPED);
        sql.push(" AND m.organization_id = ").bind(self.organization).push(" AND m.active AND u.active AND m.role = ").bind(Role::Owner.as_str());
        match self.rows_of_directory(sql).await?.pop() {
            Some(row) => count(Columns::of(&row).next::<i64>()?, "the owners"),
            None => Ok(0),
        }
    }

    async fn find_by_email(&self, email: &EmailAddress, fresh: MembershipId) -> Result<Option<Known>, PortError> {
        let mut sql = self.sql();
        // An address is one user's in the whole installation; whoever invites one has to know whose it is, and learns nothing else.
        sql.push("SELECT ").push(ALONE).push(" FROM users u WHERE ").push(SCOPED).push(" AND u.email = ").bind(email.as_str());
        let Some(row) = self.rows_of_directory(sql).await?.pop() else { return Ok(None) };
        let membership = Membership {
            id: fresh,
            organization: OrganizationId::from_uuid(self.organization),
            role: Role::Viewer.into(),
            campuses: Vec::new(),
            active: false,
        };
        let stranger = user_with(&mut Columns::of(&row), membership)?;
        Ok(Some(match UserRepository::find(self, stranger.id).await? {
            Some(member) => Known::Member(member),
            None => Known::Stranger(Stranger::new(stranger)),
        }))
    }

    async fn save(&self, user: &Changed<User>) -> Result<(), PortError> {
        let state = user.state();
        let id: Value = state.id.as_uuid().into();
        let version: i32 = count(i64::from(state.version), "users.version")?;
        let mut row: Vec<(&'static str, Value)> = vec![
            ("email", state.email.as_str().into()),
            ("name", state.name.as_str().into()),
            ("password_hash", state.password_hash.clone().into()),
            ("locale", state.locale.as_str().into()),
            ("active", state.active.into()),
            ("updated_at", time(state.updated_at)),
            ("version", version.into()),
        ];
        if user.is_new() {
            row.extend([("id", id), ("last_login_at", Value::ChronoDateTimeUtc(None)), ("created_at", time(state.created_at))]);
            let (columns, row) = row.into_iter().unzip();
            self.insert_row("users", columns, row, WhenTaken::Refuse);
            self.insert::<memberships::Entity>(membership_model(self.organization, state));
        } else {
            self.write(Write::Update { table: "users", key: vec![("id", id)], set: row, version: Some(state.version - 1) });
            if matches!(user.fact(), UserFact::Joined(_)) {
                self.insert::<memberships::Entity>(membership_model(self.organization, state));
            } else {
                self.write(membership_update(self.organization, state));
            }
            self.rights_changed(state.membership.id.as_uuid());
        }
        let tally = user.fact().tally();
        if tally != Tally::default() {
            self.write(Write::Members { organization: self.organization, seats: tally.seats, owners: tally.owners });
        }
        self.note(user);
        Ok(())
    }
}

fn membership_model(organization: Uuid, user: &User) -> memberships::Model {
    memberships::Model {
        organization_id: organization,
        id: user.membership.id.as_uuid(),
        user_id: user.id.as_uuid(),
        role: user.membership.role.to_string(),
        campus_ids: list(&user.membership.campuses),
        person_id: None,
        active: user.membership.active,
        created_at: user.updated_at,
        updated_at: user.updated_at,
        version: 1,
    }
}

/// The membership has no version of its own to guard: the user's does.
fn membership_update(organization: Uuid, user: &User) -> Write {
    let membership = &user.membership;
    Write::Update {
        table: "memberships",
        key: vec![("organization_id", organization.into()), ("id", membership.id.as_uuid().into())],
        set: vec![
            ("role", membership.role.as_str().into()),
            ("campus_ids", list(&membership.campuses).into()),
            ("active", membership.active.into()),
            ("updated_at", time(user.updated_at)),
        ],
        version: None,
    }
}
