use super::*;
use ConsentAction::{Confirmed, Granted, Objected, Withdrawn};
use Purpose::EmailMarketing;

const NOW: &str = "2026-03-01T10:00:00Z";

#[test]
fn each_outcome_has_a_ledger_that_comes_to_it() {
    type Case = (Reason, Purpose, fn(&mut LedgerParts));
    let cases: &[Case] = &[
        (Reason::Blocked, EmailMarketing, |parts| parts.standing = Standing::Blocked),
        (Reason::Blocked, EmailMarketing, |parts| parts.standing = Standing::Destroyed),
        (Reason::Restricted, EmailMarketing, |parts| parts.standing = Standing::Restricted),
        (Reason::Objected, EmailMarketing, |parts| parts.events = vec![event(1, EmailMarketing, Objected, NOW)]),
        (Reason::Objected, EmailMarketing, |parts| suppress(parts, SuppressionReason::Objected)),
        (Reason::Suppressed, EmailMarketing, |parts| suppress(parts, SuppressionReason::Complaint)),
        (Reason::Suppressed, EmailMarketing, |parts| suppress(parts, SuppressionReason::HardBounce)),
        (Reason::GuardianRequired, EmailMarketing, |parts| parts.age_band = Some(AgeBand::Under14)),
        (Reason::Withdrawn, EmailMarketing, |parts| parts.events = vec![event(1, EmailMarketing, Withdrawn, NOW)]),
        (Reason::Withdrawn, EmailMarketing, |parts| suppress(parts, SuppressionReason::Withdrawn)),
        (Reason::DoiPending, EmailMarketing, |parts| parts.events = vec![event(1, EmailMarketing, Granted, NOW)]),
        (Reason::Expired, EmailMarketing, |parts| consent(parts, "2024-01-01T00:00:00Z")),
        (Reason::RefreshRequired, EmailMarketing, |parts| {
            consent(parts, "2026-01-01T00:00:00Z");
            parts.material_texts = vec![(EmailMarketing, at(NOW))];
        }),
        (Reason::Consent, EmailMarketing, |parts| consent(parts, NOW)),
        (Reason::SoftOptIn, Purpose::CustomerSimilar, |parts| buy(parts, "health")),
        (Reason::PreContract, Purpose::LeadEnquiry, |_| {}),
        (Reason::Contract, Purpose::EnrolmentContract, |_| {}),
        (Reason::LegalObligation, Purpose::SubsidisedRecord, |_| {}),
        (Reason::LegitimateInterest, Purpose::SecurityAudit, |_| {}),
        (Reason::NotOwnProduct, Purpose::CustomerSimilar, |parts| buy(parts, "logistics")),
        (Reason::NoConsent, EmailMarketing, |_| {}),
    ];
    for (reason, purpose, change) in cases {
        let verdict = verdict(&ledger(change), *purpose);
        assert_eq!(verdict.reason(), *reason);
        let allowed = verdict.basis().is_some_and(|basis| Reason::from(basis) == *reason);
        assert_eq!((verdict.decision() == Ruling::Allow, verdict.permitted().is_some()), (allowed, allowed), "{reason}");
    }
    for reason in Reason::ALL {
        assert!(cases.iter().any(|(covered, ..)| covered == reason), "no case for {reason}");
    }
}

#[test]
fn each_earlier_rule_beats_each_later_one() {
    type Rule = (Reason, fn(&mut LedgerParts));
    // Each adds what its rule looks for. Two pairs exclude each other: a person has one standing, and what holds already does not
    // wait for its confirmation.
    let rules: &[Rule] = &[
        (Reason::Blocked, |parts| parts.standing = Standing::Blocked),
        (Reason::Restricted, |parts| parts.standing = Standing::Restricted),
        (Reason::Objected, |parts| suppress(parts, SuppressionReason::Objected)),
        (Reason::Suppressed, |parts| suppress(parts, SuppressionReason::Complaint)),
        (Reason::GuardianRequired, |parts| parts.age_band = Some(AgeBand::Under14)),
        (Reason::Withdrawn, |parts| suppress(parts, SuppressionReason::Withdrawn)),
        (Reason::DoiPending, |parts| parts.events.push(event(3, EmailMarketing, Granted, "2026-02-01T00:00:00Z"))),
        (Reason::Expired, |parts| consent(parts, "2024-01-01T00:00:00Z")),
        (Reason::RefreshRequired, |parts| {
            consent_unless_there(parts);
            parts.material_texts = vec![(EmailMarketing, at(NOW))];
        }),
        (Reason::Consent, consent_unless_there),
        (Reason::NoConsent, |_| {}),
    ];
    for (n, (earlier, change)) in rules.iter().enumerate() {
        for (later, other) in &rules[n + 1..] {
            if matches!((earlier, later), (Reason::Blocked, Reason::Restricted) | (Reason::DoiPending, Reason::Consent)) {
                continue;
            }
            let both = ledger(|parts| {
                change(parts);
                other(parts);
            });
            assert_eq!(verdict(&both, EmailMarketing).reason(), *earlier, "{earlier} before {later}");
        }
    }
}

#[test]
fn a_refusal_beats_every_basis() {
    type Rule = (Reason, fn(&mut LedgerParts, Purpose));
    for purpose in [Purpose::CustomerSimilar, Purpose::LeadEnquiry, Purpose::ScoringProfiling] {
        let rules: &[Rule] = &[
            (Reason::Blocked, |parts, _| parts.standing = Standing::Blocked),
            (Reason::Restricted, |parts, _| parts.standing = Standing::Restricted),
            (Reason::Objected, |parts, purpose| parts.events.push(event(1, purpose, Objected, NOW))),
            (Reason::GuardianRequired, |parts, _| parts.age_band = Some(AgeBand::Under14)),
            (Reason::Withdrawn, |parts, purpose| parts.events.push(event(2, purpose, Withdrawn, NOW))),
        ];
        for (reason, change) in rules {
            let refused = ledger(|parts| {
                buy(parts, "health");
                change(parts, purpose);
            });
            assert_eq!(verdict(&refused, purpose).reason(), *reason, "{purpose}");
        }
    }
}

fn suppress(parts: &mut LedgerParts, reason: SuppressionReason) {
    parts.suppressions.push(Suppression { channel: Channel::Email, reason, at: at(NOW) });
}

/// A confirmed consent, before all other entries.
fn consent(parts: &mut LedgerParts, when: &str) {
    parts.events.splice(0..0, [event(1, EmailMarketing, Granted, when), event(2, EmailMarketing, Confirmed, when)]);
}

fn consent_unless_there(parts: &mut LedgerParts) {
    if parts.events.iter().all(|event| event.action != Confirmed) {
        consent(parts, "2026-01-01T00:00:00Z");
    }
}

fn buy(parts: &mut LedgerParts, category: &str) {
    parts.relations.push(CustomerRelation { optout_offered_at_collection: true, category: category.to_owned() });
}

fn verdict(ledger: &Ledger, purpose: Purpose) -> Verdict {
    ledger.permission(&Ask { category: Some("health".into()), ..ask(purpose, Channel::Email, NOW) }, &AgeRules::default())
}
