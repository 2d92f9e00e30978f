use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::NationalId;
use crate::shared::{
    Aggregate, Changed, EmailAddress, Fact, Faults, Fields, Form, Id, Instant, Line, LocalDate, Noun, PhoneNumber, SubjectRef, Value,
};

crate::id!(
    /// A person.
    PersonId,
    /// An address or number by which a person is found.
    IdentifierId,
    /// The key in the key store under which what the audit knows of a person is sealed.
    KeyId
);

crate::choice! {
    /// What an identifier is.
    pub enum IdentifierKind {
        /// E-mail address, normalised.
        Email = "email",
        /// Phone number, E.164.
        Phone = "phone",
        /// National id.
        Nif = "nif",
    }
}

crate::choice! {
    /// Whether a person's data may be worked with (GDPR art. 18, LOPDGDD art. 32).
    pub enum Standing {
        /// Yes.
        Active = "active",
        /// Kept, not used (art. 18).
        Restricted = "restricted",
        /// Reserved for authorities alone (LOPDGDD art. 32).
        Blocked = "blocked",
        /// Erased (art. 17).
        Destroyed = "destroyed",
    }
}

crate::choice! {
    /// How old somebody is, as far as a form may ask (`privacy.md` §1, rule 6).
    pub enum AgeBand {
        /// Needs a guardian in Spain.
        Under14 = "under_14",
        /// 14 or 15.
        From14To15 = "14_15",
        /// 16 or 17.
        From16To17 = "16_17",
        /// Of age.
        Adult = "adult",
    }
}

/// An address or number by which a person is found, in its normal form. Within an organization it belongs to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// Its id.
    pub id: IdentifierId,
    /// What it is.
    pub kind: IdentifierKind,
    /// The normal form.
    pub value: String,
}

crate::form! {
    /// What is known of a person when they first appear.
    pub struct PersonDetails {
        /// The name, as they write it.
        name: Line<200>,
        /// E-mail address.
        email: Option<EmailAddress>,
        /// Phone number.
        phone: Option<PhoneNumber>,
    }
    check |this, faults| {
        if this.email.is_none() && this.phone.is_none() {
            faults.add(crate::shared::Fault::new("REQUIRED", "email or phone is required").under("email"));
        }
    }
}

crate::form! {
    /// What of a person can be corrected by hand.
    pub struct PersonChange {
        /// The name, as they write it.
        name: Line<200>,
        /// The number of their DNI or NIE.
        national_id: Option<NationalId>,
    }
}

/// A person, as one organization knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    parts: PersonParts,
}

/// What a repository keeps of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonParts {
    /// Id.
    pub id: PersonId,
    /// The name in the audit chain.
    pub subject_ref: SubjectRef,
    /// The key of the sealed details.
    pub key_id: KeyId,
    /// Name.
    pub name: Line<200>,
    /// Addresses and numbers.
    pub identifiers: Vec<Identifier>,
    /// Language, as BCP 47.
    pub locale: Option<Line<10>>,
    /// How old, as far as known.
    pub age_band: Option<AgeBand>,
    /// Birth date, once a contract needed it.
    pub birth_date: Option<LocalDate>,
    /// Whether the data may be worked with.
    pub standing: Standing,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

/// The ids that a new person needs, made before the insert.
#[derive(Clone, Copy, Debug)]
pub struct NewPersonIds {
    /// Of the person.
    pub person: PersonId,
    /// For the audit chain.
    pub subject_ref: SubjectRef,
    /// A fresh key of the key store.
    pub key: KeyId,
    /// Of the e-mail address.
    pub email: IdentifierId,
    /// Of the phone number.
    pub phone: IdentifierId,
}

