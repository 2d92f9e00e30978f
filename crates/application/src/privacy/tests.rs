use std::sync::Arc;

use matricula_domain::identity::Role;
use matricula_domain::people::{KeyId, Person, PersonId};
use matricula_domain::privacy::{
    AgeRule, AgeRules, Ask, Channel, ConsentAction, ConsentActor, ConsentEventId, ConsentState, ConsentText, ConsentTextId, Ledger, Purpose, Reason,
    Ruling, TextBody, TextKind, Verdict,
};
use matricula_domain::shared::{Changed, Field, Form, Value};
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::privacy::MockPersonKeys;

use super::*;
use crate::Circumstances;
use crate::testing::{
    CLOSED, Seen, allowed, away, day, id, in_hours, ledger, ledger_with, map, now, person, scope, text, told, world, world_with_keys,
};

fn over(repositories: MockRepositories) -> (MockTransactions, Privacy) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Privacy::new(world(&transactions)))
}

/// Repositories that know this ledger, of the person 20, and the rules of Spain.
fn knowing(ledger: Option<Ledger>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.consents.expect_ledger().withf(|asked| *asked == id::<PersonId>(20)).returning(move |_| Ok(ledger.clone()));
    repositories.consents.expect_age_rules().returning(|| Ok(AgeRules::default()));
    repositories
}

fn appending(mut repositories: MockRepositories) -> (MockRepositories, Seen<Changed<Ledger>>) {
    let saved = Seen::nothing();
    repositories.consents.expect_append().times(1).returning(saved.note());
    (repositories, saved)
}

mod permission {
    use super::*;

    async fn ask(privacy: &Privacy, at: Instant) -> Result<Verdict, PrivacyError> {
        let ask = Ask { purpose: Purpose::EmailMarketing, channel: Channel::Email, at, category: None };
        privacy.permission(&allowed(Role::Viewer), id(20), &ask).await
    }

    use matricula_domain::shared::Instant;

    #[tokio::test]
    async fn the_ledger_decides_what_is_permitted_and_proves_it() {
        let granted = (Purpose::EmailMarketing, ConsentAction::Granted);
        let confirmed = (Purpose::EmailMarketing, ConsentAction::Confirmed);
        for (entries, decision, reason, evidence) in [
            (vec![], Ruling::Deny, Reason::NoConsent, None),
            (vec![granted], Ruling::Deny, Reason::DoiPending, Some(500)),
            (vec![granted, confirmed], Ruling::Allow, Reason::Consent, Some(501)),
            (vec![granted, confirmed, (Purpose::EmailMarketing, ConsentAction::Withdrawn)], Ruling::Deny, Reason::Withdrawn, Some(502)),
        ] {
            let (_, privacy) = over(knowing(Some(ledger(&entries))));
            let verdict = ask(&privacy, now()).await.unwrap();
            assert_eq!((verdict.decision(), verdict.reason(), verdict.evidence()), (decision, reason, evidence.map(id::<ConsentEventId>)));
        }
    }

    #[tokio::test]
    async fn it_is_asked_as_of_any_moment() {
        let (_, privacy) = over(knowing(Some(ledger(&[(Purpose::EmailMarketing, ConsentAction::Granted)]))));
        assert_eq!(ask(&privacy, in_hours(-25)).await.unwrap().reason(), Reason::NoConsent);
        assert_eq!(ask(&privacy, in_hours(-24)).await.unwrap().reason(), Reason::DoiPending);
    }

    #[tokio::test]
    async fn the_age_of_the_organization_s_rules_counts() {
        let fifteen = ledger_with(&[], |parts| parts.birth_date = Some(day("2011-01-01")));
        let mut repositories = MockRepositories::default();
        repositories.consents.expect_ledger().returning(move |_| Ok(Some(fifteen.clone())));
        let sixteen = AgeRules::default().with(AgeRule { country: "ES".to_owned(), effective_from: day("2026-01-01"), age: 16 });
        repositories.consents.expect_age_rules().times(1).returning(move || Ok(sixteen.clone()));
        let (_, privacy) = over(repositories);
        assert_eq!(ask(&privacy, now()).await.unwrap().reason(), Reason::GuardianRequired);
    }

    #[tokio::test]
    async fn of_who_is_not_there_nothing_can_be_asked() {
        let (transactions, privacy) = over(knowing(None));
        assert!(matches!(ask(&privacy, now()).await, Err(PrivacyError::NotFound)));
        assert!(matches!(privacy.ledger(&allowed(Role::Viewer), id(20)).await, Err(PrivacyError::NotFound)));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn the_whole_ledger_can_be_read() {
        let whole = ledger(&[(Purpose::LeadEnquiry, ConsentAction::NoticeShown), (Purpose::SmsMarketing, ConsentAction::Granted)]);
        let (_, privacy) = over(knowing(Some(whole.clone())));
        assert_eq!(privacy.ledger(&allowed(Role::Viewer), id(20)).await.unwrap(), whole);
    }
}

mod record {
    use super::*;

