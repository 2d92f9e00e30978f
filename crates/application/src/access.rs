//! Who may do what. A use case takes an [`Allowed`] of its right, and only [`Caller::allow`] makes one: a check that is forgotten
//! does not compile.

#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;

use matricula_domain::identity::{Grants, LoginSession, Permission, Reach, Rights, Role, UserId};
use matricula_domain::shared::{Id as _, Instant};
use matricula_ports::audit::{AuditLog, Observation};
use matricula_ports::identity::{KeyHolder, OrganizationRow, Principal};
use matricula_ports::{Actor, Clock, Once, Scope};
use uuid::Uuid;

/// A right as a type.
pub trait Right: Send + Sync + 'static {
    /// The permission that it stands for.
    const PERMISSION: Permission;
}

macro_rules! rights {
    ($($right:ident),+ $(,)?) => {$(
        #[doc = concat!("The right [`Permission::", stringify!($right), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub struct $right;
        impl Right for $right {
            const PERMISSION: Permission = Permission::$right;
        }
    )+};
}
rights! {
    ReadPeople, ChangePeople, ReadNationalIds, ReadCatalog, ManageCatalog, ReadPrices, ReadMarketing, ManageMarketing, ReadLeads, ReadNotes, CaptureLeads, WorkLeads, AssignLeads,
    ManageForms, ReadEnrollments, ManageEnrollments, ReadConsents, RecordConsents, ManagePrivacy, ReadAudit, ReadReports, ReadUsers, ManageUsers,
    ManageRoles, ManageApiKeys, ManageOrganization, ExplainAccess, ViewAs, InviteUsers,
    ManageIdentityProviders, ReadPublishing, ManagePublishing, ReadFacts, ManageWebhooks,
}

/// Somebody's access to an organization: what they may there, and in whose name it happens.
#[derive(Clone, Debug)]
pub struct Access {
    rights: Arc<Rights>,
    grants: Grants,
    organization: Arc<OrganizationRow>,
    scope: Scope,
}

impl Access {
    #[expect(clippy::disallowed_methods, reason = "authentication is where scopes come from")]
    fn new(rights: &Arc<Rights>, organization: &Arc<OrganizationRow>, actor: Actor, request_id: &str) -> Self {
        let scope = Scope::new(organization.id, actor).of_request(request_id);
        Self { grants: *rights.grants(), rights: Arc::clone(rights), organization: Arc::clone(organization), scope }
    }

    /// The access of a program behind a key that opened, in a request.
    pub fn of_key(holder: &KeyHolder, request_id: &str) -> Self {
        Self::new(&holder.rights, &holder.organization, Actor::Key(holder.key), request_id)
    }

    /// The same access, where nothing goes further than these grants either.
    #[must_use]
    pub fn within(self, grants: &Grants) -> Self {
        Self { grants: self.grants.and(grants), ..self }
    }

    /// In which organization, and who.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The organization.
    pub fn organization(&self) -> &OrganizationRow {
        &self.organization
    }

    /// What they may.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Whether they have a right.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn allow<R: Right>(&self) -> Result<Allowed<R>, Denied> {
        if self.grants.may(R::PERMISSION) { Ok(Allowed { access: self.clone(), right: PhantomData }) } else { Err(Denied(R::PERMISSION)) }
    }
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub struct Caller {
    principal: Arc<Principal>,
    access: Access,
}

impl Caller {
    /// The caller behind a token that opened, in a request. Who owes a second factor may nothing but what needs no right.
    pub fn new(principal: Arc<Principal>, request_id: &str) -> Self {
        let access = Access::new(&principal.rights, &principal.organization, Actor::User(principal.user), request_id);
        let access = if principal.owes_second_factor() { access.within(&Grants::default()) } else { access };
        Self { principal, access }
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Their access.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The same caller, where nothing goes further than these grants either.
    #[must_use]
    pub fn within(self, grants: &Grants) -> Self {
        Self { access: self.access.within(grants), ..self }
    }

    /// Whether they showed who they are a short while ago ([`LoginSession::PROOF`]).
    pub fn is_proven(&self, now: Instant) -> bool {
        now < self.principal.proven_at + LoginSession::PROOF
    }

    /// Their scope, for what needs no right but to have signed in.
    pub fn scope(&self) -> &Scope {
        self.access.scope()
    }

    /// Whether they have a right.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn allow<R: Right>(&self) -> Result<Allowed<R>, Denied> {
        self.access.allow()
    }
}

/// Somebody lacks a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the permission {0} is missing")]
pub struct Denied(pub Permission);

/// The key to a use case: somebody has the right.
#[derive(Debug)]
pub struct Allowed<R: Right> {
    access: Access,
    right: PhantomData<R>,
}

