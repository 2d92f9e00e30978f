use matricula_domain::identity::Role;
use matricula_domain::leads::{Capture, FormVersion, FormVersionId, Lead, LeadFact, LeadStatus, NewFormVersion};
use matricula_domain::people::{AgeBand, IdentifierKind, Person, PersonId};
use matricula_domain::privacy::{
    AgeRule, AgeRules, Channel, ConsentAction, ConsentActor, ConsentBox, ConsentError, ConsentEvent, ConsentState, Ledger, Purpose, TextKind,
};
use matricula_domain::shared::{Changed, Fact, Field, Form, Value};
use matricula_ports::PortError;
use matricula_ports::leads::Intake;
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::privacy::MockPersonKeys;

use super::super::{Captured, Leads, LeadsError};
use super::over;
use crate::Circumstances;
use crate::testing::{
    CLOSED, Seen, allowed, away, day, id, issuing, lead_of, ledger, ledger_with, map, now, once, person, person_in, text, told, visitor,
    world_with_keys,
};

const LUCIA: &str = "lucia@example.es";
const PHONE: &str = "+34600111222";

/// What Lucía's form says, with these fields beside her name and address.
fn capture(more: &[(&str, Value)]) -> Capture {
    let base = [
        ("name", "Lucía Pérez".into()),
        ("email", LUCIA.into()),
        ("gdpr_consent", Value::Bool(true)),
        ("privacy_policy_accepted", Value::Bool(true)),
    ];
    Capture::read(&map(&base).merged(&map(more))).unwrap()
}

fn ticking(purposes: &[Purpose]) -> (&'static str, Value) {
    ("consents", Value::List(purposes.iter().map(Field::value).collect()))
}

/// The form `contacto` with a notice and a box for advertising by e-mail.
fn form() -> FormVersion {
    let label = ConsentBox { purposes: vec![Purpose::EmailMarketing], text_id: id(61), default: false, required: false };
    let published =
        NewFormVersion { title: Field::parse(&"Contacto".into()).unwrap(), fields: Vec::new(), boxes: vec![label], notice_text_id: id(60) };
    let texts = [text(60, TextKind::Notice, None), text(61, TextKind::ConsentLabel, Some(Purpose::EmailMarketing))];
    FormVersion::publish((id(70), id(71)), Field::parse(&"contacto".into()).unwrap(), None, published, &texts, now()).unwrap().into_state()
}

fn how() -> Circumstances {
    Circumstances { ip: "203.0.113.7".parse().ok(), user_agent: Some("X".to_owned()), referer: None }
}

/// What a capture saved.
struct Saved {
    people: Seen<Changed<Person>>,
    leads: Seen<Changed<Lead>>,
    ledgers: Seen<Changed<Ledger>>,
}

impl Saved {
    /// The entries that were added to the one ledger.
    fn entries(&self) -> Vec<ConsentEvent> {
        self.ledgers.one().fact().events.clone()
    }
    fn decisions(&self) -> Vec<(Purpose, ConsentAction)> {
        self.entries().iter().map(|event| (event.purpose, event.action)).collect()
    }
}

/// Repositories that know this intake, and take whatever is saved.
fn taking(intake: Intake) -> (MockRepositories, Saved) {
    let mut repositories = MockRepositories::default();
    let saved = Saved { people: Seen::nothing(), leads: Seen::nothing(), ledgers: Seen::nothing() };
    repositories.leads.expect_intake().returning(move |_| Ok(intake.clone()));
    repositories.people.expect_save().returning(saved.people.note());
    repositories.leads.expect_save().returning(saved.leads.note());
    repositories.consents.expect_append().returning(saved.ledgers.note());
    (repositories, saved)
}

