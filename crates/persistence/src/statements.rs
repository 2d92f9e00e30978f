//! The writes of a commit as few statements.

use uuid::Uuid;

use crate::Engine;
use crate::sql::{Sql, Write};

/// Joins writes that stand one after another and can be one.
pub(crate) fn runs(writes: Vec<Write>) -> Vec<Write> {
    let mut runs: Vec<Write> = Vec::new();
    for write in writes {
        let left = match runs.last_mut() {
            Some(last) => last.join(write),
            None => Some(write),
        };
        runs.extend(left);
    }
    runs
}

/// Parts writes into groups that can be one statement each. What a statement does is seen by none of its own parts, so whatever
/// builds on a write before it comes in the next one; within one, rows of a table go together.
pub(crate) fn waves(writes: Vec<Write>) -> Vec<Vec<Write>> {
    let mut waves: Vec<Vec<Write>> = Vec::new();
    for write in writes {
        match waves.last_mut() {
            Some(wave) if !wave.iter().any(|earlier| write.builds_on(earlier)) => {
                let left = wave.iter_mut().try_fold(write, |write, earlier| earlier.join(write).ok_or("joined"));
                wave.extend(left);
            }
            _ => waves.push(vec![write]),
        }
    }
    waves
}

/// One statement for several writes: each a CTE, and where a write must touch so many rows, their count held against that. A count that
/// does not fit aborts the statement, and with it every write; the others are done for their own sake.
pub(crate) fn one_statement(writes: Vec<Write>, organization: Uuid) -> sea_orm::Statement {
    let mut sql = Sql::new(Engine::Postgres);
    sql.push("WITH scope AS MATERIALIZED (SELECT set_config('app.organization', ").bind(organization.to_string()).push(", true) AS setting)");
    let mut expectations = Vec::new();
    for (n, write) in writes.into_iter().enumerate() {
        sql.push(&format!(", w{n} AS ("));
        let expected = write.expects();
        write.write(&mut sql);
        if let Some((count, what)) = expected {
            sql.push(" RETURNING 1");
            expectations.push(format!("matricula_expect((SELECT count(*) FROM w{n}), {count}, '{what}') AS e{n}"));
        }
        sql.push(")");
    }
    if expectations.is_empty() {
        sql.push(" SELECT setting FROM scope");
    } else {
        sql.push(" SELECT q.* FROM scope CROSS JOIN LATERAL (SELECT ").push(&expectations.join(", "));
        sql.push(" WHERE scope.setting IS NOT NULL OFFSET 0) AS q");
    }
    sql.into_statement()
}
