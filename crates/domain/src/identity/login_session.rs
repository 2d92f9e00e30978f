use chrono::Duration;
use uuid::Uuid;

use super::{MembershipId, UserId};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fields, Id, Instant, Noun, Value};

crate::id!(
    /// One sign-in and all tokens that came from it: a family.
    LoginSessionId
);

crate::choice! {
    /// Why a family of tokens ended.
    pub enum EndReason {
        /// The user signed out.
        SignedOut = "signed_out",
        /// A refresh token that was used before came again.
        Reused = "reused",
        /// Its owner ended it from elsewhere.
        Revoked = "revoked",
        /// The user does not work here any more.
        Disabled = "disabled",
        /// The password was changed, or an address was taken back: whoever signed in before may be somebody else.
        CredentialsChanged = "credentials_changed",
    }
}

/// A sign-in. Tokens are references: only their SHA-256 is known here, so that a stolen table opens nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSession {
    parts: LoginSessionParts,
}

/// What a repository keeps of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSessionParts {
    /// Id.
    pub id: LoginSessionId,
    /// Whose.
    pub user: UserId,
    /// In which membership.
    pub membership: MembershipId,
    /// SHA-256 of the access token.
    pub access_hash: [u8; 32],
    /// Until when the access token opens.
    pub access_expires_at: Instant,
    /// SHA-256 of the refresh token.
    pub refresh_hash: [u8; 32],
    /// SHA-256 of the refresh token before.
    pub previous_refresh_hash: Option<[u8; 32]>,
    /// When it was replaced.
    pub previous_rotated_at: Option<Instant>,
    /// When the whole family ends, whatever happens.
    pub expires_at: Instant,
    /// When its owner last showed who they are.
    pub proven_at: Instant,
    /// Whether they showed two factors to an identity provider, which stands in the place of one of their own here.
    pub two_factors: bool,
    /// When it was ended.
    pub ended: Option<(Instant, EndReason)>,
    /// Since when.
    pub created_at: Instant,
    /// Version.
    pub version: u32,
}

/// How a refresh went.
#[derive(Clone, Debug)]
pub enum Refresh {
    /// New tokens took the place of the old ones.
    Rotated(Changed<LoginSession>),
    /// A used token came again: somebody else may have it, so the family ends.
    Ended(Changed<LoginSession>),
}

impl LoginSession {
    /// How long an access token opens.
    pub const ACCESS: Duration = Duration::minutes(15);
    /// How long a sign-in lasts at most (ASVS 7.3.2).
    pub const ABSOLUTE: Duration = Duration::hours(12);
    /// For how long the token before may come again, since its answer may have been lost on the way.
    pub const LOST_ANSWER: Duration = Duration::seconds(30);

    /// For how long somebody who showed who they are need not do so again before they change what others may (ASVS 7.5.3).
    pub const PROOF: Duration = Duration::minutes(30);

    /// Signs somebody in.
    pub fn open(
        id: LoginSessionId,
        user: UserId,
        membership: MembershipId,
        access_hash: [u8; 32],
        refresh_hash: [u8; 32],
        now: Instant,
    ) -> Changed<Self> {
        Self::open_vouched(id, (user, membership), access_hash, refresh_hash, false, now)
    }

    /// Signs somebody in for whom an identity provider vouches, perhaps with two factors that it has seen.
    pub fn open_vouched(
        id: LoginSessionId,
        (user, membership): (UserId, MembershipId),
        access_hash: [u8; 32],
        refresh_hash: [u8; 32],
        two_factors: bool,
        now: Instant,
    ) -> Changed<Self> {
        let parts = LoginSessionParts {
            id,
            user,
            membership,
            access_hash,
            access_expires_at: now + Self::ACCESS,
            refresh_hash,
            previous_refresh_hash: None,
            previous_rotated_at: None,
            expires_at: now + Self::ABSOLUTE,
            proven_at: now,
            two_factors,
            ended: None,
            created_at: now,
            version: 0,
        };
        Changed::created(Self { parts }, LoginSessionFact::Opened, now)
    }

    /// Uses a refresh token. `None` if the family is over or never had it.
    pub fn refresh(&self, presented: [u8; 32], access_hash: [u8; 32], refresh_hash: [u8; 32], now: Instant) -> Option<Refresh> {
        let old = &self.parts;
        if old.ended.is_some() || now >= old.expires_at {
            return None;
        }
        let forgiven = old.previous_refresh_hash == Some(presented) && old.previous_rotated_at.is_some_and(|at| now - at <= Self::LOST_ANSWER);
        if presented != old.refresh_hash && !forgiven {
            return Some(Refresh::Ended(self.ended(EndReason::Reused, now)));
        }
        let mut after = self.clone();
        after.parts.previous_refresh_hash = Some(presented);
        after.parts.previous_rotated_at = if forgiven { old.previous_rotated_at } else { Some(now) };
        after.parts.access_hash = access_hash;
        after.parts.refresh_hash = refresh_hash;
        after.parts.access_expires_at = (now + Self::ACCESS).min(old.expires_at);
        Some(Refresh::Rotated(Changed::of(self, after, LoginSessionFact::Refreshed, now)))
    }

