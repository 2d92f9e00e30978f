//! Privacy: what may be done with a person's data, and the proof of it.
//!
//! One ledger a person holds what they were told, agreed to, confirmed, took back and objected to ([`Ledger`]). Entries are only ever
//! added; every state is a fold of them, as of any moment. One function answers whether something may be done
//! ([`Ledger::permission`]), and only its yes yields the key without which nothing is sent ([`Permitted`]). The words that people
//! agreed to stay as they were ([`ConsentText`]), and forms that would make a consent void are not published ([`check_boxes`]).
//!
//! The rules come from the GDPR, the Spanish LOPDGDD, LSSI and Ley 11/2022; each stands beside the code that keeps it.
//!
//! ```
//! use matricula_domain::people::PersonId;
//! use matricula_domain::privacy::{
//!     AgeRules, Ask, Channel, ConsentAction, ConsentActor, ConsentEventId, ConsentTextId, Decision, Evidence, EvidenceId, Intake, Ledger,
//!     Purpose, Reason, Shown, TickedBox, wording_sha256,
//! };
//! use matricula_domain::shared::{Id, Instant};
//! use uuid::Uuid;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ages = AgeRules::default();
//! let at = |time: &str| format!("2026-03-01T{time}Z").parse::<Instant>();
//! let shown = |n, wording| Shown {
//!     id: ConsentEventId::from_uuid(Uuid::from_u128(n)),
//!     text: Some(ConsentTextId::from_uuid(Uuid::from_u128(n))),
//!     wording_sha256: Some(wording_sha256(wording)),
//! };
//!
//! // A form is sent with its e-mail box ticked.
//! let ledger = Ledger::new(PersonId::from_uuid(Uuid::from_u128(1)));
//! let captured = ledger.capture(
//!     Intake {
//!         form_version: Some(Uuid::from_u128(3)),
//!         notice: shown(11, "Responsable: Academia Ejemplo …"),
//!         boxes: vec![TickedBox { purpose: Purpose::EmailMarketing, label: shown(12, "Quiero recibir información por correo.") }],
//!         actor: ConsentActor::Subject,
//!         channel: Channel::Web,
//!         evidence: Evidence {
//!             id: EvidenceId::from_uuid(Uuid::from_u128(21)),
//!             ip: Some("203.0.113.7".parse()?),
//!             user_agent: Some("X".into()),
//!             referer: None,
//!             page_url: None,
//!         },
//!         at: at("10:00:00")?,
//!     },
//!     &ages,
//! )?;
//! let ledger = captured.into_state();
//!
//! // Nothing is sent before the owner of the address confirmed.
//! let ask = |time| at(time).map(|at| Ask { purpose: Purpose::EmailMarketing, channel: Channel::Email, at, category: None });
//! let verdict = ledger.permission(&ask("10:01:00")?, &ages);
//! assert_eq!((verdict.reason(), verdict.permitted()), (Reason::DoiPending, None));
//!
//! let decide = |ledger: &Ledger, n, action, time| -> Result<Ledger, Box<dyn std::error::Error>> {
//!     let decision = Decision {
//!         id: ConsentEventId::from_uuid(Uuid::from_u128(n)),
//!         purpose: Purpose::EmailMarketing,
//!         action,
//!         actor: ConsentActor::Subject,
//!         channel: Channel::Web,
//!         text: None,
//!         wording_sha256: None,
//!         evidence: None,
//!         at: at(time)?,
//!     };
//!     Ok(ledger.decide(decision, &ages)?.ok_or("said before")?.into_state())
//! };
//!
//! // The owner confirms: now there is a key, with the proof in it.
//! let ledger = decide(&ledger, 13, ConsentAction::Confirmed, "10:05:00")?;
//! let verdict = ledger.permission(&ask("10:06:00")?, &ages);
//! assert_eq!(verdict.reason(), Reason::Consent);
//! assert_eq!(verdict.permitted().and_then(|key| key.evidence()), Some(ConsentEventId::from_uuid(Uuid::from_u128(13))));
//!
//! // The owner takes it back, which holds at once, and changes nothing about the time before.
//! let ledger = decide(&ledger, 14, ConsentAction::Withdrawn, "10:10:00")?;
//! assert_eq!(ledger.permission(&ask("10:10:00")?, &ages).reason(), Reason::Withdrawn);
//! assert_eq!(ledger.permission(&ask("10:06:00")?, &ages).reason(), Reason::Consent);
//! # Ok(())
//! # }
//! ```

mod age;
mod error;
mod event;
mod form_boxes;
mod ledger;
mod permission;
mod purpose;
mod story;
mod text;

#[cfg(test)]
mod tests;

// How old somebody is and whether their data may be worked with is known of the person; both are words of this context too.
pub use crate::people::{AgeBand, Standing};

pub use age::{AgeRule, AgeRules};
pub use error::ConsentError;
pub use event::{ConsentAction, ConsentActor, ConsentEvent, ConsentEventId, Evidence, EvidenceGrade, EvidenceId};
pub use form_boxes::{ConsentBox, check_boxes};
pub use ledger::{
    Attestation, ConsentFact, CustomerRelation, Decision, Intake, Ledger, LedgerParts, Shown, Suppression, SuppressionReason, TickedBox,
};
pub use permission::{Ask, ConsentState, Permitted, Reason, Ruling, Verdict};
pub use purpose::{Basis, Channel, Purpose};
pub use text::{ConsentText, ConsentTextId, TextBody, TextFact, TextKind, TextParts, wording_sha256};
