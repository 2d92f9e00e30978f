//! The rules of ARCHITECTURE.md that a compiler does not hold: one module a rule, each a function from what it reads to findings.

mod contexts;
mod crates;
mod names;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use anyhow::Context;

use crate::tree;

/// The file that holds the table of contexts.
const TABLE: &str = "ARCHITECTURE.md";

/// What breaks a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(file: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.into(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// Checks everything; prints what it finds.
pub fn run() -> anyhow::Result<ExitCode> {
    let root = tree::root()?;
    let files = tree::files(&root)?;
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(&root).no_deps().exec().context("cargo metadata")?;

    let mut findings = crates::check(&crates::read(&metadata));
    let mut sources = BTreeMap::new();
    for file in files {
        let bytes = std::fs::read(root.join(&file)).with_context(|| file.clone())?;
        let Ok(content) = String::from_utf8(bytes) else { continue };
        if content.contains('\0') {
            continue;
        }
        findings.extend(text::check(&file, &content));
        sources.insert(file, content);
    }
    findings.extend(crates::check_sources(&sources));
    findings.extend(contexts::check(&sources));

    findings.sort();
    findings.dedup();
    for finding in &findings {
        eprintln!("{finding}");
    }
    println!("arch: {} files, {} findings", sources.len(), findings.len());
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
