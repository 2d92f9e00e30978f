//! Work that is done later: jobs, and what follows the feeds of audit and outbox.

mod follow;
mod herald;
mod mail;
mod webhooks;
mod work;

#[cfg(test)]
mod tests;

pub use follow::{BATCH, Followers, Receiver};
use herald::told;
pub use herald::{Herald, MOST_ATTEMPTS};
pub(crate) use mail::mail_about;
pub use mail::{MAIL, Postman, link_address};
pub use webhooks::{WebhookError, Webhooks, WithSecret};
pub use work::{Handler, JobError, SEATS_SWEEP, Schedule, Worked, Workshop};

use matricula_domain::shared::{Instant, Value};
use matricula_ports::notifications::NewJob;
use uuid::Uuid;

use crate::World;

/// The job that ends holds and offers of an organization when their time is over, enqueued with them.
pub(crate) fn seats_sweep_at(world: &World, of: Uuid, at: Instant) -> NewJob {
    NewJob {
        id: world.ids.next(),
        kind: SEATS_SWEEP,
        dedupe_key: format!("{of}@{}", at.timestamp_micros()),
        payload: Value::Map(Vec::new()),
        run_at: at,
    }
}
