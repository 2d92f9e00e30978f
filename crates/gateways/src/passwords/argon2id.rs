use std::sync::Arc;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use async_trait::async_trait;
use matricula_domain::identity::Password;
use matricula_ports::{Passwords, PortError};

use crate::off_thread::OffThread;

/// argon2id with 19 MiB, two passes and one lane (OWASP's floor), at most so many at a time: hashing is made to be slow and
/// hungry, so it must not eat the whole machine.
#[derive(Clone)]
pub struct Argon2id {
    hasher: Argon2<'static>,
    /// A hash of nothing at all, so that an unknown account takes as long as a known one.
    dummy: Arc<str>,
    off_thread: OffThread,
}

/// How many wait at most before the next is told to come back.
const QUEUE: usize = 64;

impl Argon2id {
    /// With the parameters of production, and so many at a time.
    ///
    /// # Errors
    /// [`PortError::Broken`] when the parameters are not accepted.
    pub fn new(at_a_time: usize, secret: [u8; 32]) -> Result<Self, PortError> {
        Self::with(19 * 1024, 2, at_a_time, secret)
    }

    /// With other costs, for tests and demonstrations.
    ///
    /// # Errors
    /// [`PortError::Broken`] when the parameters are not accepted.
    pub fn with(memory_kib: u32, passes: u32, at_a_time: usize, secret: [u8; 32]) -> Result<Self, PortError> {
        let params = Params::new(memory_kib, passes, 1, None).map_err(broken)?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = dummy(hasher.params(), &secret)?;
        Ok(Self { hasher, dummy: dummy.to_string().into(), off_thread: OffThread::new(at_a_time, QUEUE) })
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static) -> Result<T, PortError> {
        let hasher = self.hasher.clone();
        self.off_thread.run(move || work(&hasher)).await
    }
}

/// What looks like a hash. It was never made from a password, so that none fits; to check that costs what any check does.
fn dummy(params: &Params, secret: &[u8; 32]) -> Result<PasswordHash, PortError> {
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(broken)?,
        salt: Some(Salt::new(&secret[..16]).map_err(broken)?),
        hash: Some(Output::new(secret).map_err(broken)?),
    })
}

/// Whether a hash came with an import from a system that used bcrypt (seeds 0, 2 and 4). Ours are in PHC form.
fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|kind| hash.starts_with(kind))
}

fn broken(error: impl std::fmt::Display) -> PortError {
    PortError::Broken(format!("argon2: {error}"))
}

#[async_trait]
impl Passwords for Argon2id {
    async fn hash(&self, password: &Password) -> Result<String, PortError> {
        let password = password.reveal().to_owned();
        self.off_thread(move |hasher| hasher.hash_password(password.as_bytes()).map(|hash| hash.to_string())).await?.map_err(broken)
    }

    async fn verify<'a>(&self, password: &Password, hash: Option<&'a str>) -> Result<bool, PortError> {
        let password = password.reveal().to_owned();
        let (known, hash) = (hash.is_some(), hash.map_or_else(|| self.dummy.to_string(), str::to_owned));
        let fits = self
            .off_thread(move |hasher| {
                if is_bcrypt(&hash) {
                    return bcrypt::verify(password.as_bytes(), &hash).unwrap_or(false);
                }
                PasswordHash::new(&hash).is_ok_and(|hash| hasher.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(known && fits)
    }

    fn is_outdated(&self, hash: &str) -> bool {
        let Ok(made) = PasswordHash::new(hash) else { return true };
        let Ok(params) = Params::try_from(&made) else { return true };
        let now = self.hasher.params();
        let cheaper = params.m_cost() < now.m_cost() || params.t_cost() < now.t_cost();
        made.algorithm != Algorithm::Argon2id.ident() || cheaper
    }
}

#[cfg(test)]
mod tests {
    use matricula_domain::shared::{Field, Value};

    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(&Value::from(text)).unwrap()
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let passwords = Argon2id::with(64, 1, 2, [7; 32]).unwrap();
        let hash = passwords.hash(&password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(passwords.verify(&password("correct horse"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&password("wrong horse"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&password("correct horse"), Some("no hash")).await.unwrap());
    }

    #[tokio::test]
    async fn a_bcrypt_hash_still_opens_and_is_outdated() {
        let bcrypt = bcrypt::hash("correct horse", 4).unwrap();
        let passwords = Argon2id::with(64, 1, 2, [7; 32]).unwrap();
        assert!(passwords.verify(&password("correct horse"), Some(&bcrypt)).await.unwrap());
        assert!(!passwords.verify(&password("wrong horse"), Some(&bcrypt)).await.unwrap());
        assert!(passwords.is_outdated(&bcrypt));
    }

    #[tokio::test]
    async fn a_hash_is_outdated_when_those_of_today_cost_more() {
        let (cheap, dear) = (Argon2id::with(64, 1, 2, [7; 32]).unwrap(), Argon2id::with(128, 1, 2, [7; 32]).unwrap());
        let hash = cheap.hash(&password("correct horse")).await.unwrap();
        assert!(!cheap.is_outdated(&hash) && dear.is_outdated(&hash));
        assert!(!cheap.is_outdated(&dear.hash(&password("correct horse")).await.unwrap()));
        assert!(cheap.is_outdated("no hash"));
    }

    #[tokio::test]
    async fn nobody_is_let_in_without_a_hash() {
        let passwords = Argon2id::with(64, 1, 2, *b"thirty-two bytes that are secret").unwrap();
        assert!(!passwords.verify(&password("thirty-two bytes that are secret"), None).await.unwrap());
    }

    #[test]
    fn production_pays_the_price_that_is_asked() {
        let params = Argon2id::new(2, [1; 32]).unwrap();
        assert!(params.dummy.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
}
