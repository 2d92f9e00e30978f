use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use matricula_ports::PortError;
use matricula_ports::audit::MockAuditChain;
use matricula_ports::notifications::{MockLeases, MockOutbox, OutboxRow};
use uuid::Uuid;

use super::super::{BATCH, Followers, Receiver};
use crate::testing::{FixedClock, away, id, now};

const HOLDER: Uuid = Uuid::from_u128(8);

fn fact(n: u128) -> OutboxRow {
    OutboxRow {
        id: Uuid::from_u128(n),
        organization: id(900),
        at: now(),
        fact: "lead.captured".into(),
        entity: "lead".into(),
        entity_id: Uuid::from_u128(10),
        entity_version: 1,
        payload: "{}".into(),
    }
}

/// Notes which facts it got, or takes none.
struct Notes {
    name: &'static str,
    got: Option<Arc<Mutex<Vec<Uuid>>>>,
}

#[async_trait]
impl Receiver for Notes {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn receive(&self, facts: &[OutboxRow]) -> Result<(), PortError> {
        let got = self.got.as_ref().ok_or_else(away)?;
        got.lock().unwrap().extend(facts.iter().map(|fact| fact.id));
        Ok(())
    }
}

/// A receiver that takes what it gets, and what it got.
fn taking(name: &'static str) -> (Arc<dyn Receiver>, Arc<Mutex<Vec<Uuid>>>) {
    let got: Arc<Mutex<Vec<Uuid>>> = Arc::default();
    (Arc::new(Notes { name, got: Some(Arc::clone(&got)) }), got)
}

fn failing(name: &'static str) -> Arc<dyn Receiver> {
    Arc::new(Notes { name, got: None })
}

/// Leases of which this copy gets these.
fn leases(granted: &'static [&'static str]) -> MockLeases {
    let mut leases = MockLeases::new();
    leases
        .expect_hold()
        .withf(|_, holder, at, length| (*holder, *at, *length) == (HOLDER, now(), Duration::from_secs(10)))
        .returning(|name, _, _, _| Ok(granted.contains(&name)));
    leases
}

fn followers(chain: MockAuditChain, outbox: MockOutbox, leases: MockLeases, receivers: Vec<Arc<dyn Receiver>>) -> Followers {
    Followers::new(Arc::new(chain), Arc::new(outbox), Arc::new(leases), receivers, Arc::new(FixedClock(now())), HOLDER)
}

fn giving(outbox: MockOutbox, leases: MockLeases, receivers: Vec<Arc<dyn Receiver>>) -> Followers {
    followers(MockAuditChain::new(), outbox, leases, receivers)
}

/// An outbox that has these facts for a receiver.
fn with(mut outbox: MockOutbox, receiver: &'static str, facts: Vec<OutboxRow>) -> MockOutbox {
    outbox.expect_read().withf(move |name, most| name == receiver && *most == BATCH).times(1).returning(move |_, _| Ok(facts.clone()));
    outbox
}

fn advancing(mut outbox: MockOutbox, receiver: &'static str, to: u128) -> MockOutbox {
    let to = Uuid::from_u128(to);
    outbox.expect_advance().withf(move |name, last, at| name == receiver && *last == to && *at == now()).times(1).returning(|_, _, _| Ok(()));
    outbox
}

#[tokio::test]
async fn who_has_no_lease_follows_nothing() {
    let followers = followers(MockAuditChain::new(), MockOutbox::new(), leases(&[]), vec![taking("mail").0]);
    assert_eq!((followers.seal().await.unwrap(), followers.give_out().await.unwrap()), (0, 0));
}

#[tokio::test]
async fn the_sealer_seals() {
    let mut chain = MockAuditChain::new();
    chain.expect_seal().withf(|at, most| (*at, *most) == (now(), BATCH)).times(1).returning(|_, _| Ok(7));
    let followers = followers(chain, MockOutbox::new(), leases(&["audit.seal"]), Vec::new());
    assert_eq!(followers.seal().await.unwrap(), 7);
}

