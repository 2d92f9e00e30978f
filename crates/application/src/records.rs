//! Records of every kind: create, change, archive, restore. One pipeline for all of them.

#[cfg(test)]
mod tests;

use std::marker::PhantomData;

use matricula_domain::shared::{Changed, Fault, Faults, Fields, Id, Instant, Kind, Record, RecordId, RecordRefusal, Stored, Value};
use matricula_ports::records::RecordChange;
use matricula_ports::{PortError, Tx, transact};

use crate::access::{Allowed, Right};
use crate::{Expected, World};

/// Why a use case of a record does not happen.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is no such record in this organization.
    #[error("not found")]
    NotFound,
    /// It is archived already, or not archived at all.
    #[error("already so")]
    AlreadySo,
    /// A rule refuses it.
    #[error(transparent)]
    Refused(#[from] RecordRefusal),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<Faults> for RecordError {
    fn from(faults: Faults) -> Self {
        Self::Refused(faults.into())
    }
}

/// The use cases of one kind of record, for whoever has the right to manage it.
pub struct Records<R: Record, M: Right> {
    world: World,
    kind: PhantomData<(R, M)>,
}

impl<R: Record, M: Right> Clone for Records<R, M> {
    fn clone(&self) -> Self {
        Self::new(self.world.clone())
    }
}

impl<R: Record, M: Right> Records<R, M> {
    /// Over this world.
    pub fn new(world: World) -> Self {
        Self { world, kind: PhantomData }
    }

    /// Creates a record.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn create(&self, who: &Allowed<M>, input: &Value) -> Result<Stored<R>, RecordError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let created = Stored::<R>::create(self.world.id(), input, self.world.now())?;
            save(tx, created).await
        })
        .await
    }

    /// Changes the fields that the patch names; where it names another state, the record goes there.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn change(&self, who: &Allowed<M>, id: RecordId, patch: &Value, expected: Expected) -> Result<Stored<R>, RecordError> {
        self.changed(who, id, expected, |record, now| Ok(record.change(patch, now)?)).await
    }

    /// Takes a record to another state.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn transition(&self, who: &Allowed<M>, id: RecordId, to: &str) -> Result<Stored<R>, RecordError> {
        self.changed(who, id, Expected::Any, |record, now| Ok(record.transition(to, now)?)).await
    }

    /// Hides a record, with undo.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn archive(&self, who: &Allowed<M>, id: RecordId) -> Result<Stored<R>, RecordError> {
        self.changed(who, id, Expected::Any, |record, now| record.archive(now).ok_or(RecordError::AlreadySo)).await
    }

    /// Undoes [`Records::archive`].
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn restore(&self, who: &Allowed<M>, id: RecordId) -> Result<Stored<R>, RecordError> {
        self.changed(who, id, Expected::Any, |record, now| record.restore(now).ok_or(RecordError::AlreadySo)).await
    }

    async fn changed(
        &self,
        who: &Allowed<M>,
        id: RecordId,
        expected: Expected,
        change: impl Fn(&Stored<R>, Instant) -> Result<Changed<Stored<R>>, RecordError>,
    ) -> Result<Stored<R>, RecordError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let record = tx.records().find(&R::SCHEMA, id).await?.ok_or(RecordError::NotFound)?.typed::<R>()?;
            expected.met_by(&record)?;
            save(tx, change(&record, self.world.now())?).await
        })
        .await
    }
}

async fn save<R: Record>(tx: &Tx, changed: Changed<Stored<R>>) -> Result<Stored<R>, RecordError> {
    check(tx, changed.state()).await?;
    tx.records().save(RecordChange::of(&changed)).await?;
    Ok(changed.into_state())
}

/// What a record refers to must be there, and what only one may have must be free.
async fn check<R: Record>(tx: &Tx, record: &Stored<R>) -> Result<(), RecordError> {
    let (fields, mut faults) = (record.record().fields(), Faults::default());
    for ((name, value), field) in fields.iter().zip(R::FIELDS) {
        if let (Kind::IdOf(noun), Value::Id(id)) = (field.kind, value)
            && !tx.records().is_there(noun, RecordId::from_uuid(*id)).await?
        {
            faults.add(Fault::new("NOT_FOUND", "names nothing here").under(name));
        }
    }
    let unique: Fields = fields.into_iter().filter(|(name, _)| R::SCHEMA.unique.contains(&name.as_str())).collect();
    if record.archived_at().is_none() && !unique.is_empty() && tx.records().taken(&R::SCHEMA, &unique, record.id()).await? {
        let field = R::SCHEMA.unique.first().copied().unwrap_or_default();
        let code = if field == "slug" { "SLUG_TAKEN" } else { "TAKEN" };
        faults.add(Fault::rule(&format!("/{field}"), code, "another one has it"));
    }
    Ok(faults.into_result()?)
}
