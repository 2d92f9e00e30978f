//! Every fact reaches an endpoint that fails and hangs, though the worker dies again and again; what comes twice has one id, and what is told of
//! one thing is told in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use matricula_application::notifications::Herald;
use matricula_domain::notifications::{WebhookDeliveryStatus, WebhookEndpoint, WebhookEndpointDetails};
use matricula_domain::people::PersonId;
use matricula_domain::shared::{Form as _, Id as _, Line};
use matricula_gateways::clock::SystemClock;
use matricula_gateways::ids::SystemIds;
use matricula_gateways::relying_party::Neighborhood;
use matricula_gateways::webhooks::HttpWebhooks;
use matricula_ports::notifications::{FactQueries as _, NewDelivery, WebhookQueries as _, WebhookSecret, WebhookWork as _};
use matricula_ports::{Ids as _, Page};
use matricula_tests::{Tenant, TestDatabase, at, figure, on_both, value};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

on_both!(every_fact_is_delivered_though_receivers_fail_and_workers_die, what_two_workers_line_up_is_there_once);

/// An endpoint of an organization that is told facts from now on.
pub(super) async fn webhook_endpoint(here: &Tenant, url: &str, facts: &[&str]) -> WebhookEndpoint {
    let details = WebhookEndpointDetails::read(&value(json!({"url": url, "facts": facts}))).unwrap();
    let from = here.db.queries.end(&here.scope).await.unwrap();
    let created = WebhookEndpoint::create(here.db.id(), details, at(0));
    here.in_unit(async |tx| tx.webhook_endpoints().add(&created, WebhookSecret([7; 32]), &from).await).await;
    created.into_state()
}

/// Something that is on its way to an endpoint.
pub(super) async fn webhook_delivery(here: &Tenant, endpoint: &WebhookEndpoint) -> NewDelivery {
    let entity_id = endpoint.id.as_uuid();
    let message = here.db.ids.next();
    let delivery = NewDelivery { id: here.db.id(), message, fact: "a.test".to_owned(), entity_id, body: "{}".to_owned(), created_at: at(0) };
    here.in_unit(async |tx| tx.webhook_endpoints().deliver(endpoint.id, delivery.clone()).await).await;
    delivery
}

/// What a receiver was told: under which id, what, and whether it took it.
#[derive(Clone, Debug)]
struct Told {
    id: String,
    body: Json,
    taken: bool,
}

/// A receiver that fails in 30 of 100 cases and hangs in 5.
async fn moody() -> (String, Arc<Mutex<Vec<Told>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let told: Arc<Mutex<Vec<Told>>> = Arc::default();
    let all = Arc::clone(&told);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(hear(stream, Arc::clone(&all)));
        }
    });
    (url, told)
}