/// The same, where the person 20 has this ledger.
fn knowing(intake: Intake, ledger: Ledger) -> (MockRepositories, Saved) {
    let (mut repositories, saved) = taking(intake);
    repositories.consents.expect_ledger().withf(|asked| *asked == id::<PersonId>(20)).times(1).returning(move |_| Ok(Some(ledger.clone())));
    (repositories, saved)
}

/// Repositories that know this intake and take nothing.
fn refusing(intake: Intake) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.leads.expect_intake().times(1).returning(move |_| Ok(intake.clone()));
    repositories
}

fn with_keys(repositories: MockRepositories, keys: MockPersonKeys) -> (MockTransactions, Leads) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Leads::new(world_with_keys(&transactions, keys)))
}

async fn leave(leads: &Leads, capture: &Capture) -> Result<Captured, LeadsError> {
    leads.capture_from_visitor(&visitor(), capture, &how()).await
}

#[tokio::test]
async fn somebody_new_is_met_with_a_lead_and_a_ledger() {
    let (repositories, saved) = taking(Intake::default());
    let (transactions, leads) = with_keys(repositories, issuing(1));
    let captured = leave(&leads, &capture(&[("phone", "600 111 222".into()), ("locale", "es".into())])).await.unwrap();

    let met = saved.people.one();
    assert_eq!((met.fact().verb(), met.state().name(), met.state().parts().key_id), ("met", "Lucía Pérez", id(77)));
    assert_eq!((met.state().identifier(IdentifierKind::Email), met.state().identifier(IdentifierKind::Phone)), (Some(LUCIA), Some(PHONE)));
    assert_eq!(met.state().parts().locale.as_ref().map(ToString::to_string).as_deref(), Some("es"));

    assert_eq!((captured.new, captured.lead.status(), captured.lead.person()), (true, LeadStatus::New, met.state().id()));
    assert_eq!((saved.leads.verbs(), saved.leads.one().state()), (vec!["captured"], &captured.lead));
    assert_eq!(
        (saved.decisions(), saved.ledgers.one().state().person()),
        (vec![(Purpose::LeadEnquiry, ConsentAction::NoticeShown)], met.state().id())
    );
    assert_eq!((captured.consents, transactions.commits()), (Vec::new(), 1));
}

#[tokio::test]
async fn every_id_of_somebody_new_is_another() {
    let (repositories, saved) = taking(Intake::default());
    let (_, leads) = with_keys(repositories, issuing(1));
    leave(&leads, &capture(&[("phone", PHONE.into())])).await.unwrap();
    let met = saved.people.one();
    let parts = met.state().parts();
    let mut ids = vec![parts.id.to_string(), parts.subject_ref.to_string(), parts.key_id.to_string(), saved.leads.one().state().id().to_string()];
    ids.extend(parts.identifiers.iter().map(|known| known.id.to_string()));
    ids.extend(saved.entries().iter().map(|entry| entry.id.to_string()));
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), all), (7, 7));
}

#[tokio::test]
async fn who_is_known_by_the_address_is_not_met_again() {
    let (repositories, saved) = knowing(Intake { people: vec![person(20, Some(LUCIA), None)], ..Intake::default() }, ledger(&[]));
    let (transactions, leads) = over(repositories);
    let captured = leave(&leads, &capture(&[("name", "L. P.".into())])).await.unwrap();
    assert_eq!((captured.new, captured.lead.person()), (true, id(20)));
    assert!(saved.people.all().is_empty(), "a form does not overwrite a name");
    assert_eq!((saved.ledgers.one().state().person(), transactions.commits()), (id(20), 1));
}

#[tokio::test]
async fn what_somebody_known_says_beside_is_learned() {
    let (repositories, saved) = knowing(Intake { people: vec![person(20, Some(LUCIA), None)], ..Intake::default() }, ledger(&[]));
    let (_, leads) = over(repositories);
    leave(&leads, &capture(&[("phone", PHONE.into()), ("age_band", "adult".into())])).await.unwrap();
    let learned = saved.people.one();
    assert_eq!((learned.fact().verb(), learned.state().id()), ("changed", id(20)));
    assert_eq!((learned.state().identifier(IdentifierKind::Phone), learned.state().parts().age_band), (Some(PHONE), Some(AgeBand::Adult)));
}

