//! What the database itself says about how organizations are kept apart, for reports and for the test that holds it to it.

use std::sync::Arc;

use matricula_ports::PortError;

use crate::convert::Columns;
use crate::database::{Database, Engine};
use crate::scoped::{Reader, SCOPED};

/// Something that must hold, and what is there that it does not hold for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What must hold.
    pub says: &'static str,
    /// What it does not hold for, by name.
    pub exceptions: Vec<String>,
    /// What it need not hold for, which may only get less.
    pub accepted: &'static [&'static str],
}

impl Claim {
    /// What it does not hold for though it should.
    pub fn broken(&self) -> impl Iterator<Item = &str> {
        self.exceptions.iter().map(String::as_str).filter(|name| !self.accepted.contains(name))
    }
}

/// Whether a table `c` belongs to organizations.
const OWNED: &str =
    "EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND a.attnotnull AND NOT a.attisdropped)";

/// Unique indexes by which an organization is found: of secrets of 256 random bits, of ids, and of the domains of e-mail addresses, of which
/// each is one organization's.
const FOUND_FIRST: &[&str] = &[
    "email_domains_pkey",
    "login_sessions_pkey",
    "ux_api_keys_key_hash",
    "ux_login_sessions_access_hash",
    "ux_login_sessions_refresh_hash",
    "ux_provider_sign_ins_state_hash",
];

/// Tables that everybody may read: words, found in an index that row-level security would keep from being used. What they stand for is in
/// tables that are locked (ADR 13).
const SHOWN: &[&str] = &["search_index"];

impl Database {
    /// The claims about row-level security and keys, checked in the catalogue of this database; none on `SQLite`, which has no such lock.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn isolation(self: &Arc<Self>) -> Result<Vec<Claim>, PortError> {
        if self.engine == Engine::Sqlite {
            return Ok(Vec::new());
        }
        let here = "c.relnamespace = current_schema()::regnamespace";
        let claims: [(&str, String, &[&str]); 6] = [
            (
                "row-level security is enabled and forced on every table of organizations",
                format!(
                    "SELECT c.relname::text FROM pg_class c WHERE {SCOPED} AND {here} AND c.relkind IN ('r', 'p') \
                     AND (c.relname = 'organizations' OR {OWNED}) AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"
                ),
                &[],
            ),
            (
                "no policy shows the rows of a table to everybody",
                format!(
                    "SELECT p.tablename::text FROM pg_policies p WHERE {SCOPED} AND p.schemaname = current_schema() AND p.qual = 'true' ORDER BY 1"
                ),
                SHOWN,
            ),
            (
                "the program connects as a role that is neither superuser nor BYPASSRLS",
                format!("SELECT r.rolname::text FROM pg_roles r WHERE {SCOPED} AND r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls)"),
                &[],
            ),
            (
                "every view runs with the rights of who asks (security_invoker)",
                format!(
                    "SELECT c.relname::text FROM pg_class c WHERE {SCOPED} AND {here} AND c.relkind IN ('v', 'm') AND NOT COALESCE((SELECT \
                     o.option_value::boolean FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = 'security_invoker'), false) ORDER BY 1"
                ),
                &[],
            ),
            (
                "every foreign key between tables of organizations has the organization in it",
                format!(
                    "SELECT k.conname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid WHERE {SCOPED} AND {here} AND k.contype = 'f' \
                     AND {OWNED} AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attname = 'organization_id' AND a.attnotnull) \
                     AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) \
                     AND a.attname = 'organization_id') ORDER BY 1"
                ),
                &[],
            ),
            (
                "every unique key of a table of organizations begins with the organization, so that none tells what another one has",
                format!(
                    "SELECT x.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid \
                     WHERE {SCOPED} AND {here} AND i.indisunique AND {OWNED} AND NOT EXISTS (SELECT FROM pg_attribute a \
                     WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0] AND a.attname = 'organization_id') ORDER BY 1"
                ),
                FOUND_FIRST,
            ),
        ];
        let mut checked = Vec::new();
        for (says, text, accepted) in claims {
            let reader = Reader::system(self);
            let mut sql = reader.sql();
            sql.push(&text);
            let rows = reader.rows(sql).await?;
            let exceptions = rows.iter().map(|row| Columns::of(row).next()).collect::<Result<_, _>>()?;
            checked.push(Claim { says, exceptions, accepted });
        }
        Ok(checked)
    }
}
