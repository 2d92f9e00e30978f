//! What must be so after all kills: the logs of the clients on one side, API and database on the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use matricula_bench::{Api, Raw};
use serde_json::Value;
use uuid::Uuid;

/// How many audit entries are in no chain yet.
pub const UNSEALED: &str = "SELECT count(*) FROM audit_entries a WHERE NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.organization_id = a.organization_id AND s.entry_id = a.id)";

/// A lead as the clients were told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lead {
    person: Uuid,
    email: String,
    version: i32,
    enrollment: Option<Uuid>,
}

/// An enrollment as they were told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Enrollment {
    run: Uuid,
    person: Uuid,
    version: i32,
}

/// Everything that was acknowledged. No request was left without an answer, so there must be this and nothing else.
#[derive(Debug, Default)]
pub struct Acknowledged {
    leads: BTreeMap<Uuid, Lead>,
    enrollments: BTreeMap<Uuid, Enrollment>,
    effects: usize,
}

impl Acknowledged {
    /// Reads the logs of the clients.
    pub fn read(folder: &Path, writers: usize) -> Result<Self> {
        let mut all = Self::default();
        for number in 0..writers {
            let text = fs::read_to_string(folder.join(format!("writer-{number}.log")))?;
            for line in text.lines() {
                all.add(line).with_context(|| format!("writer {number}: {line}"))?;
            }
        }
        Ok(all)
    }

    fn add(&mut self, line: &str) -> Result<()> {
        self.effects += 1;
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["lead", lead, person, email] => {
                let new = Lead { person: parse(person)?, email: email.to_owned(), version: 1, enrollment: None };
                if self.leads.insert(parse(lead)?, new).is_some() {
                    bail!("two captures were answered with this lead");
                }
            }
            ["moved", lead, version] => self.lead(lead)?.version = version.parse()?,
            ["converted", lead, version, enrollment, run, person] => {
                let one = self.lead(lead)?;
                (one.version, one.enrollment) = (version.parse()?, Some(parse(enrollment)?));
                self.enrolled(enrollment, run, person)?;
            }
            ["enrolled", enrollment, run, person] => self.enrolled(enrollment, run, person)?,
            ["dropped", enrollment, version] => {
                self.enrollments.get_mut(&parse(enrollment)?).context("an enrollment that nobody was told of")?.version = version.parse()?;
            }
            _ => bail!("not a line of such a log"),
        }
        Ok(())
    }

    fn lead(&mut self, lead: &str) -> Result<&mut Lead> {
        self.leads.get_mut(&parse(lead)?).context("a lead that nobody was told of")
    }

    fn enrolled(&mut self, enrollment: &str, run: &str, person: &str) -> Result<()> {
        let new = Enrollment { run: parse(run)?, person: parse(person)?, version: 1 };
        if self.enrollments.insert(parse(enrollment)?, new).is_some() {
            bail!("two requests were answered with this enrollment");
        }
        Ok(())
    }
}

fn parse(id: &str) -> Result<Uuid> {
    Ok(Uuid::from_str(id)?)
}

/// What is wrong.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Acknowledged, and not there, or not as it was acknowledged.
    lost: Vec<String>,
    /// There, and not acknowledged.
    doubled: Vec<String>,
    /// There in part.
    torn: Vec<String>,
    torn_rows: i64,
}

impl Verdict {
    /// Whether nothing is.
    pub fn is_well(&self) -> bool {
        self.all().next().is_none()
    }

    /// Everything, in words.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.lost.iter().chain(&self.doubled).chain(&self.torn)
    }

    /// So many rows are there in part, or are not as the others say.
    pub fn tear(&mut self, rows: i64, what: &str) {
        self.torn.push(format!("{rows} × {what}"));
        self.torn_rows += rows;
    }

    /// Compares what there is with what there must be.
    fn compare<T: PartialEq + fmt::Debug>(&mut self, what: &str, known: &BTreeMap<Uuid, T>, found: &BTreeMap<Uuid, T>) {
        for (id, known) in known {
            match found.get(id) {
                None => self.lost.push(format!("{what} {id} is not there: {known:?}")),
                Some(found) if found != known => self.lost.push(format!("{what} {id} is {found:?}, and was acknowledged as {known:?}")),
                Some(_) => {}
            }
        }
        let unknown = found.keys().filter(|id| !known.contains_key(id));
        self.doubled.extend(unknown.map(|id| format!("{what} {id} is there, and nobody was told of it")));
    }

    fn compare_ids<T>(&mut self, what: &str, known: &BTreeMap<Uuid, T>, found: &BTreeSet<Uuid>) {
        self.lost.extend(known.keys().filter(|id| !found.contains(id)).map(|id| format!("{what} {id} is not in the list of the API")));
        let unknown = found.iter().filter(|id| !known.contains_key(id));
        self.doubled.extend(unknown.map(|id| format!("{what} {id} is in the list of the API, and nobody was told of it")));
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lost, {} doubled, {} half-applied", self.lost.len(), self.doubled.len(), self.torn_rows)
    }
}

