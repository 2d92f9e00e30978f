use matricula_domain::identity::{IdentityProvider, IdentityProviderDetails, IdentityProviderId, Role};
use matricula_domain::shared::{Changed, Fault, Faults, Instant, Value};
use matricula_ports::{Actor, PortError, Tx, transact};

use super::super::AdministrationError;
use super::super::administration::{Granted, covered};
use super::Providers;
use crate::Expected;
use crate::access::{Allowed, ManageIdentityProviders};

impl Providers {
    /// Adds a provider that answers.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn create(
        &self,
        who: &Allowed<ManageIdentityProviders>,
        details: &IdentityProviderDetails,
    ) -> Result<IdentityProvider, AdministrationError> {
        everything(who)?;
        if let Err(error) = self.relying_party.meet(&details.issuer).await {
            // Whatever answers there or does not: nobody looks around in a network by asking for providers.
            tracing::info!(error = ?error, "no provider was met");
            return Err(Faults::from(Fault::rule("/issuer", "NOT_A_PROVIDER", "no OpenID provider of this name answers there")).into());
        }
        let created = transact(&*self.world.transactions, who.scope(), async |tx| {
            let provider = IdentityProvider::create(self.world.id(), details.clone(), self.world.now())?;
            may_own(who, provider.state())?;
            roles_known(tx, provider.state()).await?;
            tx.identity_providers().save(&provider).await?;
            Ok(provider.into_state())
        })
        .await;
        domain_taken(created)
    }

    /// Changes the fields that the patch names.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn change(
        &self,
        who: &Allowed<ManageIdentityProviders>,
        id: IdentityProviderId,
        patch: &Value,
        expected: Expected,
    ) -> Result<IdentityProvider, AdministrationError> {
        self.provider(who, id, expected, |provider, now| Ok(provider.change(patch, now)?)).await
    }

    /// Takes a provider out of use, with undo. Whoever signed in by it stays signed in.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn archive(&self, who: &Allowed<ManageIdentityProviders>, id: IdentityProviderId) -> Result<IdentityProvider, AdministrationError> {
        self.provider(who, id, Expected::Any, |provider, now| provider.archive(now).ok_or(AdministrationError::AlreadySo)).await
    }

    /// Undoes [`Providers::archive`].
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn restore(&self, who: &Allowed<ManageIdentityProviders>, id: IdentityProviderId) -> Result<IdentityProvider, AdministrationError> {
        self.provider(who, id, Expected::Any, |provider, now| provider.restore(now).ok_or(AdministrationError::AlreadySo)).await
    }

    async fn provider(
        &self,
        who: &Allowed<ManageIdentityProviders>,
        id: IdentityProviderId,
        expected: Expected,
        change: impl Fn(&IdentityProvider, Instant) -> Result<Changed<IdentityProvider>, AdministrationError>,
    ) -> Result<IdentityProvider, AdministrationError> {
        everything(who)?;
        let changed = transact(&*self.world.transactions, who.scope(), async |tx| {
            let provider = tx.identity_providers().find(id).await?.ok_or(AdministrationError::NotFound)?;
            expected.met_by(&provider)?;
            let changed = change(&provider, self.world.now())?;
            may_own(who, &provider)?;
            may_own(who, changed.state())?;
            if changed.state().roles() != provider.roles() {
                roles_known(tx, changed.state()).await?;
            }
            tx.identity_providers().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await;
        domain_taken(changed)
    }
}

/// Whoever says who says who people are could sign in as nearly any of them, so they have all that anybody can have; and it is no program.
fn everything(who: &Allowed<ManageIdentityProviders>) -> Result<(), AdministrationError> {
    let Actor::User(_) = who.scope().actor() else { return Err(AdministrationError::ExceedsMaker) };
    covered(who.grants(), &Role::Owner.grants().collect::<Vec<_>>())
}

/// Only owners say who owns the organization, and by which provider they come.
fn may_own(who: &Allowed<ManageIdentityProviders>, provider: &IdentityProvider) -> Result<(), AdministrationError> {
    if provider.is_for_owners() && !who.is_owner() { Err(AdministrationError::ExceedsMaker) } else { Ok(()) }
}

/// Each role that it can give is one.
async fn roles_known(tx: &Tx, provider: &IdentityProvider) -> Result<(), AdministrationError> {
    let mapped = provider.details.role_mappings.len();
    let place = |fault: Fault, n: usize| {
        if n < mapped { fault.under("role").under(&n.to_string()).under("role_mappings") } else { fault.under("default_role") }
    };
    Granted::by(tx, &provider.roles()).await?.known(place)?;
    Ok(())
}

/// The commit says it: nobody sees whose a domain is.
fn domain_taken<T>(done: Result<T, AdministrationError>) -> Result<T, AdministrationError> {
    match done {
        Err(AdministrationError::Port(PortError::Conflict("email_domains"))) => {
            Err(Faults::from(Fault::rule("/email_domains", "EMAIL_DOMAIN_TAKEN", "another provider vouches for one of them")).into())
        }
        other => other,
    }
}
