use uuid::Uuid;

use super::{Breadth, Grant, Grants, UserId};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Id, Instant, Line, Noun, Value};

crate::id!(
    /// A key for a program.
    ApiKeyId
);

crate::form! {
    /// A key that shall be made for a program.
    pub struct NewApiKey {
        /// What it is for.
        name: Line<100>,
        /// What it may: permissions. A program has no campus and no team, so there is nothing behind them.
        grants: Vec<Grant>,
        /// Until when it opens; until it is revoked, if nothing is said.
        expires_at: Option<Instant>,
    } check |new, faults| {
        if new.grants.is_empty() {
            faults.add(Fault::new("REQUIRED", "a key that may nothing is none").under("grants"));
        }
        for (n, _) in new.grants.iter().enumerate().filter(|(_, grant)| grant.breadth != Breadth::All) {
            faults.add(Fault::new("NOT_FOR_PROGRAMS", "a program has no campus, no team and nothing of its own").under(&n.to_string()).under("grants"));
        }
    }
}

/// A key with which a program comes in: an account of its own, that nobody signs in with. Only its SHA-256 is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: Line<100>,
    /// How the key begins: enough to tell whose a leaked one was, and of no use beside.
    pub hint: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// What it may.
    pub grants: Vec<Grant>,
    /// Who made it.
    pub made_by: UserId,
    /// Until when it opens.
    pub expires_at: Option<Instant>,
    /// Since when it opens no more.
    pub revoked_at: Option<Instant>,
    /// When it last opened, to the minute.
    pub last_used_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl ApiKey {
    /// A new key.
    ///
    /// # Errors
    /// A fault if it would be over before it begins.
    pub fn make(id: ApiKeyId, new: NewApiKey, (hint, hash): (String, [u8; 32]), made_by: UserId, now: Instant) -> Result<Changed<Self>, Faults> {
        if new.expires_at.is_some_and(|at| at <= now) {
            return Err(Fault::new("IN_THE_PAST", "must be in the future").under("expires_at").into());
        }
        let key = Self {
            id,
            name: new.name,
            hint,
            hash,
            grants: new.grants.into_iter().collect::<Grants>().words(),
            made_by,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Ok(Changed::created(key, ApiKeyFact::Made, now))
    }

    /// Ends it for good. `None` if it is revoked already.
    pub fn revoke(&self, now: Instant) -> Option<Changed<Self>> {
        let over = Self { revoked_at: Some(now), ..self.clone() };
        self.revoked_at.is_none().then(|| Changed::of(self, over, ApiKeyFact::Revoked, now))
    }

    /// Whether it opens.
    pub fn opens(&self, now: Instant) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

impl Aggregate for ApiKey {
    type Fact = ApiKeyFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "api_key", many: "api_keys" }
    }
    fn id(&self) -> Uuid {
        self.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.version = version;
        self.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        vec![
            ("name".to_owned(), self.name.value()),
            ("hint".to_owned(), self.hint.as_str().into()),
            ("grants".to_owned(), self.grants.value()),
            ("expires_at".to_owned(), self.expires_at.map_or(Value::Null, Value::Instant)),
            ("revoked_at".to_owned(), self.revoked_at.map_or(Value::Null, Value::Instant)),
        ]
    }
}

/// What can happen to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyFact {
    /// It is there.
    Made,
    /// It opens no more.
    Revoked,
}

impl Fact for ApiKeyFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Revoked => "revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Form;

    fn at(text: &str) -> Instant {
        Field::parse(&text.into()).unwrap()
    }

    fn new(grants: &[&str], expires_at: Option<&str>) -> Result<NewApiKey, Faults> {
        let grants = Value::List(grants.iter().map(|word| Value::from(*word)).collect());
        let fields = vec![("name".to_owned(), "Web".into()), ("grants".to_owned(), grants)];
        NewApiKey::read(&Value::Map(fields.into_iter().chain(expires_at.map(|at| ("expires_at".to_owned(), at.into()))).collect()))
    }

    fn make(expires_at: Option<&str>) -> Result<Changed<ApiKey>, Faults> {
        let ids = (ApiKeyId::from_uuid(Uuid::from_u128(1)), UserId::from_uuid(Uuid::from_u128(2)));
        ApiKey::make(ids.0, new(&["leads.capture"], expires_at).unwrap(), ("mat_live_abcd".to_owned(), [1; 32]), ids.1, at("2026-03-01T10:00:00Z"))
    }

    #[test]
    fn a_key_may_something_and_has_neither_campus_nor_team() {
        let told = |grants: &[&str]| new(grants, None).unwrap_err().0.iter().map(|fault| (fault.pointer.clone(), fault.code)).collect::<Vec<_>>();
        assert_eq!(told(&[]), [("/grants".to_owned(), "REQUIRED")]);
        assert_eq!(told(&["leads.capture", "leads.read_own"]), [("/grants/1".to_owned(), "NOT_FOR_PROGRAMS")]);
    }

    #[test]
    fn a_key_opens_until_it_expires_or_is_revoked() {
        assert!(make(Some("2026-03-01T10:00:00Z")).is_err(), "over before it begins");
        let key = make(Some("2026-03-02T10:00:00Z")).unwrap().into_state();
        for (moment, opens) in [("2026-03-01T10:00:00Z", true), ("2026-03-02T09:59:59Z", true), ("2026-03-02T10:00:00Z", false)] {
            assert_eq!(key.opens(at(moment)), opens, "{moment}");
        }
        let for_good = make(None).unwrap().into_state();
        assert!(for_good.opens(at("2036-03-01T10:00:00Z")));
        let revoked = for_good.revoke(at("2026-03-03T10:00:00Z")).unwrap().into_state();
        assert!(!revoked.opens(at("2026-03-03T10:00:00Z")) && revoked.revoke(at("2026-03-04T10:00:00Z")).is_none());
    }
}
