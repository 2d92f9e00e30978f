//! The feed of facts.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::ReadFacts;
use matricula_ports::notifications::OutboxRow;
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::input::Query;
use crate::page::{Limit, Place, encode};
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/facts", "listFacts", "notifications", list)
            .says(
                "What happened, in the order in which it was committed. A consumer keeps `after` of the last answer and asks with it again: \
                 however long it was away, it sees each fact once.",
            )
            .needs::<ReadFacts>()
            .asks::<FactsQuery>()
            .gives::<FactsView>(200),
    ]
}

matricula_domain::form! {
    /// Which facts.
    pub struct FactsQuery {
        /// Where to go on: `after` of the last answer. From the first fact on, if nothing is said.
        after: Option<Place>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
    }
}

/// A fact.
#[derive(Serialize, ToSchema)]
pub(super) struct FactView {
    id: Uuid,
    /// `lead.captured`.
    r#type: String,
    at: DateTime<Utc>,
    entity: String,
    entity_id: Uuid,
    /// The version that the thing had from then on.
    entity_version: u32,
    /// Names of the fields that changed.
    changed: Vec<String>,
    /// What there is to know beside. Nothing personal.
    #[schema(value_type = Object)]
    data: Json,
}

impl From<OutboxRow> for FactView {
    fn from(row: OutboxRow) -> Self {
        let mut payload: Json = serde_json::from_str(&row.payload).unwrap_or_default();
        let changed = payload["changed"].as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        Self {
            id: row.id,
            r#type: row.fact,
            at: row.at,
            entity: row.entity,
            entity_id: row.entity_id,
            entity_version: row.entity_version,
            changed,
            data: payload["data"].take(),
        }
    }
}

/// A part of the facts.
#[derive(Serialize, ToSchema)]
struct FactsView {
    items: Vec<FactView>,
    /// What to ask with next, now or later: always there.
    after: String,
    /// The same if there are more facts now.
    next_cursor: Option<String>,
}

async fn list(call: May<ReadFacts>, query: Query<FactsQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let limit = query.limit.map_or(50, |limit| limit.0);
    let found = call.api.fact_queries.facts(call.who.scope(), query.after.as_ref().map(|place| &place.0), limit).await?;
    let after = encode(&found.end);
    let link = format!("<{}?limit={limit}&after={after}>; rel=\"next\"", request.path());
    let next_cursor = found.has_more.then(|| after.clone());
    let answer = Answer::ok(&FactsView { items: found.items.into_iter().map(FactView::from).collect(), after, next_cursor });
    Ok(if found.has_more { answer.with("Link", link) } else { answer })
}
