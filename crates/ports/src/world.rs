use async_trait::async_trait;
use matricula_domain::identity::Password;
use matricula_domain::shared::{Id, Instant};
use uuid::Uuid;

use crate::PortError;

/// The time. The only source of it.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now, cut to microseconds, so that every database gives back what it was given.
    fn now(&self) -> Instant;
}

/// Randomness. The only source of it.
pub trait Ids: Send + Sync {
    /// A fresh `UUIDv7`, greater than those before it.
    fn next(&self) -> Uuid;
    /// A fresh random `UUIDv4`.
    fn random(&self) -> Uuid;
    /// 256 bits that nobody can guess.
    fn secret(&self) -> [u8; 32];
}

impl dyn Ids + '_ {
    /// A fresh typed id.
    pub fn id<I: Id>(&self) -> I {
        I::from_uuid(self.next())
    }
}

/// Hashes of passwords.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes a password for keeping, in PHC form.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when too many are being hashed already.
    async fn hash(&self, password: &Password) -> Result<String, PortError>;

    /// Whether a password fits a hash. Without a hash it takes as long and answers no, so that nobody learns who has an account.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when too many are being hashed already.
    async fn verify<'a>(&self, password: &Password, hash: Option<&'a str>) -> Result<bool, PortError>;

    /// Whether a hash is of an older kind, or cheaper than those that are made now: whoever signs in with it gets a new one.
    fn is_outdated(&self, hash: &str) -> bool;
}
