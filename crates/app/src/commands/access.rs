//! `matricula access report`: who may do what, made from the very list of routes that is served, and what the database says about its locks.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use matricula_domain::identity::{Breadth, GuardedField, Role};
use matricula_persistence::{Claim, Engine};
use matricula_web::route::{Access, Route};
use matricula_web::routes;

use crate::program::Program;
use crate::settings::Settings;

pub(super) fn report(settings: Settings) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(settings).await?;
        let (engine, claims) = (program.databases.directory().database().engine(), program.databases.directory().database().isolation().await?);
        let mut text = String::new();
        matrix(&mut text, &routes())?;
        fields(&mut text)?;
        locks(&mut text, engine, &claims)?;
        print!("{text}");
        let closed = claims.iter().all(|claim| claim.broken().next().is_none());
        Ok(if closed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn matrix(text: &mut String, routes: &[Route]) -> std::fmt::Result {
    let heads = Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" | ");
    writeln!(text, "# Who may do what\n")?;
    writeln!(
        text,
        "Every operation of the API with the permission that it takes and the built-in roles that have it. An organization's own roles, and"
    )?;
    writeln!(text, "keys for programs, may what their grants say. In a suspended organization nothing that changes something is possible.\n")?;
    writeln!(text, "| operation | request | changes | permission | reach | {heads} |")?;
    writeln!(text, "|---|---|---|---|---|{}", ":-:|".repeat(Role::ALL.len()))?;
    for route in routes {
        let (permission, reach) = match route.access {
            Access::Anybody => ("anybody".to_owned(), String::new()),
            Access::SignedIn => ("whoever signed in".to_owned(), String::new()),
            Access::Permission(permission) => {
                let breadths: Vec<_> = permission.breadths().iter().copied().map(Breadth::as_str).collect();
                (format!("`{permission}`"), breadths.join(", "))
            }
        };
        let may = |role: &Role| match route.access {
            Access::Permission(permission) if !role.may(permission) => "",
            _ => "✓",
        };
        let cells: Vec<_> = Role::ALL.iter().map(may).collect();
        let changes = if route.changes { "✓" } else { "" };
        let (method, path) = (&route.method, &route.path);
        writeln!(text, "| {} | `{method} {path}` | {changes} | {permission} | {reach} | {} |", route.operation, cells.join(" | "))?;
    }
    Ok(())
}

fn fields(text: &mut String) -> std::fmt::Result {
    writeln!(text, "\n## Fields with a permission of their own\n")?;
    writeln!(text, "Answers leave them out for who has not the permission, and who sends one is refused.\n")?;
    writeln!(text, "| field | permission | roles |\n|---|---|---|")?;
    for guarded in GuardedField::ALL {
        let roles: Vec<_> = Role::ALL.iter().filter(|role| role.may(guarded.permission)).map(|role| role.as_str()).collect();
        writeln!(text, "| {}.{} | `{}` | {} |", guarded.of, guarded.field, guarded.permission, roles.join(", "))?;
    }
    Ok(())
}

fn locks(text: &mut String, engine: Engine, claims: &[Claim]) -> std::fmt::Result {
    writeln!(text, "\n## How organizations are kept apart\n")?;
    writeln!(text, "Every query carries the organization of who asks: what belongs to another one is answered like what nobody has.")?;
    if engine == Engine::Sqlite {
        return writeln!(text, "This database is SQLite, which has no row-level security: that filter is the only lock.");
    }
    writeln!(text, "Behind that, the database keeps rows apart by itself. What its catalogue says:\n")?;
    writeln!(text, "| must hold | does not hold for | accepted: found by a secret |\n|---|---|---|")?;
    for claim in claims {
        let broken: Vec<_> = claim.broken().collect();
        let broken = if broken.is_empty() { "0".to_owned() } else { format!("**{}**", broken.join(", ")) };
        writeln!(text, "| {} | {broken} | {} |", claim.says, claim.accepted.join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_row_with_a_cell_for_each_role() {
        let mut text = String::new();
        matrix(&mut text, &routes()).unwrap();
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| ") && line.contains(" | `")).collect();
        assert_eq!(rows.len(), routes().len());
        assert!(rows.iter().all(|row| row.matches('|').count() == 6 + Role::ALL.len()), "{text}");
        let ticked = |operation: &str| rows.iter().find(|row| row.starts_with(&format!("| {operation} "))).map(|row| row.matches('✓').count());
        assert_eq!(ticked("verifyAudit"), Some(Role::ALL.iter().filter(|role| role.may(matricula_domain::identity::Permission::ReadAudit)).count()));
        assert_eq!(ticked("leaveLead"), Some(1 + Role::ALL.len()));
    }

    #[test]
    fn an_open_lock_is_shown_in_bold_and_sqlite_says_what_it_has_not() {
        let mut text = String::new();
        let claim = Claim { says: "all is well", exceptions: vec!["leads".to_owned(), "known".to_owned()], accepted: &["known"] };
        locks(&mut text, Engine::Postgres, &[claim]).unwrap();
        assert!(text.contains("| all is well | **leads** | known |"), "{text}");
        let mut text = String::new();
        locks(&mut text, Engine::Sqlite, &[]).unwrap();
        assert!(text.contains("the only lock"), "{text}");
    }
}
