//! What the program tells people by mail: which messages there are, in which languages, and what each of them may say. And which programs
//! outside are told what happens.
//!
//! ```
//! use matricula_domain::notifications::Message;
//!
//! assert!(Message::PasswordReset.variables().contains(&"link"));
//! ```

mod message;
mod webhook_endpoint;

pub use message::Message;
pub use webhook_endpoint::{
    DisabledReason, FactPattern, WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpoint, WebhookEndpointDetails, WebhookEndpointFact,
    WebhookEndpointId, WebhookStatus, WebhookUrl,
};
