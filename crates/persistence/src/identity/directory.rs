use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use matricula_domain::identity::{ApiKeyId, LinkId, LoginSessionId, MembershipId, OrganizationId, Rights, Role, UserId};
use matricula_domain::shared::{Id, Instant};
use matricula_ports::PortError;
use matricula_ports::identity::{Account, Directory, KeyHolder, LoginSessionRow, MemberCounts, OrganizationRow, Principal, Throttle};
use moka::sync::Cache;
use sea_orm::{ConnectionTrait, TransactionTrait};
use uuid::Uuid;

use super::rights::{Gathered, RIGHTS, grants_of, join_rights, role_names};
use crate::convert::{Columns, digest, parsed, time};
use crate::database::{Database, Engine};
use crate::error::port;
use crate::scoped::{Reader, SCOPED, Sight};
use crate::sql::{Sql, Write};
use crate::statements::one_statement;

/// How long an organization is believed to be what it was.
const ORGANIZATION_LIVES: Duration = Duration::from_secs(5);

/// How long a token or a key that opened goes on opening without being looked up. A sign-out, a revoked key and changed rights hold at
/// once in the copy of the program that did it, and after this time in the others.
const PRINCIPAL_LIVES: Duration = Duration::from_secs(2);

/// How exactly it is written down when a key was last used.
const LAST_USED: TimeDelta = TimeDelta::minutes(1);

/// After how many failures in a row a sign-in costs a wait.
const FREE_FAILURES: usize = 4;

/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 900;

/// After how long without a failure the earlier ones count no more.
const FAILURES_LIVE: TimeDelta = TimeDelta::hours(1);

/// The columns of an organization `o`, as [`organization_row`] reads them.
const ORGANIZATION: &str = "o.id, o.slug, o.name, o.time_zone, o.locale, o.status, o.second_factor_roles";

/// What authentication looks up: the one reader of requests that sees all organizations.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub(super) database: Arc<Database>,
    organizations: Cache<String, OrganizationRow>,
    principals: Cache<[u8; 32], Principal>,
    keys: Cache<[u8; 32], KeyHolder>,
}

impl Accounts {
    /// The accounts of this database.
    pub fn new(database: Arc<Database>) -> Self {
        Self {
            database,
            organizations: Cache::builder().max_capacity(1_000).time_to_live(ORGANIZATION_LIVES).build(),
            principals: Cache::builder().max_capacity(20_000).time_to_live(PRINCIPAL_LIVES).build(),
            keys: Cache::builder().max_capacity(20_000).time_to_live(PRINCIPAL_LIVES).build(),
        }
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::system(&self.database)
    }

