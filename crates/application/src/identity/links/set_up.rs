use std::time::Duration;

use matricula_domain::identity::{
    IsolationStrategy, LinkError, LinkId, LinkPurpose, NewUser, Organization, OrganizationDetails, OrganizationId, Password, Role, User,
};
use matricula_domain::shared::{EmailAddress, Id, Instant, Line};
use matricula_ports::{Actor, PortError, Scope, transact};
use uuid::Uuid;

use super::super::quality::good_enough;
use super::super::{Door, IdentityError};
use super::token::link_of;
use super::{Links, link_token};

matricula_domain::form! {
    /// The first organization, and whose it is.
    pub struct SetUp {
        /// What the program printed when it started.
        token: Line<100>,
        /// The organization.
        organization: OrganizationDetails,
        /// The address with which its owner signs in.
        email: EmailAddress,
        /// The owner's name.
        name: Line<200>,
        /// The owner's password.
        password: Password,
    }
}

/// The lease of whoever founds the first organization: of two who come at once, one does.
const LEASE: &str = "identity.set_up";

/// How long it lasts at most: longer than any request.
const LEASE_LASTS: Duration = Duration::from_mins(1);

impl Links {
    /// What opens the set-up for a day, printed when the program starts; `None` once somebody can sign in. It is kept nowhere: it says
    /// itself when it was made, and is over when the first owner is there.
    ///
    /// # Errors
    /// [`IdentityError::Port`].
    pub async fn setup_token(&self) -> Result<Option<String>, IdentityError> {
        if !self.directory.is_empty().await? {
            return Ok(None);
        }
        Ok(Some(link_token(&*self.secrets, made_at(self.world.now()), LinkPurpose::Setup).await?))
    }

    /// Founds the first organization, with its owner.
    ///
    /// # Errors
    /// [`IdentityError::Link`] for a token that does not open, or no more.
    #[expect(clippy::disallowed_methods, reason = "the organization comes to be here")]
    pub async fn set_up(&self, wanted: &SetUp, door: &Door) -> Result<(Organization, User), IdentityError> {
        let id = link_of(wanted.token.as_str()).ok_or(LinkError::WrongToken)?;
        if link_token(&*self.secrets, id, LinkPurpose::Setup).await? != wanted.token.as_str() {
            return Err(LinkError::WrongToken.into());
        }
        let now = self.world.now();
        let expires_at = moment(id).map(|made| made + LinkPurpose::Setup.lives());
        if expires_at.is_none_or(|expires_at| now >= expires_at) || !self.directory.is_empty().await? {
            return Err(LinkError::Over.into());
        }
        let new = NewUser { email: wanted.email.clone(), name: wanted.name.clone(), password: wanted.password.clone(), role: Role::Owner };
        good_enough(&new.password, "/password", &[new.email.as_str(), new.name.as_str(), wanted.organization.name.as_str()])?;
        let hash = self.passwords.hash(&new.password).await?;
        let holder = self.world.ids.next();
        if !self.leases.hold(LEASE, holder, now, LEASE_LASTS).await? {
            return Err(PortError::Unavailable("somebody else is setting up".into()).into());
        }
        let organization: OrganizationId = self.world.id();
        let scope = Scope::new(organization, Actor::System("set_up")).of_request(door.request_id.as_str());
        let founded = transact(&*self.world.transactions, &scope, async |tx| {
            if !self.directory.is_empty().await? {
                return Err(LinkError::Over.into());
            }
            let founded = Organization::found(organization, wanted.organization.clone(), IsolationStrategy::Shared, now);
            let owner = User::admit(self.world.id(), self.world.id(), organization, &new, hash.clone(), now);
            tx.organizations().save(&founded).await?;
            tx.users().save(&owner).await?;
            Ok((founded.into_state(), owner.into_state()))
        })
        .await;
        if let Err(error) = self.leases.release(LEASE, holder).await {
            tracing::warn!(%error, "could not give the lease back; it runs out by itself");
        }
        founded
    }
}

/// The id of a setup link is the moment at which it was made.
fn made_at(now: Instant) -> LinkId {
    LinkId::from_uuid(Uuid::from_u128(u128::try_from(now.timestamp_micros()).unwrap_or_default()))
}

fn moment(id: LinkId) -> Option<Instant> {
    Instant::from_timestamp_micros(i64::try_from(id.as_uuid().as_u128()).ok()?)
}