/// Holds the lists of the API against the logs.
pub async fn ask_the_api(api: &Api, acknowledged: &Acknowledged, verdict: &mut Verdict) -> Result<()> {
    verdict.compare_ids("lead", &acknowledged.leads, &ids(&api.all("/leads").await?)?);
    verdict.compare_ids("enrollment", &acknowledged.enrollments, &ids(&api.all("/enrollments").await?)?);
    Ok(())
}

fn ids(items: &[Value]) -> Result<BTreeSet<Uuid>> {
    let mut ids = BTreeSet::new();
    for item in items {
        if !ids.insert(parse(item["id"].as_str().context("an item without an id")?)?) {
            bail!("{} is twice in a list", item["id"]);
        }
    }
    Ok(ids)
}

/// Holds the rows against the logs, and against each other.
pub async fn ask_the_database(raw: &Raw, acknowledged: &Acknowledged, verdict: &mut Verdict) -> Result<()> {
    let mut leads = BTreeMap::new();
    let sql = "SELECT l.id, l.person_id, l.version, l.enrollment_id, i.value FROM leads l \
               LEFT JOIN person_identifiers i ON i.organization_id = l.organization_id AND i.person_id = l.person_id AND i.kind = 'email'";
    for row in raw.rows(sql).await? {
        let email: Option<String> = row.try_get_by_index(4)?;
        let lead = Lead {
            person: row.try_get_by_index(1)?,
            email: email.unwrap_or_default(),
            version: row.try_get_by_index(2)?,
            enrollment: row.try_get_by_index(3)?,
        };
        leads.insert(row.try_get_by_index::<Uuid>(0)?, lead);
    }
    verdict.compare("lead", &acknowledged.leads, &leads);

    let mut enrollments = BTreeMap::new();
    for row in raw.rows("SELECT id, course_run_id, person_id, version FROM enrollments").await? {
        let enrollment = Enrollment { run: row.try_get_by_index(1)?, person: row.try_get_by_index(2)?, version: row.try_get_by_index(3)? };
        enrollments.insert(row.try_get_by_index::<Uuid>(0)?, enrollment);
    }
    verdict.compare("enrollment", &acknowledged.enrollments, &enrollments);

    let captured = acknowledged.leads.len();
    for (table, must) in [
        ("people", captured),
        ("lead_touches", captured),
        ("person_identifiers", captured * 2),
        ("consent_events", captured * 2),
        ("consent_evidence", captured),
        ("idempotency_keys", acknowledged.effects),
    ] {
        let found: i64 = raw.one(&format!("SELECT count(*) FROM {table}")).await?;
        let found = usize::try_from(found)?;
        if found != must {
            let side = if found < must { &mut verdict.lost } else { &mut verdict.doubled };
            side.push(format!("{table} has {found} rows, and must have {must}"));
        }
    }
    for (what, sql) in rules() {
        let found: i64 = raw.one(&sql).await?;
        if found != 0 {
            verdict.tear(found, &what);
        }
    }
    Ok(())
}

