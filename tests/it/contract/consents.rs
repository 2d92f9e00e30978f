use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use matricula_application::Circumstances;
use matricula_application::leads::Leads;
use matricula_application::privacy::Privacy;
use matricula_domain::people::{AgeBand, KeyId, PersonId};
use matricula_domain::privacy::{
    AgeRules, Channel, ConsentAction, ConsentActor, ConsentEvent, ConsentText, Decision, Evidence, EvidenceId, Ledger, Purpose, Standing,
    Suppression, SuppressionReason, TextBody, TextKind,
};
use matricula_domain::shared::{Changed, Form as _, Id as _, Instant};
use matricula_ports::privacy::ConsentTextQueries;
use matricula_ports::{Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, at_once, capture, on_both, value};
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::paging::{assert_refuses_foreign_cursors, longest, walk};

on_both!(
    d01_a_submitted_form_leaves_notice_and_consent_that_nobody_can_change,
    evidence_opens_at_its_place_until_the_key_is_destroyed,
    a_ledger_is_read_back_as_it_was_written,
    a_ledger_knows_what_permission_depends_on_beside_it,
    entries_that_are_written_at_the_same_time_both_stay,
    an_organization_can_set_the_age_of_consent,
    a_text_is_read_back_as_it_was_published,
    texts_are_numbered_by_kind_purpose_and_language,
    texts_are_listed_newest_first_while_others_come,
);

const NOTICE: &str = "Tratamos tus datos para responderte (artículo 13 del RGPD).";
const LABEL: &str = "Sí, quiero recibir ofertas por correo.";

fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The third version of a form, sent with the box for e-mails ticked.
async fn submit(here: &Tenant) -> PersonId {
    let notice = here.text(TextKind::Notice, None, NOTICE, false).await;
    let label = here.text(TextKind::ConsentLabel, Some(Purpose::EmailMarketing), LABEL, false).await;
    for labels in [&[][..], &[], &[&label]] {
        here.form("contacto", &notice, labels).await;
    }
    let sent = capture(json!({"form": "contacto", "consents": ["email_marketing"]}));
    let how = Circumstances { ip: Some("203.0.113.7".parse().unwrap()), user_agent: Some("X".into()), referer: None };
    Leads::new(here.db.world()).capture_from_visitor(&here.visitor(), &sent, &how).await.unwrap().lead.person()
}

async fn d01_a_submitted_form_leaves_notice_and_consent_that_nobody_can_change(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let person = submit(&here).await;
    let events = "consent_events e JOIN form_versions v ON v.organization_id = e.organization_id AND v.id = e.form_version_id AND v.number = 3 \
         JOIN consent_evidence p ON p.organization_id = e.organization_id AND p.id = e.evidence_id AND p.person_id = e.person_id AND p.at = e.at";
    assert_eq!((db.raw.count("consent_events").await, db.raw.count(events).await, db.raw.count("consent_evidence").await), (2, 2, 1));
    for (action, purpose, wording) in [("NOTICE_SHOWN", "lead_enquiry", NOTICE), ("GRANTED", "email_marketing", LABEL)] {
        let all = "action = $1 AND purpose = $2 AND wording_sha256 = $3 AND at = $4 AND person_id = $5 AND actor = 'subject' AND channel = 'web'";
        let values = [action.into(), purpose.into(), sha256(wording).into(), at(0).into(), person.as_uuid().into()];
        assert_eq!(db.raw.count_where("consent_events", all, values).await, 1, "{action}");
    }
    assert_eq!(db.raw.column::<Instant>("SELECT at FROM consent_events", []).await, [at(0), at(0)], "the server's time");

    let before = db.raw.dump("consent_events").await;
    let mut attempts = vec![
        "UPDATE consent_events SET action = 'REFUSED'",
        "UPDATE consent_events SET at = at",
        "DELETE FROM consent_events",
        "DELETE FROM consent_events WHERE action = 'NOTICE_SHOWN'",
    ];
    if db.is_postgres() {
        attempts.extend(["TRUNCATE consent_events", "TRUNCATE people CASCADE", "TRUNCATE organizations CASCADE"]);
    } else {
        attempts.extend(["REPLACE INTO consent_events SELECT * FROM consent_events", "UPDATE OR REPLACE consent_events SET action = 'REFUSED'"]);
    }
    for attempt in attempts {
        // Once as the program itself, with the pragmas and rights that it has.
        let refused = db.database.migrating().execute_unprepared(attempt).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("append-only")), "{attempt}");
        if !attempt.contains("REPLACE") {
            assert!(db.raw.refusal(attempt).await.contains("append-only"), "{attempt}");
        }
        assert_eq!(db.raw.dump("consent_events").await, before, "{attempt}");
    }
}

