use matricula_ports::PortError;
use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};

/// What begins the message of `matricula_expect` when an update met another version than it expected.
pub(crate) const STALE: &str = "stale:";
/// … when a row that should be new was there, or a limit was reached.
pub(crate) const CONFLICT: &str = "conflict:";

/// A database error as the ports know it.
pub(crate) fn port(error: DbErr) -> PortError {
    let database = match &error {
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => match &**inner {
            sqlx::Error::Database(database) => {
                Some((database.code().map(|code| code.to_string()).unwrap_or_default(), database.message().to_owned()))
            }
            _ => None,
        },
        DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } | DbErr::Custom(_) => return PortError::Broken(error.to_string()),
        // Whoever does not let us in (`Conn`) may do so later, whatever the reason.
        _ => None,
    };
    let Some((code, message)) = database else { return PortError::Unavailable(Box::new(error)) };
    match code.as_str() {
        // The unit of work's own guard on PostgreSQL.
        "MT001" if message.starts_with(STALE) => PortError::Stale,
        "MT001" => PortError::Conflict(known(message.trim_start_matches(CONFLICT))),
        // Serialization failure, deadlock; SQLite's stale snapshot: doing it again helps.
        "40001" | "40P01" | "517" => PortError::Stale,
        // Unique and exclusion.
        "23505" | "23P01" | "2067" | "1555" => PortError::Conflict("unique"),
        "23514" | "275" => PortError::Conflict("check"),
        "23503" | "787" => PortError::Dangling("reference"),
        code if away(code) => PortError::Unavailable(Box::new(error)),
        // Anything else is a statement that cannot be right: a fault of the program, which trying again does not mend.
        _ => PortError::Broken(error.to_string()),
    }
}

/// Whether a code says that the database cannot answer now: no connection, no resources, told to stop, waited too long (`PostgreSQL`);
/// busy, locked, no memory, input or output failed, disk full, file gone (`SQLite`, whose extended codes have the kind in the low byte).
fn away(code: &str) -> bool {
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 5..=10 | 13 | 14),
        _ => ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || matches!(code, "55P03" | "25P03" | "25006"),
    }
}

/// The name of a guard, as a word that lives for ever.
pub(crate) fn known(name: &str) -> &'static str {
    const NAMES: &[&str] = &[
        "seats",
        "idempotency_keys",
        "person_identifiers",
        "people",
        "leads",
        "lead_touches",
        "lead_activities",
        "enrollments",
        "seat_holds",
        "courses",
        "course_runs",
        "forms",
        "form_versions",
        "consent_texts",
        "consent_events",
        "users",
        "second_factors",
        "memberships",
        "organizations",
        "cycles",
        "campuses",
        "campaigns",
        "login_sessions",
        "owners",
        "members",
        "roles",
        "groups",
        "user_groups",
        "api_keys",
        "one_time_links",
        "identity_providers",
        "email_domains",
        "provider_sign_ins",
        "provider_identities",
        "faqs",
        "blog_posts",
        "seo_metadata",
        "redirects",
        "media_links",
        "media_usage",
        "webhook_endpoints",
        "webhook_deliveries",
    ];
    NAMES.iter().find(|known| **known == name).copied().unwrap_or("unique")
}

#[cfg(test)]
mod tests {
    use super::away;

    #[test]
    fn only_what_passes_by_itself_is_away() {
        for code in ["08006", "53300", "57014", "57P01", "55P03", "5", "261", "10", "13", "14", "522"] {
            assert!(away(code), "{code}");
        }
        for code in ["23502", "42P01", "22001", "XX000", "1299", "1", "11"] {
            assert!(!away(code), "{code}");
        }
    }
}
