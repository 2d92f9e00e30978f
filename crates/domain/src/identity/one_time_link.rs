use chrono::Duration;
use uuid::Uuid;

use super::{Role, UserId};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, EmailAddress, Fact, Field, Fields, Id, Instant, Noun, Value};

crate::id!(
    /// A link that opens once.
    LinkId
);

crate::choice! {
    /// What a link opens.
    pub enum LinkPurpose {
        /// Choosing another password.
        PasswordReset = "password_reset",
        /// Working for an organization.
        Invitation = "invitation",
        /// Signing in with another address.
        EmailChange = "email_change",
        /// Objecting to another address.
        EmailVeto = "email_veto",
        /// Founding the first organization. Such a link is kept nowhere: there is nobody yet whose it could be.
        Setup = "setup",
    }
}

impl LinkPurpose {
    /// How long a link of this purpose opens (ASVS 6.4.1).
    pub fn lives(self) -> Duration {
        match self {
            Self::PasswordReset => Duration::hours(1),
            Self::Invitation | Self::EmailChange | Self::Setup => Duration::hours(24),
            Self::EmailVeto => Duration::days(7),
        }
    }
}

crate::choice! {
    /// Why a link opens no more.
    pub enum LinkEnd {
        /// It was used.
        Used = "used",
        /// Somebody took it back.
        Revoked = "revoked",
        /// A newer one took its place.
        Replaced = "replaced",
    }
}

/// What a link does for whoever opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// This user chooses another password.
    PasswordReset(UserId),
    /// Somebody works here.
    Invitation {
        /// With this role.
        role: Role,
        /// Who invites.
        by: UserId,
    },
    /// This user signs in with the address that the link was sent to.
    EmailChange(UserId),
    /// This user goes on signing in with the address that the link was sent to.
    EmailVeto {
        /// The user.
        user: UserId,
        /// The change that is objected to.
        change: LinkId,
    },
}

impl LinkTarget {
    /// What it is.
    pub fn purpose(self) -> LinkPurpose {
        match self {
            Self::PasswordReset(_) => LinkPurpose::PasswordReset,
            Self::Invitation { .. } => LinkPurpose::Invitation,
            Self::EmailChange(_) => LinkPurpose::EmailChange,
            Self::EmailVeto { .. } => LinkPurpose::EmailVeto,
        }
    }
}

/// Something that is sent to an address and opens once, for a while. What opens it is known to whoever reads the mail; here is only its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeLink {
    parts: LinkParts,
}

/// What a repository keeps of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkParts {
    /// Id.
    pub id: LinkId,
    /// What it does.
    pub target: LinkTarget,
    /// The address that it is sent to.
    pub email: EmailAddress,
    /// SHA-256 of what opens it.
    pub token_hash: [u8; 32],
    /// Until when it opens.
    pub expires_at: Instant,
    /// When and why it ended.
    pub ended: Option<(Instant, LinkEnd)>,
    /// Since when.
    pub created_at: Instant,
    /// Version.
    pub version: u32,
}

/// Why a link does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// What was presented does not open it: it was tampered with, or is for something else.
    #[error("this does not open it")]
    WrongToken,
    /// It was used, taken back or replaced, or its time is over.
    #[error("it is over")]
    Over,
}

impl OneTimeLink {
    /// A new link to an address.
    pub fn issue(id: LinkId, target: LinkTarget, email: EmailAddress, token_hash: [u8; 32], now: Instant) -> Changed<Self> {
        let expires_at = now + target.purpose().lives();
        let parts = LinkParts { id, target, email, token_hash, expires_at, ended: None, created_at: now, version: 0 };
        Changed::created(Self { parts }, LinkFact::Issued(target.purpose()), now)
    }

    /// Whether it opens now, for whoever has what opens it.
    pub fn is_open(&self, now: Instant) -> bool {
        self.parts.ended.is_none() && now < self.parts.expires_at
    }

    /// Opens it, once.
    ///
    /// # Errors
    /// [`LinkError`]. Whoever has not what opens it does not learn whether it is over.
    pub fn open(&self, purpose: LinkPurpose, token_hash: [u8; 32], now: Instant) -> Result<Changed<Self>, LinkError> {
        if purpose != self.parts.target.purpose() || token_hash != self.parts.token_hash {
            return Err(LinkError::WrongToken);
        }
        self.end(LinkEnd::Used, now)
    }

    /// Ends it without its having been used.
    ///
    /// # Errors
    /// [`LinkError::Over`].
    pub fn end(&self, why: LinkEnd, now: Instant) -> Result<Changed<Self>, LinkError> {
        if !self.is_open(now) {
            return Err(LinkError::Over);
        }
        let mut after = self.clone();
        after.parts.ended = Some((now, why));
        Ok(Changed::of(self, after, LinkFact::Ended(self.parts.target.purpose(), why), now))
    }

