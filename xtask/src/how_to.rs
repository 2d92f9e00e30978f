//! Does what a how-to page says, word for word, in a copy of the repository, and runs the tests there.
//!
//! A page is read as people read it: a block of code belongs into the file that was named last before it. A block of `diff` changes that
//! file (what begins with `+` comes after the line above it, or before the line below it), every other block is the whole of it.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};

use crate::tree;

/// A file that a page writes or changes.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    file: String,
    diff: bool,
    text: String,
}

impl Step {
    /// How many lines it adds.
    fn lines(&self) -> usize {
        self.text.lines().filter(|line| !self.diff || line.starts_with('+')).count()
    }

    /// What becomes of a file.
    fn applied(&self, before: Option<String>) -> anyhow::Result<String> {
        if !self.diff {
            ensure!(before.is_none(), "{} is there already", self.file);
            return Ok(self.text.clone());
        }
        let before = before.with_context(|| format!("{} is not there", self.file))?;
        let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
        let place = |lines: &[String], anchor: &str| {
            let mut found = lines.iter().enumerate().filter(|(_, line)| *line == anchor).map(|(at, _)| at);
            match (found.next(), found.next()) {
                (Some(at), None) => Ok(at),
                _ => bail!("{} does not have exactly one line «{anchor}»", self.file),
            }
        };
        let steps: Vec<&str> = self.text.lines().collect();
        for (n, step) in steps.iter().enumerate() {
            let Some(new) = step.strip_prefix('+') else { continue };
            // What was just added is a place to stand beside, too.
            let above = n.checked_sub(1).and_then(|n| steps[n].strip_prefix([' ', '+']));
            let below = steps.get(n + 1).and_then(|line| line.strip_prefix(' '));
            let at = match (above, below) {
                (Some(above), _) => place(&lines, above)? + 1,
                (None, Some(below)) => place(&lines, below)?,
                (None, None) => bail!("{}: «{new}» stands beside nothing", self.file),
            };
            lines.insert(at, new.to_owned());
        }
        Ok(lines.join("\n") + "\n")
    }
}

/// The blocks of a page.
fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut file, mut block): (Vec<Step>, _, Option<Step>) = (Vec::new(), String::new(), None);
    for line in page.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(kind)) => block = Some(Step { file: file.clone(), diff: kind == "diff", text: String::new() }),
            (Some(_), Some(_)) => steps.extend(block.take()),
            (Some(step), None) => step.text.extend([line, "\n"]),
            (None, None) => {
                let named = line.split('`').skip(1).step_by(2).filter(|word| word.contains('/') && Path::new(word).extension().is_some());
                if let Some(named) = named.last() {
                    named.clone_into(&mut file);
                }
            }
        }
    }
    steps
}

/// Adds the record of `docs/how-to/add-a-record.md` to a copy and runs the tests of records.
pub fn run(most_lines: usize) -> anyhow::Result<ExitCode> {
    let root = tree::root()?;
    let steps = steps(&std::fs::read_to_string(root.join("docs/how-to/add-a-record.md"))?);
    let lines: usize = steps.iter().map(Step::lines).sum();
    println!("a record takes {lines} lines in {} files", steps.len());
    ensure!(lines <= most_lines, "that is more than {most_lines}");

    let copy = std::env::temp_dir().join(format!("matricula-how-to-{}", std::process::id()));
    let done = tried(&root, &copy, &steps);
    std::fs::remove_dir_all(&copy).ok();
    done
}

fn tried(root: &Path, copy: &Path, steps: &[Step]) -> anyhow::Result<ExitCode> {
    for file in tree::files(root)? {
        let target = copy.join(&file);
        std::fs::create_dir_all(target.parent().context("a file without a folder")?)?;
        std::fs::copy(root.join(&file), target)?;
    }
    for step in steps {
        let file = copy.join(&step.file);
        std::fs::write(&file, step.applied(std::fs::read_to_string(&file).ok())?)?;
    }
    // The dependencies are built already; only what changed with the copy is built again.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let tests = ["records", "coverage", "isolation", "schema", "--skip", "the_committed_document"];
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--workspace", "--test", "it", "--"]).args(tests).current_dir(copy).env("CARGO_TARGET_DIR", target);
    let status = cargo.status().context("cargo does not start")?;
    ensure!(status.success(), "what the page says does not hold");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_belongs_into_the_file_that_was_named_last() {
        let page = "Not `this.rs`. In `a/b.rs`, see `c.rs`:\n```rust\nfn a() {}\n```\nand in `a/mod.rs`:\n\n```diff\n mod x;\n+mod b;\n```\n";
        let [whole, diff] = &steps(page)[..] else { panic!("two blocks") };
        assert_eq!((whole.file.as_str(), whole.diff, whole.lines()), ("a/b.rs", false, 1));
        assert_eq!((diff.file.as_str(), diff.diff, diff.lines()), ("a/mod.rs", true, 1));
        assert_eq!(diff.applied(Some("mod w;\nmod x;\nmod y;\n".into())).unwrap(), "mod w;\nmod x;\nmod b;\nmod y;\n");
    }

    #[test]
    fn what_is_added_stands_where_the_page_says() {
        let diff = |text: &str| Step { file: "a".into(), diff: true, text: text.into() };
        assert_eq!(diff("+b\n c\n").applied(Some("a\nc\n".into())).unwrap(), "a\nb\nc\n");
        assert_eq!(diff(" a\n+b\n+c\n").applied(Some("a\nd\n".into())).unwrap(), "a\nb\nc\nd\n");
        for (text, before) in [(" x\n+b\n", Some("a\n")), (" a\n+b\n", Some("a\na\n")), ("+b\n", Some("a\n")), (" a\n+b\n", None)] {
            assert!(diff(text).applied(before.map(str::to_owned)).is_err(), "{text} in {before:?}");
        }
    }
}
