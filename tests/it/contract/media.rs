use matricula_domain::identity::Role;
use matricula_domain::publishing::{
    Dimensions, EntityType, FileName, MediaAsset, MediaAssetError, MediaDetails, MediaFile, MediaLink, MediaRole, MediaSpace, MediaStatus, MediaType,
    MediaUse,
};
use matricula_domain::shared::{Field as _, Id as _, Line, RecordId};
use matricula_ports::publishing::{MediaFilter, MediaQueries};
use matricula_ports::{Clock as _, Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at_once, on_both};
use serde_json::json;

on_both!(
    an_asset_is_read_back_as_it_was_saved,
    assets_are_filtered,
    a_link_is_there_once_and_goes,
    what_can_be_linked_to_is_known,
    room_is_taken_by_who_finds_some,
    folders_of_assets_are_known,
    the_picture_that_stands_for_a_thing_is_the_first_that_everybody_may_see,
    what_stands_beside_the_cover_comes_by_its_place,
);

fn file(here: &Tenant, media_type: MediaType, size_bytes: u64) -> MediaFile {
    let dimensions = media_type.is_image().then_some(Dimensions { width: 800, height: 600 });
    MediaFile {
        media_type,
        size_bytes,
        stored_bytes: size_bytes,
        dimensions,
        sha256: [7; 32],
        storage_path: format!("{}/{}", here.id(), here.db.id::<RecordId>()),
    }
}

async fn save(here: &Tenant, file: &MediaFile, quota: u64) -> Result<MediaAsset, PortError> {
    let name = FileName::parse(&"Foto de grupo.jpeg".into()).unwrap();
    here.try_in_unit(async |tx| {
        let space = MediaSpace { used: tx.media_assets().space_used().await?, quota };
        let details = MediaDetails { alt_text: Some(Line::parse("Dos soldadoras").unwrap()) };
        let asset = MediaAsset::upload(here.db.id(), name.clone(), file.clone(), details, None, space, here.db.clock.now());
        let asset = asset.map_err(|error| PortError::Broken(error.to_string()))?;
        tx.media_assets().save(&asset).await?;
        Ok(asset.into_state())
    })
    .await
}

/// An asset of a kind.
async fn asset(here: &Tenant, media_type: MediaType) -> MediaAsset {
    save(here, &file(here, media_type, 100), 1_000_000).await.unwrap()
}

/// The same, used as the cover of something.
async fn linked(here: &Tenant, asset: &MediaAsset, entity_type: EntityType, entity_id: RecordId) -> MediaAsset {
    link(here, asset, MediaUse { entity_type, entity_id, role: MediaRole::Cover }, 2).await
}

async fn an_asset_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    for media_type in MediaType::ALL {
        let saved = asset(&here, *media_type).await;
        assert_eq!(here.in_unit(async |tx| tx.media_assets().find(saved.id).await).await.unwrap(), saved);
        assert_eq!(db.queries.asset(&here.scope, saved.id).await.unwrap().unwrap(), saved);
        let published = saved.transition(MediaStatus::Published, db.clock.now()).unwrap();
        here.in_unit(async |tx| tx.media_assets().save(&published).await).await;
        assert_eq!(db.queries.asset(&here.scope, saved.id).await.unwrap().unwrap(), published.into_state());
    }
    assert!(db.queries.asset(&here.scope, db.id()).await.unwrap().is_none());
}

