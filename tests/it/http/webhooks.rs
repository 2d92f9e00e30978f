//! Webhooks: endpoints are told what happens, signed, in order for each thing, as often as it takes; and never anybody in the house.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use matricula_tests::program::Service;
use matricula_tests::speak::{Client, text};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::office::{Made, Office};

over_http! {
    an_endpoint_is_told_what_happens_and_can_check_it,
    two_secrets_sign_while_they_are_rotated,
    what_is_given_up_can_be_told_again,
    whoever_is_gone_is_told_nothing_more,
    a_consumer_that_was_away_catches_up,
    what_is_wrong_with_an_endpoint_is_said,
}
over_http_alone! {
    an_organization_with_a_database_to_itself_is_told_of_both,
}
over_http_with! {
    |settings| settings.webhooks.neighborhood = matricula_gateways::relying_party::Neighborhood::Public;
    nobody_in_the_house_is_told_anything,
}

/// What came to a receiver.
#[derive(Clone, Debug)]
struct Came {
    headers: HashMap<String, String>,
    body: String,
}

impl Came {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether a secret signs for it.
    fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
        let text = format!("{}.{}.{}", self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body);
        let signed = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key), text.as_bytes());
        self.headers["webhook-signature"].split(' ').any(|one| one == format!("v1,{}", BASE64.encode(signed.as_ref())))
    }
}

/// What a receiver answers to the how-manieth message.
type Manners = dyn Fn(usize) -> Option<u16> + Send + Sync;