    async fn look_up_principal(&self, access_hash: [u8; 32], now: Instant) -> Result<Option<Principal>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT ")
            .push(RIGHTS)
            .push(", s.id, s.access_expires_at, s.proven_at, s.two_factors OR f.user_id IS NOT NULL, u.id, u.email, u.name, m.id, ")
            .push(ORGANIZATION);
        sql.push(" FROM login_sessions s JOIN users u ON u.id = s.user_id ");
        sql.push("JOIN memberships m ON m.organization_id = s.organization_id AND m.id = s.membership_id ");
        sql.push("JOIN organizations o ON o.id = s.organization_id ");
        sql.push("LEFT JOIN second_factors f ON f.user_id = u.id AND f.confirmed_at IS NOT NULL AND f.removed_at IS NULL");
        join_rights(&mut sql);
        sql.push(" WHERE ").push(SCOPED).push(" AND s.access_hash = ").bind(access_hash.to_vec());
        sql.push(" AND s.ended_at IS NULL AND s.access_expires_at > ").bind(time(now));
        sql.push(" AND u.active AND m.active AND o.status <> 'closed'");
        let rows = self.reader().rows(sql).await?;
        let mut gathered = Gathered::default();
        for row in rows.iter().skip(1) {
            gathered.add(&mut Columns::of(row))?;
        }
        let Some(row) = rows.first() else { return Ok(None) };
        let mut columns = Columns::of(row);
        gathered.add(&mut columns)?;
        let Some((role, rights)) = gathered.into_rights() else { return Ok(None) };
        let session = LoginSessionId::from_uuid(columns.next()?);
        let (expires_at, proven_at, has_second_factor) = (columns.next()?, columns.next()?, columns.next()?);
        Ok(Some(Principal {
            session,
            user: UserId::from_uuid(columns.next()?),
            email: columns.next()?,
            name: columns.next()?,
            membership: MembershipId::from_uuid(columns.next()?),
            role,
            rights: Arc::new(rights),
            organization: Arc::new(organization_row(&mut columns)?),
            has_second_factor,
            proven_at,
            expires_at,
        }))
    }

    async fn look_up_key(&self, key_hash: [u8; 32], now: Instant) -> Result<Option<KeyHolder>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT k.id, k.grants, k.expires_at, k.last_used_at, ").push(ORGANIZATION);
        sql.push(" FROM api_keys k JOIN organizations o ON o.id = k.organization_id WHERE ").push(SCOPED);
        sql.push(" AND k.key_hash = ").bind(key_hash.to_vec()).push(" AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ");
        sql.bind(time(now)).push(") AND o.status <> 'closed'");
        let Some(row) = self.reader().rows(sql).await?.pop() else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let key: Uuid = columns.next()?;
        let rights = Rights::of_key(&grants_of(columns.next()?));
        let (expires_at, last_used): (Option<Instant>, Option<Instant>) = (columns.next()?, columns.next()?);
        let organization = organization_row(&mut columns)?;
        if last_used.is_none_or(|at| now - at >= LAST_USED) {
            let used = Write::Update {
                table: "api_keys",
                key: vec![("organization_id", organization.id.as_uuid().into()), ("id", key.into())],
                set: vec![("last_used_at", time(now))],
                version: None,
            };
            // Whether it can be written down or not, the key opens.
            if let Err(error) = self.write_alone(used).await {
                tracing::warn!(%error, "could not write down that a key was used");
            }
        }
        Ok(Some(KeyHolder { key: ApiKeyId::from_uuid(key), rights: Arc::new(rights), organization: Arc::new(organization), expires_at }))
    }

    /// A write that belongs to no unit of work, for whichever organization.
    async fn write_alone(&self, write: Write) -> Result<(), PortError> {
        let statement = match self.database.engine {
            Engine::Postgres => one_statement(vec![write], Uuid::nil()),
            Engine::Sqlite => {
                let mut sql = Sql::new(Engine::Sqlite);
                write.write(&mut sql);
                sql.into_statement()
            }
        };
        self.database.write.query_all_raw(statement).await.map(|_| ()).map_err(port)
    }

    /// Whether what is remembered of these is still so.
    fn unchanged(&self, of: impl IntoIterator<Item = Uuid>) -> bool {
        of.into_iter().all(|id| !self.database.changed_rights.contains_key(&id))
    }

    async fn execute(&self, sql: Sql) -> Result<(), PortError> {
        self.database.write.execute_raw(sql.into_statement()).await.map(|_| ()).map_err(port)
    }
}

fn login_session_row(row: &sea_orm::QueryResult) -> Result<LoginSessionRow, PortError> {
    let mut columns = Columns::of(row);
    Ok(LoginSessionRow {
        id: LoginSessionId::from_uuid(columns.next()?),
        organization: OrganizationId::from_uuid(columns.next()?),
        organization_slug: columns.next()?,
        created_at: columns.next()?,
        last_used_at: columns.next()?,
        expires_at: columns.next()?,
    })
}

