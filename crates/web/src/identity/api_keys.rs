//! Keys for programs.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::ManageApiKeys;
use matricula_application::identity::MadeKey;
use matricula_domain::identity::{ApiKey, ApiKeyId, NewApiKey};
use matricula_domain::shared::Id;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::input::{Body, Query, path_field};
use crate::page::{Listed, PageQuery, page};
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api-keys", "listApiKeys", "identity", list)
            .says("Keys for programs, newest first; never the keys themselves.")
            .needs::<ManageApiKeys>()
            .asks::<PageQuery>()
            .gives_page_of::<ApiKeyView>(),
        Route::post("/api-keys", "makeApiKey", "identity", make)
            .says("Makes a key for a program. The answer is the only one that ever has it.")
            .needs::<ManageApiKeys>()
            .takes::<NewApiKey>()
            .gives::<MadeKeyView>(201),
        Route::post("/api-keys/{id}/revoke", "revokeApiKey", "identity", revoke)
            .says("Ends a key at once and for good.")
            .needs::<ManageApiKeys>()
            .gives::<ApiKeyView>(200),
    ]
}

/// A key for a program, without the key.
#[derive(Serialize, ToSchema)]
struct ApiKeyView {
    id: Uuid,
    name: String,
    /// How the key begins.
    hint: String,
    /// What it may.
    grants: Vec<String>,
    /// Who made it.
    made_by: Uuid,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    /// When it last opened, to the minute.
    last_used_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<&ApiKey> for ApiKeyView {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.as_uuid(),
            name: key.name.to_string(),
            hint: key.hint.clone(),
            grants: key.grants.iter().map(ToString::to_string).collect(),
            made_by: key.made_by.as_uuid(),
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
            created_at: key.created_at,
        }
    }
}

/// A key that was made a moment ago.
#[derive(Serialize, ToSchema)]
struct MadeKeyView {
    #[serde(flatten)]
    kept: ApiKeyView,
    /// The key: what a program sends as `Authorization: Bearer`. It is not kept, and not told again.
    key: String,
}

async fn list(call: May<ManageApiKeys>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let found = call.api.access_queries.api_keys(call.who.scope(), &page(query.0.limit, query.0.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|key| ApiKeyView::from(&key)))))
}

/// Not once for an `Idempotency-Key`: the answer would have to be kept, and with it the key.
async fn make(call: May<ManageApiKeys>, body: Body<NewApiKey>) -> Answered {
    let MadeKey { kept, key } = call.api.administration.make_key(&call.who, &body).await?;
    let location = format!("/api/v1/api-keys/{}", kept.id);
    Ok(Answer::created(&MadeKeyView { kept: ApiKeyView::from(&kept), key }, location))
}

async fn revoke(call: May<ManageApiKeys>) -> Answered {
    let id: ApiKeyId = path_field(&call.request, "id")?;
    Ok(Answer::ok(&ApiKeyView::from(&call.api.administration.revoke_key(&call.who, id).await?)))
}