    fn how() -> Circumstances {
        Circumstances { ip: "203.0.113.7".parse().ok(), user_agent: None, referer: None }
    }

    fn decide(action: ConsentAction) -> Decide {
        Decide { purpose: Purpose::EmailMarketing, action, channel: Channel::Phone, text_id: None }
    }

    async fn record(privacy: &Privacy, decide: &Decide) -> Result<Recorded, PrivacyError> {
        privacy.record(&allowed(Role::Adviser), id(20), decide, &how()).await
    }

    async fn refusal(repositories: MockRepositories, decide: &Decide) -> PrivacyError {
        let (transactions, privacy) = over(repositories);
        let refused = record(&privacy, decide).await.unwrap_err();
        assert_eq!(transactions.commits(), 0);
        refused
    }

    #[tokio::test]
    async fn what_a_person_told_staff_is_entered_with_its_circumstances() {
        let (repositories, saved) = appending(knowing(Some(ledger(&[]))));
        let (transactions, privacy) = over(repositories);
        let recorded = record(&privacy, &decide(ConsentAction::Granted)).await.unwrap();
        assert_eq!((recorded.purpose, recorded.state, recorded.added), (Purpose::EmailMarketing, ConsentState::Pending, true));
        let saved = saved.one();
        let fact = saved.fact();
        let [entry] = &fact.events[..] else { panic!("must be one entry") };
        assert_eq!((entry.action, entry.actor, entry.channel, entry.at), (ConsentAction::Granted, ConsentActor::Operator, Channel::Phone, now()));
        assert_eq!((&entry.text, &entry.wording_sha256), (&None, &None));
        let evidence = fact.evidence.clone().unwrap();
        assert_eq!((evidence.ip, entry.evidence, transactions.commits()), (how().ip, Some(evidence.id), 1));
    }

    #[tokio::test]
    async fn the_text_that_was_shown_is_kept_by_its_wording() {
        let (mut repositories, saved) = appending(knowing(Some(ledger(&[]))));
        let shown = text(61, TextKind::ConsentLabel, Some(Purpose::EmailMarketing));
        repositories.consent_texts.expect_find().withf(|ids| ids == [id::<ConsentTextId>(61)]).returning(move |_| Ok(vec![shown.clone()]));
        let (_, privacy) = over(repositories);
        record(&privacy, &Decide { text_id: Some(id(61)), ..decide(ConsentAction::Granted) }).await.unwrap();
        let entry = saved.one().fact().events[0].clone();
        assert_eq!((entry.text, entry.wording_sha256.as_deref()), (Some(id(61)), Some("sha256 of 61")));
    }

    #[tokio::test]
    async fn a_text_that_is_not_there_was_not_shown() {
        let mut repositories = knowing(Some(ledger(&[])));
        repositories.consent_texts.expect_find().returning(|_| Ok(Vec::new()));
        let PrivacyError::Invalid(faults) = refusal(repositories, &Decide { text_id: Some(id(61)), ..decide(ConsentAction::Granted) }).await else {
            panic!("must be a fault")
        };
        assert_eq!(told(&faults), [("/text_id", "NOT_FOUND")]);
    }

    #[tokio::test]
    async fn d21_staff_cannot_give_again_what_the_person_took_back() {
        for no in [ConsentAction::Withdrawn, ConsentAction::Objected] {
            let refused = refusal(knowing(Some(ledger(&[(Purpose::EmailMarketing, no)]))), &decide(ConsentAction::Granted)).await;
            assert!(matches!(refused, PrivacyError::Refused(ConsentError::SubjectActionRequired)), "{no}");
        }
    }

    #[tokio::test]
    async fn d21_staff_cannot_confirm_for_the_person() {
        let open = ledger(&[(Purpose::EmailMarketing, ConsentAction::Granted)]);
        let refused = refusal(knowing(Some(open)), &decide(ConsentAction::Confirmed)).await;
        assert!(matches!(refused, PrivacyError::Refused(ConsentError::SubjectActionRequired)));
    }

    #[tokio::test]
    async fn a_child_does_not_agree_without_a_guardian() {
        let child = ledger_with(&[], |parts| parts.birth_date = Some(day("2014-01-01")));
        let refused = refusal(knowing(Some(child)), &decide(ConsentAction::Granted)).await;
        assert!(matches!(refused, PrivacyError::Refused(ConsentError::GuardianRequired)));
    }

