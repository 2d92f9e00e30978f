//! Small translations between the domain's values and the database's.

use matricula_domain::shared::{Fault, Field, Instant, Value};
use matricula_ports::PortError;
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::error::port;
pub(crate) use matricula_ports::json::{from_json as value, to_json as json};

pub(crate) fn time(at: Instant) -> sea_orm::Value {
    sea_orm::Value::ChronoDateTimeUtc(Some(at))
}

/// When an id was made, which it knows itself: for rows that it was made for.
pub(crate) fn made_at(id: Uuid) -> Option<Instant> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Instant::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// A field of a row as the domain reads it; what the domain refuses cannot have been written by it.
pub(crate) fn parsed<F: Field>(raw: impl Into<Value>, what: &str) -> Result<F, PortError> {
    F::parse(&raw.into()).map_err(|Fault { code, .. }| PortError::Broken(format!("{what}: {code}")))
}

/// The same for a field that may be empty.
pub(crate) fn parsed_or_none<F: Field>(raw: Option<impl Into<Value>>, what: &str) -> Result<Option<F>, PortError> {
    raw.map(|raw| parsed(raw, what)).transpose()
}

/// A whole number of a row that is never negative.
pub(crate) fn count<N: TryFrom<i64>>(number: impl Into<i64>, what: &str) -> Result<N, PortError> {
    N::try_from(number.into()).map_err(|_| PortError::Broken(format!("{what} is out of range")))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A SHA-256 as it was kept.
pub(crate) fn digest(bytes: &[u8], what: &str) -> Result<[u8; 32], PortError> {
    bytes.try_into().map_err(|_| PortError::Broken(format!("{what} has another length")))
}

/// Reads the columns of a row one after another.
pub(crate) struct Columns<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r QueryResult) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn next<T: sea_orm::TryGetable>(&mut self) -> Result<T, PortError> {
        let index = self.next;
        self.next += 1;
        self.row.try_get_by_index(index).map_err(port)
    }

    /// The last column of a row.
    pub(crate) fn last<T: sea_orm::TryGetable>(row: &QueryResult) -> Result<T, PortError> {
        row.try_get_by_index(row.column_names().len() - 1).map_err(port)
    }
}
