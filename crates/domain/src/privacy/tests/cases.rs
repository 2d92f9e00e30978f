use super::*;
use ConsentAction::{Confirmed, Expired, Granted, GuardianApproved, LegacyAttested, NoticeShown, Objected, Refused, Requested, Withdrawn};
use ConsentActor::{Guardian, Operator, Subject, System};
use Purpose::{CustomerSimilar, EmailMarketing, LeadEnquiry, OpenClickTracking, PhoneMarketing, ScoringProfiling, SmsMarketing};

const NOW: &str = "2026-03-01T10:00:00Z";
const LATER: &str = "2026-03-01T11:00:00Z";

#[test]
fn d01_a_ticked_box_is_one_notice_and_one_grant_with_the_same_proof() {
    let captured = captured(&Ledger::new(id(1)), &[EmailMarketing], Subject, NOW).unwrap();
    let fact = captured.fact();
    let entries: Vec<_> = fact.events.iter().map(|event| (event.purpose, event.action)).collect();
    assert_eq!(entries, [(LeadEnquiry, NoticeShown), (EmailMarketing, Granted)]);
    assert_eq!(captured.state().events(), fact.events);
    for event in &fact.events {
        assert_eq!((event.at, event.form_version, event.evidence), (at(NOW), Some(Uuid::from_u128(3)), Some(id(21))));
    }
    assert_eq!(fact.events[1].text, Some(id(112)));
    assert_eq!(fact.events[1].wording_sha256, Some(wording_sha256("email_marketing")));
    let evidence = fact.evidence.as_ref().unwrap();
    assert_eq!((evidence.ip, evidence.user_agent.as_deref()), (Some("203.0.113.7".parse().unwrap()), Some("X")));
    assert_eq!(fact.verb(), "granted");
}

#[test]
fn d03_a_form_without_a_ticked_box_allows_the_enquiry_alone() {
    let captured = captured(&Ledger::new(id(1)), &[], Subject, NOW).unwrap();
    assert_eq!((captured.fact().events.len(), captured.fact().verb()), (1, "noticed"));
    let ledger = captured.into_state();
    assert_eq!(reason(&ledger, EmailMarketing, LATER), Reason::NoConsent);
    let enquiry = ledger.permission(&ask(LeadEnquiry, Channel::Email, LATER), &AgeRules::default());
    assert_eq!((enquiry.decision(), enquiry.basis(), enquiry.reason()), (Ruling::Allow, Some(Basis::PreContract), Reason::PreContract));
    assert_eq!(enquiry.evidence(), Some(id(11)));
}

#[test]
fn a_box_cannot_decide_what_needs_no_consent() {
    for purpose in Purpose::ALL.iter().filter(|purpose| !purpose.can_be_granted()) {
        let refused = captured(&Ledger::new(id(1)), &[EmailMarketing, *purpose], Subject, NOW).unwrap_err();
        assert_eq!(refused, ConsentError::NotAConsentPurpose(*purpose));
    }
}

#[test]
fn d07_a_second_confirmation_changes_nothing() {
    let granted = story(&[(EmailMarketing, Granted, NOW)]);
    let confirmed = decided(&granted, EmailMarketing, Confirmed, LATER);
    assert_eq!(confirmed.events()[1].supersedes, Some(id(1)));
    assert_eq!(decide(&confirmed, EmailMarketing, Confirmed, Subject, LATER), Ok(None));
}

#[test]
fn a_confirmation_needs_a_grant_that_is_open() {
    let nothing = Err(ConsentError::NothingToConfirm);
    assert_eq!(decide(&Ledger::new(id(1)), EmailMarketing, Confirmed, Subject, NOW), nothing);
    for no in [Refused, Withdrawn, Objected] {
        let taken_back = story(&[(EmailMarketing, Granted, NOW), (EmailMarketing, no, NOW)]);
        assert_eq!(decide(&taken_back, EmailMarketing, Confirmed, Subject, LATER), nothing, "{no}");
    }
}

#[test]
fn nobody_confirms_for_another() {
    let granted = story(&[(EmailMarketing, Granted, NOW)]);
    for actor in [Operator, System, Guardian] {
        assert_eq!(decide(&granted, EmailMarketing, Confirmed, actor, LATER), Err(ConsentError::SubjectActionRequired), "{actor}");
    }
}

