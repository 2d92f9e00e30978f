//! Contexts: folders are named after them, and one names another only where the table in ARCHITECTURE.md allows it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, TABLE, names};
use crate::tree::{self, CONTEXTS};

const BEGIN: &str = "<!-- contexts:begin -->";
const END: &str = "<!-- contexts:end -->";

/// What the contexts of the domain share; it has a row of its own in the table.
const SHARED: &str = "shared";

/// The crates that are cut into contexts.
const CUT: [&str; 6] = ["domain", "ports", "application", "entity", "persistence", "web"];

/// Folders under their `src/` that belong to no context: the pipeline of the records, and the store of keys, which is a database
/// of its own.
const OF_NONE: [&str; 4] = [SHARED, "records", "key_store", "site"];

type Table = BTreeMap<String, BTreeSet<String>>;

/// Checks folders and names.
pub fn check(sources: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let table = match sources.get(TABLE) {
        Some(content) => parse(content, &mut findings),
        None => return vec![Finding::new(TABLE, 0, "is missing")],
    };
    // Tests build their fixtures from whatever context they need; the rule is for what ships.
    for (file, content) in sources.iter().filter(|(file, _)| tree::is_rust(file) && !is_test(file)) {
        let Some((of, inside)) = place(file) else { continue };
        let top = inside.split(['/', '.']).next().unwrap_or(inside);
        if inside.contains('/') && !CONTEXTS.contains(&top) && !OF_NONE.contains(&top) {
            findings.push(Finding::new(file, 0, format!("the folder `{top}` of `{of}` is neither a context nor one of: {}", OF_NONE.join(", "))));
            continue;
        }
        match names::tokens(content) {
            Ok(stream) if CONTEXTS.contains(&top) || (of == "domain" && top == SHARED) => {
                check_names(file, top, &names::named(stream, names::depth(inside)), &table, &mut findings);
            }
            Ok(_) => {}
            Err(error) => findings.push(Finding::new(file, 0, format!("cannot be read as Rust: {error}"))),
        }
    }
    findings
}

fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

/// The crate of a source, and its path under `src/`.
fn place(file: &str) -> Option<(&str, &str)> {
    file.strip_prefix("crates/")?.split_once("/src/").filter(|(name, _)| CUT.contains(name))
}

fn check_names(file: &str, context: &str, named: &[names::Name], table: &Table, findings: &mut Vec<Finding>) {
    let allowed = table.get(context);
    for name in named {
        let word = name.word.as_str();
        if CONTEXTS.contains(&word) && word != context && !allowed.is_some_and(|allowed| allowed.contains(word)) {
            let message = format!("`{context}` names `{word}` (`{}::{word}`), which the contexts of {TABLE} do not allow", name.of);
            findings.push(Finding::new(file, name.line, message));
        }
    }
}

/// Reads the lines `- leads: people, catalog` between the markers; `–` says that a context names none.
fn parse(architecture: &str, findings: &mut Vec<Finding>) -> Table {
    let mut table = Table::new();
    let mut inside = None;
    for (index, line) in architecture.lines().enumerate() {
        match (line.trim(), inside) {
            (BEGIN, None) => inside = Some(true),
            (END, Some(true)) => inside = Some(false),
            ("", Some(true)) => {}
            (row, Some(true)) => {
                if let Err(message) = parse_row(row, &mut table) {
                    findings.push(Finding::new(TABLE, index + 1, message));
                }
            }
            _ => {}
        }
    }
    if inside != Some(false) {
        findings.push(Finding::new(TABLE, 0, format!("has no table between `{BEGIN}` and `{END}`")));
    }
    table
}

fn parse_row(row: &str, table: &mut Table) -> Result<(), String> {
    let (context, others) = row
        .strip_prefix("- ")
        .and_then(|row| row.split_once(':'))
        .ok_or_else(|| format!("`{row}` is not a row such as `- leads: people, catalog`"))?;
    let others: BTreeSet<String> = others.split(',').map(|word| word.trim().to_owned()).filter(|word| !matches!(word.as_str(), "" | "–")).collect();
    let words = others.iter().map(String::as_str).chain((context != SHARED).then_some(context));
    if let Some(word) = words.into_iter().find(|word| !CONTEXTS.contains(word)) {
        return Err(format!("`{word}` is not a context; the contexts are {}", CONTEXTS.join(", ")));
    }
    if table.insert(context.to_owned(), others).is_some() {
        return Err(format!("`{context}` has two rows"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rows: &str, file: &str, content: &str) -> Vec<String> {
        let table = format!("# The house\n{BEGIN}\n{rows}\n{END}\n");
        let sources = BTreeMap::from([(TABLE.to_owned(), table), (file.to_owned(), content.to_owned())]);
        check(&sources).iter().map(ToString::to_string).collect()
    }

    const ROWS: &str = "- shared: –\n- people: –\n- leads: people, catalog";

    #[test]
    fn a_context_names_what_its_row_allows() {
        assert!(found(ROWS, "crates/domain/src/leads/lead.rs", "use crate::{people::PersonId, shared::Id};").is_empty());
        assert!(found(ROWS, "crates/application/src/leads/qualify.rs", "use matricula_domain::{catalog::CourseId, leads::Lead};").is_empty());
        assert!(found(ROWS, "crates/ports/src/leads.rs", "use matricula_domain::people::Person;").is_empty());
    }

    #[test]
    fn a_context_names_nothing_else() {
        assert_eq!(
            found(ROWS, "crates/domain/src/leads/lead.rs", "\nuse crate::privacy::Purpose;"),
            ["crates/domain/src/leads/lead.rs:2: `leads` names `privacy` (`crate::privacy`), which the contexts of ARCHITECTURE.md do not allow"]
        );
        assert_eq!(found(ROWS, "crates/ports/src/people.rs", "use matricula_domain::leads::Lead;").len(), 1);
        assert_eq!(found(ROWS, "crates/domain/src/work/mod.rs", "use crate::people::PersonId;").len(), 1);
        assert_eq!(found(ROWS, "crates/domain/src/shared/record.rs", "use crate::people::PersonId;").len(), 1);
    }

    #[test]
    fn what_belongs_to_no_context_names_them_all() {
        assert!(found(ROWS, "crates/ports/src/unit_of_work.rs", "use crate::leads::Leads;").is_empty());
        assert!(found(ROWS, "crates/app/src/wiring.rs", "use matricula_application::leads::Qualify;").is_empty());
    }

    #[test]
    fn a_folder_is_a_context_or_shared() {
        assert!(found(ROWS, "crates/web/src/shared/route.rs", "").is_empty());
        assert_eq!(found(ROWS, "crates/web/src/helpers/route.rs", "").len(), 1);
    }

    #[test]
    fn a_table_with_faults_says_which() {
        let faults = found("- leads: peple\n* people: –\n- leads: –\n- leads: –", "crates/web/src/lib.rs", "");
        assert!(faults[0].starts_with("ARCHITECTURE.md:3: `peple` is not a context"), "{faults:?}");
        assert_eq!(faults[1], "ARCHITECTURE.md:4: `* people: –` is not a row such as `- leads: people, catalog`");
        assert_eq!(faults[2], "ARCHITECTURE.md:6: `leads` has two rows");
        assert_eq!(check(&BTreeMap::from([(TABLE.to_owned(), "# The house".to_owned())])).len(), 1);
    }
}
