//! The pipeline of all records, tried with a kind of its own: a note, of which two do not have the same code.

use matricula_domain::identity::Role;
use matricula_domain::shared::{Aggregate, Code, IdOf, Line, Noun};
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::records::RecordRow;

use super::*;
use crate::access::ManageCatalog;
use crate::testing::{Seen, allowed, id, in_hours, map, now, told, world};

matricula_domain::record! {
    /// A note.
    pub struct Note in "work" as "note" / "notes" unique ["code"] order "code" filter [] {
        /// Its name.
        code: Code,
        /// What it says.
        text: Option<Line<20>>,
    }
}

matricula_domain::record! {
    /// A place, which is named in addresses.
    pub struct Place in "work" as "place" / "places" unique ["slug"] order "slug" filter [] {
        /// Its name in addresses.
        slug: matricula_domain::shared::Slug,
    }
}

matricula_domain::record! {
    /// A thing of which there may be many.
    pub struct Thing in "work" as "thing" / "things" unique [] order "name" filter [] {
        /// Its name.
        name: Line<20>,
        /// Where it stands.
        place_id: Option<IdOf<Place>>,
    }
}

fn over<R: Record>(repositories: MockRepositories) -> (MockTransactions, Records<R, ManageCatalog>) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Records::new(world(&transactions)))
}

fn who() -> Allowed<ManageCatalog> {
    allowed(Role::Admin)
}

/// The note 80.
fn note(archived_at: Option<Instant>) -> RecordRow {
    let fields = map(&[("code", "primera".into()), ("text", "Hola".into())]);
    RecordRow { id: id(80), fields, archived_at, created_at: in_hours(-24), updated_at: in_hours(-24), version: 7 }
}

/// Repositories that know this note, under the id 80.
fn knowing(row: Option<RecordRow>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories
        .records
        .expect_find()
        .withf(|schema, asked| schema.noun.one == "note" && *asked == id::<RecordId>(80))
        .returning(move |_, _| Ok(row.clone()));
    repositories
}

/// The same, where the code is free or taken.
fn with_code(mut repositories: MockRepositories, code: &'static str, taken: bool) -> MockRepositories {
    let unique = [("code".to_owned(), Value::from(code))];
    repositories.records.expect_taken().withf(move |_, asked, _| *asked == unique).times(1).returning(move |_, _, _| Ok(taken));
    repositories
}

fn saving(mut repositories: MockRepositories) -> (MockRepositories, Seen<RecordChange>) {
    let saved = Seen::nothing();
    repositories.records.expect_save().times(1).returning(saved.keep());
    (repositories, saved)
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, RecordError>) -> Faults {
    match outcome {
        Err(RecordError::Refused(RecordRefusal::Invalid(faults))) => faults,
        other => panic!("must be refused, was {other:?}"),
    }
}

#[tokio::test]
async fn a_record_is_created() {
    let (repositories, saved) = saving(with_code(MockRepositories::default(), "primera", false));
    let (transactions, notes) = over::<Note>(repositories);
    let created = notes.create(&who(), &map(&[("code", "primera".into())])).await.unwrap();
    assert_eq!((created.record().code.as_str(), created.version(), created.created_at()), ("primera", 1, now()));
    let change = saved.one();
    assert_eq!((change.verb(), change.row.id, change.row.version, change.at), ("created", created.id(), 1, now()));
    assert_eq!((change.schema, transactions.commits()), (&Note::SCHEMA, 1));
}

#[tokio::test]
async fn all_faults_of_an_input_are_told_and_nothing_is_saved() {
    let (transactions, notes) = over::<Note>(MockRepositories::default());
    let faults = refusal(notes.create(&who(), &map(&[("text", Value::Int(1)), ("colour", "red".into())])).await);
    let wrong = [("/colour", "UNKNOWN_FIELD"), ("/code", "REQUIRED"), ("/text", "WRONG_TYPE")];
    assert_eq!((told(&faults), transactions.commits()), (wrong.to_vec(), 0));
}