/// Somebody outside who is told things.
pub struct Receiver {
    pub url: String,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Receiver {
    /// One that answers as it is told to; `None` is no answer at all.
    async fn answering(manners: impl Fn(usize) -> Option<u16> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (came, manners): (Arc<Mutex<Vec<Came>>>, Arc<Manners>) = (Arc::default(), Arc::new(manners));
        let all = Arc::clone(&came);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(hear(stream, Arc::clone(&all), Arc::clone(&manners)));
            }
        });
        Self { url, came }
    }

    fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    /// What came, once it is so much.
    async fn has(&self, enough: usize) -> Vec<Came> {
        let begun = Instant::now();
        loop {
            let came = self.came();
            if came.len() >= enough {
                return came;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{} of {enough} came", came.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn hear(mut stream: TcpStream, all: Arc<Mutex<Vec<Came>>>, manners: Arc<Manners>) {
    let (mut bytes, mut part) = (Vec::new(), [0; 8192]);
    let came = loop {
        match stream.read(&mut part).await {
            Ok(read @ 1..) => bytes.extend_from_slice(&part[..read]),
            _ => return,
        }
        let told = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = told.split_once("\r\n\r\n") else { continue };
        let headers: HashMap<_, _> =
            head.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        if body.len() >= headers["content-length"].parse::<usize>().unwrap() {
            break Came { headers, body: body.to_owned() };
        }
    };
    let number = {
        let mut all = all.lock().unwrap();
        all.push(came);
        all.len()
    };
    match manners(number) {
        Some(status) => _ = stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes()).await,
        None => tokio::time::sleep(Duration::from_mins(5)).await,
    }
}

/// An endpoint that is told of campuses, and its secret.
async fn endpoint(office: &Office<'_>, url: &str) -> Made {
    let answer = office.owner().await.post("/webhook-endpoints", &json!({"url": url, "facts": ["campus.*"]})).await;
    Made::of(&answer, 201)
}

async fn campus(office: &Office<'_>) -> String {
    office.record("campuses", json!({})).await.id
}

/// The only delivery in a state, once there is one.
async fn delivery(owner: &Client, endpoint: &str, status: &str) -> Json {
    let begun = Instant::now();
    loop {
        let found = owner.get(&format!("/webhook-endpoints/{endpoint}/deliveries?status={status}")).await.is(200);
        if let Some(first) = found["items"].get(0) {
            return first.clone();
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "nothing is {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn an_endpoint_is_told_what_happens_and_can_check_it(service: &Service) {
    let office = Office::found(service).await;
    campus(&office).await;
    // It fails twice, and takes it the third time.
    let receiver = Receiver::answering(|number| Some(if number < 3 { 500 } else { 204 })).await;
    let made = endpoint(&office, &receiver.url).await;
    let secret = text(&made.shown["secret"]);
    let id = campus(&office).await;
    let came = receiver.has(3).await;
    let told = came[0].json();
    assert_eq!((&told["type"], &told["entity_id"], &told["entity"]), (&json!("campus.created"), &json!(id), &json!("campus")));
    assert!(told["data"].is_object() && told["timestamp"].is_string() && told["changed"].as_array().unwrap().contains(&json!("slug")), "{told}");
    for again in &came {
        assert_eq!((&again.headers["webhook-id"], &again.body), (&came[0].headers["webhook-id"], &came[0].body), "the same once more");
        assert!(again.is_signed_with(&secret), "{again:?}");
        assert!(!again.is_signed_with(&format!("whsec_{}", BASE64.encode(&[0; 32]))));
    }
    let owner = office.owner().await;
    let delivered = delivery(&owner, &made.id, "delivered").await;
    assert_eq!((&delivered["attempts"], &delivered["last_status"], &delivered["last_error"]), (&json!(3), &json!(204), &Json::Null));
    assert_eq!(delivered["webhook_id"], came[0].headers["webhook-id"]);
    // What happened before it was there, it is not told; and the secret is told nowhere.
    assert_eq!(receiver.came().len(), 3);
    let shown = owner.get(&format!("/webhook-endpoints/{}", made.id)).await;
    assert!(!shown.text.contains(&secret) && !shown.text.contains("whsec"), "{}", shown.text);
    let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
    assert_eq!(service.db.raw.hits(&[secret.into_bytes(), key]).await, Vec::<String>::new(), "it is kept sealed");
}

async fn two_secrets_sign_while_they_are_rotated(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let receiver = Receiver::answering(|_| Some(200)).await;
    let made = endpoint(&office, &receiver.url).await;
    let first = text(&made.shown["secret"]);
    let second = text(&owner.act(&format!("/webhook-endpoints/{}/rotate", made.id)).await.is(200)["secret"]);
    owner.act(&format!("/webhook-endpoints/{}/test", made.id)).await.is(200);
    let came = receiver.has(1).await;
    assert_eq!(came[0].json()["type"], "webhook_endpoint.test");
    assert!(came[0].is_signed_with(&first) && came[0].is_signed_with(&second), "{:?}", came[0]);
    // Rotated once more, the first is of no use any more.
    let third = text(&owner.act(&format!("/webhook-endpoints/{}/rotate", made.id)).await.is(200)["secret"]);
    owner.act(&format!("/webhook-endpoints/{}/test", made.id)).await.is(200);
    let came = receiver.has(2).await;
    assert!(!came[1].is_signed_with(&first) && came[1].is_signed_with(&second) && came[1].is_signed_with(&third), "{:?}", came[1]);
    // A day later the newest alone signs.
    let sql = "UPDATE webhook_endpoints SET previous_until = $2 WHERE organization_id = $1";
    let over = service.now() - chrono::TimeDelta::seconds(1);
    service.db.raw.execute(sql, [office.id.into(), over.into()]).await;
    owner.act(&format!("/webhook-endpoints/{}/test", made.id)).await.is(200);
    let came = receiver.has(3).await;
    assert!(!came[2].is_signed_with(&second) && came[2].is_signed_with(&third), "{:?}", came[2]);
}

async fn what_is_given_up_can_be_told_again(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let receiver = Receiver::answering(|number| Some(if number <= 1 { 503 } else { 200 })).await;
    let made = endpoint(&office, &receiver.url).await;
    // It has been tried all but once.
    let sent = owner.act(&format!("/webhook-endpoints/{}/test", made.id)).await.is(200);
    receiver.has(1).await;
    let sql = "UPDATE webhook_deliveries SET status = 'dead', attempts = 12, finished_at = $2 WHERE organization_id = $1 AND status = 'waiting'";
    service.db.raw.execute(sql, [office.id.into(), service.now().into()]).await;
    let dead = delivery(&owner, &made.id, "dead").await;
    assert_eq!((&dead["id"], &dead["next_attempt_at"]), (&sent["id"], &Json::Null));
    let path = format!("/webhook-deliveries/{}/replay", text(&dead["id"]));
    assert_eq!(owner.act(&path).await.is(200)["status"], "waiting");
    let came = receiver.has(2).await;
    let (last, first) = (came.last().unwrap(), &came[0]);
    assert_eq!((&last.headers["webhook-id"], &last.body), (&first.headers["webhook-id"], &first.body));
    delivery(&owner, &made.id, "delivered").await;
    // What was delivered can be told again too, and an endpoint that is told nothing is told nothing again.
    owner.act(&path).await.is(200);
    receiver.has(3).await;
    delivery(&owner, &made.id, "delivered").await;
    owner.post(&format!("/webhook-endpoints/{}/transitions", made.id), &json!({"to": "disabled"})).await.is(200);
    owner.act(&path).await.refused(409, "ENDPOINT_NOT_ACTIVE");
}

async fn whoever_is_gone_is_told_nothing_more(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for (status, reason) in [(410, "gone"), (500, "failing")] {
        let receiver = Receiver::answering(move |_| Some(status)).await;
        let made = endpoint(&office, &receiver.url).await;
        // It has failed for five days.
        let since = (status == 500).then(|| service.now() - chrono::TimeDelta::days(5));
        let sql = "UPDATE webhook_endpoints SET failing_since = $2 WHERE organization_id = $1 AND status = 'active'";
        service.db.raw.execute(sql, [office.id.into(), since.into()]).await;
        campus(&office).await;
        receiver.has(1).await;
        let path = format!("/webhook-endpoints/{}", made.id);
        let begun = Instant::now();
        let shown = loop {
            let shown = owner.get(&path).await.is(200);
            if shown["status"] == "disabled" {
                break shown;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{shown}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(shown["disabled_reason"], reason);
        let entries = owner.get(&format!("/audit/entries?entity_id={}", made.id)).await.is(200);
        assert_eq!(entries["items"][0]["action"], "webhook_endpoint.disabled");
    }
}

async fn a_consumer_that_was_away_catches_up(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let receiver = Receiver::answering(|_| Some(200)).await;
    let made = endpoint(&office, &receiver.url).await;
    let transitions = format!("/webhook-endpoints/{}/transitions", made.id);
    owner.post(&transitions, &json!({"to": "disabled"})).await.is(200);
    owner.post(&transitions, &json!({"to": "disabled"})).await.refused(409, "ALREADY_SO");
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(campus(&office).await);
    }
    owner.act(&format!("/campuses/{}/archive", expected[0])).await.is(200);
    assert_eq!(receiver.came().len(), 0);
    owner.post(&transitions, &json!({"to": "active"})).await.is(200);
    let came = receiver.has(6).await;
    let mut versions: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for one in &came {
        versions.entry(text(&one.json()["entity_id"])).or_default().push(one.json()["entity_version"].clone());
    }
    assert_eq!(versions.len(), 5);
    assert_eq!(versions[&expected[0]], [json!(1), json!(2)], "what is told of one thing is told in order");
}

async fn what_is_wrong_with_an_endpoint_is_said(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for (wrong, pointer) in [
        (json!({"url": "https://a@example.es", "facts": ["*"]}), "/url"),
        (json!({"url": "ftp://example.es", "facts": ["*"]}), "/url"),
        (json!({"url": "https://example.es", "facts": []}), "/facts"),
        (json!({"url": "https://example.es", "facts": ["lead"]}), "/facts/0"),
    ] {
        let refused = owner.post("/webhook-endpoints", &wrong).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert_eq!(refused.faults()[0].0, pointer, "{}", refused.text);
    }
    let made = endpoint(&office, "http://127.0.0.1:9/").await;
    let path = format!("/webhook-endpoints/{}", made.id);
    let changed = owner.patch(&path, "\"1\"", &json!({"facts": ["lead.captured"], "description": "CRM"})).await.is(200);
    assert_eq!((&changed["facts"], &changed["description"]), (&json!(["lead.captured"]), &json!("CRM")));
    owner.patch(&path, "\"1\"", &json!({"description": null})).await.refused(412, "STALE");
    owner.act(&format!("{path}/archive")).await.is(200);
    owner.act(&format!("{path}/test")).await.refused(409, "ENDPOINT_NOT_ACTIVE");
    assert_eq!(owner.get("/webhook-endpoints").await.is(200)["items"], json!([]));
    owner.act(&format!("{path}/restore")).await.is(200);
}

async fn nobody_in_the_house_is_told_anything(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let receiver = Receiver::answering(|_| Some(200)).await;
    let port = receiver.url.rsplit_once(':').unwrap().1;
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "169.254.169.254", "10.1.2.3"]
    {
        let refused = owner.post("/webhook-endpoints", &json!({"url": format!("https://{host}:{port}"), "facts": ["*"]})).await;
        assert_eq!((refused.status, refused.faults()), (422, vec![("/url".to_owned(), "NOT_PUBLIC".to_owned())]), "{host}");
    }
    let refused = owner.post("/webhook-endpoints", &json!({"url": "http://example.es", "facts": ["*"]})).await;
    assert_eq!(refused.faults(), [("/url".to_owned(), "HTTPS_REQUIRED".to_owned())]);
    assert_eq!(receiver.came().len(), 0);
}

async fn an_organization_with_a_database_to_itself_is_told_of_both(service: &Service) {
    let office = Office::found_apart(service, &service.db.empty_beside().await).await;
    let receiver = Receiver::answering(|_| Some(200)).await;
    let details = json!({"url": receiver.url, "facts": ["campus.created", "group.created"]});
    office.owner().await.post("/webhook-endpoints", &details).await.is(201);
    // One has its fact in the organization's own database, the other in the shared one.
    campus(&office).await;
    office.group(&[]).await;
    let mut told: Vec<_> = receiver.has(2).await.iter().map(|came| text(&came.json()["type"])).collect();
    told.sort_unstable();
    assert_eq!(told, ["campus.created", "group.created"]);
    let kept = office.raws[1].count_where("webhook_deliveries", "organization_id = $1", [office.id.into()]).await;
    assert_eq!((kept, office.raws[0].count("webhook_deliveries").await), (2, 0));
}
