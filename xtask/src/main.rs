//! The workspace's own checks and tools: `cargo run -p xtask -- --help`.

mod arch;
mod crash;
mod ctx;
mod how_to;
mod tree;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks and tools of this workspace.
#[derive(Parser)]
#[command(name = "xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the rules of ARCHITECTURE.md: who depends on whom, which context names which, what stays out of files.
    Arch,
    /// Print the files of a context, domain first.
    Ctx {
        /// One of the words of the product: leads, people, …
        name: String,
    },
    /// Add the record of the how-to page to a copy, word for word, and run the tests of all records there.
    HowTo {
        /// How many lines it may take.
        #[arg(long, default_value_t = 60)]
        most_lines: usize,
    },
    /// Kill the server under load, and compare what it acknowledged with what it kept.
    Crash(crash::Arguments),
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Arch => arch::run(),
        Command::Ctx { name } => ctx::run(&name),
        Command::HowTo { most_lines } => how_to::run(most_lines),
        Command::Crash(arguments) => crash::run(&arguments),
    }
}
