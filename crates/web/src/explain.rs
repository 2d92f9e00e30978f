//! Why somebody may do something, or may not. It stands beside the contexts, because it looks for things of several of them.

use matricula_application::access::ExplainAccess;
use matricula_domain::enrollment::EnrollmentId;
use matricula_domain::identity::{Breadth, Grant, Permission, Reach, Rights, UserId};
use matricula_domain::leads::LeadId;
use matricula_domain::shared::{Fault, Faults, Id, RecordId};
use matricula_ports::{PortError, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::api::Api;
use crate::call::May;
use crate::error::ApiError;
use crate::input::Query;
use crate::route::Route;

pub(crate) fn route() -> Route {
    Route::get("/access/explain", "explainAccess", "identity", explain)
        .says("Which grant allows somebody to do something, or why none does.")
        .needs::<ExplainAccess>()
        .asks::<Question>()
        .gives::<AccessView>(200)
}

matricula_domain::form! {
    /// What is asked.
    pub struct Question {
        /// Who.
        user: UserId,
        /// To do what.
        permission: Permission,
        /// On which thing, for a permission that may reach some things alone: a lead or an enrollment.
        resource: Option<RecordId>,
    }
}

matricula_domain::choice! {
    /// Why.
    pub enum Reason {
        /// A grant allows it.
        Granted = "GRANTED",
        /// There is no grant of this permission.
        NoGrant = "NO_GRANT",
        /// There are grants, and none reaches the thing.
        OutOfReach = "OUT_OF_REACH",
        /// They do not work here now.
        NotActive = "NOT_ACTIVE",
    }
}

/// Whether somebody may do something, and why.
#[derive(Serialize, ToSchema)]
struct AccessView {
    user_id: Uuid,
    permission: &'static str,
    resource_id: Option<Uuid>,
    allowed: bool,
    /// `GRANTED`, `NO_GRANT`, `OUT_OF_REACH` or `NOT_ACTIVE`.
    reason: &'static str,
    /// Every grant of the permission that they have.
    through: Vec<GrantView>,
}

/// A grant that somebody has.
#[derive(Serialize, ToSchema)]
struct GrantView {
    /// The permission, with `_campus`, `_team` or `_own` behind it where it does not reach everything.
    grant: String,
    /// The role that grants it.
    role: String,
    /// The group through which they have the role; none, if it is that of their membership.
    group_id: Option<Uuid>,
    /// How far it goes: all, campus, team or own.
    scope: &'static str,
    /// Whether it reaches the thing that was asked about.
    allows: bool,
}

async fn explain(call: May<ExplainAccess>, query: Query<Question>) -> Answered {
    let Question { user, permission, resource } = query.0;
    let (api, scope) = (&*call.api, call.who.scope());
    if resource.is_some() && permission.breadths() == [Breadth::All] {
        return Err(Faults::from(Fault::new("NOT_SCOPED", "this permission is for everything or for nothing").under("resource")).into());
    }
    api.access_queries.user(scope, user).await?.ok_or_else(ApiError::not_found)?;
    if let Some(resource) = resource
        && !is_reached(api, scope, permission, &Reach::All, resource).await?
    {
        return Err(ApiError::not_found());
    }
    let rights = api.access_queries.rights(scope, user).await?;
    let mut through = Vec::new();
    if let Some(rights) = &rights {
        for (source, grant) in rights.explain(permission).through {
            let allows = match resource {
                Some(resource) => reaches(api, scope, rights, grant, resource).await?,
                None => true,
            };
            through.push(GrantView {
                grant: grant.to_string(),
                role: source.role.to_string(),
                group_id: source.group.map(Id::as_uuid),
                scope: grant.breadth.as_str(),
                allows,
            });
        }
    }
    let allowed = through.iter().any(|grant| grant.allows);
    let reason = match (&rights, allowed, through.is_empty()) {
        (None, ..) => Reason::NotActive,
        (_, true, _) => Reason::Granted,
        (_, false, true) => Reason::NoGrant,
        (_, false, false) => Reason::OutOfReach,
    };
    Ok(Answer::ok(&AccessView {
        user_id: user.as_uuid(),
        permission: permission.as_str(),
        resource_id: resource.map(Id::as_uuid),
        allowed,
        reason: reason.as_str(),
        through,
    }))
}

async fn reaches(api: &Api, scope: &Scope, rights: &Rights, grant: Grant, resource: RecordId) -> Result<bool, PortError> {
    is_reached(api, scope, grant.permission, &rights.reach_of(grant), resource).await
}

/// Whether a thing of the kind that a permission is about is in reach.
async fn is_reached(api: &Api, scope: &Scope, permission: Permission, reach: &Reach, resource: RecordId) -> Result<bool, PortError> {
    let id = resource.as_uuid();
    Ok(match permission.context() {
        "leads" => api.lead_queries.one(scope, reach, LeadId::from_uuid(id)).await?.is_some(),
        _ => api.enrollment_queries.one(scope, reach, EnrollmentId::from_uuid(id)).await?.is_some(),
    })
}
