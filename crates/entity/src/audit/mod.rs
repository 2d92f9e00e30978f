//! Who did what, and the chain that shows whether something is missing.

pub mod audit_details;
pub mod audit_entries;
pub mod audit_heads;
pub mod audit_seals;
