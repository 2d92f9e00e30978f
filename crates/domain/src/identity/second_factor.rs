use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use uuid::Uuid;

use super::UserId;
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fields, Id, Instant, Noun, Value};

/// What the codes of a second factor are made from: 160 bits (RFC 4226, 4). It shows itself to nobody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 20]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl Seed {
    /// The code of a step of time: six digits (RFC 4226, 5.3, with HMAC-SHA-1, which every app understands).
    pub fn code_at(&self, step: i64) -> String {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.0) else { return String::new() };
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let offset = usize::from(hash[19] & 0xf);
        let number = hash[offset..offset + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

/// A second factor: an app that makes a code of six digits every 30 seconds (RFC 6238), and recovery codes for the day on which it is lost.
/// Each code opens once (ASVS 6.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    parts: SecondFactorParts,
}

/// What a repository keeps of a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactorParts {
    /// Whose.
    pub user: UserId,
    /// What the codes are made from.
    pub seed: Seed,
    /// Since when it is asked for; until then its owner has not shown that the app works.
    pub confirmed_at: Option<Instant>,
    /// The last step of time whose code was used: no code of it or before opens any more.
    pub last_step: Option<i64>,
    /// SHA-256 of the recovery codes that are left.
    pub recovery_hashes: Vec<[u8; 32]>,
    /// When it was taken off.
    pub removed_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
    /// Version.
    pub version: u32,
}

/// A code that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code<'c> {
    /// Six digits of the app.
    OfTheApp(&'c str),
    /// The SHA-256 of a recovery code.
    Recovery([u8; 32]),
}

/// Why a second factor does not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecondFactorError {
    /// The code is wrong, over, or was used before.
    #[error("the code does not open")]
    WrongCode,
    /// There is one that works already.
    #[error("there is a second factor already")]
    AlreadyThere,
    /// There is none to confirm.
    #[error("there is no second factor")]
    NotThere,
}

impl SecondFactor {
    /// How long a code is the newest one, in seconds.
    pub const STEP: i64 = 30;
    /// How many recovery codes there are.
    pub const RECOVERY_CODES: usize = 10;

    /// Begins with an app that has not shown yet that it works.
    pub fn begin(user: UserId, seed: Seed, now: Instant) -> Changed<Self> {
        Changed::created(Self { parts: fresh(user, seed, now, 0) }, SecondFactorFact::Begun, now)
    }

    /// Begins anew, with another app. One that works is taken off first, by who can show it.
    ///
    /// # Errors
    /// [`SecondFactorError::AlreadyThere`].
    pub fn begin_anew(&self, seed: Seed, now: Instant) -> Result<Changed<Self>, SecondFactorError> {
        if self.is_asked_for() {
            return Err(SecondFactorError::AlreadyThere);
        }
        let parts = SecondFactorParts { created_at: self.parts.created_at, ..fresh(self.parts.user, seed, now, self.parts.version) };
        Ok(Changed::of(self, Self { parts }, SecondFactorFact::Begun, now))
    }

    /// Whether signing in asks for it.
    pub fn is_asked_for(&self) -> bool {
        self.parts.confirmed_at.is_some() && self.parts.removed_at.is_none()
    }

    /// The owner shows a first code of the app; from now on one is asked for.
    ///
    /// # Errors
    /// [`SecondFactorError`].
    pub fn confirm(&self, code: &str, recovery_hashes: Vec<[u8; 32]>, now: Instant) -> Result<Changed<Self>, SecondFactorError> {
        if self.is_asked_for() {
            return Err(SecondFactorError::AlreadyThere);
        }
        if self.parts.removed_at.is_some() {
            return Err(SecondFactorError::NotThere);
        }
        let step = self.step_of(code, now).ok_or(SecondFactorError::WrongCode)?;
        let mut after = self.clone();
        after.parts.confirmed_at = Some(now);
        after.parts.last_step = Some(step);
        after.parts.recovery_hashes = recovery_hashes;
        Ok(Changed::of(self, after, SecondFactorFact::Confirmed, now))
    }

