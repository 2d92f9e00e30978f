//! How `PostgreSQL` goes about the very statements that are read with, for the test that holds it to the indexes. Only the feature `plans` has
//! it, and only tests have that.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use matricula_ports::PortError;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};

use crate::convert::Columns;
use crate::error::port;

tokio::task_local! {
    static PLANS: Arc<Mutex<Vec<String>>>;
}

/// Does some work, and answers beside what comes of it the plans of the statements that it read with.
pub async fn with_plans<W: Future>(work: W) -> (W::Output, Vec<String>) {
    let plans: Arc<Mutex<Vec<String>>> = Arc::default();
    let output = PLANS.scope(Arc::clone(&plans), work).await;
    let plans = std::mem::take(&mut *plans.lock().unwrap_or_else(PoisonError::into_inner));
    (output, plans)
}

/// Remembers the plan of a statement, if this is such work: the one that is made for whatever values, as the program's connections have it.
pub(crate) async fn explain(connection: &DatabaseConnection, statement: &Statement) -> Result<(), PortError> {
    let Ok(plans) = PLANS.try_with(Arc::clone) else { return Ok(()) };
    let values = vec!["NULL"; statement.values.as_ref().map_or(0, |values| values.0.len())].join(", ");
    let tx = connection.begin().await.map_err(port)?;
    tx.execute_unprepared(&format!("PREPARE explained AS {}", statement.sql)).await.map_err(port)?;
    let explain = Statement::from_string(connection.get_database_backend(), format!("EXPLAIN EXECUTE explained({values})"));
    let lines = tx.query_all_raw(explain).await.map_err(port)?;
    tx.execute_unprepared("DEALLOCATE explained").await.map_err(port)?;
    tx.rollback().await.map_err(port)?;
    let lines = lines.iter().map(|row| Columns::of(row).next()).collect::<Result<Vec<String>, _>>()?;
    plans.lock().unwrap_or_else(PoisonError::into_inner).push(lines.join("\n"));
    Ok(())
}