#[test]
fn a_second_tick_takes_nothing_away_from_a_consent_that_holds() {
    let granted = story(&[(EmailMarketing, Granted, NOW), (EmailMarketing, Confirmed, NOW), (EmailMarketing, Granted, LATER)]);
    assert_eq!(reason(&granted, EmailMarketing, LATER), Reason::Consent);
}

#[test]
fn a_consent_counts_for_its_own_channel_alone() {
    let granted = story(&[(EmailMarketing, Granted, NOW), (EmailMarketing, Confirmed, NOW)]);
    for channel in Channel::ALL {
        let expected = if *channel == Channel::Email { Reason::Consent } else { Reason::NoConsent };
        assert_eq!(reason_by(&granted, EmailMarketing, *channel, LATER), expected, "{channel}");
    }
}

#[test]
fn d14_a_customer_gets_advertising_for_similar_own_products_unless_they_declined() {
    let customer = |offered| {
        move |parts: &mut LedgerParts| {
            parts.relations = vec![CustomerRelation { optout_offered_at_collection: offered, category: "health".into() }];
        }
    };
    let similar = |ledger: &Ledger, category: Option<&str>| {
        let ask = Ask { category: category.map(str::to_owned), ..ask(CustomerSimilar, Channel::Email, LATER) };
        let verdict = ledger.permission(&ask, &AgeRules::default());
        (verdict.decision(), verdict.basis(), verdict.reason())
    };
    let own = ledger(customer(true));
    assert_eq!(similar(&own, Some("health")), (Ruling::Allow, Some(Basis::SoftOptIn), Reason::SoftOptIn));
    assert_eq!(similar(&own, Some("logistics")), (Ruling::Deny, None, Reason::NotOwnProduct));
    assert_eq!(similar(&own, None), (Ruling::Deny, None, Reason::NotOwnProduct), "the product of a partner");
    assert_eq!(similar(&ledger(customer(false)), Some("health")), (Ruling::Deny, None, Reason::NoConsent));
    assert_eq!(similar(&Ledger::new(id(1)), Some("health")), (Ruling::Deny, None, Reason::NoConsent), "no customer");
    for objected in [CustomerSimilar, EmailMarketing] {
        assert_eq!(similar(&decided(&own, objected, Objected, NOW), Some("health")), (Ruling::Deny, None, Reason::Objected), "{objected}");
    }
    let listed = ledger(|parts| {
        customer(true)(parts);
        parts.suppressions.push(Suppression { channel: Channel::Email, reason: SuppressionReason::Objected, at: at(NOW) });
    });
    assert_eq!(similar(&listed, Some("health")), (Ruling::Deny, None, Reason::Objected));
    assert_eq!(similar(&decided(&own, CustomerSimilar, Refused, NOW), Some("health")), (Ruling::Deny, None, Reason::NoConsent));
}

#[test]
fn a_customer_is_not_called_or_written_to_for_having_bought() {
    let customer = ledger(|parts| parts.relations = vec![CustomerRelation { optout_offered_at_collection: true, category: "health".into() }]);
    for channel in [Channel::Phone, Channel::Post] {
        let ask = Ask { category: Some("health".into()), ..ask(CustomerSimilar, channel, LATER) };
        assert_eq!(customer.permission(&ask, &AgeRules::default()).reason(), Reason::NoConsent, "{channel}");
    }
}

#[test]
fn d16_a_consent_is_judged_by_the_age_of_its_day() {
    let born = ledger(|parts| parts.birth_date = Some("2012-11-21".parse().unwrap()));
    let consent = |ledger: &Ledger, rules: &AgeRules, when: &str| {
        ledger.decide(decision(PhoneMarketing, Granted, Subject, at(when)), rules).map(|changed| changed.unwrap().into_state())
    };
    let (fourteen, birthday) = (AgeRules::default(), "2026-11-21T09:00:00Z");
    let sixteen = fourteen.clone().with(AgeRule { country: "ES".into(), effective_from: "2027-01-01".parse().unwrap(), age: 16 });
    assert_eq!(consent(&born, &fourteen, "2026-11-20T09:00:00Z"), Err(ConsentError::GuardianRequired));
    let accepted = consent(&born, &fourteen, birthday).unwrap();
    assert_eq!(consent(&born, &sixteen, "2027-02-01T09:00:00Z"), Err(ConsentError::GuardianRequired));
    assert_eq!(consent(&accepted, &sixteen, "2027-02-01T09:00:00Z"), Err(ConsentError::GuardianRequired));

    let verdict = |ledger: &Ledger, rules: &AgeRules, when: &str| ledger.permission(&ask(PhoneMarketing, Channel::Phone, when), rules).reason();
    assert_eq!(verdict(&born, &fourteen, "2026-11-20T09:00:00Z"), Reason::GuardianRequired);
    assert_eq!(verdict(&accepted, &fourteen, birthday), Reason::Consent);
    for when in [birthday, "2027-02-01T09:00:00Z"] {
        assert_eq!(verdict(&accepted, &sixteen, when), Reason::Consent, "past decisions unchanged, {when}");
    }
    assert_eq!(verdict(&born, &sixteen, "2027-02-01T09:00:00Z"), Reason::GuardianRequired);
}