/// Opens what was sealed as the documents say: the nonce stands in front, and the place goes along.
fn open(material: &[u8], place: &[u8], sealed: &[u8]) -> Option<String> {
    let key = Key::<Aes256Gcm>::from(<[u8; 32]>::try_from(material).unwrap());
    let (nonce, text) = sealed.split_first_chunk::<12>().unwrap();
    let opened = Aes256Gcm::new(&key).decrypt(&Nonce::from(*nonce), Payload { msg: text, aad: place }).ok()?;
    Some(String::from_utf8(opened).unwrap())
}

async fn evidence_opens_at_its_place_until_the_key_is_destroyed(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let person = submit(&here).await;
    let other = here.person("Otra").await;
    let key: uuid::Uuid = db.raw.one("SELECT key_id FROM people WHERE id = $1", [person.as_uuid().into()]).await;
    let evidence: uuid::Uuid = db.raw.one("SELECT id FROM consent_evidence", []).await;
    let sealed: Vec<u8> = db.raw.one("SELECT sealed FROM consent_evidence", []).await;
    let place = [here.id().as_uuid().as_bytes().as_slice(), evidence.as_bytes(), b"consent_evidence"].concat();

    let material = db.raw.material(key).await.unwrap();
    let opened = open(&material, &place, &sealed).unwrap();
    assert_eq!(opened, r#"{"ip":"203.0.113.7","page_url":null,"referer":null,"user_agent":"X"}"#);
    let read = Evidence::from_value(EvidenceId::from_uuid(evidence), &value(serde_json::from_str(&opened).unwrap())).unwrap();
    assert_eq!(read.ip, Some("203.0.113.7".parse().unwrap()));
    assert_eq!(open(&material, b"elsewhere", &sealed), None);
    let others = db.raw.material(other.parts().key_id.as_uuid()).await.unwrap();
    assert_eq!(open(&others, &place, &sealed), None);
    assert!(db.raw.hits(&[b"203.0.113.7".to_vec()]).await.is_empty());

    Privacy::new(db.world()).shred(&here.scope, person).await.unwrap();
    assert_eq!(db.raw.material(key).await, None);
    assert!(db.raw.hits(&[material]).await.is_empty(), "the key stands nowhere else");
    assert_eq!(db.raw.column::<Vec<u8>>("SELECT sealed FROM consent_evidence", []).await, [sealed], "that there was evidence is known");
    // Nothing new is sealed for somebody who was erased, and destroying twice is destroying once.
    db.keys.destroy(KeyId::from_uuid(key)).await.unwrap();
    let rename = here.in_unit(async |tx| tx.people().find(person).await).await.unwrap();
    let rename = rename.rename(matricula_domain::shared::Line::parse("Nadie").unwrap(), at(9)).unwrap();
    let refused = here.try_in_unit(async |tx| tx.people().save(&rename).await).await;
    assert!(matches!(refused, Err(PortError::KeyDestroyed)), "{refused:?}");
}

fn decision(db: &TestDatabase, purpose: Purpose, action: ConsentAction, when: Instant) -> Decision {
    let evidence = Evidence {
        id: db.id(),
        ip: Some("2001:db8::1".parse().unwrap()),
        user_agent: None,
        referer: Some("https://example.es".into()),
        page_url: None,
    };
    Decision {
        id: db.id(),
        purpose,
        action,
        actor: ConsentActor::Subject,
        channel: Channel::Web,
        text: None,
        wording_sha256: Some(sha256("x")),
        evidence: Some(evidence),
        at: when,
    }
}

async fn ledger(here: &Tenant, person: PersonId) -> Ledger {
    here.in_unit(async |tx| tx.consents().ledger(person).await).await.unwrap()
}

async fn append(here: &Tenant, ledger: &Changed<Ledger>) {
    here.in_unit(async |tx| tx.consents().append(ledger).await).await;
}

async fn a_ledger_is_read_back_as_it_was_written(db: TestDatabase) {
    use ConsentAction::{Confirmed, Granted, Objected, Withdrawn};
    let here = db.tenant("uno").await;
    let person = submit(&here).await;
    let ages = AgeRules::default();
    let mut state = ledger(&here, person).await;
    assert_eq!(state.events().len(), 2);
    let email = Purpose::EmailMarketing;
    for (n, (purpose, action)) in
        [(email, Confirmed), (Purpose::PhoneMarketing, Granted), (email, Withdrawn), (email, Granted), (Purpose::CustomerSimilar, Objected)]
            .into_iter()
            .enumerate()
    {
        // Some at the same moment.
        let decided = state.decide(decision(&db, purpose, action, at(i64::try_from(n / 2).unwrap())), &ages).unwrap().unwrap();
        append(&here, &decided).await;
        state = decided.into_state();
        assert_eq!(ledger(&here, person).await.events(), state.events(), "after {}", action.as_str());
    }
    assert_eq!(state.events().last().map(|event| event.purpose_version), Some(ConsentEvent::PURPOSE_VERSION));
    assert!(state.events().iter().any(|event| event.supersedes.is_some()));
    assert_eq!(db.raw.count_where("audit_entries", "entity = 'consent'", []).await, 6, "one for each submission and decision");
    assert!(here.in_unit(async |tx| tx.consents().ledger(db.id()).await).await.is_none());
    let ana = here.person("Ana").await;
    assert_eq!(ledger(&here, ana.id()).await.events(), []);
}

/// HMAC-SHA-256, as RFC 2104 has it.
fn hmac(key: &[u8; 32], text: &str) -> Vec<u8> {
    let pad = |byte: u8| (0..64).map(|n| key.get(n).copied().unwrap_or(0) ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::digest([pad(0x36), text.as_bytes().to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

async fn a_ledger_knows_what_permission_depends_on_beside_it(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (ana, berta) = (here.person("Ana").await, here.person("Berta").await);
    let plain = ledger(&here, ana.id()).await;
    assert_eq!((plain.parts().standing, plain.parts().country.as_str(), plain.parts().suppressions.len()), (Standing::Active, "ES", 0));
    let secret = db.keys.secret("suppression").await.unwrap();
    let add = "INSERT INTO suppressions (organization_id, id, channel, scope, vhash, reason, at) VALUES ($1, $2, 'email', $3, $4, 'objected', $5)";
    for (scope, address) in [("all", "pana@example.es"), ("all", "otra@example.es"), ("list-1", "pberta@example.es")] {
        let id = db.id::<EvidenceId>().as_uuid();
        db.raw.execute(add, [here.id().as_uuid().into(), id.into(), scope.into(), hmac(&secret, address).into(), at(7).into()]).await;
    }
    db.raw
        .execute(
            "UPDATE people SET state = 'restricted', birth_date = $1, age_band = '14_15' WHERE name = 'Ana'",
            ["2012-11-21".parse::<chrono::NaiveDate>().unwrap().into()],
        )
        .await;
    // The first text of a purpose changes nothing; the second did, the third does not, and the fourth will.
    for (material, body) in [(true, "1"), (true, "2"), (false, "3"), (true, "4")] {
        here.text(TextKind::ConsentLabel, Some(Purpose::EmailMarketing), body, material).await;
        db.clock.advance(chrono::TimeDelta::seconds(10));
    }
    here.text(TextKind::Notice, None, "Aviso", true).await;

    let found = ledger(&here, ana.id()).await;
    let parts = found.parts();
    assert_eq!(parts.suppressions, [Suppression { channel: Channel::Email, reason: SuppressionReason::Objected, at: at(7) }]);
    assert_eq!(
        (parts.standing, parts.birth_date, parts.age_band),
        (Standing::Restricted, Some("2012-11-21".parse().unwrap()), Some(AgeBand::From14To15))
    );
    let mut texts = parts.material_texts.clone();
    texts.sort_by_key(|(_, from)| *from);
    assert_eq!(texts, [(Purpose::EmailMarketing, at(10)), (Purpose::EmailMarketing, at(30))]);
    assert_eq!(ledger(&here, berta.id()).await.parts().suppressions, [], "hers is of one list alone");
}

async fn entries_that_are_written_at_the_same_time_both_stay(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    let purposes = [Purpose::EmailMarketing, Purpose::SmsMarketing, Purpose::PhoneMarketing, Purpose::ScoringProfiling];
    at_once(purposes.into_iter().map(|purpose| {
        let (here, person) = (here.clone(), ana.id());
        async move || {
            here.in_unit(async |tx| {
                let ledger = tx.consents().ledger(person).await?.unwrap();
                let decided = ledger.decide(decision(&here.db, purpose, ConsentAction::Withdrawn, at(1)), &AgeRules::default()).unwrap().unwrap();
                tx.consents().append(&decided).await
            })
            .await;
        }
    }))
    .await;
    let mut found: Vec<_> = ledger(&here, ana.id()).await.events().iter().map(|event| event.purpose.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, ["email_marketing", "phone_marketing", "scoring_profiling", "sms_marketing"]);
}

async fn an_organization_can_set_the_age_of_consent(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let add = "INSERT INTO age_limits (organization_id, id, country, effective_from, age, created_at) VALUES ($1, $2, 'ES', $3, 16, $4)";
    let from: chrono::NaiveDate = "2027-01-01".parse().unwrap();
    db.raw.execute(add, [here.id().as_uuid().into(), db.id::<EvidenceId>().as_uuid().into(), from.into(), at(0).into()]).await;
    for (tenant, then) in [(&here, 16), (&there, 14)] {
        let rules = tenant.in_unit(async |tx| tx.consents().age_rules().await).await;
        assert_eq!((rules.age_on("ES", "2026-12-31".parse().unwrap()), rules.age_on("ES", from)), (14, then));
        assert_eq!(rules.date_of(at(13 * 3600 + 1)).to_string(), "2026-03-02", "a day ends at midnight in Madrid");
    }
}

async fn a_text_is_read_back_as_it_was_published(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let mut texts = vec![
        here.text(TextKind::Notice, None, "Aviso", false).await,
        here.text(TextKind::Contract, Some(Purpose::Billing), &longest(20_000), true).await,
    ];
    let later = json!({"kind": "consent_label", "purpose": "sms_marketing", "locale": "ca-ES", "body": " Sí\r\nvull ", "material": true,
        "effective_from": "2027-01-01T00:00:00.000001Z"});
    let later = ConsentText::publish(db.id(), TextBody::read(&value(later)).unwrap(), 7, at(0)).unwrap();
    here.in_unit(async |tx| tx.consent_texts().save(&later).await).await;
    texts.push(later.into_state());
    let mut ids: Vec<_> = texts.iter().map(ConsentText::id).collect();
    ids.push(db.id());
    let mut found = here.in_unit(async |tx| tx.consent_texts().find(&ids).await).await;
    found.sort_by_key(ConsentText::id);
    texts.sort_by_key(ConsentText::id);
    assert_eq!(found, texts);
    assert_eq!(here.in_unit(async |tx| tx.consent_texts().find(&[]).await).await, []);
}

async fn texts_are_numbered_by_kind_purpose_and_language(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let newest = async |kind, purpose, locale: &str| here.in_unit(async |tx| tx.consent_texts().newest_number(kind, purpose, locale).await).await;
    for n in 1..=3 {
        assert_eq!(here.text(TextKind::ConsentLabel, Some(Purpose::EmailMarketing), "x", false).await.number(), n);
    }
    here.text(TextKind::Notice, None, "x", false).await;
    for (kind, purpose, locale, number) in [
        (TextKind::ConsentLabel, Some(Purpose::EmailMarketing), "es", 3),
        (TextKind::ConsentLabel, Some(Purpose::EmailMarketing), "ca", 0),
        (TextKind::ConsentLabel, Some(Purpose::SmsMarketing), "es", 0),
        (TextKind::Contract, Some(Purpose::EmailMarketing), "es", 0),
        (TextKind::Notice, None, "es", 1),
        (TextKind::Notice, Some(Purpose::EmailMarketing), "es", 0),
    ] {
        assert_eq!(newest(kind, purpose, locale).await, number, "{kind:?} {purpose:?} {locale}");
    }
    let body = json!({"kind": "notice", "locale": "es", "body": "y", "material": false});
    let again = ConsentText::publish(db.id(), TextBody::read(&value(body)).unwrap(), 1, at(0)).unwrap();
    let refused = here.try_in_unit(async |tx| tx.consent_texts().save(&again).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("consent_texts"))), "{refused:?}");
}

async fn texts_are_listed_newest_first_while_others_come(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let mut newest_first = Vec::new();
    for n in 0..5 {
        db.clock.set(n / 2);
        newest_first.insert(0, here.text(TextKind::Notice, None, &format!("Aviso {n}"), false).await);
    }
    let list = async |page: &Page| ConsentTextQueries::list(&db.queries, &here.scope, page).await;
    for limit in [1, 2, 5, 6] {
        assert_eq!(walk(Page::first(limit), list, async |_| ()).await, newest_first);
    }
    let new = async |_| {
        db.clock.set(100);
        here.text(TextKind::Notice, None, "Nuevo", false).await;
    };
    assert_eq!(walk(Page::first(2), list, new).await, newest_first);
    assert_refuses_foreign_cursors(list).await;
}
