//! How long the public catalogue takes among many courses: the query that seed 0 gives, and the search.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use matricula_bench::{Engine, ORGANIZATION, Raw, Stage};
use reqwest::Client;

use crate::data::{self, CAMPUSES, CYCLES};

/// Among how many courses.
const COURSES: u64 = 100_000;

/// How many requests are made before any is measured, and how many are.
const WARM: usize = 200;
const MEASURED: usize = 3_000;

/// How many courses a page has.
const PAGE: u32 = 50;

/// What people write: a word that a part of the courses has, several, the beginning of one, slips, and what none has.
const SEARCHES: [&str; 10] = [
    "soldadura avanzada",
    "cocina",
    "marketing para empresas",
    "fotografia 77",
    "contabilida",
    "exel basico",
    "jardinria intensiva",
    "curso de mecánica para principiantes",
    "electr",
    "astronomía",
];

/// The server's settings: those of the other measurements.
const SETTINGS: [(&str, &str); 3] = [("shared_buffers", "2GB"), ("random_page_cost", "1.1"), ("jit", "off")];

/// The plain SQL of the query, with the cycle and the campus as parameters.
fn plain(cycle: &str, campus: &str) -> String {
    format!(
        "SELECT c.* FROM courses c JOIN cycles y ON y.organization_id = c.organization_id AND y.id = c.cycle_id \
         WHERE c.organization_id = (SELECT id FROM organizations WHERE slug = '{ORGANIZATION}') AND y.slug = {cycle} AND c.status = 'published' \
         AND EXISTS (SELECT 1 FROM course_campuses x JOIN campuses k ON k.organization_id = x.organization_id AND k.id = x.campus_id \
         WHERE x.organization_id = c.organization_id AND x.course_id = c.id AND k.slug = {campus}) \
         ORDER BY c.featured DESC, c.created_at DESC LIMIT {PAGE}"
    )
}

/// Measures on an engine; says so where it is not installed.
pub async fn measure(engine: Engine, program: &Path) -> Result<()> {
    let Some(stage) = Stage::set(engine, program, &SETTINGS).await? else {
        eprintln!("{engine} is not installed here");
        return Ok(());
    };
    let raw = stage.raw().await?;
    data::make_courses(&raw, COURSES).await?;
    let started = Instant::now();
    stage.program.run(&["search", "rebuild"]).await?;
    println!("{engine}: {COURSES} courses indexed in {:.0} s", started.elapsed().as_secs_f64());
    raw.script(if engine == Engine::Postgres { "VACUUM ANALYZE" } else { "ANALYZE" }).await?;
    if engine == Engine::Postgres {
        raw.script(&format!("PREPARE catalogue (text, text) AS {}", plain("$1", "$2"))).await?;
    }
    let server = stage.program.serve().await?;
    let http = Http { client: Client::new(), door: format!("{}/api/v1/public/{ORGANIZATION}/courses?limit={PAGE}", server.url) };
    // The program and the plain SQL take turns, since a machine is not as fast at every moment.
    let (mut ours, mut limit, mut search) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..WARM + MEASURED {
        let (cycle, campus) = (1 + n as u64 % CYCLES, 1 + n as u64 / 7 % CAMPUSES);
        let ours_took = http.get(&format!("&sort=-featured,-created_at&cycle=ciclo-{cycle}&campus=sede-{campus}")).await?;
        let started = Instant::now();
        plain_sql(&raw, cycle, campus).await?;
        let limit_took = started.elapsed();
        let search_took = http.get(&format!("&q={}", SEARCHES[n % SEARCHES.len()])).await?;
        if n >= WARM {
            ours.push(ours_took);
            limit.push(limit_took);
            search.push(search_took);
        }
    }
    println!("{engine}: the catalogue query among {COURSES} courses through HTTP, {MEASURED} times: {}", told(&mut ours));
    println!("{engine}: the same as plain SQL, by turns: {}", told(&mut limit));
    println!("{engine}: {} searches by turns: {}", SEARCHES.len(), told(&mut search));
    server.stop().await
}

async fn plain_sql(raw: &Raw, cycle: u64, campus: u64) -> Result<()> {
    let (cycle, campus) = (format!("'ciclo-{cycle}'"), format!("'sede-{campus}'"));
    let sql = if raw.engine() == Engine::Postgres { format!("EXECUTE catalogue ({cycle}, {campus})") } else { plain(&cycle, &campus) };
    ensure!(!raw.rows(&sql).await?.is_empty(), "nothing was found");
    Ok(())
}

/// A visitor.
struct Http {
    client: Client,
    door: String,
}

impl Http {
    /// How long a list takes, to its last byte.
    async fn get(&self, query: &str) -> Result<Duration> {
        let started = Instant::now();
        let answer = self.client.get(format!("{}{query}", self.door)).send().await?;
        ensure!(answer.status().is_success(), "{query}: {}", answer.status());
        let read = answer.bytes().await?.len();
        let took = started.elapsed();
        ensure!(read > 0, "nothing was answered");
        Ok(took)
    }
}

fn told(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 1000).copied().unwrap_or_default().as_secs_f64() * 1000.0;
    format!("p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, most {:.2} ms", at(500), at(950), at(990), at(999))
}
