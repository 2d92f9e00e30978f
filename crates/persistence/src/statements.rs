//! The writes of a commit as few statements.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::Engine;
use crate::sql::{Shape, Sql, Write};

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

/// Makes one write of the updates that set the same columns of many rows of a table.
fn together(writes: Vec<Write>) -> Vec<Write> {
    let mut alike: BTreeMap<Shape, Vec<Write>> = BTreeMap::new();
    let mut together = Vec::with_capacity(writes.len());
    for write in writes {
        match write.shape() {
            Some(shape) => alike.entry(shape).or_default().push(write),
            None => together.push(write),
        }
    }
    for (shape, updates) in alike {
        match Write::update_all(shape, &updates) {
            Some(update) => together.push(update),
            None => together.extend(updates),
        }
    }
    together
}

/// One statement for several writes: each a CTE, and where a write must touch so many rows, their count held against that. A count that
/// does not fit aborts the statement, and with it every write; the others are done for their own sake.
pub(crate) fn one_statement(writes: Vec<Write>, organization: Uuid) -> sea_orm::Statement {
    let mut sql = Sql::new(Engine::Postgres);
    sql.push("WITH scope AS MATERIALIZED (SELECT set_config('app.organization', ").bind(organization.to_string()).push(", true) AS setting)");
    let mut expectations = Vec::new();
    for (n, write) in together(writes).into_iter().enumerate() {
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

#[cfg(test)]
mod tests {
    use sea_orm::Value;

    use super::*;

    fn update(table: &'static str, n: i32, set: &'static str, value: Value) -> Write {
        Write::Update { table, key: vec![("id", n.into())], set: vec![(set, value), ("version", (n + 1).into())], version: u32::try_from(n).ok() }
    }

    #[test]
    fn updates_of_many_rows_are_one_statement_however_many() {
        let statement = |many: i32| one_statement((1..=many).map(|n| update("desks", n, "kind", "high".into())).collect(), Uuid::nil());
        let (ten, hundred) = (statement(10), statement(100));
        let bound = |statement: &sea_orm::Statement| statement.values.as_ref().map_or(0, |values| values.0.len());
        assert_eq!((bound(&ten), bound(&hundred)), (2, 2), "the organization, and the rows");
        assert_eq!(ten.sql.matches("UPDATE").count(), 1);
        assert!(ten.sql.contains("(SELECT count(*) FROM w0), 10, 'stale:desks')"), "each of them must be as it was expected: {}", ten.sql);
    }

    #[test]
    fn what_is_not_alike_stays_apart() {
        let few = (1..=4).map(|n| update("desks", n, "kind", "high".into()));
        let others = (1..=4).map(|n| update("desks", n, "room", "A".into())).chain((1..=4).map(|n| update("chairs", n, "kind", "low".into())));
        assert_eq!(together(few.chain(others).collect()).len(), 12);
        // What JSON has no words for is bound.
        assert_eq!(together((1..=9).map(|n| update("desks", n, "height", 1.5_f64.into())).collect()).len(), 9);
    }
}