fn organization_row(columns: &mut Columns<'_>) -> Result<OrganizationRow, PortError> {
    Ok(OrganizationRow {
        id: OrganizationId::from_uuid(columns.next()?),
        slug: columns.next()?,
        name: columns.next()?,
        time_zone: parsed(columns.next::<String>()?, "organizations.time_zone")?,
        locale: columns.next()?,
        status: parsed(columns.next::<String>()?, "organizations.status")?,
        second_factor_roles: role_names(columns.next()?, "organizations.second_factor_roles")?,
    })
}

#[async_trait]
impl Directory for Accounts {
    async fn organization(&self, slug: &str) -> Result<Option<OrganizationRow>, PortError> {
        if let Some(known) = self.organizations.get(slug).filter(|known| self.unchanged([known.id.as_uuid()])) {
            return Ok(Some(known));
        }
        let mut sql = self.reader().sql();
        sql.push("SELECT ").push(ORGANIZATION).push(" FROM organizations o WHERE ").push(SCOPED);
        sql.push(" AND o.slug = ").bind(slug).push(" AND o.status <> 'closed'");
        let Some(row) = self.reader().rows(sql).await?.pop() else { return Ok(None) };
        let found = organization_row(&mut Columns::of(&row))?;
        self.organizations.insert(slug.to_owned(), found.clone());
        Ok(Some(found))
    }

