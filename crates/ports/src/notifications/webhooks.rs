//! Webhooks: who is told facts, what is on its way to them, and how it gets there.

use std::fmt;

use async_trait::async_trait;
use matricula_domain::identity::OrganizationId;
use matricula_domain::notifications::{WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpoint, WebhookEndpointId};
use matricula_domain::shared::{Changed, Instant};
use uuid::Uuid;

use crate::{Cursor, Page, PortError, Scope, Slice};

/// What signs that a message is from us. It shows itself to nobody who only debugs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WebhookSecret(pub [u8; 32]);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// Something that an endpoint shall be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Id.
    pub id: WebhookDeliveryId,
    /// What receivers know it by, however often it comes: the fact's id.
    pub message: Uuid,
    /// `lead.captured`.
    pub fact: String,
    /// About which thing: what is told of one thing is told in order.
    pub entity_id: Uuid,
    /// What is told, as JSON.
    pub body: String,
    /// Since when.
    pub created_at: Instant,
}

/// Webhook endpoints.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WebhookEndpointRepository: Send + Sync {
    /// An endpoint.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: WebhookEndpointId) -> Result<Option<WebhookEndpoint>, PortError>;

    /// Saves a new endpoint with its secret, which is told what happens from a place in the facts on.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn add(&self, endpoint: &Changed<WebhookEndpoint>, secret: WebhookSecret, from: &Cursor) -> Result<(), PortError>;

    /// Saves an endpoint whose secret was rotated.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn rotate(&self, endpoint: &Changed<WebhookEndpoint>, secret: WebhookSecret) -> Result<(), PortError>;

    /// Saves any other change.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, endpoint: &Changed<WebhookEndpoint>) -> Result<(), PortError>;

    /// A delivery.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn delivery(&self, id: WebhookDeliveryId) -> Result<Option<DeliveryRow>, PortError>;

    /// Puts something in line that is not a fact.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn deliver(&self, endpoint: WebhookEndpointId, delivery: NewDelivery) -> Result<(), PortError>;

    /// Puts a delivery that is over in line once more.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn deliver_again(&self, delivery: WebhookDeliveryId, now: Instant) -> Result<(), PortError>;
}

/// A delivery as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Id.
    pub id: WebhookDeliveryId,
    /// To whom.
    pub endpoint: WebhookEndpointId,
    /// What receivers know it by.
    pub message: Uuid,
    /// `lead.captured`.
    pub fact: String,
    /// Where it stands.
    pub status: WebhookDeliveryStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, if it is.
    pub next_at: Instant,
    /// What the endpoint answered last.
    pub last_status: Option<u16>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// Since when.
    pub created_at: Instant,
    /// When it was delivered or given up.
    pub finished_at: Option<Instant>,
}

/// Reads of webhooks.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WebhookQueries: Send + Sync {
    /// Endpoints, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn endpoints(&self, scope: &Scope, archived: bool, page: &Page) -> Result<Slice<WebhookEndpoint>, PortError>;

    /// One endpoint.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn endpoint(&self, scope: &Scope, id: WebhookEndpointId) -> Result<Option<WebhookEndpoint>, PortError>;

    /// Deliveries to an endpoint, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn deliveries(
        &self,
        scope: &Scope,
        endpoint: WebhookEndpointId,
        status: Option<WebhookDeliveryStatus>,
        page: &Page,
    ) -> Result<Slice<DeliveryRow>, PortError>;
}

/// An endpoint that is to be told something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// In which organization.
    pub organization: OrganizationId,
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// Up to where its facts have become deliveries.
    pub position: Cursor,
    /// How many deliveries there were.
    pub next_number: i64,
    /// How many are waiting, up to a bound.
    pub waiting: u32,
}

/// A delivery that somebody makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Id.
    pub id: WebhookDeliveryId,
    /// What receivers know it by.
    pub message: Uuid,
    /// What is told.
    pub body: String,
    /// The how-manieth try this is, from 1.
    pub attempt: u32,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What the endpoint answered, if it did.
    pub status: Option<u16>,
    /// Why it failed; `None` if it did not.
    pub error: Option<String>,
    /// When it is tried again; `None` if it is not.
    pub again_at: Option<Instant>,
}

/// What the workers do with deliveries.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WebhookWork: Send + Sync {
    /// Endpoints at work in this database, behind one, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn listeners(&self, behind: Option<WebhookEndpointId>, most: u32) -> Result<Vec<Listener>, PortError>;

    /// Puts deliveries in line and remembers up to where the facts were read, both or neither; `false` if somebody else has moved on
    /// meanwhile, and then nothing is done.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn line_up(&self, listener: &Listener, deliveries: Vec<NewDelivery>, read_up_to: &Cursor) -> Result<bool, PortError>;

    /// Takes deliveries that are due until a time, at most so many, of each thing only the first. The try is counted before it is made.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn claim(&self, listener: &Listener, now: Instant, until: Instant, most: u32) -> Result<Vec<ClaimedDelivery>, PortError>;

    /// What signs for an endpoint now, the newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn secrets(&self, listener: &Listener, now: Instant) -> Result<Vec<WebhookSecret>, PortError>;

    /// Writes down how a try ended; answers since when the endpoint fails, if it does.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn settle(&self, listener: &Listener, delivery: &ClaimedDelivery, tried: Tried, now: Instant) -> Result<Option<Instant>, PortError>;

    /// Removes deliveries that were over before a time, at most so many; answers how many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn sweep_deliveries(&self, before: Instant, most: u32) -> Result<u64, PortError>;
}

/// A message as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookMessage {
    /// Where to.
    pub url: String,
    /// What receivers know it by.
    pub id: Uuid,
    /// When it is sent.
    pub at: Instant,
    /// What is told.
    pub body: String,
    /// What signs it.
    pub secrets: Vec<WebhookSecret>,
}

/// Why an address is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookRefusal {
    /// It is not spoken to over TLS.
    NotHttps,
    /// It leads into a private network, or to nobody's.
    NotPublic,
}

/// Tells endpoints what happens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Whether an address may be spoken to, as far as it can be seen now; it is looked at again for each message.
    ///
    /// # Errors
    /// [`WebhookRefusal`].
    async fn admits(&self, url: &str) -> Result<(), WebhookRefusal>;

    /// Sends a message; what is answered is a status, else some words about why there is none.
    ///
    /// # Errors
    /// Why nothing was answered.
    async fn send(&self, message: &WebhookMessage) -> Result<u16, &'static str>;
}
