//! The command line.

mod access;
mod demo;
mod serve;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use matricula_domain::identity::OrganizationStatus;

use crate::program::Schema;
use crate::settings::Settings;
use crate::telemetry;

/// Matrícula: the back office of training providers.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = false)]
pub struct Command {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Answer requests (this is what happens when nothing else is said)
    Serve,
    /// Work on jobs, seal the audit chain and give out facts, without answering requests
    Worker,
    /// Fill an embedded database with a believable provider, and serve it
    Demo(DemoArgs),
    /// Move the schema of all databases to the newest (`up`) or one step back (`down`), or say where it is (`status`; ends with 1 if one
    /// of them is not the newest, or does not answer)
    Migrate {
        /// up, down or status
        #[arg(value_enum, default_value = "up")]
        to: Direction,
    },
    /// Users of an organization
    #[command(subcommand)]
    User(UserVerb),
    /// Organizations of this installation
    #[command(subcommand)]
    Organization(OrganizationVerb),
    /// Who may do what, and how organizations are kept apart
    #[command(subcommand)]
    Access(AccessVerb),
    /// The audit chain
    #[command(subcommand)]
    Audit(AuditVerb),
    /// What the catalogue is searched by
    #[command(subcommand)]
    Search(SearchVerb),
    /// Print the OpenAPI document
    Openapi,
    /// The configuration
    #[command(subcommand)]
    Config(ConfigVerb),
}

/// How to run the demo.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep the data in this folder; a second demo goes on with it
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The port to answer on; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Print address and sign-ins as one line of JSON once it answers
    #[arg(long)]
    json: bool,
    /// How many leads the year had
    #[arg(long, default_value_t = 3000)]
    leads: u32,
    /// The seed from which everything is made; the same seed makes the same provider
    #[arg(long, default_value_t = 2026)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Direction {
    Up,
    Down,
    Status,
}

#[derive(Debug, Subcommand)]
enum UserVerb {
    /// Let somebody in; the organization is founded if it is not there yet
    Create(UserArgs),
}

/// Whom to let in.
#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    /// The address to sign in with
    #[arg(long)]
    email: String,
    /// Their name
    #[arg(long)]
    name: String,
    /// owner, admin, manager, marketing, adviser, viewer, trainer, learner or dpo
    #[arg(long)]
    role: String,
    /// The slug of the organization
    #[arg(long)]
    organization: String,
    /// The name of the organization, if it is to be founded
    #[arg(long)]
    organization_name: Option<String>,
    /// The first password; read from standard input when left out
    #[arg(long, env = "MATRICULA_USER_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

#[derive(Debug, Subcommand)]
enum OrganizationVerb {
    /// Found one, in the shared database or in one that it has to itself
    Found(FoundArgs),
    /// Stop its work; everything stays, and can be read
    Suspend(OrganizationArgs),
    /// Let it work (again)
    Activate(OrganizationArgs),
    /// Close it for good: its work stops, everything that is kept of it is written into a folder, and nobody comes in any more
    Close {
        #[command(flatten)]
        organization: OrganizationArgs,
        /// The folder, which must be empty or not there yet
        #[arg(long)]
        export: PathBuf,
    },
    /// Say how many people may work there; who works there already goes on
    Seats {
        #[command(flatten)]
        organization: OrganizationArgs,
        /// So many; no limit, when left out
        #[arg(long)]
        purchased: Option<u32>,
    },
    /// Say in which roles nobody works without a second factor: for those that are not named, it is everybody's own choice
    SecondFactor {
        #[command(flatten)]
        organization: OrganizationArgs,
        /// Their names, with commas between them; nobody's, when left out
        #[arg(long, value_delimiter = ',')]
        roles: Vec<String>,
    },
}

/// Which organization to found.
#[derive(Debug, Args)]
pub(crate) struct FoundArgs {
    /// Its slug
    #[arg(long)]
    slug: String,
    /// Its name
    #[arg(long)]
    name: String,
    /// The address of an empty database that it shall have to itself, of the same engine as the shared one. Best by the variable, since
    /// other users of the machine see arguments
    #[arg(long, env = "MATRICULA_ORGANIZATION_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

/// Which organization.
#[derive(Debug, Args)]
pub(crate) struct OrganizationArgs {
    /// Its slug
    #[arg(long)]
    slug: String,
}

#[derive(Debug, Subcommand)]
enum AccessVerb {
    /// Print every operation with the roles that may use it, and what the connected database says about its locks, as Markdown; ends
    /// with 1 if one of them is open
    Report,
}

#[derive(Debug, Subcommand)]
enum AuditVerb {
    /// Check the chain of every organization (or of one); names the first bad entry and ends with 1
    Verify {
        /// The slug of the organization
        #[arg(long)]
        organization: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum SearchVerb {
    /// Make the words anew by which courses are found, for those that something else than this program wrote. It may run at any time
    Rebuild {
        /// The slug of the organization; all, when left out
        #[arg(long)]
        organization: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Check the configuration, and say what is wrong by its name
    Check,
}

/// Does what the command line says.
///
/// # Errors
/// Whatever keeps it from being done, in words for the operator.
pub fn run(command: Command) -> Result<ExitCode> {
    let verb = command.verb.unwrap_or(Verb::Serve);
    if let Verb::Openapi = verb {
        println!("{}", serde_json::to_string_pretty(&matricula_web::document())?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Verb::Demo(args) = verb {
        return demo::run(&args);
    }
    let settings = Settings::read()?;
    telemetry::log(&settings)?;
    match verb {
        Verb::Serve => serve::run(settings),
        Verb::Worker => serve::work(settings),
        Verb::Migrate { to: Direction::Up } => tools::migrate(&settings, Schema::Up),
        Verb::Migrate { to: Direction::Down } => tools::migrate(&settings, Schema::Down),
        Verb::Migrate { to: Direction::Status } => tools::schema_status(&settings),
        Verb::User(UserVerb::Create(args)) => tools::create_user(settings, &args),
        Verb::Access(AccessVerb::Report) => access::report(settings),
        Verb::Organization(verb) => match verb {
            OrganizationVerb::Found(args) => tools::found_organization(settings, &args),
            OrganizationVerb::Suspend(args) => tools::move_organization(settings, &args, OrganizationStatus::Suspended),
            OrganizationVerb::Activate(args) => tools::move_organization(settings, &args, OrganizationStatus::Active),
            OrganizationVerb::Close { organization, export } => tools::close_organization(settings, &organization, &export),
            OrganizationVerb::Seats { organization, purchased } => tools::purchase_seats(settings, &organization, purchased),
            OrganizationVerb::SecondFactor { organization, roles } => tools::ask_for_second_factor(settings, &organization, &roles),
        },
        Verb::Audit(AuditVerb::Verify { organization }) => tools::verify_audit(settings, organization.as_deref()),
        Verb::Search(SearchVerb::Rebuild { organization }) => tools::rebuild_search(settings, organization.as_deref()),
        Verb::Config(ConfigVerb::Check) => tools::check_config(&settings),
        Verb::Demo(_) | Verb::Openapi => Ok(ExitCode::SUCCESS),
    }
}