    /// Opens with a code, which does not open again.
    ///
    /// # Errors
    /// [`SecondFactorError`].
    pub fn open(&self, code: Code<'_>, now: Instant) -> Result<Changed<Self>, SecondFactorError> {
        if !self.is_asked_for() {
            return Err(SecondFactorError::NotThere);
        }
        let mut after = self.clone();
        let fact = match code {
            Code::OfTheApp(code) => {
                after.parts.last_step = Some(self.step_of(code, now).ok_or(SecondFactorError::WrongCode)?);
                SecondFactorFact::Used
            }
            Code::Recovery(hash) => {
                after.parts.recovery_hashes.retain(|kept| *kept != hash);
                if after.parts.recovery_hashes.len() == self.parts.recovery_hashes.len() {
                    return Err(SecondFactorError::WrongCode);
                }
                SecondFactorFact::RecoveryCodeUsed
            }
        };
        Ok(Changed::of(self, after, fact, now))
    }

    /// Replaces the recovery codes; what was left of the old ones opens no more.
    ///
    /// # Errors
    /// [`SecondFactorError::NotThere`].
    pub fn renew_recovery_codes(&self, recovery_hashes: Vec<[u8; 32]>, now: Instant) -> Result<Changed<Self>, SecondFactorError> {
        if !self.is_asked_for() {
            return Err(SecondFactorError::NotThere);
        }
        let mut after = self.clone();
        after.parts.recovery_hashes = recovery_hashes;
        Ok(Changed::of(self, after, SecondFactorFact::RecoveryCodesRenewed, now))
    }

    /// Takes it off.
    ///
    /// # Errors
    /// [`SecondFactorError::NotThere`].
    pub fn remove(&self, now: Instant) -> Result<Changed<Self>, SecondFactorError> {
        if !self.is_asked_for() {
            return Err(SecondFactorError::NotThere);
        }
        let mut after = self.clone();
        after.parts.removed_at = Some(now);
        after.parts.recovery_hashes = Vec::new();
        Ok(Changed::of(self, after, SecondFactorFact::Removed, now))
    }

    /// The step of time that a code belongs to: this one, or a neighbour, since clocks differ; never one that was used, nor one before.
    fn step_of(&self, code: &str, now: Instant) -> Option<i64> {
        let this = now.timestamp().div_euclid(Self::STEP);
        (this - 1..=this + 1).filter(|step| self.parts.last_step.is_none_or(|last| *step > last)).find(|step| self.parts.seed.code_at(*step) == code)
    }
}

fn fresh(user: UserId, seed: Seed, now: Instant, version: u32) -> SecondFactorParts {
    SecondFactorParts { user, seed, confirmed_at: None, last_step: None, recovery_hashes: Vec::new(), removed_at: None, created_at: now, version }
}

crate::shared::kept_as!(SecondFactor, SecondFactorParts);

impl Aggregate for SecondFactor {
    type Fact = SecondFactorFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "second_factor", many: "second_factors" }
    }
    fn id(&self) -> Uuid {
        self.parts.user.as_uuid()
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
        let left = i64::try_from(self.parts.recovery_hashes.len()).unwrap_or_default();
        vec![("asked_for".to_owned(), Value::Bool(self.is_asked_for())), ("recovery_codes_left".to_owned(), Value::Int(left))]
    }
}

/// What can happen to a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorFact {
    /// An app was set up, and has not shown yet that it works.
    Begun,
    /// It works, and is asked for.
    Confirmed,
    /// A code of the app opened.
    Used,
    /// A recovery code opened.
    RecoveryCodeUsed,
    /// There are new recovery codes.
    RecoveryCodesRenewed,
    /// It was taken off.
    Removed,
}

