//! The most that the server could do: `pgbench` in prepared mode, one statement for each work, as a role that row-level security does not
//! concern.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use matricula_bench::{ORGANIZATION, Stage};
use tokio::process::Command;
use uuid::Uuid;

use crate::data::{self, CAMPAIGNS, COURSES, OPEN_RUNS};
use crate::load::Figures;
use crate::specimen::{Inserted, Specimen, Value};

/// A `pgbench` script. Its variables: `n` counts the transactions of a client, `first` is a number from which on none was used.
#[derive(Clone, Debug)]
pub struct Script(String);

/// What every script begins with: `a` is a number of ten digits that no other transaction has, and that grows with time.
const COUNT: &str = "\\set n :n + 1\n\\set a :base + :n * 64 + :client_id\n";

/// A lead arrives: one statement of data-modifying CTEs.
pub fn capture(specimen: &Specimen) -> Script {
    let writes = specimen.inserted.iter().enumerate().map(|(number, Inserted { table, columns, rows })| {
        let values: Vec<_> = rows.iter().map(|row| format!("({})", written(row))).collect();
        format!("w{number} AS (INSERT INTO {table} ({}) VALUES {})", columns.join(", "), values.join(", "))
    });
    let writes = writes.collect::<Vec<_>>().join(", ");
    Script(format!("{COUNT}\\set course random(1, {COURSES})\n\\set campaign random(1, {CAMPAIGNS})\nWITH {writes} SELECT 1;\n"))
}

/// Somebody known enrolls: the seat is taken if there is one, and if it is, the rest is written.
pub fn enroll(specimen: &Specimen, organization: Uuid, hot_run: Option<u64>) -> Result<Script> {
    let who = match hot_run {
        // Nobody twice in one run: each client has its share of the people.
        Some(run) => format!("\\set run {run}\n\\set person 1 + :client_id * (:people / :clients) + :n\n"),
        // Everybody once in turn, and in the next turn in other runs, as in `enroll.lua`.
        None => format!(
            "\\set i :first + :n * :clients + :client_id\n\\set person 1 + :i % :people\n\\set run 1 + (:i + :i / :people * 17) % {OPEN_RUNS}\n"
        ),
    };
    let run = data::run_sql(":run");
    let seat = format!(
        "UPDATE course_runs SET seats_taken = seats_taken + 1 WHERE organization_id = '{organization}' AND id = {run} \
         AND seats_taken + seats_held < max_students RETURNING 1"
    );
    let writes = specimen.inserted.iter().enumerate().map(|(number, Inserted { table, columns, rows })| {
        let [row] = rows.as_slice() else { bail!("an enrollment writes {} rows of {table}, and one was known of", rows.len()) };
        Ok(format!("w{number} AS (INSERT INTO {table} ({}) SELECT {} FROM r)", columns.join(", "), written(row)))
    });
    let writes = writes.collect::<Result<Vec<_>>>()?.join(", ");
    Ok(Script(format!("{COUNT}{who}WITH r AS ({seat}), {writes} SELECT count(*) FROM r;\n")))
}

/// The newest leads in which there is work, with all that the answer of the program says of them. Of the forms that were tried this is
/// the fastest: address and number come from one look into the index of identifiers.
pub fn list(organization: Uuid) -> Script {
    Script(format!(
        "SELECT l.id, l.person_id, p.name, i.email, i.phone, l.course_id, c.title, l.campaign_id, k.name, l.status, l.source, l.assigned_to, l.created_at, \
         l.updated_at, l.version \
         FROM (SELECT * FROM leads WHERE organization_id = '{organization}' AND status IN ('new', 'contacted') ORDER BY created_at DESC, id DESC LIMIT 51) l \
         JOIN people p ON p.organization_id = l.organization_id AND p.id = l.person_id \
         LEFT JOIN courses c ON c.organization_id = l.organization_id AND c.id = l.course_id \
         LEFT JOIN campaigns k ON k.organization_id = l.organization_id AND k.id = l.campaign_id \
         LEFT JOIN LATERAL (SELECT min(value) FILTER (WHERE kind = 'email') AS email, min(value) FILTER (WHERE kind = 'phone') AS phone \
         FROM person_identifiers WHERE organization_id = l.organization_id AND person_id = l.person_id) i ON TRUE ORDER BY l.created_at DESC, l.id DESC;\n"
    ))
}

fn written(row: &[Value]) -> String {
    let written = row.iter().map(|value| match value {
        Value::Same(sql) => without_variables(sql),
        Value::New(number) => format!("('02' || :a || '70008000{number:012}')::uuid"),
        Value::Now => "now()".to_owned(),
        Value::Email => "'limite-' || :a || '@example.es'".to_owned(),
        Value::Phone => "'+349' || :a".to_owned(),
        Value::Course => data::course_sql(":course"),
        Value::Campaign => data::campaign_sql(":campaign"),
        Value::Run => data::run_sql(":run"),
        Value::Person => data::person_sql(":person"),
    });
    written.collect::<Vec<_>>().join(", ")
}

