use std::net::IpAddr;

use matricula_domain::identity::{LoginSession, Password};
use matricula_domain::shared::{EmailAddress, Line, Slug};
use matricula_ports::{Actor, Scope, transact};

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
        /// A code of a second factor.
        totp_code: Option<Line<16>>,
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

impl Identity {
    /// Signs somebody in. Whether the account exists shows neither in the answer nor in its time, and failures slow down
    /// the account and the address, never for good.
    ///
    /// # Errors
    /// [`IdentityError`].
    #[expect(clippy::disallowed_methods, reason = "authentication is where scopes come from")]
    pub async fn sign_in(&self, credentials: &Credentials, door: &Door) -> Result<Tokens, IdentityError> {
        let now = self.world.now();
        let email = credentials.email.as_str();
        let account_key = digest(&format!("account:{email}"));
        let mut keys = vec![account_key];
        keys.extend(door.ip.map(|ip| digest(&format!("address:{ip}"))));
        if let Some(until) = self.directory.throttled_until(&keys).await?.filter(|until| *until > now) {
            return Err(IdentityError::SlowedDown(until));
        }
        let account = self.directory.account(email, credentials.organization.as_ref().map(Slug::as_str)).await?;
        let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let fits = self.passwords.verify(&credentials.password, hash).await?;
        let Some(account) = account.filter(|_| fits) else {
            self.directory.count_failure(&keys, now).await?;
            return Err(IdentityError::InvalidCredentials);
        };
        self.directory.forget_failures(account_key).await?;
        let scope = Scope::new(account.organization, Actor::User(account.user)).of_request(door.request_id.as_str());
        transact(&*self.world.transactions, &scope, async |tx| {
            let (tokens, access, refresh) = Tokens::fresh(&*self.world.ids);
            let session = LoginSession::open(self.world.id(), account.user, account.membership, access, refresh, now);
            tx.login_sessions().save(&session).await?;
            Ok(tokens)
        })
        .await
    }
}
