//! People: one human known to one organization (GDPR: data subject). Leads, learners and buyers all point to a person, and
//! names, addresses and numbers live here alone.

mod person;

pub use person::{
    AgeBand, Identifier, IdentifierId, IdentifierKind, KeyId, NewPersonIds, Person, PersonDetails, PersonFact, PersonId, PersonParts, Standing, fold,
};
