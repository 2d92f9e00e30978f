use matricula_domain::identity::{Known, LinkEnd, LinkId, LinkPurpose, LinkTarget, OneTimeLink, Role};
use matricula_domain::shared::EmailAddress;
use matricula_ports::{Actor, transact};

use super::super::IdentityError;
use super::Links;
use crate::access::{Allowed, InviteUsers};

matricula_domain::form! {
    /// Whom somebody wants to work with.
    pub struct Invitation {
        /// The address that the invitation is sent to, and with which they will sign in.
        email: EmailAddress,
        /// What they may do.
        role: Role,
    }
}

impl Links {
    /// Invites somebody to work here. A newer invitation to an address takes the place of the older ones.
    ///
    /// # Errors
    /// [`IdentityError::ExceedsRights`] for a role that may more than the caller, [`IdentityError::WorksHere`], a port's.
    pub async fn invite(&self, who: &Allowed<InviteUsers>, invitation: &Invitation) -> Result<OneTimeLink, IdentityError> {
        let Actor::User(by) = who.scope().actor() else { return Err(IdentityError::ExceedsRights) };
        let owns = invitation.role != Role::Owner || who.is_owner();
        if !owns || !who.grants().cover(&invitation.role.grants().collect()) {
            return Err(IdentityError::ExceedsRights);
        }
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let known = tx.users().find_by_email(&invitation.email, self.world.id()).await?;
            if matches!(known, Some(Known::Member(user)) if user.works_here()) {
                return Err(IdentityError::WorksHere);
            }
            let earlier = tx.links().unended_invitations(&invitation.email).await?;
            let target = LinkTarget::Invitation { role: invitation.role, by };
            self.issue(tx, target, &invitation.email, &earlier, self.world.now()).await
        })
        .await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`], [`IdentityError::Link`] if it is over, a port's.
    pub async fn revoke_invitation(&self, who: &Allowed<InviteUsers>, id: LinkId) -> Result<OneTimeLink, IdentityError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let link = tx.links().find(id).await?.filter(|link| link.parts().target.purpose() == LinkPurpose::Invitation);
            let revoked = link.ok_or(IdentityError::NotFound)?.end(LinkEnd::Revoked, self.world.now())?;
            tx.links().save(&revoked).await?;
            Ok(revoked.into_state())
        })
        .await
    }
}
