//! The files of one context, in the order in which they are best read: from the rules outwards.

use std::process::ExitCode;

use anyhow::bail;

use crate::tree::{self, CONTEXTS};

const ORDER: [&str; 10] = [
    "crates/domain/",
    "crates/ports/",
    "crates/application/",
    "crates/entity/",
    "migration/",
    "crates/persistence/",
    "crates/gateways/",
    "crates/web/",
    "crates/console/",
    "tests/",
];

/// Prints them.
pub fn run(name: &str) -> anyhow::Result<ExitCode> {
    if !CONTEXTS.contains(&name) {
        bail!("{name} is not a context; the contexts are {}", CONTEXTS.join(", "));
    }
    let root = tree::root()?;
    let uses = |file: &str| std::fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains(&format!("domain::{name}::")));
    let (tests, others): (Vec<_>, Vec<_>) = tree::files(&root)?.into_iter().partition(|file| file.starts_with("tests/"));
    let tests = tests.into_iter().filter(|file| belongs(name, file) || uses(file)).collect::<Vec<_>>();
    for file in of_context(name, others).into_iter().chain(tests) {
        println!("{file}");
    }
    Ok(ExitCode::SUCCESS)
}

fn of_context(name: &str, files: Vec<String>) -> Vec<String> {
    let mut found: Vec<String> = files.into_iter().filter(|file| belongs(name, file)).collect();
    found.sort_by_key(|file| ORDER.iter().position(|folder| file.starts_with(folder)).unwrap_or(ORDER.len()));
    found
}

/// A folder or a file of that name; in file names that are made of words (migrations, snapshots), one of the words.
fn belongs(name: &str, file: &str) -> bool {
    let words = file.starts_with("migration/") || file.contains("/snapshots/");
    file.split('/').any(|part| {
        let stem = part.split('.').next().unwrap_or(part);
        stem == name || (words && stem.split('_').any(|word| word == name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_listed_from_the_domain_outwards() {
        let files = [
            "crates/application/src/leads/qualify.rs",
            "crates/domain/src/leads/lead.rs",
            "crates/persistence/src/people/leads_of.rs",
            "crates/ports/src/leads.rs",
            "docs/leads.md",
            "migration/src/m20260101_leads_tables.rs",
            "tests/it/leads.rs",
            "tests/it/snapshots/it__leads__list.snap",
        ];
        let found = of_context("leads", files.iter().map(ToString::to_string).collect());
        assert_eq!(
            found,
            [
                "crates/domain/src/leads/lead.rs",
                "crates/ports/src/leads.rs",
                "crates/application/src/leads/qualify.rs",
                "migration/src/m20260101_leads_tables.rs",
                "tests/it/leads.rs",
                "tests/it/snapshots/it__leads__list.snap",
                "docs/leads.md",
            ]
        );
    }
}
