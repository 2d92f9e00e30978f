//! What is still to be told or done, and who is at it.

pub mod feed_cursors;
pub mod idempotency_keys;
pub mod jobs;
pub mod leases;
pub mod outbox;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