impl Person {
    /// Somebody new.
    pub fn meet(ids: NewPersonIds, details: PersonDetails, locale: Option<Line<10>>, age_band: Option<AgeBand>, now: Instant) -> Changed<Self> {
        let mut identifiers = Vec::new();
        if let Some(email) = details.email {
            identifiers.push(Identifier { id: ids.email, kind: IdentifierKind::Email, value: email.as_str().to_owned() });
        }
        if let Some(phone) = details.phone {
            identifiers.push(Identifier { id: ids.phone, kind: IdentifierKind::Phone, value: phone.as_str().to_owned() });
        }
        let parts = PersonParts {
            id: ids.person,
            subject_ref: ids.subject_ref,
            key_id: ids.key,
            name: details.name,
            identifiers,
            locale,
            age_band,
            birth_date: None,
            standing: Standing::Active,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Changed::created(Self { parts }, PersonFact::Met, now)
    }

    /// Learns what the person now says beside what is known: a second address, a phone, an age band. What is known stays:
    /// a form does not overwrite a name or take an identifier away. `None` if nothing is new.
    pub fn learn(&self, ids: NewPersonIds, details: &PersonDetails, age_band: Option<AgeBand>, now: Instant) -> Option<Changed<Self>> {
        let mut after = self.clone();
        let told = [
            (IdentifierKind::Email, ids.email, details.email.as_ref().map(EmailAddress::as_str)),
            (IdentifierKind::Phone, ids.phone, details.phone.as_ref().map(PhoneNumber::as_str)),
        ];
        for (kind, id, value) in told {
            if let Some(value) = value.filter(|value| self.identifier(kind).is_none_or(|known| known != *value) && !self.has(kind, value)) {
                after.parts.identifiers.push(Identifier { id, kind, value: value.to_owned() });
            }
        }
        if after.parts.age_band.is_none() {
            after.parts.age_band = age_band;
        }
        if after.parts == self.parts {
            return None;
        }
        Some(Changed::of(self, after, PersonFact::Changed, now))
    }

    /// Corrects the name.
    ///
    /// # Errors
    /// Every fault of the patch.
    pub fn rename(&self, name: Line<200>, now: Instant) -> Result<Changed<Self>, Faults> {
        Ok(self.with(PersonFact::Changed, now, |parts| parts.name = name))
    }

    /// Corrects what the patch names. `id` is that of a national id that was not known before.
    ///
    /// # Errors
    /// Every fault of the patch.
    pub fn change(&self, id: IdentifierId, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let known = self.identifier(IdentifierKind::Nif);
        let before = vec![("name".to_owned(), self.name().into()), ("national_id".to_owned(), known.map_or(Value::Null, Value::from))];
        let PersonChange { name, national_id } = PersonChange::read(&Value::Map(before).merged(patch))?;
        Ok(self.with(PersonFact::Changed, now, |parts| {
            parts.name = name;
            if national_id.as_ref().map(NationalId::as_str) != known {
                parts.identifiers.retain(|known| known.kind != IdentifierKind::Nif);
                let told = national_id.map(|told| Identifier { id, kind: IdentifierKind::Nif, value: told.as_str().to_owned() });
                parts.identifiers.extend(told);
            }
        }))
    }

    /// Notes that the key is about to be destroyed: what was sealed under it ends with it.
    pub fn shred(&self, now: Instant) -> Changed<Self> {
        self.with(PersonFact::DetailShredded, now, |_| ())
    }

    fn has(&self, kind: IdentifierKind, value: &str) -> bool {
        self.parts.identifiers.iter().any(|known| known.kind == kind && known.value == value)
    }

    /// The first identifier of a kind.
    pub fn identifier(&self, kind: IdentifierKind) -> Option<&str> {
        self.parts.identifiers.iter().find(|known| known.kind == kind).map(|known| known.value.as_str())
    }

    /// Its id.
    pub fn id(&self) -> PersonId {
        self.parts.id
    }
    /// Its name.
    pub fn name(&self) -> &str {
        self.parts.name.as_str()
    }
    /// The name folded for search.
    pub fn name_folded(&self) -> String {
        fold(self.name())
    }
    /// Whether the data may be worked with.
    pub fn standing(&self) -> Standing {
        self.parts.standing
    }
}

/// Text as it is searched: lower case, without accents.
pub fn fold(text: &str) -> String {
    text.nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

crate::shared::kept_as!(Person, PersonParts, PersonFact);

impl Aggregate for Person {
    type Fact = PersonFact;
    fn noun(&self) -> Noun {
        Noun { context: "people", one: "person", many: "people" }
    }
    fn id(&self) -> Uuid {
        self.parts.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.parts.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.parts.version = version;
        self.parts.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        Some(self.parts.id)
    }
    fn fields(&self) -> Fields {
        let parts = &self.parts;
        let of = |kind| Value::List(parts.identifiers.iter().filter(|known| known.kind == kind).map(|known| known.value.as_str().into()).collect());
        let mut fields = vec![("name".to_owned(), parts.name.as_str().into())];
        for kind in IdentifierKind::ALL {
            let values = of(*kind);
            fields.push((kind.as_str().to_owned(), if values == Value::List(Vec::new()) { Value::Null } else { values }));
        }
        fields.push(("locale".to_owned(), parts.locale.as_ref().map_or(Value::Null, |locale| locale.as_str().into())));
        fields.push(("age_band".to_owned(), parts.age_band.map_or(Value::Null, |band| band.as_str().into())));
        fields.push(("birth_date".to_owned(), parts.birth_date.map_or(Value::Null, Value::Date)));
        fields.push(("standing".to_owned(), parts.standing.as_str().into()));
        fields
    }
}

/// What can happen to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonFact {
    /// They appeared.
    Met,
    /// Something about them is known better.
    Changed,
    /// What the audit knew of them cannot be opened any more.
    DetailShredded,
}

impl Fact for PersonFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Changed => "changed",
            Self::DetailShredded => "detail_shredded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Field;

