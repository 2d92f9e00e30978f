//! Roles of an organization's own.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::{ManageRoles, ReadUsers};
use matricula_domain::identity::{CustomRole, NewRole, RoleDetails, RoleId};
use matricula_domain::shared::{Aggregate as _, Form, Id};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::ApiError;
use crate::input::{Body, Query, Raw, path_field};
use crate::page::{ArchiveQuery, Listed, page};
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/roles", "listRoles", "identity", list)
            .says("Roles of the organization's own, newest first.")
            .needs::<ReadUsers>()
            .asks::<ArchiveQuery>()
            .gives_page_of::<RoleView>(),
        Route::post("/roles", "createRole", "identity", create)
            .says("Makes a role, from scratch or from another. Nobody makes one that grants what they have not.")
            .needs::<ManageRoles>()
            .once()
            .takes::<NewRole>()
            .gives::<RoleView>(201),
        Route::get("/roles/{id}", "getRole", "identity", get).says("One role.").needs::<ReadUsers>().gives::<RoleView>(200),
        Route::patch("/roles/{id}", "changeRole", "identity", change)
            .says("Changes a role; whoever has it may so much from now on.")
            .needs::<ManageRoles>()
            .takes_patch_of(RoleDetails::FIELDS)
            .gives::<RoleView>(200),
        Route::post("/roles/{id}/archive", "archiveRole", "identity", archive)
            .says("Hides a role, with undo: meanwhile it grants nothing to whoever has it.")
            .needs::<ManageRoles>()
            .gives::<RoleView>(200),
        Route::post("/roles/{id}/restore", "restoreRole", "identity", restore)
            .says("Undoes archiving.")
            .needs::<ManageRoles>()
            .gives::<RoleView>(200),
    ]
}

/// A role of the organization's own.
#[derive(Serialize, ToSchema)]
struct RoleView {
    id: Uuid,
    /// Its name in memberships and groups.
    slug: String,
    name: String,
    description: Option<String>,
    /// What it grants: permissions, with `_campus`, `_team` or `_own` behind those that do not reach everything.
    grants: Vec<String>,
    /// The role that it was cloned from.
    cloned_from: Option<String>,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&CustomRole> for RoleView {
    fn from(role: &CustomRole) -> Self {
        Self {
            id: role.id.as_uuid(),
            slug: role.slug.to_string(),
            name: role.details.name.to_string(),
            description: role.details.description.as_ref().map(|text| text.as_str().to_owned()),
            grants: role.details.grants.iter().map(ToString::to_string).collect(),
            cloned_from: role.cloned_from.as_ref().map(ToString::to_string),
            archived_at: role.archived_at,
            created_at: role.created_at,
            updated_at: role.updated_at,
        }
    }
}

fn answer(role: &CustomRole) -> Answer {
    Answer::ok(&RoleView::from(role)).etag(role.version())
}

async fn list(call: May<ReadUsers>, query: Query<ArchiveQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let found = call.api.access_queries.roles(call.who.scope(), query.archived.0, &page(query.limit, query.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|role| RoleView::from(&role)))))
}

async fn create(call: May<ManageRoles>, body: Body<NewRole>) -> Answered {
    let answer = |role: &CustomRole| Answer::created(&RoleView::from(role), format!("/api/v1/roles/{}", role.id)).etag(role.version());
    call.once(body.fingerprint, answer, async |who| call.api.administration.create_role(who, &body).await).await
}

async fn get(call: May<ReadUsers>) -> Answered {
    let id: RoleId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.access_queries.role(call.who.scope(), id).await?.ok_or_else(ApiError::not_found)?))
}

async fn change(call: May<ManageRoles>, body: Raw) -> Answered {
    let id: RoleId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    Ok(answer(&call.api.administration.change_role(&call.who, id, &body.value, expected).await?))
}

async fn archive(call: May<ManageRoles>) -> Answered {
    let id: RoleId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.administration.archive_role(&call.who, id).await?))
}

async fn restore(call: May<ManageRoles>) -> Answered {
    let id: RoleId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.administration.restore_role(&call.who, id).await?))
}
