//! What goes by a link that opens once: another password, an invitation, another address, the first organization.

mod accept;
mod change_email;
mod change_password;
mod invite;
mod reset_password;
mod set_up;
mod token;

pub use accept::Acceptance;
pub use change_email::EmailChange;
pub use change_password::PasswordChange;
pub use invite::Invitation;
pub use reset_password::{NewPassword, PasswordResetRequest};
pub use set_up::SetUp;
pub use token::link_token;

use std::sync::Arc;

use matricula_domain::identity::{
    EndReason, LinkEnd, LinkError, LinkId, LinkPurpose, LinkTarget, LoginSessionId, OneTimeLink, OrganizationId, UserId,
};
use matricula_domain::notifications::Message;
use matricula_domain::shared::{EmailAddress, Id, Instant};
use matricula_ports::identity::{Directory, LinkSecrets};
use matricula_ports::notifications::Leases;
use matricula_ports::{Actor, Passwords, Scope, Tx, transact};

use super::tokens::digest;
use super::{Door, Identity, IdentityError, MOST_LOGIN_SESSIONS};
use crate::World;
use crate::access::Watch;
use crate::notifications::mail_about;
use token::link_of;

/// The use cases around links that open once, and around what they change.
#[derive(Clone)]
pub struct Links {
    identity: Identity,
    world: World,
    directory: Arc<dyn Directory>,
    passwords: Arc<dyn Passwords>,
    secrets: Arc<dyn LinkSecrets>,
    leases: Arc<dyn Leases>,
    watch: Watch,
}

/// A link that would open now.
struct Opening {
    scope: Scope,
    link: OneTimeLink,
    token_hash: [u8; 32],
}

impl Links {
    /// Beside signing in, over the same world.
    pub fn new(identity: Identity, secrets: Arc<dyn LinkSecrets>, leases: Arc<dyn Leases>) -> Self {
        let Identity { world, directory, passwords, watch } = identity.clone();
        Self { identity, world, directory, passwords, secrets, leases, watch }
    }

    /// Issues a link, whose mail goes out once this is committed; those whose place it takes open no more.
    async fn issue(
        &self,
        tx: &Tx,
        target: LinkTarget,
        email: &EmailAddress,
        instead_of: &[OneTimeLink],
        now: Instant,
    ) -> Result<OneTimeLink, IdentityError> {
        end_all(tx, instead_of, LinkEnd::Replaced, now).await?;
        let id: LinkId = self.world.id();
        let token = link_token(&*self.secrets, id, target.purpose()).await?;
        let issued = OneTimeLink::issue(id, target, email.clone(), digest(&token), now);
        tx.links().save(&issued).await?;
        let message = match target {
            LinkTarget::PasswordReset(_) => Message::PasswordReset,
            LinkTarget::Invitation { .. } => Message::Invitation,
            LinkTarget::EmailChange(_) => Message::EmailChange,
            LinkTarget::EmailVeto { .. } => Message::EmailVeto,
        };
        tx.jobs().enqueue(mail_about(&self.world, message, id.as_uuid())).await?;
        Ok(issued.into_state())
    }

    /// Looks whether something opens a link for this purpose now. If not, the audit is told, as far as anybody can say of which organization.
    #[expect(clippy::disallowed_methods, reason = "a link is where the scope of whoever has it comes from")]
    async fn knock(&self, purpose: LinkPurpose, token: &str, door: &Door) -> Result<Opening, IdentityError> {
        let wrong = IdentityError::Link(LinkError::WrongToken);
        let Some(id) = link_of(token) else { return Err(wrong) };
        let Some(organization) = self.directory.organization_of_link(id).await? else { return Err(wrong) };
        let scope = Scope::new(organization, Actor::Public).of_request(door.request_id.as_str());
        let token_hash = digest(token);
        let link = transact(&*self.world.transactions, &scope, async |tx| Ok::<_, IdentityError>(tx.links().find(id).await?)).await?;
        let Some(link) = link else { return Err(wrong) };
        match link.open(purpose, token_hash, self.world.now()) {
            Ok(_) => Ok(Opening { scope, link, token_hash }),
            Err(refused) => {
                self.refused(&scope, id, refused).await;
                Err(refused.into())
            }
        }
    }

    /// Opens a link, and does what it is for in the same transaction: both or neither. Of two who come at once, one does.
    async fn open<T: 'static>(&self, opening: &Opening, work: impl AsyncFn(&Tx, Instant) -> Result<T, IdentityError>) -> Result<T, IdentityError> {
        let id = opening.link.id();
        let opened = transact(&*self.world.transactions, &opening.scope, async |tx| {
            let now = self.world.now();
            let link = tx.links().find(id).await?.ok_or(LinkError::WrongToken)?;
            let used = link.open(link.parts().target.purpose(), opening.token_hash, now)?;
            let done = work(tx, now).await?;
            tx.links().save(&used).await?;
            Ok(done)
        })
        .await;
        if let Err(IdentityError::Link(refused)) = &opened {
            self.refused(&opening.scope, id, *refused).await;
        }
        opened
    }

    async fn refused(&self, scope: &Scope, id: LinkId, refused: LinkError) {
        let why = match refused {
            LinkError::WrongToken => "wrong_token",
            LinkError::Over => "over",
        };
        self.watch.link_refused(scope, id.as_uuid(), why).await;
    }

    /// Ends the sign-ins of a user in every other organization. It is done before what it is for, and again after it: a crash in between
    /// leaves somebody signed out who need not be, never the other way round.
    async fn end_sessions_elsewhere(&self, user: UserId, here: OrganizationId) -> Result<(), IdentityError> {
        loop {
            let mut elsewhere = self.directory.login_sessions(user, self.world.now(), MOST_LOGIN_SESSIONS).await?;
            elsewhere.retain(|session| session.organization != here);
            if elsewhere.is_empty() {
                return Ok(());
            }
            self.identity.end(user, elsewhere, EndReason::CredentialsChanged).await?;
        }
    }
}

/// Ends the sign-ins of a user in this organization, but for one.
async fn end_sessions(tx: &Tx, user: UserId, but: Option<LoginSessionId>, now: Instant) -> Result<(), IdentityError> {
    for session in tx.login_sessions().open_of(user).await?.iter().filter(|session| Some(session.parts().id) != but) {
        if let Some(ended) = session.end(EndReason::CredentialsChanged, now) {
            tx.login_sessions().save(&ended).await?;
        }
    }
    Ok(())
}

/// Ends those of these links that are still open.
async fn end_all(tx: &Tx, links: &[OneTimeLink], why: LinkEnd, now: Instant) -> Result<(), IdentityError> {
    for link in links {
        if let Ok(ended) = link.end(why, now) {
            tx.links().save(&ended).await?;
        }
    }
    Ok(())
}