#[test]
fn what_a_child_ticks_is_asked_for_and_a_guardian_approves() {
    let child = ledger(|parts| parts.age_band = Some(AgeBand::Under14));
    let asked = captured(&child, &[EmailMarketing], Subject, NOW).unwrap().into_state();
    assert_eq!(asked.events().iter().map(|event| event.action).collect::<Vec<_>>(), [NoticeShown, Requested]);
    assert_eq!(asked.state(EmailMarketing, at(LATER)), ConsentState::Requested);
    assert_eq!(reason(&asked, EmailMarketing, LATER), Reason::GuardianRequired);
    for actor in [Subject, Operator, System] {
        assert_eq!(decide(&asked, EmailMarketing, GuardianApproved, actor, LATER), Err(ConsentError::GuardianRequired), "{actor}");
    }
    let approved = decide(&asked, EmailMarketing, GuardianApproved, Guardian, LATER).unwrap().unwrap();
    assert_eq!(reason(&approved, EmailMarketing, LATER), Reason::Consent);
    assert_eq!(reason(&decided(&approved, EmailMarketing, Withdrawn, LATER), EmailMarketing, LATER), Reason::Withdrawn);
}

#[test]
fn a_guardians_consent_lapses_on_the_birthday() {
    let child = ledger(|parts| {
        parts.birth_date = Some("2012-11-21".parse().unwrap());
        parts.events = vec![event(1, EmailMarketing, GuardianApproved, NOW)];
    });
    let (eve, birthday) = ("2026-11-20T12:00:00Z", "2026-11-21T12:00:00Z");
    assert_eq!(reason(&child, EmailMarketing, eve), Reason::Consent);
    assert_eq!(reason(&child, EmailMarketing, birthday), Reason::RefreshRequired);
    let refresh = |when| decide(&child, EmailMarketing, ConsentAction::RefreshRequired, System, when);
    assert_eq!(refresh(eve), Err(ConsentError::NotDue(ConsentAction::RefreshRequired)));
    let lapsed = refresh(birthday).unwrap().unwrap();
    assert_eq!(lapsed.state(EmailMarketing, at(birthday)), ConsentState::RefreshRequired);
    assert_eq!(decide(&child, EmailMarketing, GuardianApproved, Guardian, birthday), Err(ConsentError::SubjectActionRequired));
    assert_eq!(reason(&decided(&lapsed, EmailMarketing, Granted, birthday), EmailMarketing, birthday), Reason::DoiPending);
}

#[test]
fn a_guardian_lets_a_child_enrol_without_making_the_contract_a_consent() {
    let child = ledger(|parts| parts.age_band = Some(AgeBand::Under14));
    assert_eq!(reason(&child, Purpose::EnrolmentContract, LATER), Reason::GuardianRequired);
    assert_eq!(reason(&child, Purpose::Billing, LATER), Reason::LegalObligation);
    let approved = decide(&child, Purpose::EnrolmentContract, GuardianApproved, Guardian, NOW).unwrap().unwrap();
    assert_eq!(reason(&approved, Purpose::EnrolmentContract, LATER), Reason::Contract);
}

#[test]
fn d17_a_consent_expires_when_its_age_is_full_and_is_entered_once() {
    let granted = story(&[(EmailMarketing, Granted, "2024-11-19T11:00:00Z"), (EmailMarketing, Confirmed, "2024-11-19T12:00:00Z")]);
    for (when, expected) in [
        ("2026-11-19T01:30:00Z", Reason::Consent),
        ("2026-11-19T11:59:59.999999Z", Reason::Consent),
        ("2026-11-19T12:00:00Z", Reason::Expired),
        ("2026-11-20T01:30:00Z", Reason::Expired),
    ] {
        assert_eq!(reason(&granted, EmailMarketing, when), expected, "{when}");
    }
    let run = |ledger: &Ledger, when| decide(ledger, EmailMarketing, Expired, System, when);
    assert_eq!(run(&granted, "2026-11-19T01:30:00Z"), Err(ConsentError::NotDue(Expired)));
    let expired = run(&granted, "2026-11-20T01:30:00Z").unwrap().unwrap();
    assert_eq!(reason(&expired, EmailMarketing, "2026-11-20T01:30:00Z"), Reason::Expired);
    assert_eq!(run(&expired, "2026-11-21T01:30:00Z"), Ok(None));
}

