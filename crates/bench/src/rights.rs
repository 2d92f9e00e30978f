//! How long it takes to know what somebody may, who has many roles: one look-up by the token, as a request makes it that nobody remembers.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use matricula_bench::{Engine, ORGANIZATION, Raw, Stage};
use matricula_domain::identity::Grant;
use matricula_persistence::{Accounts, Database, Options};
use matricula_ports::identity::Directory as _;
use uuid::Uuid;

/// How many roles somebody has through as many groups, and how many permissions each of them grants.
const ROLES: u128 = 20;
const GRANTS: usize = 25;

/// How many look-ups are made before any is measured, and how many are.
const WARM: usize = 200;
const MEASURED: usize = 5_000;

/// Which token they have: its hash.
const HASH: [u8; 32] = [7; 32];

/// Measures on an engine; says so where it is not installed.
pub async fn measure(engine: Engine, program: &Path) -> Result<()> {
    let Some(stage) = Stage::set(engine, program, &[]).await? else {
        eprintln!("{engine} is not installed here");
        return Ok(());
    };
    fill(engine, &stage.raw().await?).await?;
    // As the program's own role, whom row-level security concerns.
    let url = stage.cluster.as_ref().map_or_else(|| stage.raw_url(), |cluster| cluster.url(ORGANIZATION));
    let database = Arc::new(Database::open(&Options::new(url)).await?);
    let now = "2026-06-01T00:00:00Z".parse()?;
    let mut times = Vec::with_capacity(MEASURED);
    for n in 0..WARM + MEASURED {
        // Made anew, so that it remembers nobody.
        let accounts = Accounts::new(Arc::clone(&database));
        let started = Instant::now();
        let found = accounts.principal(HASH, now).await?;
        let took = started.elapsed();
        ensure!(found.is_some_and(|found| found.rights.sources().len() > usize::try_from(ROLES).unwrap_or_default()), "nobody was found");
        if n >= WARM {
            times.push(took);
        }
    }
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 1000).copied().unwrap_or_default();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{engine}: rights of somebody with {ROLES} roles and {} permissions, {MEASURED} look-ups: p50 {:.3} ms, p99 {:.3} ms, most {:.3} ms",
        usize::try_from(ROLES)? * GRANTS,
        milliseconds(at(500)),
        milliseconds(at(990)),
        milliseconds(at(999)),
    );
    Ok(())
}

async fn fill(engine: Engine, raw: &Raw) -> Result<()> {
    let id = |n: u128| {
        let id = Uuid::from_u128(n);
        if engine == Engine::Postgres { format!("'{id}'::uuid") } else { format!("X'{}'", id.simple()) }
    };
    let hex = HASH.map(|byte| format!("{byte:02x}")).concat();
    let hash = if engine == Engine::Postgres { format!("'\\x{hex}'::bytea") } else { format!("X'{hex}'") };
    let (now, later) = ("'2026-01-01T00:00:00.000000+00:00'", "'2999-01-01T00:00:00.000000+00:00'");
    let words: Vec<_> = Grant::all().map(|grant| format!("\"{grant}\"")).collect();
    for n in 1..=ROLES {
        let some: Vec<_> = words.iter().cycle().skip(usize::try_from(n)?).take(GRANTS).cloned().collect();
        raw.script(&format!(
            "INSERT INTO roles (organization_id, id, slug, name, grants, created_at, updated_at, version) \
             SELECT o.id, {role}, 'rol-{n}', 'Rol', '[{grants}]', {now}, {now}, 1 FROM organizations o; \
             INSERT INTO groups (organization_id, id, name, roles, created_at, updated_at, version) \
             SELECT o.id, {group}, 'Grupo', '[\"rol-{n}\"]', {now}, {now}, 1 FROM organizations o; \
             INSERT INTO user_groups (organization_id, group_id, user_id) SELECT m.organization_id, {group}, m.user_id FROM memberships m",
            role = id(n),
            group = id(1000 + n),
            grants = some.join(", "),
        ))
        .await?;
    }
    raw.script(&format!(
        "INSERT INTO login_sessions (id, organization_id, user_id, membership_id, access_hash, access_expires_at, refresh_hash, expires_at, proven_at, \
         two_factors, created_at, last_used_at, version) SELECT {}, m.organization_id, m.user_id, m.id, {hash}, {later}, {hash}, {later}, {now}, false, \
         {now}, {now}, 1 \
         FROM memberships m",
        id(5000),
    ))
    .await
}