    fn details(name: &str, email: Option<&str>, phone: Option<&str>) -> PersonDetails {
        let text = |value: Option<&str>| value.map_or(Value::Null, Value::from);
        PersonDetails::read(&Value::Map(vec![("name".into(), name.into()), ("email".into(), text(email)), ("phone".into(), text(phone))])).unwrap()
    }

    fn ids(n: u128) -> NewPersonIds {
        let id = Uuid::from_u128;
        NewPersonIds {
            person: PersonId::from_uuid(id(n)),
            subject_ref: SubjectRef::from_uuid(id(n + 1)),
            key: KeyId::from_uuid(id(n + 2)),
            email: IdentifierId::from_uuid(id(n + 3)),
            phone: IdentifierId::from_uuid(id(n + 4)),
        }
    }

    fn now() -> Instant {
        Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap()
    }

    #[test]
    fn a_person_needs_an_address_or_a_number() {
        let faults = PersonDetails::read(&Value::Map(vec![("name".into(), "Lucía".into())])).unwrap_err();
        assert_eq!((faults.0[0].pointer.as_str(), faults.0[0].code), ("/email", "REQUIRED"));
    }

    #[test]
    fn a_later_form_adds_and_never_overwrites() {
        let person = Person::meet(ids(1), details("Lucía Pérez", Some("lucia@example.es"), None), None, None, now()).into_state();
        assert!(person.learn(ids(9), &details("L.", Some("LUCIA@example.es"), None), None, now()).is_none());
        let learned = person.learn(ids(9), &details("L.", Some("otra@example.es"), Some("600111222")), Some(AgeBand::Adult), now()).unwrap();
        assert_eq!(learned.state().name(), "Lucía Pérez");
        assert_eq!(learned.state().identifier(IdentifierKind::Email), Some("lucia@example.es"));
        assert_eq!(learned.state().identifier(IdentifierKind::Phone), Some("+34600111222"));
        let changed: Vec<_> = learned.changes().iter().map(|change| change.field.as_str()).collect();
        assert_eq!(changed, ["email", "phone", "age_band"]);
    }

    #[test]
    fn a_national_id_is_told_corrected_and_taken_away() {
        let person = Person::meet(ids(1), details("Lucía", Some("lucia@example.es"), None), None, None, now()).into_state();
        let told = |person: &Person, n, value: Value| {
            person.change(IdentifierId::from_uuid(Uuid::from_u128(n)), &Value::Map(vec![("national_id".into(), value)]), now())
        };
        let known = told(&person, 20, "12345678z".into()).unwrap().into_state();
        assert_eq!((known.identifier(IdentifierKind::Nif), known.name()), (Some("12345678Z"), "Lucía"));
        assert!(told(&known, 21, "12345678Z".into()).unwrap().changes().is_empty());
        let corrected = told(&known, 22, "X1234567L".into()).unwrap().into_state();
        assert_eq!((corrected.identifier(IdentifierKind::Nif), corrected.parts().identifiers.len()), (Some("X1234567L"), 2));
        assert_eq!(told(&corrected, 23, Value::Null).unwrap().into_state().parts().identifiers, person.parts().identifiers);
        assert!(told(&person, 24, "12345678A".into()).is_err());
    }

    #[test]
    fn names_are_found_without_accents() {
        assert_eq!(fold("Begoña MÜLLER Élan"), "begona muller elan");
    }
}
