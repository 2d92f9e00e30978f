//! `matricula demo`: a believable provider to look at. First its year is imagined, then it is done through the use cases, on an
//! embedded database; then it is served.

mod campaigns;
mod enquiries;
mod fill;
mod folder;
mod names;
mod pictures;
mod provider;
mod runs;
mod stories;
mod world;
mod year;

use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant as Stopwatch;

use anyhow::{Context, Result};
use matricula_domain::identity::Role;
use matricula_gateways::clock::SystemClock;
use matricula_gateways::mail::Destination;
use matricula_gateways::object_store::Location;
use matricula_ports::Clock;
use serde_json::json;

use self::folder::Folder;
use super::{DemoArgs, serve};
use crate::program::Program;
use crate::settings::Settings;
use crate::telemetry;

/// How a program ends that was interrupted (128 and the number of the signal).
const INTERRUPTED: u8 = 130;

pub(super) fn run(args: &DemoArgs) -> Result<ExitCode> {
    let mut folder = Folder::take(args.data.as_deref())?;
    let settings = settings(args, &folder)?;
    telemetry::log(&settings)?;
    // Said before the work, not after it.
    drop(TcpListener::bind(settings.listen).with_context(|| format!("--port: cannot listen on {}", settings.listen))?);
    actix_web::rt::System::new().block_on(async {
        let mut stop = std::pin::pin!(serve::told_to_stop());
        if !folder.is_filled()? {
            folder.clear()?;
            tokio::select! {
                stopped = &mut stop => {
                    stopped?;
                    eprintln!("\nstopped; there is nothing to see yet");
                    return Ok(ExitCode::from(INTERRUPTED));
                }
                filled = fill(&settings, args) => filled?,
            }
            folder.fill()?;
        }
        let program = Program::wire(settings).await?;
        let answers = |url: &str| {
            let said = if args.json { line(url) } else { page(url, folder.kept(), &folder.mail()) };
            // Whoever closed the output does not want to read it.
            let _ = std::io::stdout().write_all(said.as_bytes());
        };
        serve::serve_until(program, answers, stop).await
    })
}

/// The defaults, with all limits wide open; of the environment only what is logged.
fn settings(args: &DemoArgs, folder: &Folder) -> Result<Settings> {
    let mut settings = Settings::on(&folder.database_url())?.wide_open();
    settings.listen = (Ipv4Addr::LOCALHOST, args.port).into();
    settings.public_url = format!("http://{}", settings.listen);
    settings.mail.destination = Destination::Folder(folder.mail());
    settings.media.location = Location::Folder(folder.media());
    if let Ok(log) = std::env::var("MATRICULA_LOG") {
        settings.log = log;
    }
    Ok(settings)
}

async fn fill(settings: &Settings, args: &DemoArgs) -> Result<()> {
    let started = Stopwatch::now();
    let now = SystemClock.now();
    let year = year::imagine(args.seed, args.leads, now);
    let mut progress = Progress::new();
    fill::fill(settings, args.seed, &year, now, |done, of| progress.tell(done, of)).await?;
    progress.end(&format!("filled with {} steps of a year in {:.1} s", year.steps.len(), started.elapsed().as_secs_f64()));
    Ok(())
}

/// Tells people on standard error how far it has come: on a terminal in one line, else in a few.
struct Progress {
    terminal: bool,
    told: Option<usize>,
}

impl Progress {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), told: None }
    }

    fn tell(&mut self, done: usize, of: usize) {
        let parts = if self.terminal { 100 } else { 4 };
        let part = done * parts / of.max(1);
        if self.told != Some(part) {
            self.told = Some(part);
            let percent = part * 100 / parts;
            let (back, end) = if self.terminal { ("\r", "") } else { ("", "\n") };
            eprint!("{back}filling the demo: {percent} %{end}");
        }
    }

    fn end(&self, said: &str) {
        let back = if self.terminal { "\r\x1b[K" } else { "" };
        eprintln!("{back}{said}");
    }
}

/// Address and sign-ins for programs.
fn line(url: &str) -> String {
    let sign_ins: Vec<_> =
        Role::ALL.iter().map(|role| json!({"role": role.as_str(), "email": provider::email_of(*role), "password": provider::PASSWORD})).collect();
    format!("{}\n", json!({"url": url, "organization": provider::SLUG, "sign_ins": sign_ins}))
}

/// Address and sign-ins for people.
fn page(url: &str, kept: Option<&Path>, mail: &Path) -> String {
    let sign_ins: Vec<_> =
        Role::ALL.iter().map(|role| format!("  {:<10} {:<36} {}\n", role.as_str(), provider::email_of(*role), provider::PASSWORD)).collect();
    let data = kept.map_or_else(|| "goes at the end".to_owned(), |folder| format!("stays in {}", folder.display()));
    format!(
        "\n{name}, a provider to look at\n\n  API           {url}/api/v1\n  Documentation {url}/api/docs\n  Organization  {slug}\n  Data          {data}\n  Mail          goes into {mail}\n\n  \
         {role:<10} {email:<36} password\n{sign_ins}\nCtrl-C ends it.\n",
        name = provider::NAME,
        slug = provider::SLUG,
        mail = mail.display(),
        role = "role",
        email = "e-mail",
        sign_ins = sign_ins.concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_one_line_and_people_get_a_page() {
        let said = line("http://127.0.0.1:1");
        assert_eq!(said.matches('\n').count(), 1);
        let read: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(read["sign_ins"].as_array().unwrap().len(), 9);
        assert_eq!(read["sign_ins"][4], json!({"role": "adviser", "email": "adviser@cep-formacion.example", "password": "matricula-demo"}));
        let page = page("http://127.0.0.1:1", None, Path::new("demo/mail"));
        assert!(Role::ALL.iter().all(|role| page.contains(&provider::email_of(*role))));
    }
}
