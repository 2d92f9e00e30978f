use std::sync::Arc;

use matricula_domain::notifications::{
    DisabledReason, WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpoint, WebhookEndpointDetails, WebhookEndpointId, WebhookStatus,
};
use matricula_domain::shared::{Changed, Fault, Faults, Id, Instant, Value};
use matricula_ports::notifications::{DeliveryRow, FactQueries, NewDelivery, WebhookRefusal, WebhookSecret, WebhookSender};
use matricula_ports::{PortError, Tx, transact};

use super::told;
use crate::access::{Allowed, ManageWebhooks};
use crate::{Expected, World};

/// The fact that did not happen.
const TEST: &str = "webhook_endpoint.test";

/// Why a use case of webhooks does not happen.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no such thing in this organization.
    #[error("not found")]
    NotFound,
    /// It is so already.
    #[error("already so")]
    AlreadySo,
    /// The endpoint is told nothing, so it can be told nothing again.
    #[error("the endpoint is not at work")]
    NotAtWork,
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// An endpoint with a secret that is told now and never again.
#[derive(Debug)]
pub struct WithSecret {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// What signs.
    pub secret: WebhookSecret,
}

/// The use cases around who is told facts.
#[derive(Clone)]
pub struct Webhooks {
    world: World,
    facts: Arc<dyn FactQueries>,
    sender: Arc<dyn WebhookSender>,
}

impl Webhooks {
    /// Over this world.
    pub fn new(world: World, facts: Arc<dyn FactQueries>, sender: Arc<dyn WebhookSender>) -> Self {
        Self { world, facts, sender }
    }