#[tokio::test]
async fn what_another_one_has_is_taken_and_a_slug_is_called_a_slug() {
    let (transactions, notes) = over::<Note>(with_code(MockRepositories::default(), "primera", true));
    let faults = refusal(notes.create(&who(), &map(&[("code", "primera".into())])).await);
    assert_eq!((told(&faults), faults.code(), transactions.commits()), (vec![("/code", "TAKEN")], "TAKEN", 0));

    let mut repositories = MockRepositories::default();
    repositories.records.expect_taken().times(1).returning(|_, _, _| Ok(true));
    let (transactions, places) = over::<Place>(repositories);
    let faults = refusal(places.create(&who(), &map(&[("slug", "centro".into())])).await);
    assert_eq!((told(&faults), faults.code(), transactions.commits()), (vec![("/slug", "SLUG_TAKEN")], "SLUG_TAKEN", 0));
}

#[tokio::test]
async fn a_kind_without_anything_unique_asks_for_nothing() {
    let (repositories, saved) = saving(MockRepositories::default());
    let (transactions, things) = over::<Thing>(repositories);
    things.create(&who(), &map(&[("name", "Silla".into())])).await.unwrap();
    assert_eq!((saved.one().verb(), transactions.commits()), ("created", 1));
}

#[tokio::test]
async fn what_a_record_refers_to_is_looked_for_among_its_kind() {
    let input = map(&[("name", "Silla".into()), ("place_id", Value::Id(id::<RecordId>(81).as_uuid()))]);
    let with_place = |mut repositories: MockRepositories, there: bool| {
        let asked = |noun: &Noun, asked: &RecordId| noun.many == "places" && *asked == id::<RecordId>(81);
        repositories.records.expect_is_there().times(1).withf(asked).returning(move |_, _| Ok(there));
        repositories
    };
    let (repositories, saved) = saving(with_place(MockRepositories::default(), true));
    let (transactions, things) = over::<Thing>(repositories);
    let created = things.create(&who(), &input).await.unwrap();
    assert_eq!(created.record().place_id.map(|place| place.id()), Some(id(81)));
    assert_eq!((saved.one().verb(), transactions.commits()), ("created", 1));

    let (transactions, things) = over::<Thing>(with_place(MockRepositories::default(), false));
    let faults = refusal(things.create(&who(), &input).await);
    assert_eq!((told(&faults), transactions.commits()), (vec![("/place_id", "NOT_FOUND")], 0));
}

#[tokio::test]
async fn what_a_patch_names_is_changed_and_nothing_else() {
    let (repositories, saved) = saving(with_code(knowing(Some(note(None))), "primera", false));
    let (transactions, notes) = over::<Note>(repositories);
    let changed = notes.change(&who(), id(80), &map(&[("text", Value::Null)]), Expected::Version(7)).await.unwrap();
    assert_eq!((changed.record().code.as_str(), &changed.record().text, changed.version()), ("primera", &None, 8));
    let change = saved.one();
    let fields: Vec<_> = change.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!((change.verb(), fields, transactions.commits()), ("changed", vec!["text"], 1));
}

#[tokio::test]
async fn a_record_may_have_its_own_code() {
    let mut repositories = knowing(Some(note(None)));
    repositories.records.expect_taken().withf(|_, _, other_than| *other_than == id::<RecordId>(80)).times(1).returning(|_, _, _| Ok(false));
    let (repositories, saved) = saving(repositories);
    let (_, notes) = over::<Note>(repositories);
    notes.change(&who(), id(80), &map(&[("code", "primera".into())]), Expected::Any).await.unwrap();
    assert_eq!(saved.one().changes, []);
}

#[tokio::test]
async fn a_patch_that_makes_no_sense_changes_nothing() {
    let (transactions, notes) = over::<Note>(knowing(Some(note(None))));
    let faults = refusal(notes.change(&who(), id(80), &map(&[("code", Value::Null)]), Expected::Any).await);
    assert_eq!((told(&faults), transactions.commits()), (vec![("/code", "REQUIRED")], 0));
}