/// `pgbench` takes every `:name` for a variable, within quotes too: such a colon is written in another way.
fn without_variables(sql: &str) -> String {
    let (mut written, mut escaped) = (String::with_capacity(sql.len()), false);
    for (at, c) in sql.char_indices() {
        let names = sql[at + c.len_utf8()..].starts_with(|next: char| next.is_alphabetic() || next == '_') && !sql[..at].ends_with(':');
        if c == ':' && names {
            escaped = true;
            written.push_str("\\x3a");
        } else {
            // The script is read line by line.
            written.push(if c == '\n' { ' ' } else { c });
        }
    }
    if escaped && written.starts_with('\'') { format!("E{written}") } else { written }
}

/// Runs a script with so many clients for some time.
pub async fn run(stage: &Stage, script: &Script, clients: u32, lasts: Duration, first: u64, people: u64) -> Result<Figures> {
    let folder = tempfile::tempdir_in(stage.folder())?;
    let path = folder.path().join("script.sql");
    fs::write(&path, &script.0)?;
    let cluster = stage.cluster.as_ref().context("no server")?;
    let (program, place) = cluster.pgbench(ORGANIZATION);
    let mut pgbench = Command::new(program);
    pgbench.current_dir(folder.path()).args(["-n", "-M", "prepared", "-l", "-j", &clients.min(2).to_string(), "-c", &clients.to_string()]);
    pgbench.args([
        "-T",
        &lasts.as_secs().to_string(),
        "-D",
        "n=0",
        "-D",
        &format!("base={}", 1_000_000_000 + first),
        "-D",
        &format!("first={first}"),
    ]);
    pgbench.args(["-D", &format!("people={people}"), "-D", &format!("clients={clients}")]).arg("-f").arg(&path).args(place);
    let output = pgbench.stdin(Stdio::null()).kill_on_drop(true).output().await.context("pgbench is not installed here")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {printed}{}", String::from_utf8_lossy(&output.stderr));
    let rate = printed.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
    let rate = rate.with_context(|| format!("pgbench gives no figures: {printed}"))?;
    let mut latencies = Vec::new();
    for entry in fs::read_dir(folder.path())? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pgbench_log.")) {
            for line in BufReader::new(fs::File::open(path)?).lines() {
                latencies.extend(line?.split(' ').nth(2).and_then(|microseconds| microseconds.parse::<u64>().ok()));
            }
        }
    }
    figures(latencies, rate)
}

/// The figures of transactions that took so many microseconds each.
pub fn figures(mut latencies: Vec<u64>, rate: f64) -> Result<Figures> {
    ensure!(!latencies.is_empty(), "no transaction came to its end");
    latencies.sort_unstable();
    let share = |of_hundred: usize| {
        let index = (latencies.len() * of_hundred / 100).min(latencies.len() - 1);
        Duration::from_micros(latencies[index]).as_secs_f64() * 1e3
    };
    let requests = u64::try_from(latencies.len())?;
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 transactions")]
    let seconds = requests as f64 / rate;
    Ok(Figures { requests, seconds, p50: share(50), p95: share(95), p99: share(99) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_is_one_statement() {
        let row = vec![Value::New(3), Value::Now, Value::Email, Value::Same("'x'::text".to_owned())];
        let rows = |table: &str| Inserted {
            table: table.to_owned(),
            columns: ["id", "at", "value", "kind"].map(str::to_owned).into(),
            rows: vec![row.clone()],
        };
        let Script(script) = capture(&Specimen { inserted: vec![rows("people"), rows("leads")] });
        assert_eq!(script.matches(';').count(), 1);
        assert!(
            script.contains("w1 AS (INSERT INTO leads (id, at, value, kind) VALUES (('02' || :a || '70008000000000000003')::uuid, now(), 'limite-'"),
            "{script}"
        );
    }

    #[test]
    fn no_value_is_taken_for_a_variable() {
        assert_eq!(without_variables("'10:00 user:abc'::text"), "E'10:00 user\\x3aabc'::text");
        assert_eq!(without_variables("'10:00'::text"), "'10:00'::text");
    }

    #[test]
    fn shares_are_of_the_sorted_whole() {
        let figures = figures((1..=1000).rev().map(|n| n * 1000).collect(), 100.0).unwrap();
        assert_eq!((figures.p50, figures.p95, figures.p99, figures.seconds), (501.0, 951.0, 991.0, 10.0));
    }
}
