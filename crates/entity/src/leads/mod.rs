//! What people ask for, in which form, and what came of it.

pub mod form_versions;
pub mod forms;
pub mod lead_activities;
pub mod lead_touches;
#[expect(clippy::module_inception, reason = "the table is called like its context")]
pub mod leads;