impl<R: Right> Clone for Allowed<R> {
    fn clone(&self) -> Self {
        Self { access: self.access.clone(), right: PhantomData }
    }
}

impl<R: Right> Allowed<R> {
    /// The same right, for an effect that must happen once.
    #[must_use]
    pub fn once(mut self, once: Once) -> Self {
        self.access.scope = self.access.scope.once(once);
        self
    }

    /// In which organization, and who.
    pub fn scope(&self) -> &Scope {
        self.access.scope()
    }

    /// The organization.
    pub fn organization(&self) -> &OrganizationRow {
        self.access.organization()
    }

    /// What else they may.
    pub fn grants(&self) -> &Grants {
        self.access.grants()
    }

    /// Whether the organization is theirs: only who owns it lets others own it.
    pub fn is_owner(&self) -> bool {
        self.access.rights.sources().iter().any(|source| source.role == Role::Owner && source.group.is_none())
    }

    /// Whether they may write these fields of a kind of thing, some of which may be guarded by a permission of their own.
    ///
    /// # Errors
    /// [`Denied`], with the first permission that is missing.
    pub fn may_write<'f>(&self, of: &str, mut fields: impl Iterator<Item = &'f str>) -> Result<(), Denied> {
        let withheld: Vec<_> = self.grants().withheld(of).collect();
        match fields.find_map(|field| withheld.iter().find(|guarded| guarded.field == field)) {
            Some(guarded) => Err(Denied(guarded.permission)),
            None => Ok(()),
        }
    }

    /// On what they have the right.
    pub fn reach(&self) -> Reach {
        Reach::of(&self.access.grants, R::PERMISSION, self.access.rights.post())
    }
}

/// Somebody who did not sign in, at the door of an organization: may see what is public and leave a lead.
#[derive(Clone, Debug)]
pub struct Visitor {
    organization: OrganizationRow,
    scope: Scope,
}

impl Visitor {
    /// A visitor of an organization.
    #[expect(clippy::disallowed_methods, reason = "the public door is where scopes come from")]
    pub fn new(organization: OrganizationRow, request_id: &str) -> Self {
        let scope = Scope::new(organization.id, Actor::Public).of_request(request_id);
        Self { organization, scope }
    }

    /// The same visitor, asking for an effect that must happen once.
    #[must_use]
    pub fn once(mut self, once: Once) -> Self {
        self.scope = self.scope.once(once);
        self
    }

    /// In which organization.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The organization.
    pub fn organization(&self) -> &OrganizationRow {
        &self.organization
    }
}

/// Remembers denials and sensitive reads. They change nothing, so the commit of no change tells of them.
#[derive(Clone)]
pub struct Watch {
    /// Where they are written.
    pub log: Arc<dyn AuditLog>,
    /// When.
    pub clock: Arc<dyn Clock>,
}

impl Watch {
    /// Writes down that somebody was denied. A log that is away does not turn the denial into anything else.
    pub async fn denied(&self, scope: &Scope, Denied(permission): Denied) {
        self.observe(
            scope,
            Observation {
                action: "access.denied",
                entity: "permission",
                entity_id: None,
                subject: None,
                purpose: Some(permission.as_str().to_owned()),
            },
        )
        .await;
    }

    /// Writes down that something was presented that does not open a link, and why.
    pub async fn link_refused(&self, scope: &Scope, link: Uuid, why: &str) {
        let observation = Observation {
            action: "one_time_link.refused",
            entity: "one_time_link",
            entity_id: Some(link),
            subject: None,
            purpose: Some(why.to_owned()),
        };
        self.observe(scope, observation).await;
    }

    /// Writes down that somebody did not sign in with an account, or did not go on, and with what they tried.
    pub async fn sign_in_refused(&self, scope: &Scope, user: UserId, with: &str) {
        let observation = Observation {
            action: "user.sign_in_refused",
            entity: "user",
            entity_id: Some(user.as_uuid()),
            subject: None,
            purpose: Some(with.to_owned()),
        };
        self.observe(scope, observation).await;
    }

    /// Writes down that a sign-in by way of an identity provider was refused, and why.
    pub async fn provider_sign_in_refused(&self, scope: &Scope, sign_in: Uuid, why: &str) {
        let observation = Observation {
            action: "provider_sign_in.refused",
            entity: "provider_sign_in",
            entity_id: Some(sign_in),
            subject: None,
            purpose: Some(why.to_owned()),
        };
        self.observe(scope, observation).await;
    }

    /// Writes something down that changed nothing.
    pub async fn observe(&self, scope: &Scope, observation: Observation) {
        if let Err(error) = self.log.observe(scope, &observation, self.clock.now()).await {
            tracing::error!(%error, action = observation.action, "could not write the observation down");
        }
    }
}
