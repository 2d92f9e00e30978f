//! Who may do what. A use case takes an [`Allowed`] of its right, and only [`Caller::allow`] makes one: a check that is forgotten
//! does not compile.

#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;

use matricula_domain::identity::Permission;
use matricula_ports::audit::{AuditLog, Observation};
use matricula_ports::identity::{OrganizationRow, Principal};
use matricula_ports::{Actor, Clock, Once, Scope};

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
    ReadPeople, ChangePeople, ReadCatalog, ManageCatalog, ReadMarketing, ManageMarketing, ReadLeads, CaptureLeads, WorkLeads, AssignLeads, ManageForms,
    ReadEnrollments, ManageEnrollments, ReadConsents, RecordConsents, ManagePrivacy, ReadAudit, ReadReports, ReadUsers, InviteUsers,
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub struct Caller {
    principal: Arc<Principal>,
    scope: Scope,
}

impl Caller {
    /// The caller behind a token that opened, in a request.
    #[expect(clippy::disallowed_methods, reason = "authentication is where scopes come from")]
    pub fn new(principal: Arc<Principal>, request_id: &str) -> Self {
        let scope = Scope::new(principal.organization.id, Actor::User(principal.user)).of_request(request_id);
        Self { principal, scope }
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Their scope, for what needs no right but to have signed in.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether they have a right.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn allow<R: Right>(&self) -> Result<Allowed<R>, Denied> {
        if self.principal.role.may(R::PERMISSION) {
            Ok(Allowed { principal: Arc::clone(&self.principal), scope: self.scope.clone(), right: PhantomData })
        } else {
            Err(Denied(R::PERMISSION))
        }
    }
}

/// Somebody lacks a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the permission {0} is missing")]
pub struct Denied(pub Permission);

/// The key to a use case: somebody has the right.
#[derive(Debug)]
pub struct Allowed<R: Right> {
    principal: Arc<Principal>,
    scope: Scope,
    right: PhantomData<R>,
}

impl<R: Right> Clone for Allowed<R> {
    fn clone(&self) -> Self {
        Self { principal: Arc::clone(&self.principal), scope: self.scope.clone(), right: PhantomData }
    }
}

impl<R: Right> Allowed<R> {
    /// The same right, for an effect that must happen once.
    #[must_use]
    pub fn once(mut self, once: Once) -> Self {
        self.scope = self.scope.once(once);
        self
    }

    /// In which organization, and who.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
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

    /// Writes something down that changed nothing.
    pub async fn observe(&self, scope: &Scope, observation: Observation) {
        if let Err(error) = self.log.observe(scope, &observation, self.clock.now()).await {
            tracing::error!(%error, action = observation.action, "could not write the observation down");
        }
    }
}
