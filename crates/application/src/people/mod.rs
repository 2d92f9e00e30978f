//! People: correct what is known of them.

#[cfg(test)]
mod tests;

use matricula_domain::people::{Person, PersonId, Standing};
use matricula_domain::shared::{Faults, Line};
use matricula_ports::{PortError, transact};

use crate::access::{Allowed, ChangePeople};
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

matricula_domain::form! {
    /// What of a person can be corrected by hand.
    pub struct PersonChange {
        /// The name, as they write it.
        name: Line<200>,
    }
}

impl People {
    /// Over this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }

    /// Corrects a person's name.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub async fn rename(&self, who: &Allowed<ChangePeople>, id: PersonId, change: &PersonChange, expected: Expected) -> Result<Person, PeopleError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let person = tx.people().find(id).await?.ok_or(PeopleError::NotFound)?;
            if person.standing() != Standing::Active {
                return Err(PeopleError::Restricted);
            }
            expected.met_by(&person)?;
            let renamed = person.rename(change.name.clone(), self.world.now())?;
            tx.people().save(&renamed).await?;
            Ok(renamed.into_state())
        })
        .await
    }
}