    /// Id.
    pub fn id(&self) -> LinkId {
        self.parts.id
    }
}

crate::shared::kept_as!(OneTimeLink, LinkParts);

impl Aggregate for OneTimeLink {
    type Fact = LinkFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "one_time_link", many: "one_time_links" }
    }
    fn id(&self) -> Uuid {
        self.parts.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.parts.version
    }
    fn mark(&mut self, version: u32, _: Instant) {
        self.parts.version = version;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        let role = match self.parts.target {
            LinkTarget::Invitation { role, .. } => role.as_str().into(),
            _ => Value::Null,
        };
        vec![
            ("purpose".to_owned(), self.parts.target.purpose().as_str().into()),
            ("email".to_owned(), self.parts.email.value()),
            ("role".to_owned(), role),
            ("expires_at".to_owned(), Value::Instant(self.parts.expires_at)),
            ("ended".to_owned(), self.parts.ended.map_or(Value::Null, |(_, why)| why.as_str().into())),
        ]
    }
}

/// What can happen to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFact {
    /// It is on its way.
    Issued(LinkPurpose),
    /// It opens no more.
    Ended(LinkPurpose, LinkEnd),
}

impl Fact for LinkFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Issued(_) => "issued",
            Self::Ended(_, why) => why.as_str(),
        }
    }
    fn data(&self) -> Fields {
        let (Self::Issued(purpose) | Self::Ended(purpose, _)) = self;
        vec![("purpose".to_owned(), purpose.as_str().into())]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Instant {
        "2026-03-01T10:00:00Z".parse::<Instant>().unwrap() + Duration::seconds(seconds)
    }

    fn id<T: Id>(n: u128) -> T {
        T::from_uuid(Uuid::from_u128(n))
    }

    fn targets() -> [LinkTarget; 4] {
        [
            LinkTarget::PasswordReset(id(2)),
            LinkTarget::Invitation { role: Role::Adviser, by: id(2) },
            LinkTarget::EmailChange(id(2)),
            LinkTarget::EmailVeto { user: id(2), change: id(3) },
        ]
    }

    fn link(target: LinkTarget) -> OneTimeLink {
        OneTimeLink::issue(id(1), target, EmailAddress::parse("ana@example.es").unwrap(), [7; 32], at(0)).into_state()
    }

    #[test]
    fn a_link_lives_as_long_as_its_purpose_says() {
        let hours = targets().map(|target| (link(target).parts().expires_at - at(0)).num_hours());
        assert_eq!(hours, [1, 24, 24, 7 * 24]);
        assert!(LinkPurpose::ALL.iter().all(|purpose| *purpose == LinkPurpose::EmailVeto || purpose.lives() <= Duration::hours(24)));
    }

    #[test]
    fn a_link_opens_once() {
        for target in targets() {
            let open = link(target);
            let used = open.open(target.purpose(), [7; 32], at(60)).unwrap();
            assert_eq!((used.fact().verb(), used.state().is_open(at(60))), ("used", false));
            assert_eq!(used.state().open(target.purpose(), [7; 32], at(61)).err(), Some(LinkError::Over));
            assert_eq!(used.state().end(LinkEnd::Revoked, at(61)).err(), Some(LinkError::Over));
        }
    }

    #[test]
    fn an_ended_link_does_not_open() {
        for why in [LinkEnd::Revoked, LinkEnd::Replaced] {
            let ended = link(LinkTarget::PasswordReset(id(2))).end(why, at(1)).unwrap();
            assert_eq!(ended.fact().verb(), why.as_str());
            assert_eq!(ended.state().open(LinkPurpose::PasswordReset, [7; 32], at(2)).err(), Some(LinkError::Over));
        }
    }

    #[test]
    fn what_the_outbox_learns_is_the_purpose_alone() {
        let issued = OneTimeLink::issue(id(1), targets()[1], EmailAddress::parse("ana@example.es").unwrap(), [7; 32], at(0));
        assert_eq!(issued.fact().data(), [("purpose".to_owned(), "invitation".into())]);
    }

    proptest! {
        #[test]
        fn no_link_opens_for_another_token_purpose_or_time(token in any::<[u8; 32]>(), purpose in 0..LinkPurpose::ALL.len(), target in 0..4_usize, after in 0_i64..1_000_000) {
            let (purpose, target) = (LinkPurpose::ALL[purpose], targets()[target]);
            let open = link(target);
            let fits = token == [7; 32] && purpose == target.purpose() && at(after) < open.parts().expires_at;
            prop_assert_eq!(open.open(purpose, token, at(after)).is_ok(), fits);
            let in_time = at(after) < open.parts().expires_at;
            prop_assert_eq!(open.open(target.purpose(), [7; 32], at(after)).is_ok(), in_time);
        }
    }
}