async fn hear(mut stream: TcpStream, all: Arc<Mutex<Vec<Told>>>) {
    let (mut bytes, mut part) = (Vec::new(), [0; 8192]);
    let (id, body) = loop {
        match stream.read(&mut part).await {
            Ok(read @ 1..) => bytes.extend_from_slice(&part[..read]),
            _ => return,
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        if body.len() >= header("content-length: ").parse::<usize>().unwrap() {
            break (header("webhook-id: "), serde_json::from_str(body).unwrap());
        }
    };
    let mood = u16::from(SystemIds.secret()[0]) * 100 / 256;
    all.lock().unwrap().push(Told { id, body, taken: mood >= 35 });
    let status = match mood {
        0..30 => 503,
        30..35 => return tokio::time::sleep(Duration::from_mins(5)).await,
        _ => 200,
    };
    _ = stream.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await;
}

async fn every_fact_is_delivered_though_receivers_fail_and_workers_die(db: TestDatabase) {
    const PEOPLE: usize = 20;
    let (facts, kills) = (figure("MATRICULA_FACTS", 300), figure("MATRICULA_KILLS", 5));
    let here = db.tenant("uno").await;
    let people = here.crowd(PEOPLE).await;
    let (url, told) = moody().await;
    let endpoint = webhook_endpoint(&here, &url, &["person.changed"]).await;

    let timeout = Duration::from_millis(300);
    let sender = Arc::new(HttpWebhooks::new(Neighborhood::Anywhere, timeout).unwrap());
    let herald = || {
        Herald::new(
            Arc::new(db.queue.clone()),
            Arc::new(db.queries.clone()),
            Arc::clone(&sender) as _,
            Arc::new(db.store.clone()),
            Arc::new(SystemClock),
            Arc::new(SystemIds),
            timeout,
            Duration::from_millis(2),
        )
    };
    let life = async || {
        let herald = herald();
        loop {
            if herald.go_round().await.unwrap() == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    let write = async || {
        for n in 0..facts {
            rename(&here, people[n % PEOPLE].id(), &format!("Nombre {n}")).await;
        }
    };
    let begun = Instant::now();
    let die = async || {
        for _ in 0..kills {
            let long = Duration::from_millis(u64::from(SystemIds.secret()[0]) * 3 + 20);
            // Dropped wherever it waits: what it had begun is nobody's any more.
            assert!(tokio::time::timeout(long, life()).await.is_err());
        }
        let enough = async || {
            let delivered = || {
                let told = told.lock().unwrap();
                told.iter().filter(|told| told.taken).map(|told| told.id.clone()).collect::<BTreeSet<_>>().len()
            };
            while delivered() < facts {
                tokio::time::sleep(Duration::from_millis(100)).await;
                assert!(begun.elapsed() < Duration::from_mins(30), "{} of {facts}", delivered());
            }
            // What was taken is written down a moment later.
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        tokio::select! {
            () = enough() => {}
            () = life() => {}
        }
    };
    tokio::join!(write(), die());

    let told = told.lock().unwrap().clone();
    let (mut bodies, mut versions): (BTreeMap<&str, &Json>, BTreeMap<&str, Vec<u64>>) = (BTreeMap::new(), BTreeMap::new());
    let mut taken = BTreeSet::new();
    for one in &told {
        assert_eq!(*bodies.entry(&one.id).or_insert(&one.body), &one.body, "one id, one message");
        if one.taken && taken.insert(&one.id) {
            versions.entry(one.body["entity_id"].as_str().unwrap()).or_default().push(one.body["entity_version"].as_u64().unwrap());
        }
    }
    let ids: BTreeSet<_> = told.iter().map(|one| one.body["id"].as_str().unwrap()).collect();
    assert_eq!((taken.len(), bodies.len(), ids.len()), (facts, facts, facts), "each fact, and under one id");
    for (person, versions) in versions {
        assert!(versions.is_sorted(), "{person}: {versions:?}");
    }
    let dead = db.queries.deliveries(&here.scope, endpoint.id, Some(WebhookDeliveryStatus::Dead), &Page::first(9)).await.unwrap();
    assert_eq!(dead.items, []);
    let twice = told.iter().filter(|one| one.taken).count() - facts;
    println!("{facts} facts, {} messages, {kills} deaths: 0 missing, {twice} taken twice, {:?}", told.len(), begun.elapsed());
}

async fn rename(here: &Tenant, person: PersonId, name: &str) {
    here.in_unit(async |tx| {
        let found = tx.people().find(person).await?.unwrap();
        tx.people().save(&found.rename(Line::parse(name).unwrap(), at(1)).unwrap()).await
    })
    .await;
}

async fn what_two_workers_line_up_is_there_once(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let endpoint = webhook_endpoint(&here, "https://example.es", &["*"]).await;
    let listener = db.queue.listeners(None, 9).await.unwrap().pop().unwrap();
    assert_eq!((listener.organization, &listener.endpoint, listener.waiting), (here.id(), &endpoint, 0));
    let new = |n: u8| {
        let message = uuid::Uuid::from_u128(n.into());
        NewDelivery { id: db.id(), message, fact: "a.b".to_owned(), entity_id: here.id().as_uuid(), body: n.to_string(), created_at: at(0) }
    };
    let mut further = listener.position.clone();
    further.0[0] = matricula_domain::shared::Value::Int(i64::MAX / 2);
    assert!(db.queue.line_up(&listener, vec![new(1), new(2)], &further).await.unwrap());
    assert!(!db.queue.line_up(&listener, vec![new(1), new(2)], &further).await.unwrap(), "who comes second has read the same");
    let moved = db.queue.listeners(None, 9).await.unwrap().pop().unwrap();
    assert_eq!((moved.position.clone(), moved.next_number, moved.waiting), (further, 3, 2));

    // Of one thing only the first is somebody's, until it is over or nobody's again.
    let bodies = async |now| {
        let claimed = db.queue.claim(&moved, at(now), at(now + 60), 9).await.unwrap();
        claimed.into_iter().map(|one| (one.body, one.attempt)).collect::<Vec<_>>()
    };
    assert_eq!(bodies(0).await, [("1".to_owned(), 1)]);
    assert_eq!(bodies(59).await, []);
    assert_eq!(bodies(60).await, [("1".to_owned(), 2)]);
    let stale = matricula_ports::notifications::ClaimedDelivery {
        id: db
            .queries
            .deliveries(&here.scope, endpoint.id, None, &Page::first(9))
            .await
            .unwrap()
            .items
            .iter()
            .find(|row| row.attempts == 2)
            .unwrap()
            .id,
        message: uuid::Uuid::from_u128(1),
        body: "1".to_owned(),
        attempt: 1,
    };
    let taken = matricula_ports::notifications::Tried { status: Some(200), error: None, again_at: None };
    db.queue.settle(&moved, &stale, taken.clone(), at(61)).await.unwrap();
    assert_eq!(bodies(61).await, [], "who comes too late changes nothing");
    let current = matricula_ports::notifications::ClaimedDelivery { attempt: 2, ..stale };
    db.queue.settle(&moved, &current, taken, at(61)).await.unwrap();
    assert_eq!(bodies(61).await, [("2".to_owned(), 1)]);
    assert_eq!(db.queue.sweep_deliveries(at(62), 9).await.unwrap(), 1);
    assert_eq!(db.queue.secrets(&moved, at(0)).await.unwrap(), [WebhookSecret([7; 32])]);
}
