use std::net::IpAddr;

use matricula_domain::identity::{LoginSession, Password};
use matricula_domain::shared::{EmailAddress, Line, Slug};
use matricula_ports::identity::Account;
use matricula_ports::{Actor, Scope, transact};

use super::second_factor::open_second_factor;
use super::tokens::digest;
use super::{Identity, IdentityError, Tokens};

matricula_domain::form! {
    /// What somebody signs in with.
    pub struct Credentials {
        /// Their address.
        email: EmailAddress,
        /// Their password.
        password: Password,
        /// The organization, for who belongs to several.
        organization: Option<Slug>,
        /// A code of a second factor: six digits of the app, or a recovery code.
        totp_code: Option<Line<32>>,
    }
}

/// From where somebody knocks.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// Their address on the network.
    pub ip: Option<IpAddr>,
    /// The request.
    pub request_id: String,
}

/// What failures are counted under: the account, and the address on the network.
pub(super) fn throttled(email: &str, door: &Door) -> Vec<[u8; 32]> {
    let mut keys = vec![digest(&format!("account:{email}"))];
    keys.extend(door.ip.map(|ip| digest(&format!("address:{ip}"))));
    keys
}

impl Identity {
    /// Signs somebody in. Whether the account exists shows neither in the answer nor in its time, and failures slow down
    /// the account and the address, never for good.
    ///
    /// # Errors
    /// [`IdentityError`].
    #[expect(clippy::disallowed_methods, reason = "authentication is where scopes come from")]
    pub async fn sign_in(&self, credentials: &Credentials, door: &Door) -> Result<Tokens, IdentityError> {
        let (email, slug) = (credentials.email.as_str(), credentials.organization.as_ref().map(Slug::as_str));
        let keys = throttled(email, door);
        let account = self.recognise(email, slug, &credentials.password, &keys).await?;
        let hash = match account.password_hash.as_deref() {
            Some(hash) if self.passwords.is_outdated(hash) => Some(self.passwords.hash(&credentials.password).await?),
            _ => None,
        };
        let scope = Scope::new(account.organization, Actor::User(account.user)).of_request(door.request_id.as_str());
        let signed_in = transact(&*self.world.transactions, &scope, async |tx| {
            let now = self.world.now();
            open_second_factor(tx, account.user, credentials.totp_code.as_ref().map(Line::as_str), now).await?;
            if let Some(hash) = &hash
                && let Some(user) = tx.users().find(account.user).await?
            {
                tx.users().save(&user.rehash(hash.clone(), now)).await?;
            }
            let (tokens, access, refresh) = Tokens::fresh(&*self.world.ids);
            let session = LoginSession::open(self.world.id(), account.user, account.membership, access, refresh, now);
            tx.login_sessions().save(&session).await?;
            Ok(tokens)
        })
        .await;
        match &signed_in {
            Ok(_) => self.directory.forget_failures(keys[0]).await?,
            Err(IdentityError::InvalidCredentials) => self.directory.count_failure(&keys, self.world.now()).await?,
            Err(_) => {}
        }
        signed_in
    }

    /// The account that a password belongs to. Failures slow down the account and the address.
    ///
    /// # Errors
    /// [`IdentityError::SlowedDown`], [`IdentityError::InvalidCredentials`].
    pub(super) async fn recognise(
        &self,
        email: &str,
        organization: Option<&str>,
        password: &Password,
        keys: &[[u8; 32]],
    ) -> Result<Account, IdentityError> {
        let now = self.world.now();
        if let Some(until) = self.directory.throttled_until(keys).await?.filter(|until| *until > now) {
            return Err(IdentityError::SlowedDown(until));
        }
        let account = self.directory.account(email, organization).await?;
        let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let fits = self.passwords.verify(password, hash).await?;
        let Some(account) = account.filter(|_| fits) else {
            self.directory.count_failure(keys, now).await?;
            return Err(IdentityError::InvalidCredentials);
        };
        Ok(account)
    }
}
