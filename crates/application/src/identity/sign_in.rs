use std::net::IpAddr;

use matricula_domain::identity::{LoginSession, OrganizationId, Password, UserId};
use matricula_domain::shared::{EmailAddress, Line, Slug};
use matricula_ports::identity::Account;
use matricula_ports::{Actor, Scope, transact};

use super::second_factor::open_second_factor;
use super::tries::Tries;
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

impl Identity {
    /// Signs somebody in. Whether the account exists shows neither in the answer nor in its time, and failures slow down
    /// the account and the address, never for good.
    ///
    /// # Errors
    /// [`IdentityError`].
    #[expect(clippy::disallowed_methods, reason = "authentication is where scopes come from")]
    pub async fn sign_in(&self, credentials: &Credentials, door: &Door) -> Result<Tokens, IdentityError> {
        let (email, slug) = (credentials.email.as_str(), credentials.organization.as_ref().map(Slug::as_str));
        let (account, tries) = self.recognise(email, slug, &credentials.password, door).await?;
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
            Ok(_) => self.tried_well(&tries).await?,
            Err(IdentityError::InvalidCredentials) => self.refuse(&tries, Some((scope, account.user)), "second_factor").await?,
            Err(_) => {}
        }
        signed_in
    }

    /// Counts a try that failed, and writes it down where anybody can say of which account it was.
    pub(super) async fn refuse(&self, tries: &Tries, of: Option<(Scope, UserId)>, with: &str) -> Result<(), IdentityError> {
        if let Some((scope, user)) = of {
            self.watch.sign_in_refused(&scope, user, with).await;
        }
        self.tried_in_vain(tries).await
    }

    /// The account that a password belongs to, and the try that found it. Failures slow down the account and the address.
    ///
    /// # Errors
    /// [`IdentityError::SlowedDown`], [`IdentityError::InvalidCredentials`].
    pub(super) async fn recognise(
        &self,
        email: &str,
        organization: Option<&str>,
        password: &Password,
        door: &Door,
    ) -> Result<(Account, Tries), IdentityError> {
        let tries = self.may_try(email, door).await?;
        let account = self.directory.account(email, organization).await?;
        let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let fits = self.passwords.verify(password, hash).await?;
        match account {
            Some(account) if fits => Ok((account, tries)),
            account => {
                self.refuse(&tries, account.map(|account| (public(account.organization, door), account.user)), "password").await?;
                Err(IdentityError::InvalidCredentials)
            }
        }
    }
}

/// The scope of somebody who has not shown yet who they are.
#[expect(clippy::disallowed_methods, reason = "authentication is where scopes come from")]
fn public(organization: OrganizationId, door: &Door) -> Scope {
    Scope::new(organization, Actor::Public).of_request(door.request_id.as_str())
}