    #[tokio::test]
    async fn a_repeated_no_is_no_second_entry() {
        for (no, state) in [
            (ConsentAction::Withdrawn, ConsentState::Withdrawn),
            (ConsentAction::Objected, ConsentState::Objected),
            (ConsentAction::Refused, ConsentState::Refused),
        ] {
            let (_, privacy) = over(knowing(Some(ledger(&[(Purpose::EmailMarketing, no)]))));
            let recorded = record(&privacy, &decide(no)).await.unwrap();
            assert_eq!((recorded.state, recorded.added), (state, false));
        }
    }

    #[tokio::test]
    async fn a_no_is_taken_whatever_else_may_not_be_done() {
        let of = |standing| ledger_with(&[], |parts| parts.standing = standing);
        for standing in CLOSED {
            for (no, state) in [
                (ConsentAction::Withdrawn, ConsentState::Withdrawn),
                (ConsentAction::Objected, ConsentState::Objected),
                (ConsentAction::Refused, ConsentState::Refused),
            ] {
                let (repositories, saved) = appending(knowing(Some(of(standing))));
                let (transactions, privacy) = over(repositories);
                assert_eq!(record(&privacy, &decide(no)).await.unwrap().state, state, "{standing}");
                assert_eq!((saved.one().fact().events[0].action, transactions.commits()), (no, 1));
            }
            for yes in [ConsentAction::Granted, ConsentAction::Confirmed, ConsentAction::Requested, ConsentAction::GuardianApproved] {
                assert!(matches!(refusal(knowing(Some(of(standing))), &decide(yes)).await, PrivacyError::Restricted), "{standing}, {yes}");
            }
        }
    }

    #[tokio::test]
    async fn of_who_is_not_there_nothing_is_recorded() {
        assert!(matches!(refusal(knowing(None), &decide(ConsentAction::Withdrawn)).await, PrivacyError::NotFound));
    }

    #[tokio::test]
    async fn a_yes_that_crosses_a_no_is_judged_by_the_no() {
        let mut repositories = MockRepositories::default();
        repositories.consents.expect_age_rules().returning(|| Ok(AgeRules::default()));
        repositories.consents.expect_ledger().times(1).returning(|_| Ok(Some(ledger(&[]))));
        repositories.consents.expect_ledger().times(1).returning(|_| Ok(Some(ledger(&[(Purpose::EmailMarketing, ConsentAction::Withdrawn)]))));
        let (repositories, _) = appending(repositories);
        let (transactions, privacy) = over(repositories);
        let transactions = transactions.refusing(PortError::Conflict("consent_events"));
        let refused = record(&privacy, &decide(ConsentAction::Granted)).await;
        assert!(matches!(refused, Err(PrivacyError::Refused(ConsentError::SubjectActionRequired))));
        assert_eq!(transactions.commits(), 1, "the first try alone, which was refused");
    }
}

mod publish_text {
    use super::*;

    fn body(wording: &str) -> TextBody {
        TextBody::read(&map(&[
            ("kind", "consent_label".into()),
            ("purpose", Purpose::EmailMarketing.value()),
            ("locale", "es".into()),
            ("body", wording.into()),
            ("material", Value::Bool(true)),
        ]))
        .unwrap()
    }

    /// Repositories with so many texts of the kind.
    fn with(number: u32) -> MockRepositories {
        let mut repositories = MockRepositories::default();
        let of = (TextKind::ConsentLabel, Some(Purpose::EmailMarketing));
        repositories
            .consent_texts
            .expect_newest_number()
            .withf(move |kind, purpose, locale| (*kind, *purpose, locale) == (of.0, of.1, "es"))
            .returning(move |_, _, _| Ok(number));
        repositories
    }

    #[tokio::test]
    async fn a_text_gets_the_next_number_of_its_kind_purpose_and_language() {
        for newest in [0, 4] {
            let saved = Seen::<Changed<ConsentText>>::nothing();
            let mut repositories = with(newest);
            repositories.consent_texts.expect_save().times(1).returning(saved.note());
            let (transactions, privacy) = over(repositories);
            let published = privacy.publish_text(&allowed(Role::Dpo), &body("Quiero recibir información.")).await.unwrap();
            assert_eq!((published.number(), published.body(), published.effective_from()), (newest + 1, "Quiero recibir información.", now()));
            assert_eq!((saved.verbs(), saved.one().state(), transactions.commits()), (vec!["published"], &published, 1));
        }
    }

