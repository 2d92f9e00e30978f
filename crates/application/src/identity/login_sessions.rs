use matricula_domain::identity::{EndReason, LoginSessionId, OrganizationId, UserId};
use matricula_ports::identity::LoginSessionRow;
use matricula_ports::{Actor, PortError, Scope, transact};

use super::{Identity, IdentityError};
use crate::access::Caller;

/// At most so many sign-ins are listed, or ended at once; the newest first.
pub const MOST_LOGIN_SESSIONS: u32 = 100;

impl Identity {
    /// Where the caller is signed in now, the newest first.
    ///
    /// # Errors
    /// [`IdentityError::Port`].
    pub async fn login_sessions(&self, caller: &Caller) -> Result<Vec<LoginSessionRow>, IdentityError> {
        Ok(self.directory.login_sessions(caller.principal().user, self.world.now(), MOST_LOGIN_SESSIONS).await?)
    }

    /// Ends one of the caller's sign-ins.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    pub async fn end_login_session(&self, caller: &Caller, id: LoginSessionId) -> Result<(), IdentityError> {
        let sessions = self.login_sessions(caller).await?;
        let session = sessions.into_iter().find(|session| session.id == id).ok_or(IdentityError::NotFound)?;
        self.end(caller.principal().user, [session], EndReason::Revoked).await
    }

    /// Ends all of the caller's sign-ins but this one.
    ///
    /// # Errors
    /// [`IdentityError::Port`].
    pub async fn end_other_login_sessions(&self, caller: &Caller) -> Result<(), IdentityError> {
        loop {
            let mut others = self.login_sessions(caller).await?;
            others.retain(|session| session.id != caller.principal().session);
            if others.is_empty() {
                return Ok(());
            }
            self.end(caller.principal().user, others, EndReason::Revoked).await?;
        }
    }

    /// Ends sign-ins of a user, each in its organization.
    #[expect(clippy::disallowed_methods, reason = "each sign-in ends in the organization that it is of")]
    pub(super) async fn end(
        &self,
        user: UserId,
        sessions: impl IntoIterator<Item = LoginSessionRow>,
        reason: EndReason,
    ) -> Result<(), IdentityError> {
        let mut by_organization: std::collections::BTreeMap<OrganizationId, Vec<LoginSessionId>> = std::collections::BTreeMap::new();
        for session in sessions {
            by_organization.entry(session.organization).or_default().push(session.id);
        }
        for (organization, ids) in by_organization {
            transact(&*self.world.transactions, &Scope::new(organization, Actor::User(user)), async |tx| {
                for id in &ids {
                    if let Some(ended) = tx.login_sessions().find(*id).await?.and_then(|session| session.end(reason, self.world.now())) {
                        tx.login_sessions().save(&ended).await?;
                    }
                }
                Ok::<_, PortError>(())
            })
            .await?;
        }
        Ok(())
    }
}