impl Fact for SecondFactorFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Confirmed => "confirmed",
            Self::Used => "used",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::RecoveryCodesRenewed => "recovery_codes_renewed",
            Self::Removed => "removed",
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use proptest::prelude::*;

    use super::*;
    use crate::shared::Field;

    fn at(seconds: i64) -> Instant {
        let start: Instant = Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap();
        start + Duration::seconds(seconds)
    }

    fn code(seconds: i64) -> String {
        Seed([7; 20]).code_at(at(seconds).timestamp().div_euclid(SecondFactor::STEP))
    }

    /// RFC 6238, appendix B, of whose eight digits ours are the last six.
    #[test]
    fn codes_are_those_of_the_standard() {
        let seed = Seed(*b"12345678901234567890");
        for (seconds, expected) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            assert_eq!(seed.code_at(seconds / SecondFactor::STEP), expected);
        }
    }

    fn begun() -> SecondFactor {
        SecondFactor::begin(UserId::from_uuid(Uuid::from_u128(1)), Seed([7; 20]), at(0)).into_state()
    }

    fn confirmed() -> SecondFactor {
        begun().confirm(&code(0), vec![[1; 32], [2; 32]], at(0)).unwrap().into_state()
    }

    #[test]
    fn it_is_asked_for_once_a_code_was_shown() {
        assert!(!begun().is_asked_for());
        assert_eq!(begun().confirm("000000", vec![], at(0)).unwrap_err(), SecondFactorError::WrongCode);
        assert_eq!(begun().open(Code::OfTheApp(&code(0)), at(0)).unwrap_err(), SecondFactorError::NotThere);
        assert!(confirmed().is_asked_for());
        assert_eq!(confirmed().confirm(&code(60), vec![], at(60)).unwrap_err(), SecondFactorError::AlreadyThere);
    }

    #[test]
    fn a_code_opens_once_and_so_does_none_before_it() {
        let used = confirmed();
        assert_eq!(used.open(Code::OfTheApp(&code(0)), at(5)).unwrap_err(), SecondFactorError::WrongCode, "it confirmed already");
        let later = used.open(Code::OfTheApp(&code(60)), at(60)).unwrap().into_state();
        for seconds in [30, 60] {
            assert_eq!(later.open(Code::OfTheApp(&code(seconds)), at(61)).unwrap_err(), SecondFactorError::WrongCode);
        }
        assert!(later.open(Code::OfTheApp(&code(90)), at(61)).is_ok(), "a clock may be a step ahead");
    }

    #[test]
    fn a_code_is_over_after_a_step() {
        assert!(confirmed().open(Code::OfTheApp(&code(90)), at(149)).is_ok());
        assert_eq!(confirmed().open(Code::OfTheApp(&code(90)), at(150)).unwrap_err(), SecondFactorError::WrongCode);
        assert_eq!(confirmed().open(Code::OfTheApp(&code(150)), at(90)).unwrap_err(), SecondFactorError::WrongCode);
    }

    #[test]
    fn a_recovery_code_opens_once() {
        let after = confirmed().open(Code::Recovery([1; 32]), at(60)).unwrap().into_state();
        assert_eq!(after.parts().recovery_hashes, [[2; 32]]);
        for wrong in [[1; 32], [3; 32]] {
            assert_eq!(after.open(Code::Recovery(wrong), at(61)).unwrap_err(), SecondFactorError::WrongCode);
        }
        let renewed = after.renew_recovery_codes(vec![[9; 32]], at(62)).unwrap().into_state();
        assert_eq!(renewed.open(Code::Recovery([2; 32]), at(63)).unwrap_err(), SecondFactorError::WrongCode);
    }

    #[test]
    fn one_that_works_is_taken_off_before_another_is_begun() {
        assert_eq!(confirmed().begin_anew(Seed([8; 20]), at(60)).unwrap_err(), SecondFactorError::AlreadyThere);
        let off = confirmed().remove(at(60)).unwrap().into_state();
        assert!(!off.is_asked_for() && off.parts().recovery_hashes.is_empty());
        assert_eq!(off.remove(at(61)).unwrap_err(), SecondFactorError::NotThere);
        assert_eq!(off.confirm(&code(60), vec![], at(61)).unwrap_err(), SecondFactorError::NotThere);
        let anew = off.begin_anew(Seed([7; 20]), at(62)).unwrap().into_state();
        assert!(!anew.is_asked_for());
        assert!(anew.confirm(&code(62), vec![], at(62)).unwrap().into_state().is_asked_for());
    }

    #[test]
    fn a_seed_shows_itself_to_nobody() {
        assert!(!format!("{:?}", begun().parts().seed).contains('7'));
        let audited: Vec<_> = confirmed().fields().into_iter().map(|(name, _)| name).collect();
        assert_eq!(audited, ["asked_for", "recovery_codes_left"]);
    }

    proptest! {
        #[test]
        fn no_code_ever_opens_twice(moments in prop::collection::vec((0_i64..4000, -1_i64..=1), 1..40)) {
            let (mut factor, mut opened) = (confirmed(), Vec::new());
            for (seconds, ahead) in moments {
                let shown = code(seconds + ahead * SecondFactor::STEP);
                if let Ok(changed) = factor.open(Code::OfTheApp(&shown), at(seconds)) {
                    prop_assert!(!opened.contains(&shown));
                    opened.push(shown);
                    factor = changed.into_state();
                }
            }
        }
    }
}
