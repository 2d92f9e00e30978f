use matricula_domain::identity::Role;
use matricula_domain::leads::{FormVersion, NewFormVersion};
use matricula_domain::privacy::{ConsentBox, ConsentText, ConsentTextId, Purpose, TextKind};
use matricula_domain::shared::{Changed, Code, Field};
use matricula_ports::PortError;
use matricula_ports::mocks::MockRepositories;

use super::super::{Leads, LeadsError};
use super::over;
use crate::testing::{Seen, allowed, id, now, text, told};

fn key() -> Code {
    Field::parse(&"contacto".into()).unwrap()
}

fn new() -> NewFormVersion {
    let label = ConsentBox { purposes: vec![Purpose::EmailMarketing], text_id: id(61), default: false, required: false };
    NewFormVersion { title: Field::parse(&"Contacto".into()).unwrap(), fields: Vec::new(), boxes: vec![label], notice_text_id: id(60) }
}

fn texts() -> Vec<ConsentText> {
    vec![text(60, TextKind::Notice, None), text(61, TextKind::ConsentLabel, Some(Purpose::EmailMarketing))]
}

/// Repositories with these texts, of which those of the form are asked for, and this newest version of the form.
fn knowing(texts: Vec<ConsentText>, newest: Option<FormVersion>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.consent_texts.expect_find().withf(|ids| ids == [id::<ConsentTextId>(61), id(60)]).returning(move |_| Ok(texts.clone()));
    repositories.forms.expect_newest().withf(|asked| *asked == key()).returning(move |_| Ok(newest.clone()));
    repositories
}

async fn publish(leads: &Leads) -> Result<FormVersion, LeadsError> {
    leads.publish_form(&allowed(Role::Marketing), &key(), &new()).await
}

#[tokio::test]
async fn a_form_comes_with_its_first_version() {
    let saved = Seen::<Changed<FormVersion>>::nothing();
    let mut repositories = knowing(texts(), None);
    repositories.forms.expect_save().times(1).returning(saved.note());
    let (transactions, leads) = over(repositories);
    let published = publish(&leads).await.unwrap();
    let parts = published.parts();
    assert_eq!((parts.number, parts.first, &parts.key, parts.published_at), (1, true, &key(), now()));
    assert_eq!(published.wording(id(61)), Some("sha256 of 61"));
    assert_eq!((saved.one().state(), transactions.commits()), (&published, 1));
}

#[tokio::test]
async fn a_later_version_belongs_to_the_same_form() {
    let first = FormVersion::publish((id(70), id(71)), key(), None, new(), &texts(), now()).unwrap().into_state();
    let mut repositories = knowing(texts(), Some(first));
    repositories.forms.expect_save().times(1).returning(|_| Ok(()));
    let (_, leads) = over(repositories);
    let published = publish(&leads).await.unwrap();
    let parts = published.parts();
    assert_eq!((parts.form, parts.number, parts.first), (id(70), 2, false));
    assert_ne!(parts.id, id(71));
}

#[tokio::test]
async fn texts_that_are_not_there_or_say_something_else_are_told_all_at_once() {
    let other_purpose = text(61, TextKind::ConsentLabel, Some(Purpose::SmsMarketing));
    for (known, missing) in [
        (Vec::new(), vec![("/notice_text_id", "NO_SUCH_TEXT"), ("/boxes/0/text_id", "NO_SUCH_TEXT")]),
        (vec![text(60, TextKind::Notice, None), other_purpose], vec![("/boxes/0/text_id", "NO_SUCH_TEXT")]),
        (vec![text(60, TextKind::Contract, None), texts().remove(1)], vec![("/notice_text_id", "NO_SUCH_TEXT")]),
    ] {
        let (transactions, leads) = over(knowing(known, None));
        let Err(LeadsError::Invalid(faults)) = publish(&leads).await else { panic!("must be refused") };
        assert_eq!((told(&faults), transactions.commits()), (missing, 0));
    }
}

#[tokio::test]
async fn whose_number_was_taken_meanwhile_gets_the_next() {
    let first = FormVersion::publish((id(70), id(71)), key(), None, new(), &texts(), now()).unwrap().into_state();
    let mut repositories = MockRepositories::default();
    repositories.consent_texts.expect_find().returning(|_| Ok(texts()));
    repositories.forms.expect_newest().times(1).returning(|_| Ok(None));
    repositories.forms.expect_newest().times(1).returning(move |_| Ok(Some(first.clone())));
    repositories.forms.expect_save().times(2).returning(|_| Ok(()));
    let (transactions, leads) = over(repositories);
    let transactions = transactions.refusing(PortError::Conflict("form_versions"));
    assert_eq!((publish(&leads).await.unwrap().parts().number, transactions.commits()), (2, 2));
}