#[tokio::test]
async fn who_is_known_by_the_number_alone_is_known() {
    let (repositories, saved) = knowing(Intake { people: vec![person(20, None, Some(PHONE))], ..Intake::default() }, ledger(&[]));
    let (_, leads) = over(repositories);
    let captured = leave(&leads, &capture(&[("phone", PHONE.into())])).await.unwrap();
    assert_eq!(captured.lead.person(), id(20));
    assert_eq!(saved.people.one().state().identifier(IdentifierKind::Email), Some(LUCIA));
}

#[tokio::test]
async fn of_the_address_of_one_and_the_number_of_another_the_address_decides_and_nothing_changes_hands() {
    let people = vec![person(200, Some("padre@example.es"), Some(PHONE)), person(20, Some(LUCIA), None)];
    let (repositories, saved) = knowing(Intake { people, ..Intake::default() }, ledger(&[]));
    let (transactions, leads) = over(repositories);
    let captured = leave(&leads, &capture(&[("phone", PHONE.into())])).await.unwrap();
    assert_eq!(captured.lead.person(), id(20));
    assert!(saved.people.all().is_empty(), "the number stays with whom it belongs to");
    assert_eq!(transactions.commits(), 1);
}

#[tokio::test]
async fn an_open_lead_is_touched_and_not_doubled() {
    let known = Intake {
        people: vec![person(20, Some(LUCIA), None)],
        campaign: Some(id(35)),
        leads: vec![lead_of(20, LeadStatus::Contacted)],
        ..Intake::default()
    };
    let (repositories, saved) = knowing(known, ledger(&[]));
    let (_, leads) = over(repositories);
    let again = capture(&[("campaign", "primavera".into()), ("message", "¿Hay plazas?".into())]);
    let captured = leave(&leads, &again).await.unwrap();
    assert_eq!((captured.new, captured.lead.id(), captured.lead.status()), (false, id(10), LeadStatus::Contacted));
    let saved = saved.leads.one();
    let LeadFact::Touched(touch) = saved.fact() else { panic!("must be a touch") };
    assert_eq!((touch.campaign, touch.message.as_deref(), touch.at), (Some(id(35)), Some("¿Hay plazas?"), now()));
}

#[tokio::test]
async fn the_open_lead_of_the_other_whom_the_number_belongs_to_is_left_alone() {
    let people = vec![person(200, None, Some(PHONE)), person(20, Some(LUCIA), None)];
    for (leads, new) in [(vec![lead_of(200, LeadStatus::New)], true), (vec![lead_of(200, LeadStatus::New), lead_of(20, LeadStatus::New)], false)] {
        let (repositories, saved) = knowing(Intake { people: people.clone(), leads, ..Intake::default() }, ledger(&[]));
        let (_, leads) = over(repositories);
        let captured = leave(&leads, &capture(&[("phone", PHONE.into())])).await.unwrap();
        assert_eq!((captured.new, captured.lead.person()), (new, id(20)));
        assert_eq!(saved.leads.one().state().person(), id(20));
    }
}

#[tokio::test]
async fn a_lead_knows_what_the_words_of_the_form_lead_to() {
    let found = Intake { course: Some(id(30)), course_run: Some(id(40)), campaign: Some(id(35)), form: Some(form()), ..Intake::default() };
    let (repositories, saved) = taking(found);
    let (_, leads) = with_keys(repositories, issuing(1));
    let words = [
        ("course", "dam".into()),
        ("course_run_id", Value::Id(uuid::Uuid::from_u128(40))),
        ("campaign", "primavera".into()),
        ("form", "contacto".into()),
    ];
    let lead = leave(&leads, &capture(&words)).await.unwrap().lead;
    let details = &lead.parts().details;
    assert_eq!((details.course_id, details.course_run_id, details.campaign_id), (Some(id(30)), Some(id(40)), Some(id(35))));
    assert_eq!(lead.parts().form_version, Some(id::<FormVersionId>(71)));
    assert_eq!(saved.leads.one().fact().touch().and_then(|touch| touch.campaign), Some(id(35)));
}

