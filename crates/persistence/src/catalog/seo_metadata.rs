use async_trait::async_trait;
use matricula_domain::catalog::{PageOf, SeoDetails, SeoMetadata, SeoMetadataId, SeoMetadataParts};
use matricula_domain::shared::{Aggregate, Changed, Field, Id, IndexedWords, Line, Prose, RecordId, Value, WebAddress};
use matricula_entity::catalog::seo_metadata::{Column, Entity, Model};
use matricula_ports::PortError;
use matricula_ports::catalog::SeoMetadataRepository;
use matricula_ports::search::SearchKind;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use crate::convert::{count, json, parsed, parsed_or_none, value};
use crate::paging::columns;
use crate::scoped::{SCOPED, models};
use crate::search::Entry;
use crate::unit::Session;

pub(super) fn seo_metadata_of(row: Model) -> Result<SeoMetadata, PortError> {
    let details = SeoDetails {
        title: parsed_or_none(row.title, "seo_metadata.title")?,
        description: parsed_or_none(row.description, "seo_metadata.description")?,
        keywords: parsed(value(row.keywords), "seo_metadata.keywords")?,
        og_title: parsed_or_none(row.og_title, "seo_metadata.og_title")?,
        og_description: parsed_or_none(row.og_description, "seo_metadata.og_description")?,
        og_image: parsed_or_none(row.og_image, "seo_metadata.og_image")?,
        twitter_card: parsed_or_none(row.twitter_card, "seo_metadata.twitter_card")?,
        canonical_url: parsed_or_none(row.canonical_url, "seo_metadata.canonical_url")?,
        robots: parsed_or_none(row.robots, "seo_metadata.robots")?,
    };
    Ok(SeoMetadata::from_parts(SeoMetadataParts {
        id: SeoMetadataId::from_uuid(row.id),
        entity_type: parsed(row.entity_type, "seo_metadata.entity_type")?,
        entity_id: RecordId::from_uuid(row.entity_id),
        details,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "seo_metadata.version")?,
    }))
}

fn model(organization: Uuid, parts: &SeoMetadataParts) -> Result<Model, PortError> {
    let details = &parts.details;
    let prose = |text: &Option<Prose<1000>>| text.as_ref().map(Prose::as_str).map(str::to_owned);
    let address = |address: &Option<WebAddress>| address.as_ref().map(WebAddress::as_str).map(str::to_owned);
    Ok(Model {
        organization_id: organization,
        id: parts.id.as_uuid(),
        entity_type: parts.entity_type.as_str().to_owned(),
        entity_id: parts.entity_id.as_uuid(),
        title: details.title.as_ref().map(Line::to_string),
        description: prose(&details.description),
        keywords: json(&details.keywords.value()),
        og_title: details.og_title.as_ref().map(Line::to_string),
        og_description: prose(&details.og_description),
        og_image: address(&details.og_image),
        twitter_card: details.twitter_card.map(|card| card.as_str().to_owned()),
        canonical_url: address(&details.canonical_url),
        robots: details.robots.map(|robots| robots.as_str().to_owned()),
        created_at: parts.created_at,
        updated_at: parts.updated_at,
        version: count(parts.version, "seo_metadata.version")?,
    })
}

fn entry_of(metadata: &SeoMetadata) -> Entry {
    let parts = metadata.parts();
    Entry {
        kind: SearchKind::SeoMetadata,
        id: parts.id.as_uuid(),
        version: parts.version,
        // Nobody looks for its words: it is found by its keywords, as they were written.
        words: IndexedWords::default(),
        keywords: parts.details.keywords.value(),
        tags: Value::List(Vec::new()),
    }
}

impl Session {
    /// What is told of things, as the search index has it: the next after one.
    pub(crate) async fn seo_metadata_to_index(&self, after: Option<Uuid>, most: u16) -> Result<Vec<Entry>, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT ").push(&columns::<Entity>("m")).push(" FROM seo_metadata m WHERE ").push(SCOPED);
        sql.push(" AND m.organization_id = ").bind(self.organization);
        Self::next_rows(&mut sql, "m", after, most);
        models::<Entity>(&self.rows(sql).await?)?.into_iter().map(|row| seo_metadata_of(row).map(|metadata| entry_of(&metadata))).collect()
    }
}

#[async_trait]
impl SeoMetadataRepository for Session {
    async fn find(&self, entity_type: PageOf, entity_id: RecordId) -> Result<Option<SeoMetadata>, PortError> {
        let select = self.select::<Entity>().filter(Column::EntityType.eq(entity_type.as_str())).filter(Column::EntityId.eq(entity_id.as_uuid()));
        self.one(select).await?.map(seo_metadata_of).transpose()
    }

    async fn save(&self, metadata: &Changed<SeoMetadata>) -> Result<(), PortError> {
        let model = model(self.organization, metadata.state().parts())?;
        if metadata.is_new() {
            self.insert::<Entity>(model);
        } else {
            self.update::<Entity>(model, metadata.state().version(), &[]);
        }
        self.index(vec![entry_of(metadata.state())])?;
        self.note(metadata);
        Ok(())
    }
}
