//! Who works in an organization.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::{ManageUsers, ReadUsers};
use matricula_domain::identity::{MembershipChange, User, UserId};
use matricula_domain::shared::{Aggregate as _, Form, Id};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::ApiError;
use crate::input::{Query, Raw, path_field};
use crate::page::{Listed, PageQuery, page};
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/users", "listUsers", "identity", list)
            .says("Who works here, newest first.")
            .needs::<ReadUsers>()
            .asks::<PageQuery>()
            .gives_page_of::<UserView>(),
        Route::get("/users/{id}", "getUser", "identity", get).says("One of them.").needs::<ReadUsers>().gives::<UserView>(200),
        Route::patch("/users/{id}", "changeUser", "identity", change)
            .says("Gives somebody another role or other campuses. Nobody gives what they have not, and the last owner stays.")
            .needs::<ManageUsers>()
            .takes_patch_of(MembershipChange::FIELDS)
            .gives::<UserView>(200),
        Route::post("/users/{id}/deactivate", "deactivateUser", "identity", deactivate)
            .says("Ends somebody's membership, with undo, and all their sign-ins at once.")
            .needs::<ManageUsers>()
            .gives::<UserView>(200),
        Route::post("/users/{id}/activate", "activateUser", "identity", activate)
            .says("Takes somebody back; they sign in anew.")
            .needs::<ManageUsers>()
            .gives::<UserView>(200),
    ]
}

/// Somebody who works here.
#[derive(Serialize, ToSchema)]
pub(super) struct UserView {
    id: Uuid,
    email: String,
    name: String,
    /// A built-in role, or one of the organization's own.
    role: String,
    /// The campuses that are theirs.
    campus_ids: Vec<Uuid>,
    /// Whether they work here now.
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.as_uuid(),
            email: user.email.as_str().to_owned(),
            name: user.name.to_string(),
            role: user.membership.role.to_string(),
            campus_ids: user.membership.campuses.iter().map(|campus| campus.as_uuid()).collect(),
            active: user.active && user.membership.active,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

fn answer(user: &User) -> Answer {
    Answer::ok(&UserView::from(user)).etag(user.version())
}

async fn list(call: May<ReadUsers>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let found = call.api.access_queries.users(call.who.scope(), None, &page(query.0.limit, query.0.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|user| UserView::from(&user)))))
}

async fn get(call: May<ReadUsers>) -> Answered {
    let id: UserId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.access_queries.user(call.who.scope(), id).await?.ok_or_else(ApiError::not_found)?))
}

async fn change(call: May<ManageUsers>, body: Raw) -> Answered {
    let id: UserId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    Ok(answer(&call.api.administration.change_user(&call.who, id, &body.value, expected).await?))
}

async fn deactivate(call: May<ManageUsers>) -> Answered {
    let id: UserId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.administration.deactivate_user(&call.who, id).await?))
}

async fn activate(call: May<ManageUsers>) -> Answered {
    let id: UserId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.administration.activate_user(&call.who, id).await?))
}
