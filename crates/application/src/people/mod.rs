//! People: correct what is known of them.

#[cfg(test)]
mod tests;

use matricula_domain::people::{Person, PersonId, Standing};
use matricula_domain::shared::{Fault, Faults, Value};
use matricula_ports::{PortError, transact};

use crate::access::{Allowed, ChangePeople, Denied};
use crate::{Expected, World};

/// Why a use case of people does not happen.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// There is no such person in this organization.
    #[error("not found")]
    NotFound,
    /// The person's data may not be worked with (GDPR art. 18).
    #[error("the person is restricted")]
    Restricted,
    /// A field takes a permission that they lack.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The use cases of people.
#[derive(Clone)]
pub struct People {
    world: World,
}

impl People {
    /// Over this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }

    /// Corrects what the patch names.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub async fn change(&self, who: &Allowed<ChangePeople>, id: PersonId, patch: &Value, expected: Expected) -> Result<Person, PeopleError> {
        who.may_write("person", patch.names())?;
        let changed = transact(&*self.world.transactions, who.scope(), async |tx| {
            let person = tx.people().find(id).await?.ok_or(PeopleError::NotFound)?;
            if person.standing() != Standing::Active {
                return Err(PeopleError::Restricted);
            }
            expected.met_by(&person)?;
            let changed = person.change(self.world.id(), patch, self.world.now())?;
            tx.people().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await;
        match changed {
            Err(PeopleError::Port(PortError::Conflict("person_identifiers"))) => {
                Err(Faults::from(Fault::rule("/national_id", "NATIONAL_ID_TAKEN", "is somebody else's here")).into())
            }
            other => other,
        }
    }
}
