//! Whether the time of an answer tells that an account exists: wrong passwords, for accounts that are there and for some that are not, by turns.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use matricula_bench::{Engine, Program, Raw, Stage};
use reqwest::{Client, StatusCode};
use serde_json::json;
use uuid::Uuid;

/// How many accounts there are, and how often each is tried: less often than anybody is slowed down.
const ACCOUNTS: u128 = 100;
const TRIES: u128 = 3;

/// Measures on an engine; says so where it is not installed.
pub async fn measure(engine: Engine, program: &Path) -> Result<()> {
    let Some(stage) = Stage::set(engine, program, &[]).await? else {
        eprintln!("{engine} is not installed here");
        return Ok(());
    };
    fill(engine, &stage.raw().await?).await?;
    let program: Program = stage.program.clone().with("MATRICULA_TRUSTED_PROXIES", "127.0.0.1");
    let server = program.serve().await?;
    let (mut known, mut unknown, mut said) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..ACCOUNTS * TRIES {
        for (who, times) in [("known", &mut known), ("unknown", &mut unknown)] {
            let started = Instant::now();
            let body = attempt(&server.url, &format!("{who}-{}@example.es", n % ACCOUNTS), n).await?;
            times.push(started.elapsed());
            said.push(body);
        }
    }
    said.dedup();
    ensure!(said.len() == 1, "the answers differ: {said:?}");
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    let (known, unknown) = (milliseconds(median(&mut known)), milliseconds(median(&mut unknown)));
    println!(
        "{engine}: a wrong password, {} tries each: median {known:.2} ms where the account is there, {unknown:.2} ms where it is not ({:.2} ms apart)",
        ACCOUNTS * TRIES,
        (known - unknown).abs(),
    );
    server.stop().await
}

/// Tries a wrong password from an address that nobody came from before, and answers what was said, but for the id of the request.
async fn attempt(url: &str, email: &str, n: u128) -> Result<String> {
    let request = Client::new().post(format!("{url}/api/v1/auth/login")).header("X-Forwarded-For", format!("10.1.{}.{}", n / 250, n % 250));
    let answer = request.json(&json!({"email": email, "password": "not the password of anybody"})).send().await?;
    ensure!(answer.status() == StatusCode::UNAUTHORIZED, "{}", answer.status());
    let mut body: serde_json::Value = answer.json().await?;
    body["request_id"].take();
    Ok(body.to_string())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Accounts with the owner's password.
async fn fill(engine: Engine, raw: &Raw) -> Result<()> {
    let id = |n: u128| {
        let id = Uuid::from_u128(n);
        if engine == Engine::Postgres { format!("'{id}'::uuid") } else { format!("X'{}'", id.simple()) }
    };
    let now = "'2026-01-01T00:00:00.000000+00:00'";
    for n in 0..ACCOUNTS {
        let (user, membership) = (id(10_000 + n), id(20_000 + n));
        raw.script(&format!(
            "INSERT INTO users (id, email, name, password_hash, locale, active, created_at, updated_at, version) \
             SELECT {user}, 'known-{n}@example.es', 'Alguien', u.password_hash, u.locale, TRUE, {now}, {now}, 1 FROM users u \
             WHERE u.email = 'owner@bench.example'; \
             INSERT INTO memberships (organization_id, id, user_id, role, campus_ids, active, created_at, updated_at, version) \
             SELECT o.id, {membership}, {user}, 'viewer', '[]', TRUE, {now}, {now}, 1 FROM organizations o"
        ))
        .await?;
    }
    Ok(())
}