#[test]
fn a_call_consent_counts_from_its_tick() {
    let granted = story(&[(PhoneMarketing, Granted, NOW)]);
    assert_eq!(reason(&granted, PhoneMarketing, NOW), Reason::Consent);
    assert_eq!(reason(&granted, PhoneMarketing, "2028-03-01T10:00:00Z"), Reason::Expired);
}

#[test]
fn d18_a_material_text_asks_again_for_its_purpose_alone() {
    let consents = [EmailMarketing, SmsMarketing].into_iter().flat_map(|purpose| [(purpose, Granted, NOW), (purpose, Confirmed, NOW)]);
    let granted = story(&consents.collect::<Vec<_>>());
    let mut parts = granted.parts().clone();
    parts.material_texts = vec![(EmailMarketing, at("2026-04-01T00:00:00Z"))];
    let published = Ledger::load(parts);
    assert_eq!(reason(&published, EmailMarketing, "2026-03-31T23:59:59Z"), Reason::Consent);
    assert_eq!(reason(&published, EmailMarketing, "2026-04-01T00:00:00Z"), Reason::RefreshRequired);
    assert_eq!(reason(&published, SmsMarketing, "2026-04-01T00:00:00Z"), Reason::Consent);
    assert_eq!(published.events(), granted.events());

    let again = decided(&decided(&published, EmailMarketing, Granted, "2026-04-02T00:00:00Z"), EmailMarketing, Confirmed, "2026-04-02T00:01:00Z");
    assert_eq!(reason(&again, EmailMarketing, "2026-04-02T00:01:00Z"), Reason::Consent);
}

#[test]
fn who_confirms_after_a_new_text_confirms_what_they_saw() {
    let late = ledger(|parts| {
        parts.material_texts = vec![(EmailMarketing, at("2026-03-01T10:30:00Z"))];
        parts.events = vec![event(1, EmailMarketing, Granted, NOW), event(2, EmailMarketing, Confirmed, LATER)];
    });
    assert_eq!(reason(&late, EmailMarketing, LATER), Reason::RefreshRequired);
}

fn attestation(dated: Option<&str>, ip: Option<&str>, text: Option<u128>) -> Attestation {
    Attestation {
        id: id(31),
        dated: dated.map(at),
        text: text.map(id),
        evidence: Some(Evidence { id: id(32), ip: ip.map(|ip| ip.parse().unwrap()), user_agent: None, referer: None, page_url: None }),
        at: at(NOW),
    }
}

#[test]
fn d19_a_consent_of_former_times_allows_nothing_and_can_be_taken_back() {
    let old = attestation(Some("2023-05-01T00:00:00Z"), Some("203.0.113.7"), None);
    let changed = Ledger::new(id(1)).legacy(old.clone()).unwrap();
    assert_eq!(changed.fact().verb(), "legacy_attested");
    let attested = changed.into_state();
    let entry = &attested.events()[0];
    assert_eq!((entry.action, entry.purpose, entry.at), (LegacyAttested, Purpose::LegacyUnspecified, at("2023-05-01T00:00:00Z")));
    assert_eq!(reason(&attested, EmailMarketing, LATER), Reason::NoConsent);
    assert_eq!(reason(&attested, Purpose::LegacyUnspecified, LATER), Reason::NoConsent);
    assert_eq!(reason(&attested, LeadEnquiry, LATER), Reason::PreContract);
    assert!(attested.legacy(old).is_none(), "a migration can run twice");

    let withdrawn = decided(&attested, Purpose::LegacyUnspecified, Withdrawn, NOW);
    for purpose in Purpose::ALL.iter().filter(|purpose| purpose.is_marketing()) {
        assert_eq!(reason(&withdrawn, *purpose, LATER), Reason::Withdrawn, "{purpose}");
    }
    assert_eq!(reason(&withdrawn, LeadEnquiry, LATER), Reason::PreContract);
}

