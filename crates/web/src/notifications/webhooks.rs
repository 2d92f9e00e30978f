//! Webhook endpoints, and what is on its way to them.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use matricula_application::access::ManageWebhooks;
use matricula_application::notifications::{WebhookError, WithSecret};
use matricula_domain::notifications::{
    WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpoint, WebhookEndpointDetails, WebhookEndpointId, WebhookStatus,
};
use matricula_domain::shared::{Aggregate as _, Fault, Form, Id};
use matricula_ports::PortError;
use matricula_ports::notifications::DeliveryRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::{ApiError, Coded};
use crate::input::{Body, Query, Raw, path_field};
use crate::page::{ArchiveQuery, Limit, Listed, Place, page};
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/webhook-endpoints", "listWebhookEndpoints", "notifications", list)
            .says("Webhook endpoints, newest first.")
            .needs::<ManageWebhooks>()
            .asks::<ArchiveQuery>()
            .gives_page_of::<WebhookEndpointView>(),
        Route::post("/webhook-endpoints", "createWebhookEndpoint", "notifications", create)
            .says(
                "Adds an endpoint that is told what happens from now on, as Standard Webhooks says: signed, tried again for two days, the same \
                 `webhook-id` each time. Over https to public addresses alone. Its secret is told in this answer and never again.",
            )
            .needs::<ManageWebhooks>()
            .takes::<WebhookEndpointDetails>()
            .gives::<SecretEndpointView>(201),
        Route::get("/webhook-endpoints/{id}", "getWebhookEndpoint", "notifications", get)
            .says("One webhook endpoint.")
            .needs::<ManageWebhooks>()
            .gives::<WebhookEndpointView>(200),
        Route::patch("/webhook-endpoints/{id}", "changeWebhookEndpoint", "notifications", change)
            .says("Changes the fields that are named.")
            .needs::<ManageWebhooks>()
            .takes_patch_of(WebhookEndpointDetails::FIELDS)
            .gives::<WebhookEndpointView>(200),
        Route::post("/webhook-endpoints/{id}/transitions", "moveWebhookEndpoint", "notifications", transition)
            .says("Tells an endpoint nothing more, or again: then also what happened meanwhile.")
            .needs::<ManageWebhooks>()
            .once()
            .takes::<MoveEndpoint>()
            .gives::<WebhookEndpointView>(200),
        Route::post("/webhook-endpoints/{id}/archive", "archiveWebhookEndpoint", "notifications", archive)
            .says("Hides an endpoint, with undo. It is told nothing meanwhile.")
            .needs::<ManageWebhooks>()
            .gives::<WebhookEndpointView>(200),
        Route::post("/webhook-endpoints/{id}/restore", "restoreWebhookEndpoint", "notifications", restore)
            .says("Undoes archiving.")
            .needs::<ManageWebhooks>()
            .gives::<WebhookEndpointView>(200),
        Route::post("/webhook-endpoints/{id}/rotate", "rotateWebhookSecret", "notifications", rotate)
            .says("Gives an endpoint another secret, told in this answer and never again. For a day the old one signs too.")
            .needs::<ManageWebhooks>()
            .gives::<SecretEndpointView>(200),
        Route::post("/webhook-endpoints/{id}/test", "testWebhookEndpoint", "notifications", test)
            .says("Sends an endpoint something that did not happen (`webhook_endpoint.test`).")
            .needs::<ManageWebhooks>()
            .once()
            .gives::<WebhookDeliveryView>(200),
        Route::get("/webhook-endpoints/{id}/deliveries", "listWebhookDeliveries", "notifications", deliveries)
            .says("What an endpoint was told or is to be told, newest first; `status=dead` are those that were given up. Kept for 30 days.")
            .needs::<ManageWebhooks>()
            .asks::<DeliveriesQuery>()
            .gives_page_of::<WebhookDeliveryView>(),
        Route::post("/webhook-deliveries/{id}/replay", "replayWebhookDelivery", "notifications", replay)
            .says("Tells an endpoint the same once more, under the same `webhook-id`, signed with its secret of now. What waits is tried at once.")
            .needs::<ManageWebhooks>()
            .once()
            .gives::<WebhookDeliveryView>(200),
    ]
}

matricula_domain::form! {
    /// Where an endpoint goes.
    pub struct MoveEndpoint {
        /// The state.
        to: WebhookStatus,
    }
}

