//! The program `matricula`.

use clap::Parser;
use matricula_app::commands::{Command, run};

fn main() -> std::process::ExitCode {
    // One provider for every TLS connection; nothing else may choose one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(Command::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("matricula: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