#[tokio::test]
async fn words_that_lead_nowhere_are_told_all_at_once_and_nothing_is_saved() {
    let (transactions, leads) = over(refusing(Intake::default()));
    let words = [("course", "dam".into()), ("course_run_id", Value::Id(uuid::Uuid::from_u128(40))), ("campaign", "x".into()), ("form", "y".into())];
    let Err(LeadsError::Invalid(faults)) = leave(&leads, &capture(&words)).await else { panic!("must be refused") };
    let nowhere = [("/course", "NOT_FOUND"), ("/course_run_id", "NOT_FOUND"), ("/campaign", "NOT_FOUND"), ("/form", "NOT_FOUND")];
    assert_eq!((told(&faults), transactions.commits()), (nowhere.to_vec(), 0));
}

#[tokio::test]
async fn a_box_that_the_form_does_not_have_cannot_have_been_ticked() {
    let (transactions, leads) = over(refusing(Intake { form: Some(form()), ..Intake::default() }));
    let ticked = ticking(&[Purpose::EmailMarketing, Purpose::PhoneMarketing]);
    let Err(LeadsError::Invalid(faults)) = leave(&leads, &capture(&[("form", "contacto".into()), ("course", "x".into()), ticked])).await else {
        panic!("must be refused")
    };
    assert_eq!((told(&faults), transactions.commits()), (vec![("/course", "NOT_FOUND"), ("/consents/1", "NO_SUCH_BOX")], 0));
}

#[tokio::test]
async fn data_that_may_not_be_worked_with_takes_no_lead() {
    for standing in CLOSED {
        let (transactions, leads) = over(refusing(Intake { people: vec![person_in(standing, 20, Some(LUCIA), None)], ..Intake::default() }));
        assert!(matches!(leave(&leads, &capture(&[("phone", PHONE.into())])).await, Err(LeadsError::Restricted)), "{standing}");
        assert_eq!(transactions.commits(), 0);
    }
}

#[tokio::test]
async fn a_ticked_box_waits_for_its_confirmation_with_its_proof() {
    let (mut repositories, saved) = taking(Intake { form: Some(form()), ..Intake::default() });
    repositories.consents.expect_age_rules().times(1).returning(|| Ok(AgeRules::default()));
    let (_, leads) = with_keys(repositories, issuing(1));
    let captured = leave(&leads, &capture(&[("form", "contacto".into()), ticking(&[Purpose::EmailMarketing])])).await.unwrap();
    assert_eq!(captured.consents, [(Purpose::EmailMarketing, ConsentState::Pending)]);

    let [notice, granted] = &saved.entries()[..] else { panic!("must be two entries") };
    assert_eq!((notice.purpose, notice.action, notice.text), (Purpose::LeadEnquiry, ConsentAction::NoticeShown, Some(id(60))));
    assert_eq!((granted.purpose, granted.action, granted.text), (Purpose::EmailMarketing, ConsentAction::Granted, Some(id(61))));
    assert_eq!((notice.wording_sha256.as_deref(), granted.wording_sha256.as_deref()), (Some("sha256 of 60"), Some("sha256 of 61")));
    let evidence = saved.ledgers.one().fact().evidence.clone().unwrap();
    assert_eq!((evidence.ip, evidence.user_agent.as_deref()), (how().ip, Some("X")));
    for entry in [notice, granted] {
        assert_eq!((entry.actor, entry.channel, entry.at), (ConsentActor::Subject, Channel::Web, now()));
        assert_eq!((entry.form_version, entry.evidence), (Some(uuid::Uuid::from_u128(71)), Some(evidence.id)));
    }
}

