use matricula_domain::catalog::{PageOf, Redirect, RedirectId};
use matricula_domain::shared::{RecordId, Slug};
use matricula_ports::{PortError, Tx, transact};

use super::{Catalog, CatalogError};
use crate::World;
use crate::access::{Allowed, ManageCatalog};

impl Catalog {
    /// Removes a redirect: nobody is led on from that slug any more.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn remove_redirect(&self, who: &Allowed<ManageCatalog>, id: RedirectId) -> Result<(), CatalogError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let redirect = tx.redirects().find(id).await?.ok_or(CatalogError::NotFound)?;
            tx.redirects().save(&redirect.remove(self.world.now())).await?;
            Ok(())
        })
        .await
    }
}

/// Under which slug something was known.
#[derive(Clone, Copy)]
pub(crate) struct Before<'a> {
    /// The slug.
    pub(crate) slug: &'a Slug,
    /// Whether it was more than a draft, so that others may know the slug.
    pub(crate) was_public: bool,
}

/// Keeps the redirects right when something takes a slug: the one that stands there goes, and one is left at the slug that others know.
pub(crate) async fn follow_slug(
    tx: &Tx,
    world: &World,
    (entity_type, entity_id): (PageOf, RecordId),
    before: Option<Before<'_>>,
    slug: &Slug,
) -> Result<(), PortError> {
    if before.is_some_and(|before| before.slug == slug) {
        return Ok(());
    }
    if let Some(redirect) = tx.redirects().find_by_slug(entity_type, slug).await? {
        tx.redirects().save(&redirect.remove(world.now())).await?;
    }
    if let Some(before) = before.filter(|before| before.was_public) {
        tx.redirects().save(&Redirect::leave(world.id(), entity_type, before.slug.clone(), entity_id, world.now())).await?;
    }
    Ok(())
}
