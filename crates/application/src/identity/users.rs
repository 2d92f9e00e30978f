use matricula_domain::catalog::Campus;
use matricula_domain::identity::{EndReason, Role, RoleName, User, UserId};
use matricula_domain::shared::{Fault, Faults, Record, Value};
use matricula_ports::{PortError, Tx, transact};

use super::administration::Granted;
use super::{Administration, AdministrationError};
use crate::Expected;
use crate::access::{Allowed, ManageUsers};

impl Administration {
    /// Gives somebody another role or other campuses. Whoever does so must have what the old role grants, and what the new one does.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn change_user(&self, who: &Allowed<ManageUsers>, id: UserId, patch: &Value, expected: Expected) -> Result<User, AdministrationError> {
        let changed = transact(&*self.world.transactions, who.scope(), async |tx| {
            let (user, owners) = (found(tx, id).await?, tx.users().owners().await?);
            expected.met_by(&user)?;
            let changed = user.change_membership(patch, owners, self.world.now())?;
            let (before, after) = (&user.membership, &changed.state().membership);
            if before.role != after.role {
                may_change(tx, who, &user).await?;
                let given = Granted::by(tx, std::slice::from_ref(&after.role)).await?.known(|fault, _| fault.under("role"))?;
                given.covered_by(who.grants())?;
                may_own(who, &after.role)?;
            }
            for (n, campus) in after.campuses.iter().enumerate().filter(|(_, campus)| !before.campuses.contains(campus)) {
                if tx.records().find(&Campus::SCHEMA, *campus).await?.is_none_or(|campus| campus.archived_at.is_some()) {
                    return Err(Faults::from(Fault::new("NOT_FOUND", "names no campus here").under(&n.to_string()).under("campus_ids")).into());
                }
            }
            tx.users().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await;
        counted(changed)
    }

    /// Ends somebody's membership, with undo, and with it all their sign-ins here at once.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn deactivate_user(&self, who: &Allowed<ManageUsers>, id: UserId) -> Result<User, AdministrationError> {
        let gone = transact(&*self.world.transactions, who.scope(), async |tx| {
            let (user, owners, now) = (found(tx, id).await?, tx.users().owners().await?, self.world.now());
            let gone = user.deactivate(owners, now)?.ok_or(AdministrationError::AlreadySo)?;
            may_change(tx, who, &user).await?;
            let sessions = tx.login_sessions().open_of(id).await?;
            tx.users().save(&gone).await?;
            for over in sessions.iter().filter_map(|session| session.end(EndReason::Disabled, now)) {
                tx.login_sessions().save(&over).await?;
            }
            Ok(gone.into_state())
        })
        .await;
        counted(gone)
    }

    /// Undoes [`Administration::deactivate_user`]; they sign in anew.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn activate_user(&self, who: &Allowed<ManageUsers>, id: UserId) -> Result<User, AdministrationError> {
        let back = transact(&*self.world.transactions, who.scope(), async |tx| {
            let user = found(tx, id).await?;
            let back = user.activate(self.world.now()).ok_or(AdministrationError::AlreadySo)?;
            may_change(tx, who, &user).await?;
            tx.organizations().find().await?.ok_or(AdministrationError::NotFound)?.has_room()?;
            tx.users().save(&back).await?;
            Ok(back.into_state())
        })
        .await;
        counted(back)
    }
}

async fn found(tx: &Tx, id: UserId) -> Result<User, AdministrationError> {
    tx.users().find(id).await?.ok_or(AdministrationError::NotFound)
}

/// Nobody changes who may more than they.
async fn may_change(tx: &Tx, who: &Allowed<ManageUsers>, user: &User) -> Result<(), AdministrationError> {
    Granted::by(tx, std::slice::from_ref(&user.membership.role)).await?.covered_by(who.grants())?;
    may_own(who, &user.membership.role)
}

/// Only owners say who owns the organization.
fn may_own(who: &Allowed<ManageUsers>, role: &RoleName) -> Result<(), AdministrationError> {
    if *role == Role::Owner && !who.is_owner() { Err(AdministrationError::ExceedsMaker) } else { Ok(()) }
}

/// The commit refuses too: of two owners who let each other go at once, one stays; of two who come for the last place, one comes.
fn counted<T>(done: Result<T, AdministrationError>) -> Result<T, AdministrationError> {
    match done {
        Err(AdministrationError::Port(PortError::Conflict("owners"))) => Err(AdministrationError::LastOwner),
        Err(AdministrationError::Port(PortError::Conflict("members"))) => Err(AdministrationError::NoRoom),
        other => other,
    }
}

/// Whether somebody works here now.
pub(crate) async fn works_here(tx: &Tx, user: UserId) -> Result<bool, PortError> {
    Ok(tx.users().find(user).await?.is_some_and(|user| user.active && user.membership.active))
}
