use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use matricula_domain::notifications::{DisabledReason, WebhookEndpoint};
use matricula_domain::shared::Instant;
use matricula_ports::notifications::{
    ClaimedDelivery, FactQueries, Listener, NewDelivery, OutboxRow, Tried, WebhookMessage, WebhookSecret, WebhookSender, WebhookWork,
};
use matricula_ports::{Actor, Clock, Ids, PortError, Scope, Transactions, transact};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// In whose name endpoints are disabled.
const WEBHOOKS: &str = "notifications.webhooks";

/// How many facts are read at once, and how many endpoints are looked at.
const BATCH: u16 = 100;

/// No more are put in line for an endpoint that has so many waiting: the facts stay where they are.
const MOST_WAITING: u32 = 1_000;

/// How many are sent to one endpoint at the same time, and to how many endpoints.
const AT_ONCE: u32 = 8;
const ENDPOINTS_AT_ONCE: usize = 32;

/// How often a delivery is tried.
pub const MOST_ATTEMPTS: u32 = 12;

/// After how many times the first wait a delivery is tried again. With the usual five seconds these are 5 s, 30 s, 2 min, 10 min, 30 min, 1 h,
/// 2 h, 5 h, 8 h, 12 h and 20 h: two days in all.
const WAITS: [i32; MOST_ATTEMPTS as usize - 1] = [1, 6, 24, 120, 360, 720, 1440, 3600, 5760, 8640, 14_400];

/// What is told of a fact, in the form of Standard Webhooks: `type`, `timestamp`, `data`, and which thing it is about.
pub(super) fn told(id: Uuid, fact: &str, at: Instant, (entity, entity_id, version): (&str, Uuid, u32), payload: &str) -> String {
    let mut payload: Json = serde_json::from_str(payload).unwrap_or_default();
    let (changed, data) = (payload["changed"].take(), payload["data"].take());
    json!({
        "type": fact,
        "timestamp": at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        "id": id,
        "entity": entity,
        "entity_id": entity_id,
        "entity_version": version,
        "changed": if changed.is_array() { changed } else { json!([]) },
        "data": if data.is_object() { data } else { json!({}) },
    })
    .to_string()
}

/// Tells endpoints what happens. As many copies as one likes work beside each other.
pub struct Herald {
    work: Arc<dyn WebhookWork>,
    facts: Arc<dyn FactQueries>,
    sender: Arc<dyn WebhookSender>,
    transactions: Arc<dyn Transactions>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    /// How long a delivery is somebody's: longer than a message can take.
    lease: TimeDelta,
    first_wait: TimeDelta,
}

impl Herald {
    /// A herald whose messages take so long at most, and are tried again after this time at first.
    #[expect(clippy::too_many_arguments, reason = "each is another port")]
    pub fn new(
        work: Arc<dyn WebhookWork>,
        facts: Arc<dyn FactQueries>,
        sender: Arc<dyn WebhookSender>,
        transactions: Arc<dyn Transactions>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        timeout: Duration,
        first_wait: Duration,
    ) -> Self {
        let length = |time: Duration| TimeDelta::from_std(time).unwrap_or(TimeDelta::minutes(1));
        Self { work, facts, sender, transactions, clock, ids, lease: length(timeout) * 2 + TimeDelta::seconds(1), first_wait: length(first_wait) }
    }

    /// Goes once around all endpoints; answers how many messages were sent or put in line.
    ///
    /// # Errors
    /// [`PortError::Unavailable`]; an endpoint that fails is none.
    pub async fn go_round(&self) -> Result<usize, PortError> {
        let (mut behind, mut done) = (None, 0);
        loop {
            let listeners = self.work.listeners(behind, u32::from(BATCH)).await?;
            behind = listeners.last().map(|last| last.endpoint.id);
            let served = stream::iter(&listeners).map(|listener| self.serve(listener)).buffer_unordered(ENDPOINTS_AT_ONCE).collect::<Vec<_>>().await;
            for served in served {
                match served {
                    Ok(more) => done += more,
                    // One whose database or place is wrong keeps none of the others waiting.
                    Err(error) => tracing::warn!(?error, "an endpoint could not be served; it is tried again"),
                }
            }
            if listeners.len() < usize::from(BATCH) {
                return Ok(done);
            }
        }
    }