async fn assets_are_filtered(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (picture, document) = (asset(&here, MediaType::Png).await, asset(&here, MediaType::Pdf).await);
    let (course, other) = (here.course("soldadura").await, here.course("torno").await);
    let [course, other] = [course.id(), other.id()].map(|id| RecordId::from_uuid(id.as_uuid()));
    let picture = linked(&here, &picture, EntityType::Course, course).await;
    let hidden = asset(&here, MediaType::Png).await.archive(db.clock.now()).unwrap();
    here.in_unit(async |tx| tx.media_assets().save(&hidden).await).await;
    let all = MediaFilter::default();
    for (filter, expected) in [
        (all.clone(), vec![document.id, picture.id]),
        (MediaFilter { archived: true, ..all.clone() }, vec![hidden.state().id]),
        (MediaFilter { media_type: Some(MediaType::Pdf), ..all.clone() }, vec![document.id]),
        (MediaFilter { status: Some(MediaStatus::Published), ..all.clone() }, vec![]),
        (MediaFilter { entity_type: Some(EntityType::Course), entity_id: Some(course), ..all.clone() }, vec![picture.id]),
        (MediaFilter { entity_type: Some(EntityType::Campus), entity_id: Some(course), ..all.clone() }, vec![]),
        (MediaFilter { entity_id: Some(other), ..all.clone() }, vec![]),
        (MediaFilter { role: Some(MediaRole::Cover), ..all.clone() }, vec![picture.id]),
        (MediaFilter { role: Some(MediaRole::Gallery), ..all }, vec![]),
    ] {
        let found = db.queries.assets(&here.scope, &filter, &Page::first(9)).await.unwrap();
        assert_eq!(found.items.iter().map(|asset| asset.id).collect::<Vec<_>>(), expected, "{filter:?}");
    }
    let first = db.queries.assets(&here.scope, &MediaFilter::default(), &Page::first(1)).await.unwrap();
    let rest = Page { after: first.next, ..Page::first(1) };
    assert_eq!(
        (first.items[0].id, db.queries.assets(&here.scope, &MediaFilter::default(), &rest).await.unwrap().items[0].id),
        (document.id, picture.id)
    );
}

async fn a_link_is_there_once_and_goes(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = RecordId::from_uuid(here.course("soldadura").await.id().as_uuid());
    let asset = linked(&here, &asset(&here, MediaType::Png).await, EntityType::Course, course).await;
    let usage = MediaUse { entity_type: EntityType::Course, entity_id: course, role: MediaRole::Cover };
    assert!(here.in_unit(async |tx| tx.media_assets().has_link(asset.id, &usage).await).await);
    let links = db.queries.links(&here.scope, asset.id, &Page::first(9)).await.unwrap().items;
    assert_eq!((links.len(), &links[0].link.usage, links[0].link.position), (1, &usage, 2));

    let again = asset.link(MediaLink { id: db.id(), usage: usage.clone(), position: 0 }, db.clock.now());
    let unit = here.begin().await;
    unit.media_assets().save(&again).await.unwrap();
    assert!(matches!(unit.commit().await, Err(PortError::Conflict("media_links"))));

    let gone = asset.unlink(usage.clone(), db.clock.now());
    here.in_unit(async |tx| tx.media_assets().save(&gone).await).await;
    assert!(!here.in_unit(async |tx| tx.media_assets().has_link(asset.id, &usage).await).await);
    assert!(db.queries.links(&here.scope, asset.id, &Page::first(9)).await.unwrap().items.is_empty());
    let told: Vec<_> = here.audit_of(&asset).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(told, ["media_asset.uploaded", "media_asset.linked", "media_asset.unlinked"]);
}

async fn what_can_be_linked_to_is_known(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let course = here.course("soldadura").await;
    let author = here.user("autora@example.es", Role::Marketing).await.id;
    let things = [
        (EntityType::Course, course.id().as_uuid()),
        (EntityType::CourseRun, here.run(&course, 3).await.id().as_uuid()),
        (EntityType::Campus, here.campus("norte").await.id().as_uuid()),
        (EntityType::Cycle, here.cycle("fp", 1).await.id().as_uuid()),
        (EntityType::Campaign, here.campaign("otono").await.id().as_uuid()),
        (EntityType::BlogPost, here.blog_post(author, "becas", json!({})).await.id().as_uuid()),
    ];
    assert_eq!(things.map(|(entity_type, _)| entity_type).as_slice(), EntityType::ALL);
    for (entity_type, id) in things {
        for other in EntityType::ALL {
            let is_there = here.in_unit(async |tx| tx.records().is_there(other.noun(), RecordId::from_uuid(id)).await).await;
            assert_eq!(is_there, *other == entity_type, "{entity_type} as {other}");
        }
        assert!(!there.in_unit(async |tx| tx.records().is_there(entity_type.noun(), RecordId::from_uuid(id)).await).await);
    }
}

