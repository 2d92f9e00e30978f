//! What every use case has of the world: one transaction that is done again when somebody else was faster, and the version that
//! somebody saw. The work here is a number, so that nothing but the transaction is looked at.

use std::sync::Mutex;

use matricula_domain::leads::LeadStatus;
use matricula_domain::people::Person;
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::{PortError, Scope, transact};

use super::*;
use crate::testing::{away, id, lead, now, once, person, scope, world};

/// Does a work that answers 1, 2, 3 … and says how often it was done.
async fn count(transactions: &MockTransactions, scope: &Scope) -> (Result<u32, PortError>, u32) {
    let done = Mutex::new(0);
    let outcome = transact(transactions, scope, async |_| {
        let mut done = done.lock().unwrap();
        *done += 1;
        Ok(*done)
    })
    .await;
    (outcome, done.into_inner().unwrap())
}

fn transactions() -> MockTransactions {
    MockTransactions::over(MockRepositories::default())
}

fn counted_once() -> Scope {
    scope().once(once(|n: &u32| Some(format!("number {n}"))))
}

#[tokio::test]
async fn what_went_well_is_committed_once() {
    let transactions = transactions();
    let (outcome, done) = count(&transactions, &scope()).await;
    assert_eq!((outcome.unwrap(), done, transactions.commits()), (1, 1, 1));
    assert_eq!(transactions.remembered(), None, "nobody asked for it to happen once");
}

#[tokio::test]
async fn what_the_work_refuses_is_neither_committed_nor_remembered() {
    let transactions = transactions();
    let refused = transact(&transactions, &counted_once(), async |_| Err::<u32, _>(PortError::Dangling("reference"))).await;
    assert!(matches!(refused, Err(PortError::Dangling("reference"))));
    assert_eq!((transactions.commits(), transactions.remembered()), (0, None));
}

#[tokio::test]
async fn a_refusal_of_the_work_is_not_tried_again_even_if_it_says_stale() {
    let transactions = transactions();
    let done = Mutex::new(0);
    let refused = transact(&transactions, &scope(), async |_| {
        *done.lock().unwrap() += 1;
        Err::<u32, _>(PortError::Stale)
    })
    .await;
    assert!(matches!(refused, Err(PortError::Stale)));
    assert_eq!((*done.lock().unwrap(), transactions.commits()), (1, 0));
}

#[tokio::test]
async fn the_work_is_done_again_when_somebody_else_was_faster() {
    let transactions = transactions().refusing(PortError::Conflict("seats")).refusing(PortError::Stale);
    let (outcome, done) = count(&transactions, &scope()).await;
    assert_eq!((outcome.unwrap(), done, transactions.commits()), (3, 3, 3));
}

#[tokio::test]
async fn who_never_gets_through_gives_up_after_eight_tries() {
    let transactions = (0..9).fold(transactions(), |transactions, _| transactions.refusing(PortError::Conflict("leads")));
    let (outcome, done) = count(&transactions, &scope()).await;
    assert!(matches!(outcome, Err(PortError::Conflict("leads"))));
    assert_eq!((done, transactions.commits()), (8, 8));
}

#[tokio::test]
async fn the_work_of_a_repeated_request_is_not_done_again() {
    let transactions = transactions().refusing(PortError::Conflict("idempotency_keys"));
    let (outcome, done) = count(&transactions, &counted_once()).await;
    assert!(matches!(outcome, Err(PortError::Conflict("idempotency_keys"))));
    assert_eq!((done, transactions.commits()), (1, 1));
}

#[tokio::test]
async fn a_database_that_is_away_or_a_reference_into_nowhere_is_not_tried_again() {
    for refusal in [away(), PortError::Dangling("courses"), PortError::Broken("row".into()), PortError::KeyDestroyed] {
        let told = refusal.to_string();
        let transactions = transactions().refusing(refusal);
        let (outcome, done) = count(&transactions, &scope()).await;
        assert_eq!((outcome.unwrap_err().to_string(), done, transactions.commits()), (told, 1, 1));
    }
}

#[tokio::test]
async fn the_answer_of_an_effect_that_must_happen_once_is_remembered() {
    let transactions = transactions();
    let (outcome, _) = count(&transactions, &counted_once()).await;
    let answer = transactions.remembered().unwrap();
    assert_eq!((outcome.unwrap(), answer.status, answer.body.as_str()), (1, 201, "number 1"));
}

#[tokio::test]
async fn what_is_remembered_is_the_answer_of_the_try_that_went_through() {
    let transactions = transactions().refusing(PortError::Stale);
    let (outcome, _) = count(&transactions, &counted_once()).await;
    assert_eq!((outcome.unwrap(), transactions.remembered().unwrap().body.as_str()), (2, "number 2"));
}

#[tokio::test]
async fn an_answer_that_cannot_be_written_down_keeps_the_effect_from_happening() {
    let transactions = transactions();
    let (outcome, _) = count(&transactions, &scope().once(once(|_: &u32| None))).await;
    assert_eq!(outcome.unwrap_err().to_string(), "broken: POST /things cannot write its answer down");
    assert_eq!((transactions.commits(), transactions.remembered()), (0, None));
}

#[tokio::test]
async fn a_unit_of_work_that_cannot_begin_is_an_error() {
    struct Away;
    #[async_trait::async_trait]
    impl Transactions for Away {
        async fn begin(&self, _: &Scope) -> Result<Box<dyn matricula_ports::UnitOfWork>, PortError> {
            Err(away())
        }
    }
    let outcome = transact(&Away, &scope(), async |_| Ok::<_, PortError>(())).await;
    assert!(matches!(outcome, Err(PortError::Unavailable(_))));
}

#[test]
fn only_the_version_that_was_seen_is_expected() {
    let lead = lead(LeadStatus::New);
    assert_eq!(lead.version(), 4);
    assert!(Expected::Version(4).met_by(&lead).is_ok());
    assert!(Expected::Any.met_by(&lead).is_ok());
    for version in [0, 3, 5] {
        assert!(matches!(Expected::Version(version).met_by(&lead), Err(PortError::Stale)), "{version}");
    }
    // Each kind of thing has a version of its own.
    let person: Person = person(20, None, Some("+34600111222"));
    assert!(Expected::Version(3).met_by(&person).is_ok() && Expected::Version(4).met_by(&person).is_err());
}

#[test]
fn circumstances_are_kept_as_they_were() {
    let (ip, agent, referer) = ("203.0.113.7".parse().ok(), Some("Firefox".to_owned()), Some("https://example.es/".to_owned()));
    let how = Circumstances { ip, user_agent: agent.clone(), referer: referer.clone() };
    assert_eq!(how.evidence(id(5)), Evidence { id: id(5), ip, user_agent: agent, referer, page_url: None });
}

#[test]
fn time_and_ids_come_from_the_ports() {
    let world = world(&transactions());
    assert_eq!(world.now(), now());
    let (first, second): (EvidenceId, EvidenceId) = (world.id(), world.id());
    assert_eq!((first, second), (id(1000), id(1001)));
}
