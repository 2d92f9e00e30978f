use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use matricula_application::identity::IdentityError;
use matricula_domain::identity::{NewUser, OrganizationDetails, OrganizationId, OrganizationStatus, RoleName};
use matricula_domain::shared::{Faults, Field as _, Form, Value};
use matricula_gateways::object_store::Objects;
use matricula_ports::audit::{AuditChain, ChainState};
use matricula_ports::identity::{ConnectionString, Directory, OrganizationRow};
use matricula_ports::publishing::{Content, ObjectStore as _};
use matricula_ports::search::SearchKind;

use super::{FoundArgs, OrganizationArgs, UserArgs};
use crate::program::{Program, Schema};
use crate::settings::Settings;

pub(super) fn migrate(settings: &Settings, schema: Schema) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async { Program::open(settings).await?.move_all(schema).await })?;
    println!("the schema is moved");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn schema_status(settings: &Settings) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let mut newest = true;
        for (organization, steps) in Program::open(settings).await?.steps_behind().await? {
            let whose = organization.map_or_else(|| "the shared database".to_owned(), |slug| format!("the database of {slug}"));
            match steps {
                Some(0) => println!("{whose}: the newest schema"),
                Some(steps) => println!("{whose}: {steps} step(s) behind"),
                None => println!("{whose}: does not answer"),
            }
            newest &= steps == Some(0);
        }
        Ok(if newest { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// The settings are checked already. What remains is whether files can be kept where they say: one is put there, looked for, and removed.
pub(super) fn check_config(settings: &Settings) -> Result<ExitCode> {
    const PROBE: &str = "config-check";
    actix_web::rt::System::new().block_on(async {
        let store = Objects::at(&settings.media.location, settings.media.timeout).context("media_url")?;
        store.put(PROBE, &Content::Bytes(PROBE.into())).await.context("media_url: nothing can be put there")?;
        ensure!(store.get(PROBE).await.context("media_url: nothing can be read there")?.is_some(), "media_url: what was put there is not found");
        store.remove(PROBE).await.context("media_url: nothing can be removed there")
    })?;
    println!("the configuration is fine");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn found_organization(settings: Settings, args: &FoundArgs) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(settings).await?;
        let details = details(&args.slug, &args.name)?;
        program.found(&details, args.database_url.as_deref().map(ConnectionString::new).as_ref()).await?;
        println!("{} is founded", args.slug);
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn create_user(settings: Settings, args: &UserArgs) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let password = match &args.password {
            Some(password) => password.clone(),
            None => std::io::read_to_string(std::io::stdin())?.trim_end_matches(['\r', '\n']).to_owned(),
        };
        let new = NewUser::read(&Value::Map(vec![
            ("email".to_owned(), args.email.as_str().into()),
            ("name".to_owned(), args.name.as_str().into()),
            ("password".to_owned(), password.into()),
            ("role".to_owned(), args.role.as_str().into()),
        ]))
        .map_err(|faults| told(&faults))?;
        let program = Program::wire(settings).await?;
        let organization = organization(&program, args).await?;
        let admitted = program.identity().admit(organization, &new).await.map_err(|error| match error {
            IdentityError::Invalid(faults) => told(&faults),
            other => other.into(),
        })?;
        println!("{} can sign in to {}", admitted.id, args.organization);
        Ok(ExitCode::SUCCESS)
    })
}

async fn organization(program: &Program, args: &UserArgs) -> Result<OrganizationId> {
    let directory = program.accounts();
    if let Some(found) = directory.organization(&args.organization).await? {
        return Ok(found.id);
    }
    let Some(name) = &args.organization_name else {
        bail!("there is no organization «{}»; say --organization-name to found it", args.organization);
    };
    Ok(program.identity().found(&details(&args.organization, name)?, None).await?.id)
}

/// A provider in Spain, which can say later that it is elsewhere.
fn details(slug: &str, name: &str) -> Result<OrganizationDetails> {
    OrganizationDetails::read(&Value::Map(vec![
        ("slug".to_owned(), slug.into()),
        ("name".to_owned(), name.into()),
        ("time_zone".to_owned(), "Europe/Madrid".into()),
        ("locale".to_owned(), "es".into()),
        ("country".to_owned(), "ES".into()),
    ]))
    .map_err(|faults| told(&faults))
}

