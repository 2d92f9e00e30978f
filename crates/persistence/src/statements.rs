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

/// One statement for several writes: each a CTE whose rows are counted, and the count held against what is expected. A count that
/// does not fit aborts the statement, and with it every write.
pub(crate) fn one_statement(writes: Vec<Write>, organization: Uuid) -> sea_orm::Statement {
    let mut sql = Sql::new(Engine::Postgres);
    sql.push("WITH scope AS MATERIALIZED (SELECT set_config('app.organization', ").bind(organization.to_string()).push(", true) AS setting)");
    let expected: Vec<_> = writes.iter().map(Write::expects).collect();
    for (n, write) in writes.into_iter().enumerate() {
        sql.push(&format!(", w{n} AS ("));
        write.write(&mut sql);
        sql.push(" RETURNING 1)");
    }
    sql.push(" SELECT q.* FROM scope CROSS JOIN LATERAL (SELECT ");
    for (n, expected) in expected.into_iter().enumerate() {
        let comma = if n > 0 { ", " } else { "" };
        match expected {
            Some((count, what)) => {
                sql.push(&format!("{comma}matricula_expect((SELECT count(*) FROM w{n}), {count}, '{what}') AS e{n}"));
            }
            None => {
                sql.push(&format!("{comma}(SELECT count(*) FROM w{n}) AS e{n}"));
            }
        }
    }
    sql.push(" WHERE scope.setting IS NOT NULL OFFSET 0) AS q");
    sql.into_statement()
}