    async fn organization_by_id(&self, id: OrganizationId) -> Result<Option<OrganizationRow>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT ").push(ORGANIZATION).push(" FROM organizations o WHERE ").push(SCOPED).push(" AND o.id = ").bind(id.as_uuid());
        self.reader().rows(sql).await?.pop().map(|row| organization_row(&mut Columns::of(&row))).transpose()
    }

    async fn organization_of_link(&self, id: LinkId) -> Result<Option<OrganizationId>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT l.organization_id FROM one_time_links l JOIN organizations o ON o.id = l.organization_id WHERE ").push(SCOPED);
        sql.push(" AND l.id = ").bind(id.as_uuid()).push(" AND o.status <> 'closed'");
        self.reader().rows(sql).await?.pop().map(|row| Ok(OrganizationId::from_uuid(Columns::of(&row).next()?))).transpose()
    }

    async fn is_empty(&self) -> Result<bool, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT u.id FROM users u WHERE ").push(SCOPED).push(" LIMIT 1");
        Ok(self.reader().rows(sql).await?.is_empty())
    }

    async fn organizations(&self, after: Option<OrganizationId>, most: u32) -> Result<Vec<OrganizationRow>, PortError> {
        let mut sql = self.reader().sql();
        // Those that are closed too: retention and erasure go on for as long as there is data.
        sql.push("SELECT ").push(ORGANIZATION).push(" FROM organizations o WHERE ").push(SCOPED);
        if let Some(after) = after {
            sql.push(" AND o.id > ").bind(after.as_uuid());
        }
        sql.push(" ORDER BY o.id LIMIT ").bind(i64::from(most));
        self.reader().rows(sql).await?.iter().map(|row| organization_row(&mut Columns::of(row))).collect()
    }

    async fn account<'a>(&self, email: &str, organization: Option<&'a str>) -> Result<Option<Account>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT u.id, u.password_hash, m.id, m.organization_id FROM users u JOIN memberships m ON m.user_id = u.id ");
        sql.push("JOIN organizations o ON o.id = m.organization_id WHERE ").push(SCOPED).push(" AND u.email = ").bind(email);
        sql.push(" AND u.active AND m.active AND o.status <> 'closed'");
        if let Some(slug) = organization {
            sql.push(" AND o.slug = ").bind(slug);
        }
        sql.push(" ORDER BY m.created_at, m.id LIMIT 1");
        let Some(row) = self.reader().rows(sql).await?.pop() else { return Ok(None) };
        let mut columns = Columns::of(&row);
        Ok(Some(Account {
            user: UserId::from_uuid(columns.next()?),
            password_hash: columns.next()?,
            membership: MembershipId::from_uuid(columns.next()?),
            organization: OrganizationId::from_uuid(columns.next()?),
        }))
    }

    async fn principal(&self, access_hash: [u8; 32], now: Instant) -> Result<Option<Principal>, PortError> {
        let known = self.principals.get(&access_hash);
        let ids = |known: &Principal| [known.session.as_uuid(), known.user.as_uuid(), known.membership.as_uuid(), known.organization.id.as_uuid()];
        if let Some(known) = known.filter(|known| self.unchanged(ids(known))) {
            return Ok(Some(known).filter(|known| now < known.expires_at));
        }
        let found = self.look_up_principal(access_hash, now).await?;
        if let Some(found) = &found {
            self.principals.insert(access_hash, found.clone());
        }
        Ok(found)
    }

    async fn login_sessions(&self, user: UserId, now: Instant, most: u32) -> Result<Vec<LoginSessionRow>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT s.id, s.organization_id, o.slug, s.created_at, s.last_used_at, s.expires_at FROM login_sessions s ");
        sql.push("JOIN organizations o ON o.id = s.organization_id WHERE ").push(SCOPED).push(" AND s.user_id = ").bind(user.as_uuid());
        sql.push(" AND s.ended_at IS NULL AND s.expires_at > ").bind(time(now));
        sql.push(" ORDER BY s.created_at DESC, s.id DESC LIMIT ").bind(i64::from(most));
        let rows = self.reader().rows(sql).await?;
        rows.iter().map(login_session_row).collect()
    }

    async fn key_holder(&self, key_hash: [u8; 32], now: Instant) -> Result<Option<KeyHolder>, PortError> {
        let known = self.keys.get(&key_hash).filter(|known| self.unchanged([known.key.as_uuid(), known.organization.id.as_uuid()]));
        if let Some(known) = known {
            return Ok(Some(known).filter(|known| known.expires_at.is_none_or(|at| now < at)));
        }
        let found = self.look_up_key(key_hash, now).await?;
        if let Some(found) = &found {
            self.keys.insert(key_hash, found.clone());
        }
        Ok(found)
    }

    async fn session_of_refresh(&self, refresh_hash: [u8; 32]) -> Result<Option<(OrganizationId, LoginSessionId)>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT s.organization_id, s.id FROM login_sessions s WHERE ")
            .push(SCOPED)
            .push(" AND (s.refresh_hash = ")
            .bind(refresh_hash.to_vec());
        sql.push(" OR s.previous_refresh_hash = ").bind(refresh_hash.to_vec()).push(")");
        let Some(row) = self.reader().rows(sql).await?.pop() else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let (organization, session): (Uuid, Uuid) = (columns.next()?, columns.next()?);
        Ok(Some((OrganizationId::from_uuid(organization), LoginSessionId::from_uuid(session))))
    }

    async fn throttles(&self, keys: &[[u8; 32]]) -> Result<Vec<Throttle>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT t.key_hash, t.blocked_until, t.trusted_until FROM login_throttles t WHERE ").push(SCOPED);
        sql.push(" AND t.key_hash IN (").bind_all(keys.iter().map(|key| key.to_vec())).push(")");
        self.reader().rows(sql).await?.iter().map(throttle).collect()
    }

    async fn count_try(&self, key: [u8; 32], now: Instant) -> Result<bool, PortError> {
        let counted = self.database.write.query_one_raw(one_more_try(self.database.engine, key, now).into_statement()).await.map_err(port)?;
        Ok(counted.is_some())
    }

    async fn forget_tries(&self, key: [u8; 32]) -> Result<(), PortError> {
        let mut sql = self.reader().sql();
        sql.push("DELETE FROM login_throttles WHERE key_hash = ").bind(key.to_vec());
        self.execute(sql).await
    }

    async fn trust(&self, key: [u8; 32], until: Instant, now: Instant) -> Result<(), PortError> {
        let mut sql = self.reader().sql();
        sql.push("INSERT INTO login_throttles (key_hash, failures, updated_at, trusted_until) VALUES (").bind(key.to_vec()).push(", 0, ");
        sql.bind(time(now)).push(", ").bind(time(until)).push(") ON CONFLICT (key_hash) DO UPDATE SET failures = 0, blocked_until = NULL, ");
        sql.push("updated_at = excluded.updated_at, trusted_until = excluded.trusted_until");
        self.execute(sql).await
    }
}