#[test]
fn d19_an_attestation_without_a_date_or_an_address_proves_nothing() {
    let (date, ip) = (Some("2023-05-01T00:00:00Z"), Some("203.0.113.7"));
    for (attestation, grade) in [
        (attestation(date, ip, Some(5)), EvidenceGrade::A),
        (attestation(date, ip, None), EvidenceGrade::B),
        (attestation(None, ip, Some(5)), EvidenceGrade::C),
        (attestation(date, None, None), EvidenceGrade::C),
        (Attestation { evidence: None, ..attestation(date, None, None) }, EvidenceGrade::C),
    ] {
        let attested = Ledger::new(id(1)).legacy(attestation).unwrap().into_state();
        assert_eq!(attested.events()[0].grade, Some(grade));
        assert_eq!(reason(&attested, EmailMarketing, LATER), Reason::NoConsent);
    }
    assert_eq!(decide(&Ledger::new(id(1)), Purpose::LegacyUnspecified, LegacyAttested, System, NOW), Err(ConsentError::NotADecision(LegacyAttested)));
}

#[test]
fn d21_only_the_person_gives_again_what_they_took_back() {
    for no in [Withdrawn, Objected] {
        let taken_back = decided(&Ledger::new(id(1)), EmailMarketing, no, NOW);
        for actor in [Operator, System] {
            let refused = Err(ConsentError::SubjectActionRequired);
            assert_eq!(decide(&taken_back, EmailMarketing, Granted, actor, LATER), refused, "{no} {actor}");
            assert_eq!(captured(&taken_back, &[EmailMarketing], actor, LATER).map(Changed::into_state).map(Some), refused, "{no} {actor}");
        }
        let granted = decided(&taken_back, EmailMarketing, Granted, LATER);
        let still = if no == Withdrawn { Reason::Withdrawn } else { Reason::Objected };
        assert_eq!(reason(&granted, EmailMarketing, LATER), still, "a tick alone may be a stranger's");
        assert_eq!(decide(&granted, EmailMarketing, Confirmed, Operator, LATER), Err(ConsentError::SubjectActionRequired));
        assert_eq!(reason(&decided(&granted, EmailMarketing, Confirmed, LATER), EmailMarketing, LATER), Reason::Consent);
    }
}

#[test]
fn d21_only_the_owner_lifts_a_suppression_and_nobody_a_bounce() {
    for (suppression, operator, before, after) in [
        (SuppressionReason::Objected, Err(ConsentError::SubjectActionRequired), Reason::Objected, Reason::Consent),
        (SuppressionReason::Withdrawn, Err(ConsentError::SubjectActionRequired), Reason::Withdrawn, Reason::Consent),
        (SuppressionReason::Complaint, Err(ConsentError::SubjectActionRequired), Reason::Suppressed, Reason::Consent),
        (SuppressionReason::HardBounce, Ok(()), Reason::Suppressed, Reason::Suppressed),
    ] {
        let listed = ledger(|parts| parts.suppressions = vec![Suppression { channel: Channel::Email, reason: suppression, at: at(NOW) }]);
        assert_eq!(decide(&listed, EmailMarketing, Granted, Operator, LATER).map(|_| ()), operator, "{suppression}");
        let granted = decided(&listed, EmailMarketing, Granted, LATER);
        assert_eq!(reason(&granted, EmailMarketing, LATER), before, "{suppression}");
        assert_eq!(reason(&decided(&granted, EmailMarketing, Confirmed, LATER), EmailMarketing, LATER), after, "{suppression}");
        assert_eq!(reason(&granted, LeadEnquiry, LATER), Reason::PreContract, "what is no marketing still arrives (D13)");
        assert_eq!(reason(&granted, SmsMarketing, LATER), Reason::NoConsent, "another channel is another address");
    }
}

#[test]
fn a_confirmation_of_the_same_moment_does_not_lift_a_suppression() {
    let parts = |parts: &mut LedgerParts| {
        parts.events = vec![event(1, EmailMarketing, Granted, NOW), event(2, EmailMarketing, Confirmed, LATER)];
        parts.suppressions = vec![Suppression { channel: Channel::Email, reason: SuppressionReason::Objected, at: at(LATER) }];
    };
    assert_eq!(reason(&ledger(parts), EmailMarketing, LATER), Reason::Objected);
}