async fn room_is_taken_by_who_finds_some(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    // One that alone is too large for an organization that has nothing yet: only the commit says so.
    let name = FileName::parse(&"a.png".into()).unwrap();
    let (details, liar) = (MediaDetails { alt_text: None }, MediaSpace { used: 0, quota: 1000 });
    let large = MediaAsset::upload(db.id(), name.clone(), file(&here, MediaType::Png, 1000), details.clone(), None, liar, db.clock.now()).unwrap();
    save(&here, &file(&here, MediaType::Png, 1), 1000).await.unwrap();
    let unit = here.begin().await;
    unit.media_assets().save(&large).await.unwrap();
    assert!(matches!(unit.commit().await, Err(PortError::Conflict("media_usage"))));

    // Twenty at once, of whom nine fit beside the one that is there.
    let outcomes = at_once((0..20).map(|_| {
        let here = here.clone();
        async move || save(&here, &file(&here, MediaType::Png, 100), 1000).await
    }))
    .await;
    let refusals: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    let full = MediaAssetError::QuotaExceeded.to_string();
    assert!(refusals.iter().all(|refusal| matches!(refusal, PortError::Broken(why) if *why == full)), "{refusals:?}");
    assert_eq!((outcomes.len() - refusals.len(), db.queries.space_used(&here.scope).await.unwrap()), (9, 901));
    let sum: i64 =
        db.raw.one("SELECT CAST(sum(stored_bytes) AS bigint) FROM media_assets WHERE organization_id = $1", [here.id().as_uuid().into()]).await;
    assert_eq!(sum, 901);
    // Another organization has room of its own.
    assert_eq!(db.queries.space_used(&there.scope).await.unwrap(), 0);
    save(&there, &file(&there, MediaType::Png, 1000), 1000).await.unwrap();
}

async fn folders_of_assets_are_known(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let saved = asset(&here, MediaType::Png).await;
    let hidden = asset(&here, MediaType::Png).await.archive(db.clock.now()).unwrap();
    here.in_unit(async |tx| tx.media_assets().save(&hidden).await).await;
    let folders = [saved.file.storage_path.clone(), "otra/carpeta".to_owned(), hidden.state().file.storage_path.clone()];
    let mut known = db.queries.known_folders(&here.scope, &folders).await.unwrap();
    known.sort();
    let mut expected = vec![folders[0].clone(), folders[2].clone()];
    expected.sort();
    assert_eq!(known, expected);
    assert!(db.queries.known_folders(&there.scope, &folders).await.unwrap().is_empty());
    assert!(db.queries.known_folders(&here.scope, &[]).await.unwrap().is_empty());
}

/// An asset that everybody may see.
pub(super) async fn published(here: &Tenant, media_type: MediaType) -> MediaAsset {
    let published = asset(here, media_type).await.transition(MediaStatus::Published, here.db.clock.now()).unwrap();
    here.in_unit(async |tx| tx.media_assets().save(&published).await).await;
    published.into_state()
}

/// Uses an asset with something, in a place.
pub(super) async fn link(here: &Tenant, asset: &MediaAsset, usage: MediaUse, position: u32) -> MediaAsset {
    let linked = asset.link(MediaLink { id: here.db.id(), usage, position }, here.db.clock.now());
    here.in_unit(async |tx| tx.media_assets().save(&linked).await).await;
    linked.into_state()
}

