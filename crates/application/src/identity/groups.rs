use matricula_domain::identity::{Group, GroupDetails, GroupId, UserId};
use matricula_domain::shared::{Changed, Fault, Faults, Instant, Value};
use matricula_ports::{Tx, transact};

use super::administration::Granted;
use super::{Administration, AdministrationError};
use crate::Expected;
use crate::access::{Allowed, ManageUsers};

impl Administration {
    /// Makes a group.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn create_group(&self, who: &Allowed<ManageUsers>, details: &GroupDetails) -> Result<Group, AdministrationError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let group = Group::create(self.world.id(), details.clone(), self.world.now());
            Granted::by(tx, &group.state().details.roles).await?.known(in_list)?.covered_by(who.grants())?;
            tx.groups().save(&group).await?;
            Ok(group.into_state())
        })
        .await
    }

    /// Changes the fields that the patch names.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn change_group(
        &self,
        who: &Allowed<ManageUsers>,
        id: GroupId,
        patch: &Value,
        expected: Expected,
    ) -> Result<Group, AdministrationError> {
        self.group(who, id, expected, async |_, group, now| Ok(group.change(patch, now)?)).await
    }

    /// Hides a group, with undo: meanwhile it gives nobody anything.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn archive_group(&self, who: &Allowed<ManageUsers>, id: GroupId) -> Result<Group, AdministrationError> {
        self.group(who, id, Expected::Any, async |_, group, now| group.archive(now).ok_or(AdministrationError::AlreadySo)).await
    }

    /// Undoes [`Administration::archive_group`].
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn restore_group(&self, who: &Allowed<ManageUsers>, id: GroupId) -> Result<Group, AdministrationError> {
        self.group(who, id, Expected::Any, async |_, group, now| group.restore(now).ok_or(AdministrationError::AlreadySo)).await
    }

    /// Takes somebody who works here into a group.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn join_group(&self, who: &Allowed<ManageUsers>, id: GroupId, user: UserId) -> Result<Group, AdministrationError> {
        self.group(who, id, Expected::Any, async |tx, group, now| {
            if tx.users().find(user).await?.is_none_or(|user| !user.active || !user.membership.active) {
                return Err(Faults::from(Fault::new("NOT_FOUND", "must work here").under("user_id")).into());
            }
            if tx.groups().has(id, user).await? { Err(AdministrationError::AlreadySo) } else { Ok(group.join(user, now)) }
        })
        .await
    }

    /// Takes somebody out of a group.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn leave_group(&self, who: &Allowed<ManageUsers>, id: GroupId, user: UserId) -> Result<Group, AdministrationError> {
        self.group(who, id, Expected::Any, async |tx, group, now| {
            if tx.groups().has(id, user).await? { Ok(group.leave(user, now)) } else { Err(AdministrationError::AlreadySo) }
        })
        .await
    }

    /// Whoever changes a group must have everything that it gives, before and after.
    async fn group(
        &self,
        who: &Allowed<ManageUsers>,
        id: GroupId,
        expected: Expected,
        change: impl AsyncFn(&Tx, &Group, Instant) -> Result<Changed<Group>, AdministrationError>,
    ) -> Result<Group, AdministrationError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let group = tx.groups().find(id).await?.ok_or(AdministrationError::NotFound)?;
            expected.met_by(&group)?;
            let changed = change(tx, &group, self.world.now()).await?;
            let (before, after) = (&group.details.roles, &changed.state().details.roles);
            Granted::by(tx, before).await?.covered_by(who.grants())?;
            if before != after {
                Granted::by(tx, after).await?.known(in_list)?.covered_by(who.grants())?;
            }
            tx.groups().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}

fn in_list(fault: Fault, n: usize) -> Fault {
    fault.under(&n.to_string()).under("roles")
}
