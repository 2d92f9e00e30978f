use async_trait::async_trait;
use matricula_domain::identity::{IsolationStrategy, Organization, OrganizationDetails, OrganizationId, Subscription};
use matricula_domain::shared::{Changed, Field, Id};
use matricula_entity::identity::organizations;
use matricula_ports::PortError;
use matricula_ports::identity::{ConnectionString, OrganizationRepository};
use sea_orm::{FromQueryResult, QueryResult, Value};
use uuid::Uuid;

use super::rights::{list, role_names};
use crate::convert::{count, json, parsed, parsed_or_none, time, value};
use crate::error::port;
use crate::paging::columns;
use crate::scoped::SCOPED;
use crate::sql::{Sql, WhenTaken, Write};
use crate::unit::Session;

#[async_trait]
impl OrganizationRepository for Session {
    async fn find(&self) -> Result<Option<Organization>, PortError> {
        let mut sql = self.sql();
        select_organization(&mut sql, self.organization);
        self.rows_of_directory(sql).await?.first().map(organization_of).transpose()
    }

    async fn dedicate(&self, url: &ConnectionString) -> Result<(), PortError> {
        let sealed = self.store.databases.seal(self.organization, url).await?;
        let columns = vec!["organization_id", "sealed_url"];
        self.insert_row("dedicated_databases", columns, vec![self.organization.into(), sealed.into()], WhenTaken::Refuse);
        Ok(())
    }

    async fn save(&self, organization: &Changed<Organization>) -> Result<(), PortError> {
        let state = organization.state();
        let (details, subscription) = (&state.details, &state.subscription);
        let id: Value = state.id.as_uuid().into();
        let version: i32 = count(i64::from(state.version), "organizations.version")?;
        let settings =
            state.settings.as_ref().map_or_else(|| serde_json::Value::Object(serde_json::Map::new()), |settings| json(settings.as_value()));
        let seats: Option<i32> = subscription.seats_purchased.map(|seats| count(i64::from(seats), "organizations.seats_purchased")).transpose()?;
        let mut row: Vec<(&'static str, Value)> = vec![
            ("slug", details.slug.as_str().into()),
            ("name", details.name.as_str().into()),
            ("time_zone", details.time_zone.name().into()),
            ("locale", details.locale.as_str().into()),
            ("country", details.country.as_str().into()),
            ("status", state.status.as_str().into()),
            ("second_factor_roles", list(&state.second_factor_roles).into()),
            ("seats_left_policy", state.seats_left_policy.as_str().into()),
            ("settings", settings.into()),
            ("logo_url", state.logo_url.as_ref().map(|url| url.as_str().to_owned()).into()),
            ("plan", subscription.plan.clone().into()),
            ("stripe_customer_id", subscription.stripe_customer_id.clone().into()),
            ("stripe_subscription_id", subscription.stripe_subscription_id.clone().into()),
            ("seats_purchased", seats.into()),
            ("updated_at", time(state.updated_at)),
            ("version", version.into()),
        ];
        if organization.is_new() {
            row.extend([("id", id), ("seats_used", 0.into()), ("owners", 0.into()), ("created_at", time(state.created_at))]);
            let (columns, row) = row.into_iter().unzip();
            self.insert_row("organizations", columns, row, WhenTaken::Refuse);
        } else {
            self.write(Write::Update { table: "organizations", key: vec![("id", id)], set: row, version: Some(state.version - 1) });
            self.rights_changed(self.organization);
        }
        self.note(organization);
        Ok(())
    }
}

/// The row of an organization, as [`organization_of`] reads it.
pub(super) fn select_organization(sql: &mut Sql, organization: Uuid) {
    sql.push("SELECT ").push(&columns::<organizations::Entity>("o"));
    sql.push(", EXISTS (SELECT 1 FROM dedicated_databases d WHERE d.organization_id = o.id) AS is_apart FROM organizations o WHERE ").push(SCOPED);
    sql.push(" AND o.id = ").bind(organization);
}

pub(super) fn organization_of(row: &QueryResult) -> Result<Organization, PortError> {
    let is_apart: bool = row.try_get("", "is_apart").map_err(port)?;
    let row = organizations::Model::from_query_result(row, "").map_err(port)?;
    let settings = Some(value(row.settings)).filter(|settings| *settings != matricula_domain::shared::Value::Map(Vec::new()));
    Ok(Organization {
        id: OrganizationId::from_uuid(row.id),
        details: OrganizationDetails {
            slug: parsed(row.slug, "organizations.slug")?,
            name: parsed(row.name, "organizations.name")?,
            time_zone: parsed(row.time_zone, "organizations.time_zone")?,
            locale: parsed(row.locale, "organizations.locale")?,
            country: parsed(row.country, "organizations.country")?,
        },
        isolation_strategy: if is_apart { IsolationStrategy::Dedicated } else { IsolationStrategy::Shared },
        logo_url: parsed_or_none(row.logo_url, "organizations.logo_url")?,
        second_factor_roles: role_names(row.second_factor_roles, "organizations.second_factor_roles")?,
        seats_left_policy: parsed(row.seats_left_policy, "organizations.seats_left_policy")?,
        settings: settings.map(|settings| Field::parse(&settings)).transpose().map_err(|_| PortError::Broken("organizations.settings".to_owned()))?,
        subscription: Subscription {
            plan: row.plan,
            stripe_customer_id: row.stripe_customer_id,
            stripe_subscription_id: row.stripe_subscription_id,
            seats_purchased: row.seats_purchased.map(|seats| count(seats, "organizations.seats_purchased")).transpose()?,
        },
        seats_used: count(row.seats_used, "organizations.seats_used")?,
        status: parsed(row.status, "organizations.status")?,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "organizations.version")?,
    })
}
