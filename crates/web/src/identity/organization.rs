//! The organization itself.

use chrono::{DateTime, Utc};
use matricula_application::access::ManageOrganization;
use matricula_domain::identity::{Organization, OrganizationChange};
use matricula_domain::shared::{Aggregate as _, Form, Id, Value};
use matricula_ports::json::to_json;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::ApiError;
use crate::input::Raw;
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/organization", "getOrganization", "identity", get)
            .says("The organization: where it is, where it stands, what it has subscribed to.")
            .needs::<ManageOrganization>()
            .gives::<OrganizationView>(200),
        Route::patch("/organization", "changeOrganization", "identity", change)
            .says("Changes the organization.")
            .needs::<ManageOrganization>()
            .takes_patch_of(OrganizationChange::FIELDS)
            .gives::<OrganizationView>(200),
    ]
}

/// An organization.
#[derive(Serialize, ToSchema)]
struct OrganizationView {
    id: Uuid,
    /// Its name in addresses.
    slug: String,
    name: String,
    /// trial, active, suspended or closed. The operator of the installation moves it.
    status: &'static str,
    time_zone: String,
    locale: String,
    country: String,
    /// SHARED, or DEDICATED for one whose data is in a database that it has to itself. Settled when it is founded.
    isolation_strategy: &'static str,
    logo_url: Option<String>,
    /// The roles in which nobody works without a second factor.
    second_factor_roles: Vec<String>,
    /// What everybody may know of the seats that are left in a run that says nothing else: exact, few or hidden.
    seats_left_policy: &'static str,
    /// What else is set, by name.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    plan: Option<String>,
    stripe_customer_id: Option<String>,
    stripe_subscription_id: Option<String>,
    /// How many people may work here; no limit, if it is not said.
    seats_purchased: Option<u32>,
    /// How many do.
    seats_used: u32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&Organization> for OrganizationView {
    fn from(organization: &Organization) -> Self {
        let (details, subscription) = (&organization.details, &organization.subscription);
        let settings = organization.settings.as_ref().map_or_else(|| Value::Map(Vec::new()), |settings| settings.as_value().clone());
        Self {
            id: organization.id.as_uuid(),
            slug: details.slug.to_string(),
            name: details.name.to_string(),
            status: organization.status.as_str(),
            time_zone: details.time_zone.name().to_owned(),
            locale: details.locale.to_string(),
            country: details.country.to_string(),
            isolation_strategy: organization.isolation_strategy.as_str(),
            logo_url: organization.logo_url.as_ref().map(|url| url.as_str().to_owned()),
            second_factor_roles: organization.second_factor_roles.iter().map(ToString::to_string).collect(),
            seats_left_policy: organization.seats_left_policy.as_str(),
            settings: to_json(&settings),
            plan: subscription.plan.clone(),
            stripe_customer_id: subscription.stripe_customer_id.clone(),
            stripe_subscription_id: subscription.stripe_subscription_id.clone(),
            seats_purchased: subscription.seats_purchased,
            seats_used: organization.seats_used,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        }
    }
}

fn answer(organization: &Organization) -> Answer {
    Answer::ok(&OrganizationView::from(organization)).etag(organization.version())
}

async fn get(call: May<ManageOrganization>) -> Answered {
    Ok(answer(&call.api.access_queries.organization(call.who.scope()).await?.ok_or_else(ApiError::not_found)?))
}

async fn change(call: May<ManageOrganization>, body: Raw) -> Answered {
    let expected = call.expected()?;
    Ok(answer(&call.api.administration.change_organization(&call.who, &body.value, expected).await?))
}
