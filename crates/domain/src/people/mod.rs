//! People: one human known to one organization (GDPR: data subject). Leads, learners and buyers all point to a person, and
//! names, addresses and numbers live here alone.

mod national_id;
mod person;

pub use national_id::NationalId;
pub use person::{
    AgeBand, Identifier, IdentifierId, IdentifierKind, KeyId, NewPersonIds, Person, PersonChange, PersonDetails, PersonFact, PersonId, PersonParts,
    Standing, fold,
};