fn throttle(row: &sea_orm::QueryResult) -> Result<Throttle, PortError> {
    let mut columns = Columns::of(row);
    let key: Vec<u8> = columns.next()?;
    Ok(Throttle { key: digest(&key, "login_throttles.key_hash")?, blocked_until: columns.next()?, trusted_until: columns.next()? })
}

#[async_trait]
impl MemberCounts for Accounts {
    /// The organizations are taken first: whoever changes a membership moves the counts in the same statement, so what is counted after
    /// that is all that was committed.
    async fn recount(&self) -> Result<u64, PortError> {
        let tx = self.database.write.begin().await.map_err(port)?;
        if let Some(setting) = Sight::System.set_local(self.database.engine) {
            tx.execute_raw(setting).await.map_err(port)?;
            tx.execute_unprepared("SELECT 1 FROM organizations ORDER BY id FOR UPDATE").await.map_err(port)?;
        }
        let count = |and: &str| {
            format!(
                "(SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id \
                 WHERE m.organization_id = organizations.id AND m.active AND u.active{and})"
            )
        };
        let (seats, owners) = (count(""), count(&format!(" AND m.role = '{}'", Role::Owner)));
        let sql = format!("UPDATE organizations SET seats_used = {seats}, owners = {owners} WHERE seats_used <> {seats} OR owners <> {owners}");
        let wrong = tx.execute_unprepared(&sql).await.map_err(port)?.rows_affected();
        tx.commit().await.map_err(port)?;
        Ok(wrong)
    }
}

/// One try more for a key, in one statement that returns a row if it may be made: two at the same time count as two, and who has to wait
/// is not counted.
fn one_more_try(engine: Engine, key: [u8; 32], now: Instant) -> Sql {
    let long_ago = time(now - FAILURES_LIVE);
    let mut sql = Sql::new(engine);
    sql.push("INSERT INTO login_throttles (key_hash, failures, updated_at) VALUES (").bind(key.to_vec()).push(", 1, ").bind(time(now));
    sql.push(") ON CONFLICT (key_hash) DO UPDATE SET updated_at = excluded.updated_at, failures = CASE WHEN login_throttles.updated_at <= ");
    sql.bind(long_ago.clone()).push(" THEN 1 ELSE login_throttles.failures + 1 END, blocked_until = CASE WHEN login_throttles.updated_at <= ");
    sql.bind(long_ago).push(&format!(" OR login_throttles.failures < {FREE_FAILURES} THEN NULL"));
    // The engines reckon with times each in its own way, so the waits are reckoned here; there are few.
    for (doubled, wait) in waits().enumerate() {
        sql.push(&format!(" WHEN login_throttles.failures = {} THEN ", FREE_FAILURES + doubled)).bind(time(now + wait));
    }
    sql.push(" ELSE ").bind(time(now + TimeDelta::seconds(LONGEST_WAIT))).push(" END");
    sql.push(" WHERE login_throttles.blocked_until IS NULL OR login_throttles.blocked_until <= ").bind(time(now)).push(" RETURNING failures");
    sql
}

/// 1, 2, 4 … seconds, up to the longest wait.
fn waits() -> impl Iterator<Item = TimeDelta> {
    (0..).map(|doubled| 1_i64 << doubled).take_while(|seconds| *seconds < LONGEST_WAIT).map(TimeDelta::seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let seconds: Vec<_> = waits().map(|wait| wait.num_seconds()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
    }
}