    async fn serve(&self, listener: &Listener) -> Result<usize, PortError> {
        let lined_up = if listener.waiting < MOST_WAITING { self.line_up(listener).await? } else { 0 };
        let now = self.clock.now();
        let claimed = self.work.claim(listener, now, now + self.lease, AT_ONCE).await?;
        if claimed.is_empty() {
            return Ok(lined_up);
        }
        let secrets = self.work.secrets(listener, now).await?;
        let told = join_all(claimed.iter().map(|delivery| self.tell(listener, delivery, &secrets))).await;
        told.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(lined_up + claimed.len())
    }

    /// Makes deliveries of the facts that came since; answers how many facts were read.
    #[expect(clippy::disallowed_methods, reason = "workers get one scope for each organization")]
    async fn line_up(&self, listener: &Listener) -> Result<usize, PortError> {
        let scope = Scope::new(listener.organization, Actor::System(WEBHOOKS));
        let found = self.facts.facts(&scope, Some(&listener.position), BATCH).await?;
        if found.items.is_empty() {
            return Ok(0);
        }
        let heard = found.items.iter().filter(|fact| listener.endpoint.hears(&fact.fact));
        let deliveries = heard.map(|fact| self.delivery(fact)).collect();
        self.work.line_up(listener, deliveries, &found.end).await?;
        Ok(found.items.len())
    }

    fn delivery(&self, fact: &OutboxRow) -> NewDelivery {
        let body = told(fact.id, &fact.fact, fact.at, (&fact.entity, fact.entity_id, fact.entity_version), &fact.payload);
        let (fact_name, entity_id) = (fact.fact.clone(), fact.entity_id);
        NewDelivery { id: self.ids.id(), message: fact.id, fact: fact_name, entity_id, body, created_at: self.clock.now() }
    }

    async fn tell(&self, listener: &Listener, delivery: &ClaimedDelivery, secrets: &[WebhookSecret]) -> Result<(), PortError> {
        let message = WebhookMessage {
            url: listener.endpoint.details.url.as_str().to_owned(),
            id: delivery.message,
            at: self.clock.now(),
            body: delivery.body.clone(),
            secrets: secrets.to_vec(),
        };
        let answered = self.sender.send(&message).await;
        let now = self.clock.now();
        let (status, error) = match answered {
            Ok(status @ 200..=299) => (Some(status), None),
            Ok(status) => (Some(status), Some(format!("answered {status}"))),
            Err(why) => (None, Some(why.to_owned())),
        };
        let again_at = if error.is_some() { self.again_at(delivery.attempt, now) } else { None };
        let failing_since = self.work.settle(listener, delivery, Tried { status, error, again_at }, now).await?;
        let reason = match (status, failing_since) {
            (Some(410), _) => DisabledReason::Gone,
            (_, Some(since)) if since + WebhookEndpoint::PATIENCE <= now => DisabledReason::Failing,
            _ => return Ok(()),
        };
        self.disable(listener, reason, now).await
    }

    /// When a delivery that failed is tried again, with some randomness, so that what failed together does not come back together.
    fn again_at(&self, attempt: u32, now: Instant) -> Option<Instant> {
        let wait = self.first_wait * *WAITS.get(usize::try_from(attempt).ok()?.checked_sub(1)?)?;
        let random = i32::from(self.ids.secret()[0]);
        Some(now + wait * (1000 + random) / 1255)
    }

    #[expect(clippy::disallowed_methods, reason = "workers get one scope for each organization")]
    async fn disable(&self, listener: &Listener, reason: DisabledReason, now: Instant) -> Result<(), PortError> {
        let scope = Scope::new(listener.organization, Actor::System(WEBHOOKS));
        transact(&*self.transactions, &scope, async |tx| {
            let Some(endpoint) = tx.webhook_endpoints().find(listener.endpoint.id).await? else { return Ok(()) };
            match endpoint.disable(reason, now) {
                Some(disabled) => tx.webhook_endpoints().save(&disabled).await,
                None => Ok(()),
            }
        })
        .await
    }
}
