use matricula_domain::catalog::{Campus, CourseId, CourseRunId, Cycle, PageOf, SeoDetails, SeoMetadata};
use matricula_domain::publishing::BlogPostId;
use matricula_domain::shared::{Id, Record, RecordId};
use matricula_ports::{PortError, Tx, transact};

use super::{Catalog, CatalogError};
use crate::Expected;
use crate::access::{Allowed, ManageCatalog};

impl Catalog {
    /// Says what search engines and social networks are told of something, instead of what was said before.
    ///
    /// # Errors
    /// [`CatalogError`]: it has to be there; and where something was said before, it has to be what was expected.
    pub async fn describe(
        &self,
        who: &Allowed<ManageCatalog>,
        (entity_type, entity_id): (PageOf, RecordId),
        details: &SeoDetails,
        expected: Expected,
    ) -> Result<SeoMetadata, CatalogError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let (now, details) = (self.world.now(), details.clone());
            let described = match tx.seo_metadata().find(entity_type, entity_id).await? {
                Some(before) => {
                    expected.met_by(&before)?;
                    before.replace(details, now)
                }
                None if is_there(tx, entity_type, entity_id).await? => match expected {
                    Expected::Any => SeoMetadata::describe(self.world.id(), entity_type, entity_id, details, now),
                    Expected::Version(_) => return Err(PortError::Stale.into()),
                },
                None => return Err(CatalogError::NotFound),
            };
            tx.seo_metadata().save(&described).await?;
            Ok(described.into_state())
        })
        .await
    }
}

async fn is_there(tx: &Tx, entity_type: PageOf, id: RecordId) -> Result<bool, PortError> {
    let uuid = id.as_uuid();
    Ok(match entity_type {
        PageOf::Course => tx.courses().find(CourseId::from_uuid(uuid)).await?.is_some(),
        PageOf::CourseRun => tx.course_runs().find(CourseRunId::from_uuid(uuid)).await?.is_some(),
        PageOf::BlogPost => tx.blog_posts().find(BlogPostId::from_uuid(uuid)).await?.is_some(),
        PageOf::Cycle => tx.records().find(&Cycle::SCHEMA, id).await?.is_some(),
        PageOf::Campus => tx.records().find(&Campus::SCHEMA, id).await?.is_some(),
    })
}