/// What must be true of the rows among themselves, as counts of those of which it is not.
fn rules() -> Vec<(String, String)> {
    let mut rules = Vec::new();
    let mut rule = |what: &str, sql: &str| rules.push((what.to_owned(), format!("SELECT count(*) FROM {sql}")));
    for (table, entity) in [("leads", "lead"), ("people", "person"), ("enrollments", "enrollment")] {
        for told in ["audit_entries", "outbox"] {
            rule(
                &format!("a row of {table} with not exactly one row of {told} for each of its versions"),
                &format!(
                    "{table} t LEFT JOIN (SELECT entity_id, count(*) AS rows_of, count(DISTINCT entity_version) AS versions, max(entity_version) AS newest \
                     FROM {told} WHERE entity = '{entity}' GROUP BY entity_id) o ON o.entity_id = t.id \
                     WHERE o.entity_id IS NULL OR o.rows_of <> t.version OR o.versions <> t.version OR o.newest <> t.version"
                ),
            );
            rule(
                &format!("a row of {told} about something that is not in {table}"),
                &format!(
                    "{told} o LEFT JOIN {table} t ON t.organization_id = o.organization_id AND t.id = o.entity_id WHERE o.entity = '{entity}' AND t.id IS NULL"
                ),
            );
        }
    }
    rule(
        "an audit entry of a fact without its row in the outbox",
        "audit_entries a LEFT JOIN outbox o ON o.organization_id = a.organization_id AND o.id = a.id WHERE a.entity_version > 0 \
         AND (o.id IS NULL OR o.entity_id <> a.entity_id OR o.entity_version <> a.entity_version OR o.fact <> a.action)",
    );
    rule(
        "a row in the outbox without its audit entry",
        "outbox o LEFT JOIN audit_entries a ON a.organization_id = o.organization_id AND a.id = o.id WHERE a.id IS NULL",
    );
    rule(
        "an audit entry with a commitment and no detail, or the other way round",
        "audit_entries a LEFT JOIN audit_details d ON d.organization_id = a.organization_id AND d.entry_id = a.id WHERE (a.commitment IS NULL) <> (d.entry_id IS NULL)",
    );
    rule(
        "an audit entry with not exactly one seal",
        "(SELECT a.id FROM audit_entries a LEFT JOIN audit_seals s ON s.organization_id = a.organization_id AND s.entry_id = a.id \
         GROUP BY a.id HAVING count(s.seq) <> 1) x",
    );
    rule(
        "a touch without the audit entry of its lead",
        "lead_touches t LEFT JOIN audit_entries a ON a.organization_id = t.organization_id AND a.entity = 'lead' AND a.entity_id = t.lead_id \
         AND a.action IN ('lead.captured', 'lead.touched') WHERE a.id IS NULL",
    );
    rule(
        "a person with not exactly one audit entry of consents",
        "(SELECT p.id FROM people p LEFT JOIN audit_entries a ON a.organization_id = p.organization_id AND a.entity = 'consent' AND a.entity_id = p.id \
         GROUP BY p.id HAVING count(a.id) <> 1) x",
    );
    rule(
        "an entry of the ledger without its evidence",
        "consent_events e LEFT JOIN consent_evidence v ON v.organization_id = e.organization_id AND v.id = e.evidence_id AND v.person_id = e.person_id \
         WHERE v.id IS NULL",
    );
    rule(
        "a person whose key is not in the key store",
        "people p LEFT JOIN keystore.person_keys k ON k.id = p.key_id AND k.material IS NOT NULL WHERE k.id IS NULL",
    );
    rule(
        "a converted lead without its enrollment",
        "leads l LEFT JOIN enrollments e ON e.organization_id = l.organization_id AND e.id = l.enrollment_id AND e.lead_id = l.id \
         WHERE l.status = 'converted' AND e.id IS NULL",
    );
    rule(
        "an enrollment of a lead that is not converted",
        "enrollments e LEFT JOIN leads l ON l.organization_id = e.organization_id AND l.enrollment_id = e.id AND l.status = 'converted' \
         WHERE e.lead_id IS NOT NULL AND l.id IS NULL",
    );
    rule(
        "a run whose counters are not what a recount says",
        "course_runs r WHERE \
         r.seats_taken <> (SELECT count(*) FROM enrollments e WHERE e.course_run_id = r.id AND e.status IN ('active', 'completed', 'suspended')) \
         OR r.seats_held <> (SELECT count(*) FROM enrollments e WHERE e.course_run_id = r.id AND e.status = 'offered') \
         + (SELECT count(*) FROM seat_holds h WHERE h.course_run_id = r.id AND h.status = 'held')",
    );
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "01a1fc2f-b5b2-7137-9801-daf431e8109f";
    const B: &str = "01a1fc2f-c108-734e-b9f3-ecddeaf160a3";

    fn acknowledged(lines: &[&str]) -> Result<Acknowledged> {
        let mut all = Acknowledged::default();
        for line in lines {
            all.add(&line.replace("$A", A).replace("$B", B))?;
        }
        Ok(all)
    }

    #[test]
    fn the_last_word_counts() {
        let all = acknowledged(&["lead $A $B a@b.example", "moved $A 2", "moved $A 3", "enrolled $B $A $A", "dropped $B 2"]).unwrap();
        assert_eq!(all.leads[&parse(A).unwrap()].version, 3);
        assert_eq!(all.enrollments[&parse(B).unwrap()].version, 2);
        assert_eq!(all.effects, 5);
    }

    #[test]
    fn one_answer_for_two_requests_is_a_fault() {
        assert!(acknowledged(&["lead $A $B a@b.example", "lead $A $B b@b.example"]).is_err());
        assert!(acknowledged(&["moved $A 2"]).is_err());
        assert!(acknowledged(&["lead $A"]).is_err(), "a line that was not written to its end");
    }

    #[test]
    fn what_differs_is_named() {
        let known = BTreeMap::from([(parse(A).unwrap(), 1)]);
        let tell = |found: &[(&str, i32)]| {
            let mut verdict = Verdict::default();
            verdict.compare("thing", &known, &found.iter().map(|(id, version)| (parse(id).unwrap(), *version)).collect());
            verdict.to_string()
        };
        assert_eq!(tell(&[(A, 1)]), "0 lost, 0 doubled, 0 half-applied");
        assert_eq!(tell(&[(A, 2), (B, 1)]), "1 lost, 1 doubled, 0 half-applied");
        assert_eq!(tell(&[]), "1 lost, 0 doubled, 0 half-applied");
        let mut verdict = Verdict::default();
        verdict.tear(3, "a row without another");
        assert_eq!((verdict.to_string().as_str(), verdict.is_well()), ("0 lost, 0 doubled, 3 half-applied", false));
    }
}
