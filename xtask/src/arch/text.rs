//! What stays out of every file: too many lines, and paths of one machine.

use super::Finding;
use crate::tree;

/// A Rust file with more lines than this does more than one thing.
const MOST_LINES: usize = 700;

/// Folders at the top of a machine that a project's file has no business with.
const MACHINE: [&str; 3] = ["home", "root", "work"];

/// Checks one file.
pub fn check(file: &str, content: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = content.lines().count();
    if tree::is_rust(file) && lines > MOST_LINES {
        findings.push(Finding::new(file, 0, format!("{lines} lines of Rust; {MOST_LINES} are allowed: split it")));
    }
    for (index, line) in content.lines().enumerate() {
        if let Some(path) = machine_path(line) {
            findings.push(Finding::new(file, index + 1, format!("`{path}` is a path of one machine; take it from the environment or an argument")));
        }
    }
    findings
}

fn machine_path(line: &str) -> Option<String> {
    MACHINE.iter().map(|folder| format!("/{folder}/")).find(|path| line.match_indices(path.as_str()).any(|(at, _)| starts_a_path(&line[..at])))
}

/// A letter before the slash makes it a part of a longer, relative path or of an address; so do a variable and a wildcard.
fn starts_a_path(before: &str) -> bool {
    before.ends_with("file://") || !before.ends_with(|c: char| c.is_alphanumeric() || "/._-~*$}])>".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> bool {
        !check("notes.md", &line.replace('|', "/")).is_empty()
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        assert!(found("|home|lucia|data"));
        assert!(found("cd |work|main && make"));
        assert!(found("\"|root|.cargo\""));
        assert!(found("file://|home|x"));
    }

    #[test]
    fn a_relative_path_or_an_address_is_not_a_path_of_one_machine() {
        for line in ["crates|domain|src|work|task.rs", "https:||example.es|home|", "$HOME|work|x", "${here}|root|", "/usr/lib", "*|work|*", "at|home"]
        {
            assert!(!found(line), "{line}");
        }
    }

    #[test]
    fn seven_hundred_lines_are_enough() {
        assert!(check("a.rs", &"x\n".repeat(700)).is_empty());
        assert_eq!(check("a.rs", &"x\n".repeat(701))[0].to_string(), "a.rs: 701 lines of Rust; 700 are allowed: split it");
        assert!(check("a.md", &"x\n".repeat(701)).is_empty());
    }
}