    /// Adds an endpoint, which is told what happens from now on.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn create(&self, who: &Allowed<ManageWebhooks>, details: &WebhookEndpointDetails) -> Result<WithSecret, WebhookError> {
        self.admitted(details).await?;
        let from = self.facts.end(who.scope()).await?;
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let created = WebhookEndpoint::create(self.world.id(), details.clone(), self.world.now());
            let secret = WebhookSecret(self.world.ids.secret());
            tx.webhook_endpoints().add(&created, secret, &from).await?;
            Ok(WithSecret { endpoint: created.into_state(), secret })
        })
        .await
    }

    /// Changes the fields that the patch names.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn change(
        &self,
        who: &Allowed<ManageWebhooks>,
        id: WebhookEndpointId,
        patch: &Value,
        expected: Expected,
    ) -> Result<WebhookEndpoint, WebhookError> {
        let before = transact(&*self.world.transactions, who.scope(), async |tx| found(tx, id).await).await?;
        self.admitted(&before.change(patch, self.world.now())?.into_state().details).await?;
        self.endpoint(who, id, expected, |endpoint, now| Ok(endpoint.change(patch, now)?)).await
    }

    /// Tells an endpoint facts again, or nothing more.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn transition(&self, who: &Allowed<ManageWebhooks>, id: WebhookEndpointId, to: WebhookStatus) -> Result<WebhookEndpoint, WebhookError> {
        self.endpoint(who, id, Expected::Any, |endpoint, now| {
            let changed = match to {
                WebhookStatus::Active => endpoint.activate(now),
                WebhookStatus::Disabled => endpoint.disable(DisabledReason::ByHand, now),
            };
            changed.ok_or(WebhookError::AlreadySo)
        })
        .await
    }

    /// Hides an endpoint, with undo. It is told nothing meanwhile.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn archive(&self, who: &Allowed<ManageWebhooks>, id: WebhookEndpointId) -> Result<WebhookEndpoint, WebhookError> {
        self.endpoint(who, id, Expected::Any, |endpoint, now| endpoint.archive(now).ok_or(WebhookError::AlreadySo)).await
    }

    /// Undoes [`Webhooks::archive`].
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn restore(&self, who: &Allowed<ManageWebhooks>, id: WebhookEndpointId) -> Result<WebhookEndpoint, WebhookError> {
        self.endpoint(who, id, Expected::Any, |endpoint, now| endpoint.restore(now).ok_or(WebhookError::AlreadySo)).await
    }

    /// Gives an endpoint another secret; the old one signs too for a while.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn rotate(&self, who: &Allowed<ManageWebhooks>, id: WebhookEndpointId) -> Result<WithSecret, WebhookError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let rotated = found(tx, id).await?.rotate(self.world.now());
            let secret = WebhookSecret(self.world.ids.secret());
            tx.webhook_endpoints().rotate(&rotated, secret).await?;
            Ok(WithSecret { endpoint: rotated.into_state(), secret })
        })
        .await
    }

    /// Sends an endpoint something that did not happen.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn test(&self, who: &Allowed<ManageWebhooks>, id: WebhookEndpointId) -> Result<DeliveryRow, WebhookError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let now = self.world.now();
            let tested = at_work(found(tx, id).await?)?.test(now);
            let message = self.world.ids.next();
            let entity = ("webhook_endpoint", id.as_uuid(), tested.state().version);
            let body = told(message, TEST, now, entity, "{}");
            let delivery = NewDelivery { id: self.world.id(), message, fact: TEST.to_owned(), entity_id: id.as_uuid(), body, created_at: now };
            tx.webhook_endpoints().save(&tested).await?;
            tx.webhook_endpoints().deliver(id, delivery.clone()).await?;
            Ok(DeliveryRow {
                id: delivery.id,
                endpoint: id,
                message,
                fact: delivery.fact,
                status: WebhookDeliveryStatus::Waiting,
                attempts: 0,
                next_at: now,
                last_status: None,
                last_error: None,
                created_at: now,
                finished_at: None,
            })
        })
        .await
    }

    /// Tells an endpoint once more what it was told, or should have been: the same words under the same id. What waits is tried at once.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub async fn replay(&self, who: &Allowed<ManageWebhooks>, id: WebhookDeliveryId) -> Result<DeliveryRow, WebhookError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let now = self.world.now();
            let delivery = tx.webhook_endpoints().delivery(id).await?.ok_or(WebhookError::NotFound)?;
            let endpoint = at_work(found(tx, delivery.endpoint).await?)?;
            tx.webhook_endpoints().save(&endpoint.replay(id, now)).await?;
            tx.webhook_endpoints().deliver_again(id, now).await?;
            Ok(DeliveryRow { status: WebhookDeliveryStatus::Waiting, attempts: 0, next_at: now, finished_at: None, ..delivery })
        })
        .await
    }

    /// Refuses an address that may not be spoken to.
    async fn admitted(&self, details: &WebhookEndpointDetails) -> Result<(), Faults> {
        let (code, why) = match self.sender.admits(details.url.as_str()).await {
            Ok(()) => return Ok(()),
            Err(WebhookRefusal::NotHttps) => ("HTTPS_REQUIRED", "must begin with https://"),
            Err(WebhookRefusal::NotPublic) => ("NOT_PUBLIC", "must lead to a public address"),
        };
        Err(Fault::rule("/url", code, why).into())
    }

    async fn endpoint(
        &self,
        who: &Allowed<ManageWebhooks>,
        id: WebhookEndpointId,
        expected: Expected,
        change: impl Fn(&WebhookEndpoint, Instant) -> Result<Changed<WebhookEndpoint>, WebhookError>,
    ) -> Result<WebhookEndpoint, WebhookError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let endpoint = found(tx, id).await?;
            expected.met_by(&endpoint)?;
            let changed = change(&endpoint, self.world.now())?;
            tx.webhook_endpoints().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}

async fn found(tx: &Tx, id: WebhookEndpointId) -> Result<WebhookEndpoint, WebhookError> {
    tx.webhook_endpoints().find(id).await?.ok_or(WebhookError::NotFound)
}

fn at_work(endpoint: WebhookEndpoint) -> Result<WebhookEndpoint, WebhookError> {
    if endpoint.status == WebhookStatus::Active && endpoint.archived_at.is_none() { Ok(endpoint) } else { Err(WebhookError::NotAtWork) }
}
