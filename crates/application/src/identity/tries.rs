use chrono::Duration;
use matricula_domain::shared::Instant;

use super::tokens::digest;
use super::{Door, Identity, IdentityError};

/// For how long an address from where somebody signed in is trusted with their account.
const TRUSTED: Duration = Duration::days(30);

/// What the tries of somebody who knocks are counted under. Those at an account are counted wherever they come from, and those from an
/// address whatever account they are for; but who signed in from there not long ago is counted by themselves, so that nobody keeps an
/// owner out by guessing (ASVS 6.3.1).
pub(super) struct Tries {
    account: [u8; 32],
    address: Option<[u8; 32]>,
    at_home: Option<[u8; 32]>,
    is_at_home: bool,
}

impl Tries {
    fn of(email: &str, door: &Door) -> Self {
        let key = |what: String| digest(&what);
        Self {
            account: key(format!("account:{email}")),
            address: door.ip.map(|ip| key(format!("address:{ip}"))),
            at_home: door.ip.map(|ip| key(format!("account:{email} address:{ip}"))),
            is_at_home: false,
        }
    }

    /// What each try is counted under before it is made.
    fn first(&self) -> [u8; 32] {
        self.at_home.filter(|_| self.is_at_home).unwrap_or(self.account)
    }

    /// What each failure is counted under as well.
    fn second(&self) -> Option<[u8; 32]> {
        self.address.filter(|_| !self.is_at_home)
    }
}

impl Identity {
    /// Counts a try, and lets it be made.
    ///
    /// # Errors
    /// [`IdentityError::SlowedDown`] for who has to wait.
    pub(super) async fn may_try(&self, email: &str, door: &Door) -> Result<Tries, IdentityError> {
        let (mut tries, now) = (Tries::of(email, door), self.world.now());
        let keys: Vec<_> = [Some(tries.account), tries.address, tries.at_home].into_iter().flatten().collect();
        let known = self.directory.throttles(&keys).await?;
        let until = |of: fn(&matricula_ports::identity::Throttle) -> Option<Instant>, key: Option<[u8; 32]>| {
            known.iter().filter(|throttle| Some(throttle.key) == key).filter_map(of).find(|until| *until > now)
        };
        tries.is_at_home = until(|throttle| throttle.trusted_until, tries.at_home).is_some();
        let waits = [Some(tries.first()), tries.second()].map(|key| until(|throttle| throttle.blocked_until, key));
        if let Some(until) = waits.into_iter().flatten().max() {
            return Err(IdentityError::SlowedDown(until));
        }
        if !self.directory.count_try(tries.first(), now).await? {
            return Err(IdentityError::SlowedDown(now + Duration::seconds(1)));
        }
        Ok(tries)
    }

    /// The try failed.
    pub(super) async fn tried_in_vain(&self, tries: &Tries) -> Result<(), IdentityError> {
        if let Some(key) = tries.second() {
            self.directory.count_try(key, self.world.now()).await?;
        }
        Ok(())
    }

    /// The try was good: it counts no more, and where it came from is trusted.
    pub(super) async fn tried_well(&self, tries: &Tries) -> Result<(), IdentityError> {
        let now = self.world.now();
        if !tries.is_at_home {
            self.directory.forget_tries(tries.account).await?;
        }
        if let Some(key) = tries.at_home {
            self.directory.trust(key, now + TRUSTED, now).await?;
        }
        Ok(())
    }
}