matricula_domain::form! {
    /// Which deliveries.
    pub struct DeliveriesQuery {
        /// In this state.
        status: Option<WebhookDeliveryStatus>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

/// Somebody outside who is told what happens.
#[derive(Serialize, ToSchema)]
struct WebhookEndpointView {
    id: Uuid,
    url: String,
    description: Option<String>,
    /// Which facts it is told.
    facts: Vec<String>,
    /// `active` or `disabled`.
    status: String,
    /// `by_hand`, `failing` or `gone`.
    disabled_reason: Option<String>,
    /// Until when the secret before the last one signs too.
    previous_secret_until: Option<DateTime<Utc>>,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&WebhookEndpoint> for WebhookEndpointView {
    fn from(endpoint: &WebhookEndpoint) -> Self {
        let details = &endpoint.details;
        Self {
            id: endpoint.id.as_uuid(),
            url: details.url.as_str().to_owned(),
            description: details.description.as_ref().map(ToString::to_string),
            facts: details.facts.iter().map(|fact| fact.as_str().to_owned()).collect(),
            status: endpoint.status.to_string(),
            disabled_reason: endpoint.disabled_reason.map(|reason| reason.to_string()),
            previous_secret_until: endpoint.previous_until,
            archived_at: endpoint.archived_at,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// An endpoint with its new secret.
#[derive(Serialize, ToSchema)]
struct SecretEndpointView {
    #[serde(flatten)]
    endpoint: WebhookEndpointView,
    /// What signs: `whsec_…`. It is not told again.
    secret: String,
}

impl From<&WithSecret> for SecretEndpointView {
    fn from(made: &WithSecret) -> Self {
        Self { endpoint: WebhookEndpointView::from(&made.endpoint), secret: format!("whsec_{}", BASE64_STANDARD.encode(made.secret.0)) }
    }
}

/// Something on its way to an endpoint.
#[derive(Serialize, ToSchema)]
struct WebhookDeliveryView {
    id: Uuid,
    endpoint_id: Uuid,
    /// What the receiver knows it by: `webhook-id`.
    webhook_id: String,
    /// `lead.captured`.
    r#type: String,
    /// `waiting`, `delivered` or `dead`.
    status: String,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next, if it is.
    next_attempt_at: Option<DateTime<Utc>>,
    /// What the endpoint answered last.
    last_status: Option<u16>,
    /// Why the last try failed.
    last_error: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<&DeliveryRow> for WebhookDeliveryView {
    fn from(row: &DeliveryRow) -> Self {
        Self {
            id: row.id.as_uuid(),
            endpoint_id: row.endpoint.as_uuid(),
            webhook_id: format!("msg_{}", row.message.simple()),
            r#type: row.fact.clone(),
            status: row.status.to_string(),
            attempts: row.attempts,
            next_attempt_at: (row.status == WebhookDeliveryStatus::Waiting).then_some(row.next_at),
            last_status: row.last_status,
            last_error: row.last_error.clone(),
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

impl Coded for WebhookError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::AlreadySo => (StatusCode::CONFLICT, "ALREADY_SO"),
            Self::NotAtWork => (StatusCode::CONFLICT, "ENDPOINT_NOT_ACTIVE"),
            Self::Invalid(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) => &faults.0,
            _ => &[],
        }
    }
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
}

fn answer(endpoint: &WebhookEndpoint) -> Answer {
    Answer::ok(&WebhookEndpointView::from(endpoint)).etag(endpoint.version())
}

fn answer_delivery(row: &DeliveryRow) -> Answer {
    Answer::ok(&WebhookDeliveryView::from(row))
}

async fn list(call: May<ManageWebhooks>, query: Query<ArchiveQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let page = page(query.limit, query.cursor, None);
    let found = call.api.webhook_queries.endpoints(call.who.scope(), query.archived.0, &page).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|endpoint| WebhookEndpointView::from(&endpoint)))))
}

/// Not once for an `Idempotency-Key`: the answer would have to be kept, and with it the secret.
async fn create(call: May<ManageWebhooks>, body: Body<WebhookEndpointDetails>) -> Answered {
    let made = call.api.webhooks.create(&call.who, &body).await?;
    let location = format!("/api/v1/webhook-endpoints/{}", made.endpoint.id);
    Ok(Answer::created(&SecretEndpointView::from(&made), location).etag(made.endpoint.version()))
}

async fn get(call: May<ManageWebhooks>) -> Answered {
    let id: WebhookEndpointId = path_field(&call.request, "id")?;
    let found = call.api.webhook_queries.endpoint(call.who.scope(), id).await?;
    Ok(answer(&found.ok_or_else(ApiError::not_found)?))
}

async fn change(call: May<ManageWebhooks>, body: Raw) -> Answered {
    let id: WebhookEndpointId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    Ok(answer(&call.api.webhooks.change(&call.who, id, &body.value, expected).await?))
}

async fn transition(call: May<ManageWebhooks>, body: Body<MoveEndpoint>) -> Answered {
    let id: WebhookEndpointId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, answer, async |who| call.api.webhooks.transition(who, id, body.to).await).await
}

async fn archive(call: May<ManageWebhooks>) -> Answered {
    let id: WebhookEndpointId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.webhooks.archive(&call.who, id).await?))
}

async fn restore(call: May<ManageWebhooks>) -> Answered {
    let id: WebhookEndpointId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.webhooks.restore(&call.who, id).await?))
}

async fn rotate(call: May<ManageWebhooks>) -> Answered {
    let id: WebhookEndpointId = path_field(&call.request, "id")?;
    let rotated = call.api.webhooks.rotate(&call.who, id).await?;
    Ok(Answer::ok(&SecretEndpointView::from(&rotated)).etag(rotated.endpoint.version()))
}

async fn test(call: May<ManageWebhooks>) -> Answered {
    let id: WebhookEndpointId = path_field(&call.request, "id")?;
    call.once([0; 32], answer_delivery, async |who| call.api.webhooks.test(who, id).await).await
}

async fn deliveries(call: May<ManageWebhooks>, query: Query<DeliveriesQuery>, request: HttpRequest) -> Answered {
    let id: WebhookEndpointId = path_field(&call.request, "id")?;
    let query = query.0;
    let (scope, queries) = (call.who.scope(), &call.api.webhook_queries);
    queries.endpoint(scope, id).await?.ok_or_else(ApiError::not_found)?;
    let found = queries.deliveries(scope, id, query.status, &page(query.limit, query.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|row| WebhookDeliveryView::from(&row)))))
}

async fn replay(call: May<ManageWebhooks>) -> Answered {
    let id: WebhookDeliveryId = path_field(&call.request, "id")?;
    call.once([0; 32], answer_delivery, async |who| call.api.webhooks.replay(who, id).await).await
}