#[tokio::test]
async fn the_box_of_a_child_is_only_asked_for() {
    let (mut repositories, saved) = taking(Intake { form: Some(form()), ..Intake::default() });
    repositories.consents.expect_age_rules().times(1).returning(|| Ok(AgeRules::default()));
    let (_, leads) = with_keys(repositories, issuing(1));
    let child = capture(&[("form", "contacto".into()), ("age_band", "under_14".into()), ticking(&[Purpose::EmailMarketing])]);
    let captured = leave(&leads, &child).await.unwrap();
    assert_eq!(captured.consents, [(Purpose::EmailMarketing, ConsentState::Requested)]);
    assert_eq!(saved.decisions()[1], (Purpose::EmailMarketing, ConsentAction::Requested));
    assert_eq!(saved.people.one().state().parts().age_band, Some(AgeBand::Under14));
}

#[tokio::test]
async fn the_age_of_the_organization_s_rules_counts() {
    let sixteen = || AgeRules::default().with(AgeRule { country: "ES".to_owned(), effective_from: day("2026-01-01"), age: 16 });
    for (rules, state) in [(AgeRules::default(), ConsentState::Pending), (sixteen(), ConsentState::Requested)] {
        let (mut repositories, _) = taking(Intake { form: Some(form()), ..Intake::default() });
        repositories.consents.expect_age_rules().returning(move || Ok(rules.clone()));
        let (_, leads) = with_keys(repositories, issuing(1));
        let young = capture(&[("form", "contacto".into()), ("age_band", "14_15".into()), ticking(&[Purpose::EmailMarketing])]);
        assert_eq!(leave(&leads, &young).await.unwrap().consents, [(Purpose::EmailMarketing, state)]);
    }
}

#[tokio::test]
async fn who_is_of_age_costs_no_look_at_the_rules() {
    let (repositories, _) = taking(Intake { form: Some(form()), ..Intake::default() });
    let (_, leads) = with_keys(repositories, issuing(1));
    let adult = capture(&[("form", "contacto".into()), ("age_band", "adult".into()), ticking(&[Purpose::EmailMarketing])]);
    assert_eq!(leave(&leads, &adult).await.unwrap().consents, [(Purpose::EmailMarketing, ConsentState::Pending)]);
}

#[tokio::test]
async fn who_is_known_to_be_a_child_does_not_come_of_age_by_a_form() {
    let fifteen = ledger_with(&[], |parts| parts.birth_date = Some(day("2011-01-01")));
    for known in [fifteen, ledger_with(&[], |parts| parts.age_band = Some(AgeBand::From14To15))] {
        let intake = Intake { people: vec![person(20, Some(LUCIA), None)], form: Some(form()), ..Intake::default() };
        let (mut repositories, _) = knowing(intake, known);
        let rules = AgeRules::default().with(AgeRule { country: "ES".to_owned(), effective_from: day("2026-01-01"), age: 16 });
        repositories.consents.expect_age_rules().times(1).returning(move || Ok(rules.clone()));
        let (_, leads) = over(repositories);
        let says_adult = capture(&[("form", "contacto".into()), ("age_band", "adult".into()), ticking(&[Purpose::EmailMarketing])]);
        assert_eq!(leave(&leads, &says_adult).await.unwrap().consents, [(Purpose::EmailMarketing, ConsentState::Requested)]);
    }
}

#[tokio::test]
async fn staff_enter_a_lead_in_their_own_name() {
    let (repositories, saved) = taking(Intake { form: Some(form()), ..Intake::default() });
    let (_, leads) = with_keys(repositories, issuing(1));
    let adult = capture(&[("form", "contacto".into()), ("age_band", "adult".into()), ticking(&[Purpose::EmailMarketing])]);
    let captured = leads.capture_by_staff(&allowed(Role::Adviser), &adult, &how()).await.unwrap();
    assert!(captured.new);
    assert_eq!(saved.entries().iter().map(|entry| entry.actor).collect::<Vec<_>>(), [ConsentActor::Operator; 2]);
}

