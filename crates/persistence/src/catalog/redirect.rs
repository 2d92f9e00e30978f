use async_trait::async_trait;
use matricula_domain::catalog::{PageOf, Redirect, RedirectFact, RedirectId, RedirectParts};
use matricula_domain::shared::{Changed, Id, RecordId, Slug};
use matricula_entity::catalog::redirects::{Column, Entity, Model};
use matricula_ports::PortError;
use matricula_ports::catalog::RedirectRepository;
use sea_orm::{ColumnTrait, QueryFilter};

use crate::convert::{count, parsed};
use crate::sql::Write;
use crate::unit::Session;

pub(super) fn redirect_of(row: Model) -> Result<Redirect, PortError> {
    Ok(Redirect::from_parts(RedirectParts {
        id: RedirectId::from_uuid(row.id),
        entity_type: parsed(row.entity_type, "redirects.entity_type")?,
        slug: parsed(row.slug, "redirects.slug")?,
        entity_id: RecordId::from_uuid(row.entity_id),
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "redirects.version")?,
    }))
}

#[async_trait]
impl RedirectRepository for Session {
    async fn find(&self, id: RedirectId) -> Result<Option<Redirect>, PortError> {
        self.one(self.select::<Entity>().filter(Column::Id.eq(id.as_uuid()))).await?.map(redirect_of).transpose()
    }

    async fn find_by_slug(&self, entity_type: PageOf, slug: &Slug) -> Result<Option<Redirect>, PortError> {
        let select = self.select::<Entity>().filter(Column::EntityType.eq(entity_type.as_str())).filter(Column::Slug.eq(slug.as_str()));
        self.one(select).await?.map(redirect_of).transpose()
    }

    async fn save(&self, redirect: &Changed<Redirect>) -> Result<(), PortError> {
        let parts = redirect.state().parts();
        match redirect.fact() {
            RedirectFact::Created => self.insert::<Entity>(Model {
                organization_id: self.organization,
                id: parts.id.as_uuid(),
                entity_type: parts.entity_type.as_str().to_owned(),
                slug: parts.slug.to_string(),
                entity_id: parts.entity_id.as_uuid(),
                created_at: parts.created_at,
                updated_at: parts.updated_at,
                version: count(parts.version, "redirects.version")?,
            }),
            RedirectFact::Removed => {
                let key = vec![("organization_id", self.organization.into()), ("id", parts.id.as_uuid().into())];
                self.write(Write::Delete { table: "redirects", key });
            }
        }
        self.note(redirect);
        Ok(())
    }
}