#[test]
fn d33_an_objection_to_marketing_ends_the_profiling_that_serves_it() {
    assert_eq!(reason(&Ledger::new(id(1)), ScoringProfiling, NOW), Reason::LegitimateInterest);
    let objected = decided(&Ledger::new(id(1)), SmsMarketing, Objected, NOW);
    for (purpose, expected) in [
        (ScoringProfiling, Reason::Objected),
        (OpenClickTracking, Reason::Objected),
        (EmailMarketing, Reason::NoConsent),
        (LeadEnquiry, Reason::PreContract),
    ] {
        assert_eq!(reason(&objected, purpose, NOW), expected, "{purpose}");
    }
}

#[test]
fn a_no_ends_marketing_and_enquiries_and_not_what_a_contract_or_a_law_demands() {
    for purpose in Purpose::ALL {
        for no in [Refused, Withdrawn, Objected] {
            let entered = decide(&Ledger::new(id(1)), *purpose, no, Subject, NOW);
            assert_eq!(entered.is_ok(), purpose.can_be_refused(), "{purpose} {no}");
            if let Ok(Some(ledger)) = entered {
                assert_eq!(ledger.permission(&ask(*purpose, Channel::Email, NOW), &AgeRules::default()).permitted(), None, "{purpose} {no}");
                assert_eq!(decide(&ledger, *purpose, no, Subject, LATER), Ok(None), "said once is enough");
            }
        }
    }
}

#[test]
fn a_no_that_reaches_further_is_said_again_to_what_was_confirmed_since() {
    let legacy = Purpose::LegacyUnspecified;
    let entries = [(legacy, Withdrawn, NOW), (EmailMarketing, Granted, NOW), (EmailMarketing, Confirmed, NOW)];
    let confirmed = story(&entries);
    assert_eq!(reason(&confirmed, EmailMarketing, LATER), Reason::Consent);
    let withdrawn = decided(&confirmed, legacy, Withdrawn, LATER);
    assert_eq!(reason(&withdrawn, EmailMarketing, LATER), Reason::Withdrawn);
    assert_eq!(decide(&withdrawn, legacy, Withdrawn, Subject, LATER), Ok(None));
}

#[test]
fn the_audit_sees_the_last_word_on_each_purpose_and_nothing_personal() {
    let captured = captured(&Ledger::new(id(1)), &[EmailMarketing], Subject, NOW).unwrap();
    let changes: Vec<_> = captured.changes().iter().map(|change| (change.field.as_str(), change.to.clone())).collect();
    assert_eq!(changes, [("lead_enquiry", "NOTICE_SHOWN".into()), ("email_marketing", "GRANTED".into())]);
    let ledger = captured.state();
    assert_eq!((Aggregate::id(ledger), ledger.subject(), ledger.version()), (Uuid::from_u128(1), Some(id::<PersonId>(1)), 2));
    assert!(!Value::Map(captured.fact().data()).canonical().contains("203.0.113.7"));
}

#[test]
fn an_entry_is_never_before_the_one_before_it() {
    let granted = story(&[(EmailMarketing, Granted, LATER)]);
    assert_eq!(decided(&granted, EmailMarketing, Confirmed, LATER).events()[1].at, at(LATER));
    assert_eq!(decided(&granted, EmailMarketing, Confirmed, NOW).events()[1].at, at("2026-03-01T11:00:00.000001Z"));
}

#[test]
fn the_state_of_a_consent_follows_its_entries() {
    use ConsentState as State;
    for (entries, state) in [
        (vec![], State::None),
        (vec![Requested], State::Requested),
        (vec![Granted], State::Pending),
        (vec![Granted, Confirmed], State::Granted),
        (vec![Granted, Refused], State::Refused),
        (vec![Granted, Confirmed, Withdrawn], State::Withdrawn),
        (vec![Granted, Confirmed, Withdrawn, Granted], State::Withdrawn),
        (vec![Granted, Confirmed, Objected], State::Objected),
        (vec![Objected, Granted, Confirmed], State::Granted),
        (vec![Granted, Confirmed, Expired], State::Expired),
        (vec![Granted, Confirmed, Expired, Granted], State::Pending),
        (vec![Granted, Confirmed, ConsentAction::RefreshRequired], State::RefreshRequired),
    ] {
        let entries: Vec<_> = entries.into_iter().map(|action| (EmailMarketing, action, NOW)).collect();
        assert_eq!(story(&entries).state(EmailMarketing, at(LATER)), state, "{entries:?}");
    }
}
