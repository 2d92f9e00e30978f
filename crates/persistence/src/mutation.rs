//! The guard with a hole in it, for the test that shows that the other guard holds: statements without the filter that binds them to an
//! organization. Only the feature `mutations` has it, and only tests have that.

use std::future::Future;

tokio::task_local! {
    static WITHOUT_FILTER: ();
}

/// Does some work whose statements look at the rows of every organization, as far as the database lets them.
pub async fn without_filter<W: Future>(work: W) -> W::Output {
    WITHOUT_FILTER.scope((), work).await
}

/// The statement, without its filter if this is such work.
pub(crate) fn mutated(statement: String) -> String {
    if WITHOUT_FILTER.try_with(|()| ()).is_err() { statement } else { unfiltered(&statement) }
}

/// Takes each comparison of an organization with a parameter for one that is always true.
fn unfiltered(statement: &str) -> String {
    let mut kept = String::new();
    let mut rest = statement;
    while let Some(at) = rest.find(COLUMN) {
        let (before, from) = rest.split_at(at);
        let after = from[COLUMN.len()..].trim_start_matches('"');
        match after.strip_prefix(" = $") {
            Some(parameter) => {
                let digits = parameter.find(|c: char| !c.is_ascii_digit()).unwrap_or(parameter.len());
                // With the table's name or alias in front of it.
                kept.push_str(before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_.\"".contains(c)));
                kept = format!("{kept}${}::uuid IS NOT NULL", &parameter[..digits]);
                rest = &parameter[digits..];
            }
            None => {
                kept.push_str(&rest[..at + COLUMN.len()]);
                rest = &from[COLUMN.len()..];
            }
        }
    }
    kept + rest
}

const COLUMN: &str = "organization_id";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_go_and_joins_stay() {
        let statement =
            r#"SELECT 1 FROM a JOIN b ON b.organization_id = a.organization_id WHERE a.organization_id = $1 AND "b"."organization_id" = $12"#;
        let without = "SELECT 1 FROM a JOIN b ON b.organization_id = a.organization_id WHERE $1::uuid IS NOT NULL AND $12::uuid IS NOT NULL";
        assert_eq!(unfiltered(statement), without);
    }
}