    #[tokio::test]
    async fn a_text_that_says_nothing_or_comes_too_late_is_not_published() {
        let (transactions, privacy) = over(with(0));
        let late = TextBody { effective_from: Some(in_hours(-1)), ..body(" ") };
        let Err(PrivacyError::Invalid(faults)) = privacy.publish_text(&allowed(Role::Dpo), &late).await else { panic!("must be refused") };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/body", "REQUIRED"), ("/effective_from", "IN_THE_PAST")], 0));
    }

    #[tokio::test]
    async fn whose_number_was_taken_meanwhile_gets_the_next() {
        let mut repositories = MockRepositories::default();
        repositories.consent_texts.expect_newest_number().times(1).returning(|_, _, _| Ok(4));
        repositories.consent_texts.expect_newest_number().times(1).returning(|_, _, _| Ok(5));
        repositories.consent_texts.expect_save().times(2).returning(|_| Ok(()));
        let (transactions, privacy) = over(repositories);
        let transactions = transactions.refusing(PortError::Conflict("consent_texts"));
        assert_eq!(privacy.publish_text(&allowed(Role::Dpo), &body("Sí")).await.unwrap().number(), 6);
        assert_eq!(transactions.commits(), 2);
    }
}

mod shred {
    use super::*;

    /// Repositories that know this person, under the id 20, whose key is 24.
    fn knowing(known: Option<Person>) -> (MockRepositories, Seen<Changed<Person>>) {
        let (mut repositories, saved) = (MockRepositories::default(), Seen::nothing());
        repositories.people.expect_find().withf(|asked| *asked == id::<PersonId>(20)).returning(move |_| Ok(known.clone()));
        repositories.people.expect_save().returning(saved.note());
        (repositories, saved)
    }

    fn lucia() -> Person {
        person(20, Some("lucia@example.es"), None)
    }

    fn over(repositories: MockRepositories, keys: impl FnOnce(&MockTransactions) -> MockPersonKeys) -> (MockTransactions, Privacy) {
        let transactions = MockTransactions::over(repositories);
        let keys = keys(&transactions);
        (transactions.clone(), Privacy { world: World { keys: Arc::new(keys), ..world(&transactions) } })
    }

    #[tokio::test]
    async fn the_erasure_is_on_record_before_the_key_is_destroyed() {
        let (repositories, saved) = knowing(Some(lucia()));
        let (transactions, privacy) = over(repositories, |transactions| {
            let (mut keys, transactions) = (MockPersonKeys::new(), transactions.clone());
            keys.expect_destroy().withf(|_, key| *key == id::<KeyId>(24)).times(1).returning(move |_, _| {
                assert_eq!(transactions.commits(), 1, "on record first");
                Ok(())
            });
            keys
        });
        privacy.shred(&scope(), id(20)).await.unwrap();
        assert_eq!((saved.verbs(), saved.one().at(), transactions.commits()), (vec!["detail_shredded"], now(), 1));
    }

    #[tokio::test]
    async fn of_who_is_not_there_nothing_is_destroyed() {
        let (repositories, saved) = knowing(None);
        let (transactions, privacy) = over(repositories, |_| MockPersonKeys::new());
        assert!(matches!(privacy.shred(&scope(), id(20)).await, Err(PrivacyError::NotFound)));
        assert_eq!((saved.verbs().len(), transactions.commits()), (0, 0));
    }

    #[tokio::test]
    async fn an_erasure_that_is_not_on_record_destroys_nothing() {
        let (repositories, _) = knowing(Some(lucia()));
        let (transactions, privacy) = over(repositories, |_| MockPersonKeys::new());
        let transactions = transactions.refusing(away());
        assert!(matches!(privacy.shred(&scope(), id(20)).await, Err(PrivacyError::Port(PortError::Unavailable(_)))));
        assert_eq!(transactions.commits(), 1);
    }

    #[tokio::test]
    async fn a_key_that_could_not_be_destroyed_is_an_error_and_can_be_tried_again() {
        let (repositories, saved) = knowing(Some(lucia()));
        let transactions = MockTransactions::over(repositories);
        let mut keys = MockPersonKeys::new();
        keys.expect_destroy().times(1).returning(|_, _| Err(away()));
        keys.expect_destroy().times(1).returning(|_, _| Ok(()));
        let privacy = Privacy::new(world_with_keys(&transactions, keys));
        assert!(matches!(privacy.shred(&scope(), id(20)).await, Err(PrivacyError::Port(PortError::Unavailable(_)))));
        privacy.shred(&scope(), id(20)).await.unwrap();
        assert_eq!(saved.verbs(), ["detail_shredded"; 2]);
    }
}