#[tokio::test]
async fn staff_cannot_tick_again_what_the_person_took_back() {
    let intake = || Intake { people: vec![person(20, Some(LUCIA), None)], form: Some(form()), ..Intake::default() };
    let mut repositories = refusing(intake());
    let withdrawn = || ledger_with(&[(Purpose::EmailMarketing, ConsentAction::Withdrawn)], |parts| parts.age_band = Some(AgeBand::Adult));
    repositories.consents.expect_ledger().returning(move |_| Ok(Some(withdrawn())));
    repositories.leads.expect_save().returning(|_| Ok(()));
    let (transactions, leads) = over(repositories);
    let ticked = capture(&[("form", "contacto".into()), ticking(&[Purpose::EmailMarketing])]);
    let refused = leads.capture_by_staff(&allowed(Role::Adviser), &ticked, &how()).await;
    assert!(matches!(refused, Err(LeadsError::Consent(ConsentError::SubjectActionRequired))));
    assert_eq!(transactions.commits(), 0, "the lead is not kept without its consents");

    // The person themselves can, though it counts only once they confirm it.
    let (repositories, saved) = knowing(intake(), withdrawn());
    let (_, leads) = over(repositories);
    assert_eq!(leave(&leads, &ticked).await.unwrap().consents, [(Purpose::EmailMarketing, ConsentState::Withdrawn)]);
    assert_eq!(saved.decisions()[1], (Purpose::EmailMarketing, ConsentAction::Granted));
}

#[tokio::test]
async fn who_was_met_by_somebody_else_meanwhile_is_known_at_the_second_try() {
    let mut repositories = MockRepositories::default();
    repositories.leads.expect_intake().times(1).returning(|_| Ok(Intake::default()));
    repositories
        .leads
        .expect_intake()
        .times(1)
        .returning(|_| Ok(Intake { people: vec![person(20, Some(LUCIA), None)], leads: vec![lead_of(20, LeadStatus::New)], ..Intake::default() }));
    repositories.people.expect_save().times(1).returning(|_| Ok(()));
    repositories.leads.expect_save().times(2).returning(|_| Ok(()));
    repositories.consents.expect_ledger().times(1).returning(|_| Ok(None));
    repositories.consents.expect_append().times(2).returning(|_| Ok(()));
    let (transactions, leads) = with_keys(repositories, issuing(1));
    let transactions = transactions.refusing(PortError::Conflict("person_identifiers"));
    let captured = leave(&leads, &capture(&[])).await.unwrap();
    assert_eq!((captured.new, captured.lead.id(), transactions.commits()), (false, id(10), 2));
}

#[tokio::test]
async fn the_answer_to_a_capture_that_must_happen_once_is_remembered() {
    let (repositories, _) = taking(Intake::default());
    let (transactions, leads) = with_keys(repositories, issuing(1));
    let visitor = visitor().once(once(|captured: &Captured| Some(format!("new: {}", captured.new))));
    leads.capture_from_visitor(&visitor, &capture(&[]), &how()).await.unwrap();
    assert_eq!(transactions.remembered().map(|answer| answer.body).as_deref(), Some("new: true"));
}

#[tokio::test]
async fn nobody_is_met_without_a_key() {
    let mut keys = MockPersonKeys::new();
    keys.expect_issue().times(1).returning(|_| Err(away()));
    let (transactions, leads) = with_keys(refusing(Intake::default()), keys);
    assert!(matches!(leave(&leads, &capture(&[])).await, Err(LeadsError::Port(PortError::Unavailable(_)))));
    assert_eq!(transactions.commits(), 0);
}
