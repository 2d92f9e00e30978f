//! What people were told, what they said to it, and the proof.

pub mod age_limits;
pub mod consent_events;
pub mod consent_evidence;
pub mod consent_texts;
pub mod suppressions;