pub(super) fn move_organization(settings: Settings, args: &OrganizationArgs, to: OrganizationStatus) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(settings).await?;
        let moved = program.identity().move_organization(named(&program, args).await?, to).await?;
        println!("{} is {}", args.slug, moved.status);
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn close_organization(settings: Settings, args: &OrganizationArgs, folder: &Path) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(settings).await?;
        program.close(named(&program, args).await?, folder, |so_far| println!("{so_far}")).await?;
        println!("{} is closed; what was kept of it is in {}", args.slug, folder.display());
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn purchase_seats(settings: Settings, args: &OrganizationArgs, seats: Option<u32>) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(settings).await?;
        let organization = program.identity().purchase_seats(named(&program, args).await?, seats).await?;
        let most = seats.map_or_else(|| "as many as like".to_owned(), |seats| seats.to_string());
        println!("{}: {most} may work there, {} do", args.slug, organization.seats_used);
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn ask_for_second_factor(settings: Settings, args: &OrganizationArgs, roles: &[String]) -> Result<ExitCode> {
    let roles = roles.iter().map(|role| RoleName::parse(&role.as_str().into()).map_err(|_| anyhow!("no role can be called «{role}»")));
    let roles = roles.collect::<Result<Vec<_>>>()?;
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(settings).await?;
        program.identity().ask_for_second_factor(named(&program, args).await?, &roles).await?;
        let roles: Vec<_> = roles.iter().map(RoleName::as_str).collect();
        println!("{}: a second factor is needed to work as {}", args.slug, if roles.is_empty() { "nobody".to_owned() } else { roles.join(", ") });
        Ok(ExitCode::SUCCESS)
    })
}

async fn named(program: &Program, args: &OrganizationArgs) -> Result<OrganizationId> {
    let found = program.accounts().organization(&args.slug).await?;
    Ok(found.ok_or_else(|| anyhow!("there is no organization «{}» that is not closed", args.slug))?.id)
}

/// The faults of an input, for the operator.
fn told(faults: &Faults) -> anyhow::Error {
    let lines: Vec<_> =
        faults.0.iter().map(|fault| format!("{}: {} ({})", fault.pointer.trim_start_matches('/'), fault.detail, fault.code)).collect();
    anyhow!("{}", lines.join("; "))
}

/// The one that is named; all, if none is.
async fn organizations(program: &Program, named: Option<&str>) -> Result<Vec<OrganizationRow>> {
    let directory = program.accounts();
    if let Some(slug) = named {
        return Ok(vec![directory.organization(slug).await?.ok_or_else(|| anyhow!("there is no organization «{slug}»"))?]);
    }
    let mut organizations: Vec<OrganizationRow> = Vec::new();
    loop {
        let more = directory.organizations(organizations.last().map(|last| last.id), 100).await?;
        if more.is_empty() {
            return Ok(organizations);
        }
        organizations.extend(more);
    }
}

pub(super) fn rebuild_search(settings: Settings, organization: Option<&str>) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(settings).await?;
        for OrganizationRow { id, slug, .. } in organizations(&program, organization).await? {
            for kind in SearchKind::ALL {
                let called = match kind {
                    SearchKind::Course => "courses",
                    SearchKind::BlogPost => "blog posts",
                    SearchKind::SeoMetadata => "descriptions for search engines",
                };
                let many = program.index(id, *kind, |so_far| println!("{slug}: {so_far} {called} so far")).await?;
                println!("{slug}: {many} {called} can be found");
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn verify_audit(settings: Settings, organization: Option<&str>) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(settings).await?;
        let organizations = organizations(&program, organization).await?;
        let audit = program.audit();
        let mut intact = true;
        for organization in organizations {
            let found = match audit.verify(organization.id).await {
                Ok(found) => found,
                Err(error) => {
                    intact = false;
                    println!("{}: cannot be checked: {error}", organization.slug);
                    continue;
                }
            };
            let verdict = match found.state {
                ChainState::Intact { entries } => format!("intact, {entries} entries"),
                ChainState::Broken { seq, what } => format!("BROKEN at {seq}: {what}"),
                ChainState::Truncated { head, have } => format!("BROKEN: head {head} missing, have {have}"),
            };
            intact &= matches!(found.state, ChainState::Intact { .. });
            let age = found.oldest_unsealed.map(|at| format!("; the oldest entry that is not sealed yet is of {at}")).unwrap_or_default();
            println!("{}: {verdict}{age}", organization.slug);
        }
        Ok(if intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}
