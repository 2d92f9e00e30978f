//! The cases of `privacy.md` §4 that are about consent, the order of the rules, and what holds of every ledger.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Id, Instant, Value};

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn id<T: Id>(n: u128) -> T {
    T::from_uuid(Uuid::from_u128(n))
}

fn event(n: u128, purpose: Purpose, action: ConsentAction, when: &str) -> ConsentEvent {
    ConsentEvent {
        id: id(n),
        purpose,
        purpose_version: 1,
        action,
        form_version: None,
        text: None,
        wording_sha256: None,
        at: at(when),
        actor: if action == ConsentAction::GuardianApproved { ConsentActor::Guardian } else { ConsentActor::Subject },
        channel: Channel::Web,
        evidence: None,
        grade: None,
        supersedes: None,
    }
}

/// A ledger with changes.
fn ledger(change: impl FnOnce(&mut LedgerParts)) -> Ledger {
    let mut parts = Ledger::new(id(1)).parts().clone();
    change(&mut parts);
    Ledger::load(parts)
}

/// A ledger of entries `(purpose, action, when)`, numbered from 1.
fn story(entries: &[(Purpose, ConsentAction, &str)]) -> Ledger {
    ledger(|parts| {
        let numbered = (1..).zip(entries);
        parts.events = numbered.map(|(n, (purpose, action, when))| event(n, *purpose, *action, when)).collect();
    })
}

fn decision(purpose: Purpose, action: ConsentAction, actor: ConsentActor, when: Instant) -> Decision {
    Decision { id: id(99), purpose, action, actor, channel: Channel::Web, text: None, wording_sha256: None, evidence: None, at: when }
}

fn decide(ledger: &Ledger, purpose: Purpose, action: ConsentAction, actor: ConsentActor, when: &str) -> Result<Option<Ledger>, ConsentError> {
    ledger.decide(decision(purpose, action, actor, at(when)), &AgeRules::default()).map(|changed| changed.map(Changed::into_state))
}

/// As [`decide`], by the person, where it has to be entered.
fn decided(ledger: &Ledger, purpose: Purpose, action: ConsentAction, when: &str) -> Ledger {
    decide(ledger, purpose, action, ConsentActor::Subject, when).unwrap().unwrap()
}

fn ask(purpose: Purpose, channel: Channel, when: &str) -> Ask {
    Ask { purpose, channel, at: at(when), category: None }
}

fn reason_by(ledger: &Ledger, purpose: Purpose, channel: Channel, when: &str) -> Reason {
    ledger.permission(&ask(purpose, channel, when), &AgeRules::default()).reason()
}

fn reason(ledger: &Ledger, purpose: Purpose, when: &str) -> Reason {
    reason_by(ledger, purpose, purpose.channel().unwrap_or(Channel::Email), when)
}

fn intake(purposes: &[Purpose], actor: ConsentActor, when: &str) -> Intake {
    let shown = |n, wording| Shown { id: id(n), text: Some(id(n + 100)), wording_sha256: Some(wording_sha256(wording)) };
    Intake {
        form_version: Some(Uuid::from_u128(3)),
        notice: shown(11, "Responsable: Academia Ejemplo"),
        boxes: purposes.iter().zip(12..).map(|(purpose, n)| TickedBox { purpose: *purpose, label: shown(n, purpose.as_str()) }).collect(),
        actor,
        channel: Channel::Web,
        evidence: Evidence { id: id(21), ip: Some("203.0.113.7".parse().unwrap()), user_agent: Some("X".into()), referer: None, page_url: None },
        at: at(when),
    }
}

fn captured(ledger: &Ledger, purposes: &[Purpose], actor: ConsentActor, when: &str) -> Result<Changed<Ledger>, ConsentError> {
    ledger.capture(intake(purposes, actor, when), &AgeRules::default())
}

mod cases;

/// The order of the rules of `Ledger::permission`.
mod order;

mod properties;
