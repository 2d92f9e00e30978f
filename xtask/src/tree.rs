//! The work tree, as git sees it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The contexts of the product: module, table prefix, permission, route and test file are spelled the same.
pub const CONTEXTS: [&str; 16] = [
    "identity",
    "people",
    "catalog",
    "leads",
    "enrollment",
    "delivery",
    "privacy",
    "audit",
    "learning",
    "commerce",
    "marketing",
    "publishing",
    "events",
    "work",
    "notifications",
    "reporting",
];

/// The top of the repository.
pub fn root() -> anyhow::Result<PathBuf> {
    let top = git(Path::new("."), &["rev-parse", "--show-toplevel"])?;
    Ok(PathBuf::from(top.trim_end()))
}

/// Every file that git tracks or would track, relative to the top, in order.
pub fn files(root: &Path) -> anyhow::Result<Vec<String>> {
    let listed = git(root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    let mut files: Vec<String> = listed.split_terminator('\0').filter(|file| root.join(file).is_file()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Whether a file is a source of Rust.
pub fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").args(arguments).current_dir(folder).output().context("git does not start")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).context("git printed something that is not UTF-8")
}
