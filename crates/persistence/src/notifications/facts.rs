//! The facts of one organization, for those who remember themselves how far they have come.

use async_trait::async_trait;
use matricula_domain::shared::{Field as _, Id as _, RecordId, Value};
use matricula_ports::notifications::{FactQueries, Facts};
use matricula_ports::{Cursor, PortError, Scope};

use super::{OUTBOX, outbox_row};
use crate::feed::Place;
use crate::scoped::{Queries, Reader};

/// The places that a cursor remembers: one for each database in which the organization has rows.
fn places(cursor: Option<&Cursor>, databases: usize) -> Result<Vec<Place>, PortError> {
    let Some(cursor) = cursor else { return Ok(vec![Place::default(); databases]) };
    let wrong = || PortError::Dangling("cursor");
    let (pairs, rest) = cursor.0.as_chunks::<2>();
    if pairs.len() != databases || !rest.is_empty() {
        return Err(wrong());
    }
    let place = |pair: &[Value; 2]| match pair {
        [Value::Int(number), row] => Place::kept(*number, RecordId::parse(row).ok()?.as_uuid()),
        _ => None,
    };
    pairs.iter().map(|pair| place(pair).ok_or_else(wrong)).collect()
}

fn cursor(places: &[Place]) -> Cursor {
    let parts = places.iter().map(|place| place.parts());
    Cursor(parts.flat_map(|(number, row)| [Value::Int(number), Value::Id(row)]).collect())
}

#[async_trait]
impl FactQueries for Queries {
    async fn facts<'c>(&self, scope: &Scope, after: Option<&'c Cursor>, limit: u16) -> Result<Facts, PortError> {
        let homes = self.databases.homes_of(scope.organization()).await?;
        let mut places = places(after, homes.len())?;
        let (mut items, mut has_more) = (Vec::new(), false);
        // Two databases have no common order: first what one of them has, then the other.
        for (home, place) in homes.iter().zip(&mut places) {
            let reader = Reader::of(&home.database, scope.organization());
            let room = usize::from(limit) - items.len();
            let mut rows = OUTBOX.read(&reader, *place, u32::from(limit) + 1).await?;
            has_more |= rows.len() > room;
            rows.truncate(room);
            if let Some(last) = rows.last() {
                *place = Place::of(last)?;
            }
            for row in &rows {
                items.push(outbox_row(row)?);
            }
        }
        Ok(Facts { items, end: cursor(&places), has_more })
    }

    async fn end(&self, scope: &Scope) -> Result<Cursor, PortError> {
        let mut places = Vec::new();
        for home in self.databases.homes_of(scope.organization()).await? {
            places.push(OUTBOX.end(&Reader::of(&home.database, scope.organization())).await?);
        }
        Ok(cursor(&places))
    }
}
