//! Leads: one person's interest in one course, from the form to the seat.
//!
//! ```
//! use matricula_domain::leads::{Capture, Lead, LeadError, LeadId, LeadStatus, LeadTargets, WorkingHours};
//! use matricula_domain::people::PersonId;
//! use matricula_domain::shared::{Field, Form, Id, Instant, Value};
//! use uuid::Uuid;
//!
//! let now: Instant = Field::parse(&Value::from("2026-03-01T10:00:00Z")).unwrap();
//! let form = Value::Map(vec![
//!     ("name".into(), "Lucía Pérez".into()),
//!     ("email".into(), "lucia@example.es".into()),
//!     ("gdpr_consent".into(), Value::Bool(true)),
//!     ("privacy_policy_accepted".into(), Value::Bool(true)),
//! ]);
//! let capture = Capture::read(&form).unwrap();
//! let person = PersonId::from_uuid(Uuid::from_u128(1));
//! let lead = Lead::capture(LeadId::from_uuid(Uuid::from_u128(2)), person, &capture, LeadTargets::default(), &WorkingHours::default(), now).into_state();
//! assert_eq!(lead.status(), LeadStatus::New);
//!
//! // Rejecting needs a reason; converting needs an enrollment, and so has a method of its own.
//! assert_eq!(lead.transition(LeadStatus::Rejected, None, now).unwrap_err(), LeadError::ReasonRequired);
//! let lead = lead.transition(LeadStatus::Contacted, None, now).unwrap().into_state();
//! let lead = lead.convert(Uuid::from_u128(3), now).unwrap().into_state();
//! assert!(matches!(lead.transition(LeadStatus::New, None, now), Err(LeadError::InvalidTransition { .. })));
//! ```

mod activity;
mod capture;
mod error;
mod form;
mod lead;
mod response;
mod touch;

pub use activity::{Activity, ActivityId, ActivityKind, CallOutcome, NewActivity};
pub use capture::{Capture, ClickIds, Utm};
pub use error::LeadError;
pub use form::{FormId, FormVersion, FormVersionFact, FormVersionId, FormVersionParts, NewFormVersion};
pub use lead::{Lead, LeadChange, LeadFact, LeadId, LeadParts, LeadStatus, LeadTargets};
pub use response::{FIRST_RESPONSE, FOLLOW_UP, WorkingHours};
pub use touch::{Touch, TouchId};
