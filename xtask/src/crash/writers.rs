//! Clients that write as fast as they can, and keep account of what they were told.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use matricula_bench::{Answer, Api};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

/// So many runs are filled by all clients at the same time: few, so that they meet.
const RUNS: usize = 3;

/// Before a request is sent again that was told to wait.
const PAUSE: Duration = Duration::from_millis(20);

/// How often a request is told to wait before something is wrong.
const TRIES: u32 = 1_500;

/// The runs that are filled.
#[derive(Debug)]
pub struct Runs(Vec<String>);

impl Runs {
    /// Makes a course, a campaign and runs with plenty of seats.
    pub async fn schedule(api: &Api) -> Result<Arc<Self>> {
        let course = api.post("/courses", &json!({"slug": "soldadura", "title": "Soldadura", "duration_hours": 120, "modality": "online"})).await?;
        api.post("/campaigns", &json!({"slug": "otono", "name": "Otoño", "platform": "email", "status": "active"})).await?;
        let mut runs = Vec::new();
        for n in 1..=RUNS {
            let plan = json!({"course_id": course["id"], "start_date": format!("2090-0{n}-01"), "end_date": "2090-12-01", "max_students": 1_000_000});
            runs.push(id(&api.post("/course-runs", &plan).await?)?);
        }
        Ok(Arc::new(Self(runs)))
    }
}

/// What all clients were told together.
#[derive(Debug, Default)]
pub struct Counts {
    acknowledged: AtomicU64,
    cut_off: AtomicU64,
    replayed: AtomicU64,
}

impl Counts {
    /// Effects that were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }
    /// Requests to which no answer came.
    pub fn cut_off(&self) -> u64 {
        self.cut_off.load(Ordering::Relaxed)
    }
    /// Those of them that had taken effect, as the answer to their repetition says.
    pub fn replayed(&self) -> u64 {
        self.replayed.load(Ordering::Relaxed)
    }
}

/// One client.
pub struct Writer {
    number: usize,
    log: File,
    door: watch::Receiver<Option<Api>>,
    stop: watch::Receiver<bool>,
    runs: Arc<Runs>,
    counts: Arc<Counts>,
}

impl Writer {
    /// A client with a log.
    pub fn new(
        number: usize,
        log: &Path,
        door: watch::Receiver<Option<Api>>,
        stop: watch::Receiver<bool>,
        runs: Arc<Runs>,
        counts: Arc<Counts>,
    ) -> Result<Self> {
        let log = File::options().create_new(true).append(true).open(log)?;
        Ok(Self { number, log, door, stop, runs, counts })
    }

    /// Writes until it is told to stop. Whatever it began it brings to its end: of each request there is an answer in the log.
    pub async fn run(mut self) -> Result<()> {
        for n in 0.. {
            if *self.stop.borrow() {
                break;
            }
            self.story(n).await.with_context(|| format!("writer {}, story {n}", self.number))?;
        }
        Ok(())
    }

    /// A lead arrives, is worked on, and comes to one of four ends.
    async fn story(&mut self, n: u64) -> Result<()> {
        let key = format!("{}-{n}", self.number);
        let email = format!("persona-{key}@crash.example");
        let capture = json!({
            "name": "Lucía Pérez", "email": email, "phone": format!("+346{}{n:07}", self.number), "course": "soldadura", "campaign": "otono",
            "message": "¿Hay plazas por la tarde?", "locale": "es", "age_band": "adult", "gdpr_consent": true, "privacy_policy_accepted": true,
            "consents": ["email_marketing"], "utm": {"source": "meta"}, "source": "web",
        });
        let captured = self.post("/leads", &format!("{key}-lead"), &capture).await?.body;
        let (lead, person) = (id(&captured)?, captured["person_id"].as_str().context("a lead without a person")?.to_owned());
        self.note(&["lead", &lead, &person, &email])?;
        self.move_lead(&key, &lead, "contacted", 2).await?;
        let run = usize::try_from(n).unwrap_or_default() % RUNS;
        let run = self.runs.0[run].clone();
        match n % 4 {
            0 => {
                self.move_lead(&key, &lead, "qualified", 3).await?;
                let converted = self.post(&format!("/leads/{lead}/convert"), &format!("{key}-convert"), &json!({"course_run_id": run})).await?.body;
                self.note(&["converted", &lead, "4", &id(&converted["enrollment"])?, &run, &person])?;
            }
            1 => _ = self.enroll(&key, &run, &person).await?,
            2 => {
                let enrollment = self.enroll(&key, &run, &person).await?;
                let path = format!("/enrollments/{enrollment}/transitions");
                self.post(&path, &format!("{key}-drop"), &json!({"to": "dropped", "reason": "se muda"})).await?;
                self.note(&["dropped", &enrollment, "2"])?;
            }
            _ => self.move_lead(&key, &lead, "rejected", 3).await?,
        }
        Ok(())
    }

    async fn move_lead(&mut self, key: &str, lead: &str, to: &str, version: u32) -> Result<()> {
        let moved = self.post(&format!("/leads/{lead}/transitions"), &format!("{key}-{to}"), &json!({"to": to, "reason": "por teléfono"})).await?;
        let version = version.to_string();
        if moved.etag.as_deref() != Some(&version) {
            bail!("the lead {lead} became {to} with the version {:?}, and {version} was next", moved.etag);
        }
        self.note(&["moved", lead, &version])
    }

    async fn enroll(&mut self, key: &str, run: &str, person: &str) -> Result<String> {
        let enrolled = self.post(&format!("/course-runs/{run}/enrollments"), &format!("{key}-enroll"), &json!({"person_id": person})).await?.body;
        let enrollment = id(&enrolled)?;
        self.note(&["enrolled", &enrollment, run, person])?;
        Ok(enrollment)
    }

    /// Sends a request until it is answered, always with the same key and body.
    async fn post(&mut self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        let mut was_cut_off = false;
        for _ in 0..TRIES {
            let Some(api) = self.door.wait_for(Option::is_some).await?.clone() else { continue };
            match api.send(Method::POST, path, Some(key), Some(body)).await {
                Ok(answer) if answer.status.is_success() => {
                    if was_cut_off && answer.replayed {
                        self.counts.replayed.fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(answer);
                }
                Ok(answer) if may_go_by(&answer) => tokio::time::sleep(PAUSE).await,
                Ok(answer) => bail!("POST {path} with the key {key}: {} {}", answer.status, answer.body),
                Err(error) => {
                    if !error.is_connect() {
                        was_cut_off = true;
                        self.counts.cut_off.fetch_add(1, Ordering::Relaxed);
                    }
                    // Until the next server is there, or a moment: the connection alone may have gone.
                    let _ = tokio::time::timeout(PAUSE, self.door.changed()).await;
                }
            }
        }
        bail!("POST {path} with the key {key} is not answered")
    }

    /// Writes down what was acknowledged, and syncs it.
    fn note(&mut self, words: &[&str]) -> Result<()> {
        let line = words.join(" ") + "\n";
        tokio::task::block_in_place(|| {
            self.log.write_all(line.as_bytes())?;
            self.log.sync_data()
        })?;
        self.counts.acknowledged.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether a refusal is about the moment, and not about the request.
fn may_go_by(answer: &Answer) -> bool {
    answer.status == StatusCode::SERVICE_UNAVAILABLE || (answer.status == StatusCode::CONFLICT && answer.body["code"] == "IDEMPOTENCY_KEY_IN_USE")
}

fn id(thing: &Value) -> Result<String> {
    Ok(thing["id"].as_str().with_context(|| format!("no id: {thing}"))?.to_owned())
}