async fn the_picture_that_stands_for_a_thing_is_the_first_that_everybody_may_see(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let courses = [here.course("a").await, here.course("b").await, here.course("c").await].map(|course| RecordId::from_uuid(course.id().as_uuid()));
    let cover = |entity_type, entity_id| MediaUse { entity_type, entity_id, role: MediaRole::Cover };
    let (draft, hidden, document) =
        (asset(&here, MediaType::Png).await, published(&here, MediaType::Png).await, published(&here, MediaType::Pdf).await);
    let hidden = hidden.archive(db.clock.now()).unwrap();
    here.in_unit(async |tx| tx.media_assets().save(&hidden).await).await;
    let (second, first) = (published(&here, MediaType::Png).await, published(&here, MediaType::Webp).await);
    for (position, asset) in [(0, &draft), (1, hidden.state()), (2, &document)] {
        link(&here, asset, cover(EntityType::Course, courses[0]), position).await;
    }
    let second = link(&here, &second, cover(EntityType::Course, courses[0]), 4).await;
    let second = link(&here, &second, cover(EntityType::Course, courses[1]), 0).await;
    let first = link(&here, &first, cover(EntityType::Course, courses[0]), 3).await;
    let first = link(&here, &first, MediaUse { role: MediaRole::Gallery, ..cover(EntityType::Course, courses[2]) }, 0).await;
    let first = link(&here, &first, cover(EntityType::Campus, courses[2]), 0).await;
    let of = async |tenant: &Tenant, entity_type, ids: &[RecordId]| {
        let mut found = db.queries.covers(&tenant.scope, entity_type, ids).await.unwrap();
        found.sort_by_key(|(of, _)| *of);
        found
    };
    let mut expected = vec![(courses[0], first.clone()), (courses[1], second.clone())];
    expected.sort_by_key(|(of, _)| *of);
    assert_eq!(of(&here, EntityType::Course, &courses).await, expected);
    assert_eq!(of(&here, EntityType::Course, &courses[1..]).await, [(courses[1], second.clone())]);
    assert_eq!(of(&there, EntityType::Course, &courses).await, []);
    assert_eq!(of(&here, EntityType::Course, &[]).await, []);

    // A post says itself which one stands for it; as long as nobody may see that, its links do.
    let author = here.user("autora@example.es", Role::Marketing).await.id;
    for (slug, image, linked, expected) in [
        ("dice", Some(&first), true, Some(&first)),
        ("calla", None, true, Some(&second)),
        ("espera", Some(&draft), true, Some(&second)),
        ("solo", Some(&draft), false, None),
    ] {
        let post = here.blog_post(author, slug, json!({"featured_image_id": image.map(|image| image.id.to_string())})).await;
        let id = RecordId::from_uuid(post.id().as_uuid());
        if linked {
            let now = here.in_unit(async |tx| tx.media_assets().find(second.id).await).await.unwrap();
            link(&here, &now, cover(EntityType::BlogPost, id), 0).await;
        }
        let found = of(&here, EntityType::BlogPost, &[id]).await;
        assert_eq!(
            found.iter().map(|(_, asset)| asset.id).collect::<Vec<_>>(),
            expected.map(|asset| asset.id).into_iter().collect::<Vec<_>>(),
            "{slug}"
        );
        assert_eq!(of(&there, EntityType::BlogPost, &[id]).await, []);
    }
}

async fn what_stands_beside_the_cover_comes_by_its_place(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let course = RecordId::from_uuid(here.course("a").await.id().as_uuid());
    let usage = |role| MediaUse { entity_type: EntityType::Course, entity_id: course, role };
    let (cover, draft) = (published(&here, MediaType::Png).await, asset(&here, MediaType::Png).await);
    link(&here, &cover, usage(MediaRole::Cover), 0).await;
    link(&here, &draft, usage(MediaRole::Gallery), 0).await;
    let mut expected = Vec::new();
    for (n, (media_type, role)) in
        [(MediaType::Pdf, MediaRole::Attachment), (MediaType::Png, MediaRole::Gallery), (MediaType::Mp4, MediaRole::Gallery)].into_iter().enumerate()
    {
        let asset = published(&here, media_type).await;
        expected.insert(0, (role, link(&here, &asset, usage(role), u32::try_from(9 - n).unwrap()).await));
    }
    let beside = async |tenant: &Tenant, most| db.queries.beside_cover(&tenant.scope, EntityType::Course, course, most).await.unwrap();
    assert_eq!(beside(&here, 9).await, expected);
    assert_eq!(beside(&here, 2).await, expected[..2]);
    assert_eq!(beside(&there, 9).await, []);
}
