//! Groups of users: teams, and roles that are given together.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::{ManageUsers, ReadUsers};
use matricula_domain::identity::{Group, GroupDetails, GroupId, UserId};
use matricula_domain::shared::{Aggregate as _, Form, Id};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::users::UserView;
use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::ApiError;
use crate::input::{Body, Query, Raw, path_field};
use crate::page::{ArchiveQuery, Listed, PageQuery, page};
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/groups", "listGroups", "identity", list)
            .says("Groups, newest first.")
            .needs::<ReadUsers>()
            .asks::<ArchiveQuery>()
            .gives_page_of::<GroupView>(),
        Route::post("/groups", "createGroup", "identity", create)
            .says("Makes a group. Nobody gives it roles that grant what they have not.")
            .needs::<ManageUsers>()
            .once()
            .takes::<GroupDetails>()
            .gives::<GroupView>(201),
        Route::get("/groups/{id}", "getGroup", "identity", get).says("One group.").needs::<ReadUsers>().gives::<GroupView>(200),
        Route::patch("/groups/{id}", "changeGroup", "identity", change)
            .says("Changes a group.")
            .needs::<ManageUsers>()
            .takes_patch_of(GroupDetails::FIELDS)
            .gives::<GroupView>(200),
        Route::post("/groups/{id}/archive", "archiveGroup", "identity", archive)
            .says("Hides a group, with undo: meanwhile it is nobody's team and gives nothing.")
            .needs::<ManageUsers>()
            .gives::<GroupView>(200),
        Route::post("/groups/{id}/restore", "restoreGroup", "identity", restore)
            .says("Undoes archiving.")
            .needs::<ManageUsers>()
            .gives::<GroupView>(200),
        Route::get("/groups/{id}/members", "listGroupMembers", "identity", members)
            .says("Who is in a group, newest first.")
            .needs::<ReadUsers>()
            .asks::<PageQuery>()
            .gives_page_of::<UserView>(),
        Route::post("/groups/{id}/members", "joinGroup", "identity", join)
            .says("Takes somebody who works here into a group.")
            .needs::<ManageUsers>()
            .once()
            .takes::<Member>()
            .gives::<GroupView>(200),
        Route::post("/groups/{id}/members/remove", "leaveGroup", "identity", leave)
            .says("Takes somebody out of a group.")
            .needs::<ManageUsers>()
            .once()
            .takes::<Member>()
            .gives::<GroupView>(200),
    ]
}

matricula_domain::form! {
    /// Who comes into a group, or goes.
    pub struct Member {
        /// The user.
        user_id: UserId,
    }
}

/// A group.
#[derive(Serialize, ToSchema)]
struct GroupView {
    id: Uuid,
    name: String,
    description: Option<String>,
    /// Roles that its members have beside their own.
    roles: Vec<String>,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&Group> for GroupView {
    fn from(group: &Group) -> Self {
        Self {
            id: group.id.as_uuid(),
            name: group.details.name.to_string(),
            description: group.details.description.as_ref().map(|text| text.as_str().to_owned()),
            roles: group.details.roles.iter().map(ToString::to_string).collect(),
            archived_at: group.archived_at,
            created_at: group.created_at,
            updated_at: group.updated_at,
        }
    }
}

fn answer(group: &Group) -> Answer {
    Answer::ok(&GroupView::from(group)).etag(group.version())
}

async fn list(call: May<ReadUsers>, query: Query<ArchiveQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let found = call.api.access_queries.groups(call.who.scope(), query.archived.0, &page(query.limit, query.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|group| GroupView::from(&group)))))
}

async fn create(call: May<ManageUsers>, body: Body<GroupDetails>) -> Answered {
    let answer = |group: &Group| Answer::created(&GroupView::from(group), format!("/api/v1/groups/{}", group.id)).etag(group.version());
    call.once(body.fingerprint, answer, async |who| call.api.administration.create_group(who, &body).await).await
}

async fn get(call: May<ReadUsers>) -> Answered {
    let id: GroupId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.access_queries.group(call.who.scope(), id).await?.ok_or_else(ApiError::not_found)?))
}

async fn change(call: May<ManageUsers>, body: Raw) -> Answered {
    let id: GroupId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    Ok(answer(&call.api.administration.change_group(&call.who, id, &body.value, expected).await?))
}

async fn archive(call: May<ManageUsers>) -> Answered {
    let id: GroupId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.administration.archive_group(&call.who, id).await?))
}

async fn restore(call: May<ManageUsers>) -> Answered {
    let id: GroupId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.administration.restore_group(&call.who, id).await?))
}

async fn members(call: May<ReadUsers>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let id: GroupId = path_field(&call.request, "id")?;
    call.api.access_queries.group(call.who.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let found = call.api.access_queries.users(call.who.scope(), Some(id), &page(query.0.limit, query.0.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|user| UserView::from(&user)))))
}

async fn join(call: May<ManageUsers>, body: Body<Member>) -> Answered {
    let id: GroupId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, answer, async |who| call.api.administration.join_group(who, id, body.user_id).await).await
}

async fn leave(call: May<ManageUsers>, body: Body<Member>) -> Answered {
    let id: GroupId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, answer, async |who| call.api.administration.leave_group(who, id, body.user_id).await).await
}
