//! The only door to a query. Every statement is bound to one organization (or, for the few that work on all of them, to the system):
//! typed selects get their filter here, and on `PostgreSQL` the setting that row-level security reads travels in the same statement,
//! so that a forgotten filter finds nothing instead of everything.
#![expect(clippy::disallowed_methods, reason = "this is the door that the others must use")]

use std::sync::Arc;

use matricula_domain::identity::OrganizationId;
use matricula_domain::shared::Id;
use matricula_ports::{PortError, Scope};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryResult, QueryTrait, Select, Statement};
use uuid::Uuid;

use crate::Engine;
use crate::database::Database;
use crate::databases::{At, Databases};
use crate::error::port;
use crate::sql::Sql;

/// An entity whose rows belong to an organization.
pub(crate) trait OrganizationOwned: EntityTrait {
    /// The column that says whose they are.
    const ORGANIZATION: Self::Column;
    /// Where they are.
    const AT: At;
}

macro_rules! owned {
    ($($context:ident :: $table:ident),+ $(,)?) => {$(
        impl OrganizationOwned for matricula_entity::$context::$table::Entity {
            const ORGANIZATION: Self::Column = matricula_entity::$context::$table::Column::OrganizationId;
            const AT: At = At::of(stringify!($context));
        }
    )+};
}
owned! {
    identity::memberships, identity::login_sessions, identity::roles, identity::groups, identity::user_groups, identity::api_keys, identity::one_time_links,
    identity::identity_providers, identity::email_domains, identity::provider_sign_ins, identity::provider_identities,
    people::people, people::person_identifiers,
    catalog::courses, catalog::course_campuses, catalog::course_runs, catalog::seo_metadata, catalog::redirects, catalog::search_index,
    catalog::search_words,
    leads::forms, leads::form_versions, leads::leads, leads::lead_touches, leads::lead_activities,
    enrollment::enrollments, enrollment::seat_holds,
    privacy::consent_texts, privacy::consent_events, privacy::consent_evidence, privacy::suppressions, privacy::age_limits,
    audit::audit_entries, audit::audit_details, audit::audit_seals, audit::audit_heads,
    publishing::blog_posts,
    publishing::media_assets, publishing::media_links, publishing::media_usage,
    notifications::outbox, notifications::idempotency_keys, notifications::webhook_endpoints, notifications::webhook_deliveries,
}

/// Whose rows a statement may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Those of one organization.
    Organization(Uuid),
    /// Those of all: authentication, and workers that serve every organization.
    System,
}

impl Sight {
    /// What the policies of `PostgreSQL` compare with: the organization, or the nil UUID, which is nobody's.
    pub(crate) fn setting(self) -> String {
        match self {
            Self::Organization(id) => id.to_string(),
            Self::System => Uuid::nil().to_string(),
        }
    }

    /// The statement that makes the rest of a transaction see this.
    pub(crate) fn set_local(self, engine: Engine) -> Option<Statement> {
        let text = "SELECT set_config('app.organization', $1, true)";
        (engine == Engine::Postgres).then(|| Statement::from_sql_and_values(engine.backend(), text, [self.setting().into()]))
    }
}

/// What is written into a hand-made select's `WHERE`; the door turns it into the condition that binds it to the setting.
pub(crate) const SCOPED: &str = "{scoped}";

/// Puts the setting into the statement itself: one round trip, no transaction. The inner select refers to the setting, and `OFFSET 0`
/// keeps the planner from taking it apart, so the setting is made before a row is looked at. Were it not, nothing would be found.
fn with_setting(sql: &str, mut values: Vec<sea_orm::Value>, sight: Sight) -> (String, Vec<sea_orm::Value>) {
    values.push(sight.setting().into());
    let inner = sql.replace(SCOPED, "scope.setting IS NOT NULL");
    #[cfg(feature = "mutations")]
    let inner = crate::mutation::mutated(inner);
    let wrapped = format!(
        "WITH scope AS MATERIALIZED (SELECT set_config('app.organization', ${}, true) AS setting) SELECT q.* FROM scope CROSS JOIN LATERAL ({inner} OFFSET 0) AS q",
        values.len()
    );
    (wrapped, values)
}

/// Reads with a sight, outside any transaction. Cheap to make.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) database: Arc<Database>,
    pub(crate) sight: Sight,
}

impl Reader {
    pub(crate) fn of(database: &Arc<Database>, organization: OrganizationId) -> Self {
        Self { database: Arc::clone(database), sight: Sight::Organization(organization.as_uuid()) }
    }

    pub(crate) fn system(database: &Arc<Database>) -> Self {
        Self { database: Arc::clone(database), sight: Sight::System }
    }

    /// A select of the organization's own rows.
    pub(crate) fn select<E: OrganizationOwned>(&self) -> Select<E> {
        match self.sight {
            Sight::Organization(id) => E::find().filter(E::ORGANIZATION.eq(id)),
            Sight::System => E::find(),
        }
    }

    /// Starts a hand-made select, which must have [`SCOPED`] in its outermost `WHERE`.
    pub(crate) fn sql(&self) -> Sql {
        Sql::new(self.database.engine)
    }

    /// The rows of a hand-made select.
    pub(crate) async fn rows(&self, sql: Sql) -> Result<Vec<QueryResult>, PortError> {
        self.statement(prepare(sql, self.sight)).await
    }

    /// The rows of a statement that [`prepare_select`] made.
    pub(crate) async fn statement(&self, statement: Statement) -> Result<Vec<QueryResult>, PortError> {
        #[cfg(feature = "plans")]
        crate::plans::explain(&self.database.read, &statement).await?;
        self.database.read.query_all_raw(statement).await.map_err(port)
    }
}

pub(crate) fn prepare(sql: Sql, sight: Sight) -> Statement {
    let engine = sql.engine();
    let (text, values) = sql.into_parts();
    let (text, values) = match engine {
        Engine::Postgres => with_setting(&text, values, sight),
        Engine::Sqlite => (text.replace(SCOPED, "TRUE"), values),
    };
    Statement::from_sql_and_values(engine.backend(), text, values)
}

pub(crate) fn prepare_select<E: EntityTrait>(engine: Engine, select: Select<E>, sight: Sight) -> Statement {
    if engine == Engine::Sqlite {
        return select.build(engine.backend());
    }
    let built = select.filter(Expr::cust(SCOPED)).build(engine.backend());
    let values = built.values.map(|values| values.0).unwrap_or_default();
    let (text, values) = with_setting(&built.sql, values, sight);
    Statement::from_sql_and_values(engine.backend(), text, values)
}

pub(crate) fn models<E: EntityTrait>(rows: &[QueryResult]) -> Result<Vec<E::Model>, PortError> {
    rows.iter().map(|row| E::Model::from_query_result(row, "").map_err(port)).collect()
}

/// The query ports: reads for screens and reports, outside any unit of work.
#[derive(Clone)]
pub struct Queries {
    pub(crate) databases: Databases,
}

impl Queries {
    /// Queries on these databases. They may be read replicas.
    pub fn new(databases: Databases) -> Self {
        Self { databases }
    }

    /// Reads of the organization's rows, where they are.
    pub(crate) async fn reader(&self, scope: &Scope) -> Result<Reader, PortError> {
        Ok(Reader::of(&self.databases.home_of(scope.organization()).await?.database, scope.organization()))
    }

    /// Reads of who works there and what they may.
    pub(crate) fn directory(&self, scope: &Scope) -> Reader {
        Reader::of(&self.databases.directory().database, scope.organization())
    }
}
