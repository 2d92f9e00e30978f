use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use matricula_domain::identity::Role;
use matricula_domain::notifications::{
    DisabledReason, WebhookDeliveryStatus, WebhookEndpoint, WebhookEndpointDetails, WebhookEndpointFact, WebhookStatus,
};
use matricula_domain::shared::{Form as _, Instant, Value};
use matricula_ports::Cursor;
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::notifications::{
    ClaimedDelivery, DeliveryRow, Facts, Listener, MockFactQueries, MockWebhookSender, MockWebhookWork, OutboxRow, Tried, WebhookRefusal,
    WebhookSecret,
};

use crate::Expected;
use crate::notifications::{Herald, MOST_ATTEMPTS, WebhookError, Webhooks};
use crate::testing::{CountingIds, FixedClock, Seen, allowed, id, map, now, told, world};

fn details(url: &str) -> WebhookEndpointDetails {
    let facts = Value::List(vec!["lead.*".into()]);
    WebhookEndpointDetails::read(&map(&[("url", url.into()), ("facts", facts)])).unwrap()
}

fn endpoint() -> WebhookEndpoint {
    WebhookEndpoint::create(id(60), details("https://example.es"), now()).into_state()
}

/// Use cases over these repositories, that may speak to this.
fn over(repositories: MockRepositories, admits: Result<(), WebhookRefusal>) -> (MockTransactions, Webhooks) {
    let transactions = MockTransactions::over(repositories);
    let (mut sender, mut facts) = (MockWebhookSender::new(), MockFactQueries::new());
    sender.expect_admits().returning(move |_| admits);
    facts.expect_end().returning(|_| Ok(Cursor(Vec::new())));
    (transactions.clone(), Webhooks::new(world(&transactions), Arc::new(facts), Arc::new(sender)))
}