#[tokio::test]
async fn another_version_than_the_one_that_was_seen_is_not_overwritten() {
    let (transactions, notes) = over::<Note>(knowing(Some(note(None))));
    let refused = notes.change(&who(), id(80), &map(&[("text", "Adiós".into())]), Expected::Version(6)).await;
    assert!(matches!(refused, Err(RecordError::Port(PortError::Stale))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn a_code_that_is_taken_meanwhile_is_told_as_taken() {
    let mut repositories = MockRepositories::default();
    repositories.records.expect_taken().times(1).returning(|_, _, _| Ok(false));
    repositories.records.expect_taken().times(1).returning(|_, _, _| Ok(true));
    repositories.records.expect_save().times(1).returning(|_| Ok(()));
    let (transactions, notes) = over::<Note>(repositories);
    let transactions = transactions.refusing(PortError::Conflict("unique"));
    let faults = refusal(notes.create(&who(), &map(&[("code", "primera".into())])).await);
    assert_eq!((told(&faults), transactions.commits()), (vec![("/code", "TAKEN")], 1));
}

#[tokio::test]
async fn what_is_hidden_gives_its_code_free() {
    // Nobody is asked whether the code is taken.
    let (repositories, saved) = saving(knowing(Some(note(None))));
    let (transactions, notes) = over::<Note>(repositories);
    assert_eq!(notes.archive(&who(), id(80)).await.unwrap().archived_at(), Some(now()));
    assert_eq!((saved.one().verb(), saved.one().row.archived_at, transactions.commits()), ("archived", Some(now()), 1));
}

#[tokio::test]
async fn what_comes_back_needs_its_code() {
    let (repositories, saved) = saving(with_code(knowing(Some(note(Some(now())))), "primera", false));
    let (transactions, notes) = over::<Note>(repositories);
    assert_eq!(notes.restore(&who(), id(80)).await.unwrap().archived_at(), None);
    assert_eq!((saved.one().verb(), transactions.commits()), ("restored", 1));

    let (transactions, notes) = over::<Note>(with_code(knowing(Some(note(Some(now())))), "primera", true));
    let faults = refusal(notes.restore(&who(), id(80)).await);
    assert_eq!((told(&faults), transactions.commits()), (vec![("/code", "TAKEN")], 0));
}

#[tokio::test]
async fn what_is_hidden_is_not_hidden_again_nor_brought_back_twice() {
    let (transactions, notes) = over::<Note>(knowing(Some(note(Some(now())))));
    assert!(matches!(notes.archive(&who(), id(80)).await, Err(RecordError::AlreadySo)));
    assert_eq!(transactions.commits(), 0);
    let (transactions, notes) = over::<Note>(knowing(Some(note(None))));
    assert!(matches!(notes.restore(&who(), id(80)).await, Err(RecordError::AlreadySo)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn nothing_is_done_to_a_record_that_is_not_there() {
    let (transactions, notes) = over::<Note>(knowing(None));
    for outcome in [
        notes.change(&who(), id(80), &map(&[]), Expected::Any).await,
        notes.archive(&who(), id(80)).await,
        notes.clone().restore(&who(), id(80)).await,
    ] {
        assert!(matches!(outcome, Err(RecordError::NotFound)));
    }
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn a_row_that_breaks_the_declaration_is_a_broken_port_and_no_fault_of_the_input() {
    let (transactions, notes) = over::<Note>(knowing(Some(RecordRow { fields: map(&[("code", "NO CODE".into())]), ..note(None) })));
    let outcome = notes.archive(&who(), id(80)).await;
    assert!(matches!(outcome, Err(RecordError::Port(PortError::Broken(what))) if what.starts_with("notes: ")));
    assert_eq!(transactions.commits(), 0);
}
