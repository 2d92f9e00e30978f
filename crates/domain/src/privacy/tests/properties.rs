use super::*;

/// Any entries a few days apart, whether or not the rules would have let them in.
fn histories() -> impl Strategy<Value = Vec<ConsentEvent>> {
    prop::collection::vec((0..Purpose::ALL.len(), 0..ConsentAction::ALL.len(), 0..ConsentActor::ALL.len(), 0_i64..200), 0..24).prop_map(|raw| {
        let mut at = at("2024-01-01T00:00:00Z");
        (1..)
            .zip(raw)
            .map(|(n, (purpose, action, actor, days))| {
                at += chrono::TimeDelta::days(days);
                let made = event(n, Purpose::ALL[purpose], ConsentAction::ALL[action], "2024-01-01T00:00:00Z");
                ConsentEvent { at, actor: ConsentActor::ALL[actor], ..made }
            })
            .collect()
    })
}

fn suppressions() -> impl Strategy<Value = Vec<Suppression>> {
    prop::collection::vec((0..Channel::ALL.len(), 0..SuppressionReason::ALL.len(), 0_i64..2000), 0..3).prop_map(|raw| {
        let listed = |(channel, reason, days)| Suppression {
            channel: Channel::ALL[channel],
            reason: SuppressionReason::ALL[reason],
            at: at("2024-01-01T00:00:00Z") + chrono::TimeDelta::days(days),
        };
        raw.into_iter().map(listed).collect()
    })
}

fn people() -> impl Strategy<Value = Ledger> {
    let texts = prop::collection::vec((0..Purpose::ALL.len(), 0_i64..2000), 0..3);
    let born = prop::option::of(0_i64..8000);
    (histories(), suppressions(), texts, born, prop::option::of(0..AgeBand::ALL.len())).prop_map(|(events, suppressions, texts, born, band)| {
        ledger(|parts| {
            let day = |days| at("2024-01-01T00:00:00Z") + chrono::TimeDelta::days(days);
            parts.events = events;
            parts.suppressions = suppressions;
            parts.material_texts = texts.into_iter().map(|(purpose, days)| (Purpose::ALL[purpose], day(days))).collect();
            parts.birth_date = born.map(|days| day(-days).date_naive());
            parts.age_band = band.map(|band| AgeBand::ALL[band]);
            parts.relations = vec![CustomerRelation { optout_offered_at_collection: true, category: "health".into() }];
        })
    })
}

fn refusable() -> impl Strategy<Value = Purpose> {
    prop::sample::select(Purpose::ALL.iter().copied().filter(|purpose| purpose.can_be_refused()).collect::<Vec<_>>())
}

fn asks(at: Instant) -> impl Iterator<Item = Ask> {
    let of = move |purpose: &Purpose| {
        let purpose = *purpose;
        Channel::ALL.iter().map(move |channel| Ask { purpose, channel: *channel, at, category: Some("health".into()) })
    };
    Purpose::ALL.iter().flat_map(of)
}

fn verdicts(ledger: &Ledger, at: Instant) -> Vec<Verdict> {
    asks(at).map(|ask| ledger.permission(&ask, &AgeRules::default())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_withdrawal_wins_over_every_earlier_grant(person in people(), purpose in refusable()) {
        let now = person.events().last().map_or(at("2024-01-01T00:00:00Z"), |last| last.at);
        let withdrawn = person.decide(decision(purpose, ConsentAction::Withdrawn, ConsentActor::Subject, now), &AgeRules::default());
        let after = withdrawn.unwrap().map_or(person, Changed::into_state);
        for ask in asks(now).filter(|ask| ask.purpose == purpose || (purpose == Purpose::LegacyUnspecified && ask.purpose.is_marketing())) {
            let verdict = after.permission(&ask, &AgeRules::default());
            prop_assert_eq!((verdict.decision(), verdict.permitted()), (Ruling::Deny, None), "{:?}", ask);
        }
        prop_assert!(matches!(after.state(purpose, now), ConsentState::Withdrawn | ConsentState::Objected));
    }

    #[test]
    fn a_permission_does_not_depend_on_what_came_later(person in people(), days in 0_i64..2500) {
        let then = at("2024-01-01T00:00:00Z") + chrono::TimeDelta::days(days);
        let mut parts = person.parts().clone();
        parts.events.retain(|event| event.at <= then);
        parts.suppressions.retain(|listed| listed.at <= then);
        parts.material_texts.retain(|(_, from)| *from <= then);
        prop_assert_eq!(verdicts(&Ledger::load(parts), then), verdicts(&person, then));
    }

    #[test]
    fn an_entry_never_changes_a_past_verdict(
        person in people(),
        purpose in 0..Purpose::ALL.len(),
        action in 0..ConsentAction::ALL.len(),
        actor in 0..ConsentActor::ALL.len(),
        days in -1000_i64..1000,
        ago in 1_i64..1000,
    ) {
        let last = person.events().last().map_or(at("2024-01-01T00:00:00Z"), |last| last.at);
        let when = last + chrono::TimeDelta::days(days);
        let made = decision(Purpose::ALL[purpose], ConsentAction::ALL[action], ConsentActor::ALL[actor], when);
        if let Ok(Some(changed)) = person.decide(made, &AgeRules::default()) {
            let after = changed.into_state();
            prop_assert_eq!(&after.events()[..person.events().len()], person.events());
            let before = after.events()[person.events().len()].at - chrono::TimeDelta::seconds(ago * 86_400);
            prop_assert_eq!(verdicts(&after, before), verdicts(&person, before));
        }
        let claim = Attestation { id: id(98), dated: Some(when), text: None, evidence: None, at: last };
        if let Some(changed) = person.legacy(claim) {
            prop_assert_eq!(verdicts(changed.state(), last), verdicts(&person, last));
        }
    }

    #[test]
    fn only_the_person_or_a_guardian_lifts_a_no(
        person in people(),
        steps in prop::collection::vec((0..ConsentAction::ALL.len(), 0..2_usize), 1..12),
    ) {
        let now = person.events().last().map_or(at("2024-01-01T00:00:00Z"), |last| last.at);
        let no = decision(Purpose::EmailMarketing, ConsentAction::Withdrawn, ConsentActor::Subject, now);
        let mut after = person.decide(no, &AgeRules::default()).unwrap().map_or(person, Changed::into_state);
        for (action, actor) in steps {
            let actor = [ConsentActor::Operator, ConsentActor::System][actor];
            let made = decision(Purpose::EmailMarketing, ConsentAction::ALL[action], actor, now);
            if let Ok(Some(changed)) = after.decide(made, &AgeRules::default()) {
                after = changed.into_state();
            }
            let email = Ask { purpose: Purpose::EmailMarketing, channel: Channel::Email, at: now, category: None };
            prop_assert_eq!(after.permission(&email, &AgeRules::default()).permitted(), None);
        }
    }
}