    /// Its owner showed once more who they are. `None` if it is over.
    pub fn prove(&self, now: Instant) -> Option<Changed<Self>> {
        if self.parts.ended.is_some() || now >= self.parts.expires_at {
            return None;
        }
        let mut after = self.clone();
        after.parts.proven_at = now;
        Some(Changed::of(self, after, LoginSessionFact::Proven, now))
    }

    /// Ends it. `None` if it was over already.
    pub fn end(&self, reason: EndReason, now: Instant) -> Option<Changed<Self>> {
        self.parts.ended.is_none().then(|| self.ended(reason, now))
    }

    fn ended(&self, reason: EndReason, now: Instant) -> Changed<Self> {
        let mut after = self.clone();
        after.parts.ended = Some((now, reason));
        Changed::of(self, after, LoginSessionFact::Ended(reason), now)
    }
}

crate::shared::kept_as!(LoginSession, LoginSessionParts);

impl Aggregate for LoginSession {
    type Fact = LoginSessionFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "login_session", many: "login_sessions" }
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
        vec![
            ("user_id".to_owned(), Value::Id(self.parts.user.as_uuid())),
            ("access_expires_at".to_owned(), Value::Instant(self.parts.access_expires_at)),
            ("ended".to_owned(), self.parts.ended.map_or(Value::Null, |(_, reason)| reason.as_str().into())),
        ]
    }
}

/// What can happen to a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginSessionFact {
    /// Somebody signed in.
    Opened,
    /// Tokens were replaced.
    Refreshed,
    /// Its owner showed once more who they are.
    Proven,
    /// It is over.
    Ended(EndReason),
}

impl Fact for LoginSessionFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Refreshed => "refreshed",
            Self::Proven => "proven",
            Self::Ended(_) => "ended",
        }
    }
    fn data(&self) -> Fields {
        match self {
            Self::Ended(reason) => vec![("reason".to_owned(), reason.as_str().into())],
            _ => Fields::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Field;

    fn at(seconds: i64) -> Instant {
        let start: Instant = Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap();
        start + Duration::seconds(seconds)
    }

    fn open() -> LoginSession {
        let id = Uuid::from_u128;
        LoginSession::open(LoginSessionId::from_uuid(id(1)), UserId::from_uuid(id(2)), MembershipId::from_uuid(id(3)), [1; 32], [10; 32], at(0))
            .into_state()
    }

    fn rotated(refresh: Option<Refresh>) -> LoginSession {
        match refresh {
            Some(Refresh::Rotated(changed)) => changed.into_state(),
            other => panic!("expected a rotation, got {other:?}"),
        }
    }

    #[test]
    fn a_refresh_token_is_replaced_each_time() {
        let second = rotated(open().refresh([10; 32], [2; 32], [20; 32], at(60)));
        let third = rotated(second.refresh([20; 32], [3; 32], [30; 32], at(120)));
        assert_eq!((third.parts().access_hash, third.parts().refresh_hash), ([3; 32], [30; 32]));
    }

    #[test]
    fn a_lost_answer_is_forgiven_for_a_while() {
        let second = rotated(open().refresh([10; 32], [2; 32], [20; 32], at(60)));
        let again = rotated(second.refresh([10; 32], [3; 32], [30; 32], at(90)));
        assert!(matches!(again.refresh([10; 32], [4; 32], [40; 32], at(91)), Some(Refresh::Ended(_))), "forgiveness is not renewed by use");
    }

    #[test]
    fn a_used_token_ends_the_family() {
        let second = rotated(open().refresh([10; 32], [2; 32], [20; 32], at(60)));
        let Some(Refresh::Ended(changed)) = second.refresh([10; 32], [3; 32], [30; 32], at(120)) else { panic!("must end") };
        let over = changed.into_state();
        assert!(over.refresh([20; 32], [4; 32], [40; 32], at(121)).is_none());
        assert!(over.end(EndReason::SignedOut, at(122)).is_none());
    }

    #[test]
    fn who_shows_again_who_they_are_gets_no_more_time_than_that() {
        let proven = open().prove(at(600)).unwrap().into_state();
        assert_eq!((open().parts().proven_at, proven.parts().proven_at), (at(0), at(600)));
        assert_eq!((proven.parts().expires_at, proven.parts().access_expires_at), (open().parts().expires_at, open().parts().access_expires_at));
        assert!(open().end(EndReason::Revoked, at(1)).unwrap().into_state().prove(at(2)).is_none(), "it was ended");
        assert!(open().prove(at(12 * 3600)).is_none(), "its time is over");
    }

    #[test]
    fn no_sign_in_outlives_its_absolute_end() {
        assert!(open().refresh([10; 32], [2; 32], [20; 32], at(12 * 3600)).is_none());
        let late = rotated(open().refresh([10; 32], [2; 32], [20; 32], at(12 * 3600 - 60)));
        assert_eq!(late.parts().access_expires_at, at(12 * 3600));
    }
}
