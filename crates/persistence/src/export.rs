//! Everything that is kept of one organization, row by row, for who takes it along.

use futures_util::TryStreamExt as _;
use matricula_domain::identity::OrganizationId;
use matricula_domain::shared::Id;
use matricula_ports::PortError;
use sea_orm::{ConnectionTrait, IsolationLevel, Statement, StreamTrait, TransactionTrait};

use crate::convert::Columns;
use crate::database::{Database, Engine};
use crate::databases::Databases;
use crate::error::port;
use crate::scoped::Sight;

/// What is good for this installation alone: what opens something, what is under way, and what is made of the rest.
const LEFT_OUT: [&str; 13] = [
    "login_sessions",
    "one_time_links",
    "api_keys",
    "identity_providers",
    "provider_sign_ins",
    "dedicated_databases",
    "idempotency_keys",
    "jobs",
    "outbox",
    "webhook_endpoints",
    "webhook_deliveries",
    "search_index",
    "search_words",
];

/// A row on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedRow {
    /// The table that it is of.
    pub table: String,
    /// The row as JSON: ids as text, bytes as hexadecimal digits, what is sealed as it is sealed.
    pub json: String,
}

impl Databases {
    /// Hands out every row of an organization, table by table, as they all were at one moment: of the organization itself, of its
    /// members (without what they sign in with), and of every table whose rows belong to organizations, but for what opens something,
    /// what is under way, and what is made of the rest. However many there are, one is in memory. Of an organization with a database to itself there are two such
    /// moments, that of the directory and that of its home.
    ///
    /// # Errors
    /// [`PortError`], and whatever `out` says.
    pub async fn export<E: From<PortError>>(&self, organization: OrganizationId, mut out: impl FnMut(ExportedRow) -> Result<(), E>) -> Result<(), E> {
        let about = [("organizations", "SELECT * FROM organizations WHERE id = $1"), ("members", MEMBERS)];
        for home in self.homes_of(organization).await? {
            // The home of one apart has but a shadow of the organization, and of its users.
            let about: &[_] = if self.is_apart(&home) { &[] } else { &about };
            home.database.export(organization, about, &mut out).await?;
        }
        Ok(())
    }
}

impl Database {
    /// The rows of an organization here, and what these selects tell about it.
    async fn export<E: From<PortError>>(
        &self,
        organization: OrganizationId,
        about: &[(&str, &str)],
        out: &mut impl FnMut(ExportedRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let level = (self.engine == Engine::Postgres).then_some(IsolationLevel::RepeatableRead);
        let tx = self.read.begin_with_config(level, None).await.map_err(port)?;
        let organization = organization.as_uuid();
        if let Some(setting) = Sight::Organization(organization).set_local(self.engine) {
            tx.execute_raw(setting).await.map_err(port)?;
        }
        let mut selects: Vec<_> = about.iter().map(|(table, select)| ((*table).to_owned(), (*select).to_owned())).collect();
        for row in tx.query_all_raw(Statement::from_string(self.engine.backend(), self.tables_of_organizations())).await.map_err(port)? {
            let table: String = Columns::of(&row).next()?;
            if !LEFT_OUT.contains(&table.as_str()) {
                selects.push((table.clone(), format!("SELECT * FROM {table} WHERE organization_id = $1")));
            }
        }
        for (table, select) in selects {
            let sql = self.as_json(&tx, &table, &select).await?;
            let statement = Statement::from_sql_and_values(self.engine.backend(), sql, [organization.into()]);
            let mut rows = tx.stream_raw(statement).await.map_err(port)?;
            while let Some(row) = rows.try_next().await.map_err(port)? {
                out(ExportedRow { table: table.clone(), json: Columns::of(&row).next()? })?;
            }
        }
        Ok(tx.rollback().await.map_err(port)?)
    }

    fn tables_of_organizations(&self) -> &'static str {
        match self.engine {
            Engine::Postgres => {
                "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND EXISTS \
                 (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped) ORDER BY 1"
            }
            Engine::Sqlite => {
                "SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND EXISTS \
                 (SELECT 1 FROM pragma_table_info(m.name) p WHERE p.name = 'organization_id') ORDER BY 1"
            }
        }
    }

    /// A select whose rows are JSON.
    async fn as_json(&self, on: &impl ConnectionTrait, table: &str, select: &str) -> Result<String, PortError> {
        if self.engine == Engine::Postgres {
            return Ok(format!("SELECT row_to_json(t)::text FROM ({select}) t"));
        }
        let columns = if table == "members" { MEMBER.map(str::to_owned).to_vec() } else { columns_of(on, table).await? };
        let pairs = columns.iter().map(|column| {
            let hex = |from: usize, length: usize| format!("substr(lower(hex({column})), {from}, {length})");
            let id = [hex(1, 8), hex(9, 4), hex(13, 4), hex(17, 4), hex(21, 12)].join(" || '-' || ");
            let blob = format!("CASE length({column}) WHEN 16 THEN {id} ELSE lower(hex({column})) END");
            format!("'{column}', CASE typeof({column}) WHEN 'blob' THEN {blob} ELSE {column} END")
        });
        Ok(format!("SELECT json_object({}) FROM ({select})", pairs.collect::<Vec<_>>().join(", ")))
    }
}

/// What is told of who works there.
const MEMBER: [&str; 7] = ["user_id", "email", "name", "locale", "role", "active", "created_at"];

const MEMBERS: &str = "SELECT u.id AS user_id, u.email, u.name, u.locale, m.role, m.active, m.created_at FROM memberships m \
     JOIN users u ON u.id = m.user_id WHERE m.organization_id = $1";

async fn columns_of(on: &impl ConnectionTrait, table: &str) -> Result<Vec<String>, PortError> {
    let statement = Statement::from_string(on.get_database_backend(), format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"));
    on.query_all_raw(statement).await.map_err(port)?.iter().map(|row| Columns::of(row).next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_something_stays() {
        for secret in ["login_sessions", "one_time_links", "api_keys", "identity_providers", "provider_sign_ins"] {
            assert!(LEFT_OUT.contains(&secret));
        }
        assert!(MEMBER.iter().all(|column| !column.contains("hash") && MEMBERS.contains(column)));
    }
}