#[tokio::test]
async fn facts_are_given_out_in_order_and_the_cursor_goes_behind_the_last() {
    let (mail, got) = taking("mail");
    let outbox = advancing(with(MockOutbox::new(), "mail", vec![fact(1), fact(2), fact(3)]), "mail", 3);
    assert_eq!(giving(outbox, leases(&["outbox.mail"]), vec![mail]).give_out().await.unwrap(), 3);
    assert_eq!(*got.lock().unwrap(), [1, 2, 3].map(Uuid::from_u128));
}

#[tokio::test]
async fn where_nothing_is_new_the_cursor_stays() {
    let (mail, got) = taking("mail");
    let outbox = with(MockOutbox::new(), "mail", Vec::new());
    assert_eq!(giving(outbox, leases(&["outbox.mail"]), vec![mail]).give_out().await.unwrap(), 0);
    assert!(got.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_was_not_taken_comes_again() {
    // The cursor is not moved.
    let outbox = with(MockOutbox::new(), "mail", vec![fact(1)]);
    let given = giving(outbox, leases(&["outbox.mail"]), vec![failing("mail")]).give_out().await;
    assert!(matches!(given, Err(PortError::Unavailable(_))));
}

#[tokio::test]
async fn each_receiver_has_a_lease_and_a_cursor_of_its_own() {
    let ((mail, by_mail), (hooks, by_hooks), (search, by_search)) = (taking("mail"), taking("hooks"), taking("search"));
    let outbox = advancing(with(MockOutbox::new(), "mail", vec![fact(1)]), "mail", 1);
    let outbox = advancing(with(outbox, "search", vec![fact(1), fact(2)]), "search", 2);
    let followers = giving(outbox, leases(&["outbox.mail", "outbox.search"]), vec![mail, hooks, search]);
    assert_eq!(followers.give_out().await.unwrap(), 3);
    let got = [by_mail, by_hooks, by_search].map(|got| got.lock().unwrap().len());
    assert_eq!(got, [1, 0, 2]);
}

#[tokio::test]
async fn a_receiver_that_fails_keeps_no_other_waiting() {
    let (search, got) = taking("search");
    let outbox = with(MockOutbox::new(), "hooks", vec![fact(1)]);
    let outbox = advancing(with(outbox, "search", vec![fact(1)]), "search", 1);
    let given = giving(outbox, leases(&["outbox.hooks", "outbox.search"]), vec![failing("hooks"), search]).give_out().await;
    assert!(matches!(given, Err(PortError::Unavailable(_))));
    assert_eq!(*got.lock().unwrap(), [Uuid::from_u128(1)]);
}

#[tokio::test]
async fn leases_that_are_away_are_told() {
    let mut leases = MockLeases::new();
    leases.expect_hold().times(2).returning(|_, _, _, _| Err(away()));
    let followers = giving(MockOutbox::new(), leases, vec![taking("mail").0]);
    assert!(matches!(followers.seal().await, Err(PortError::Unavailable(_))));
    assert!(matches!(followers.give_out().await, Err(PortError::Unavailable(_))));
}

#[tokio::test]
async fn who_goes_gives_every_lease_back() {
    let back: Arc<Mutex<Vec<(String, Uuid)>>> = Arc::default();
    let mut leases = MockLeases::new();
    let given = Arc::clone(&back);
    leases.expect_release().returning(move |name, holder| {
        given.lock().unwrap().push((name.to_owned(), holder));
        Ok(())
    });
    giving(MockOutbox::new(), leases, vec![taking("mail").0, taking("search").0]).release().await.unwrap();
    let names = ["audit.seal", "outbox.mail", "outbox.search"].map(|name| (name.to_owned(), HOLDER));
    assert_eq!(*back.lock().unwrap(), names);
}