#[tokio::test]
async fn an_address_in_the_house_saves_nothing() {
    for (refusal, code) in [(WebhookRefusal::NotHttps, "HTTPS_REQUIRED"), (WebhookRefusal::NotPublic, "NOT_PUBLIC")] {
        let mut repositories = MockRepositories::default();
        repositories.webhook_endpoints.expect_find().returning(|_| Ok(Some(endpoint())));
        let (transactions, webhooks) = over(repositories, Err(refusal));
        let who = allowed(Role::Admin);
        let created = webhooks.create(&who, &details("https://10.0.0.1")).await.unwrap_err();
        let patch = map(&[("url", "https://10.0.0.1".into())]);
        let changed = webhooks.change(&who, id(60), &patch, Expected::Any).await.unwrap_err();
        for refused in [created, changed] {
            let WebhookError::Invalid(faults) = refused else { panic!("{refused:?}") };
            assert_eq!(told(&faults), [("/url", code)]);
        }
        // The look at what is changed is all that there was.
        assert_eq!(transactions.commits(), 1);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_told_nothing_is_not_told_again() {
    let disabled = endpoint().disable(DisabledReason::Gone, now()).unwrap().into_state();
    let archived = endpoint().archive(now()).unwrap().into_state();
    for asleep in [disabled, archived] {
        let mut repositories = MockRepositories::default();
        repositories.webhook_endpoints.expect_find().returning(move |_| Ok(Some(asleep.clone())));
        repositories.webhook_endpoints.expect_delivery().returning(|_| {
            Ok(Some(DeliveryRow {
                id: id(61),
                endpoint: id(60),
                message: uuid::Uuid::from_u128(62),
                fact: "lead.captured".to_owned(),
                status: WebhookDeliveryStatus::Dead,
                attempts: 12,
                next_at: now(),
                last_status: None,
                last_error: None,
                created_at: now(),
                finished_at: Some(now()),
            }))
        });
        let (transactions, webhooks) = over(repositories, Ok(()));
        let who = allowed(Role::Admin);
        assert!(matches!(webhooks.test(&who, id(60)).await, Err(WebhookError::NotAtWork)));
        assert!(matches!(webhooks.replay(&who, id(61)).await, Err(WebhookError::NotAtWork)));
        assert_eq!(transactions.commits(), 0);
    }
}

/// How one delivery is settled, and what becomes of its endpoint.
async fn settled(attempt: u32, answer: Result<u16, &'static str>, failing_since: Option<Instant>) -> (Tried, Vec<&'static str>) {
    let (mut repositories, saved, tried) = (MockRepositories::default(), Seen::nothing(), Arc::new(std::sync::Mutex::new(None)));
    repositories.webhook_endpoints.expect_find().returning(|_| Ok(Some(endpoint())));
    repositories.webhook_endpoints.expect_save().returning(saved.note());
    let (mut work, mut facts, mut sender) = (MockWebhookWork::new(), MockFactQueries::new(), MockWebhookSender::new());
    let listener = Listener { organization: id(900), endpoint: endpoint(), position: Cursor(Vec::new()), next_number: 1, waiting: 0 };
    work.expect_listeners().times(1).returning(move |_, _| Ok(vec![listener.clone()]));
    let fact = |n: u128, fact: &str| OutboxRow {
        id: uuid::Uuid::from_u128(n),
        organization: id(900),
        at: now(),
        fact: fact.to_owned(),
        entity: "lead".to_owned(),
        entity_id: uuid::Uuid::from_u128(5),
        entity_version: 1,
        payload: r#"{"changed": ["status"], "data": {}}"#.to_owned(),
    };
    let items = vec![fact(1, "lead.captured"), fact(2, "course.published")];
    facts.expect_facts().returning(move |_, _, _| Ok(Facts { items: items.clone(), end: Cursor(vec![Value::Int(2)]), has_more: false }));
    work.expect_line_up().times(1).returning(|_, deliveries, end| {
        // What it does not hear is passed by.
        assert_eq!(deliveries.iter().map(|new| new.fact.as_str()).collect::<Vec<_>>(), ["lead.captured"]);
        assert_eq!(end, &Cursor(vec![Value::Int(2)]));
        Ok(true)
    });
    let claimed = ClaimedDelivery { id: id(61), message: uuid::Uuid::from_u128(1), body: "{}".to_owned(), attempt };
    work.expect_claim().returning(move |_, _, until, _| {
        assert!(until > now() + TimeDelta::seconds(20), "longer than a message can take");
        Ok(vec![claimed.clone()])
    });
    work.expect_secrets().returning(|_, _| Ok(vec![WebhookSecret([1; 32])]));
    sender.expect_send().times(1).returning(move |_| answer);
    let noted = Arc::clone(&tried);
    work.expect_settle().times(1).returning(move |_, _, how, _| {
        *noted.lock().unwrap() = Some(how);
        Ok(failing_since)
    });
    let herald = Herald::new(
        Arc::new(work),
        Arc::new(facts),
        Arc::new(sender),
        Arc::new(MockTransactions::over(repositories)),
        Arc::new(FixedClock(now())),
        Arc::new(CountingIds::default()),
        Duration::from_secs(10),
        Duration::from_secs(5),
    );
    assert_eq!(herald.go_round().await.unwrap(), 3);
    let tried = tried.lock().unwrap().take().unwrap();
    (tried, saved.verbs())
}

#[tokio::test]
async fn what_failed_is_tried_again_later_and_later_and_given_up_in_the_end() {
    let (taken, _) = settled(1, Ok(204), None).await;
    assert_eq!(taken, Tried { status: Some(204), error: None, again_at: None });
    let mut waited = TimeDelta::zero();
    for attempt in 1..MOST_ATTEMPTS {
        let (tried, verbs) = settled(attempt, if attempt % 2 == 0 { Ok(302) } else { Err("no connection") }, Some(now())).await;
        let wait = tried.again_at.unwrap() - now();
        assert!(wait > waited && tried.error.is_some() && verbs.is_empty(), "{attempt}: {wait}");
        waited = wait;
    }
    assert!(waited >= TimeDelta::hours(15) && waited <= TimeDelta::hours(20), "{waited}");
    let (given_up, _) = settled(MOST_ATTEMPTS, Ok(500), Some(now())).await;
    assert_eq!(given_up, Tried { status: Some(500), error: Some("answered 500".to_owned()), again_at: None });
}

#[tokio::test]
async fn whoever_is_gone_or_fails_for_days_is_disabled() {
    let days = |days| Some(now() - TimeDelta::days(days));
    assert_eq!(settled(1, Ok(410), days(0)).await.1, ["disabled"]);
    assert_eq!(settled(1, Ok(503), days(4)).await.1, Vec::<&str>::new());
    assert_eq!(settled(1, Ok(503), days(5)).await.1, ["disabled"]);
    assert_eq!(WebhookEndpointFact::Disabled(DisabledReason::Gone), *endpoint().disable(DisabledReason::Gone, now()).unwrap().fact());
    assert_eq!(endpoint().status, WebhookStatus::Active);
}
