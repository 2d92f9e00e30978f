//! Media in pages: pictures in the widths that there are, and files to take along.

use std::collections::BTreeMap;

use matricula_domain::publishing::{EntityType, MediaAsset, MediaRole, ThumbnailWidth};
use matricula_domain::shared::{Id, RecordId};
use matricula_ports::PortError;

use super::Site;
use super::offers::Venue;
use crate::pictures::{covers, file_path, picture_address, thumbnail_path};

/// The pictures of campuses.
pub(super) type Places = BTreeMap<RecordId, MediaAsset>;

/// How much of a thing's media a page shows beside its cover.
const MOST_MEDIA: u16 = 50;

/// A picture, of which a browser takes the width that it needs.
pub(super) struct Picture {
    /// Its address for browsers that do not choose.
    pub src: String,
    /// Its addresses, each with its width.
    pub srcset: String,
    /// What it shows.
    pub alt: String,
    /// How wide it is. With the height it says how much room to leave, so that nothing moves when it comes.
    pub width: u32,
    /// How high it is.
    pub height: u32,
}

/// A file to take along.
pub(super) struct Attachment {
    /// Where it is.
    pub address: String,
    /// What it is, in words.
    pub text: String,
    /// How it is called.
    pub filename: String,
}

/// What a page shows of a thing beside its cover.
#[derive(Default)]
pub(super) struct Media {
    /// Pictures.
    pub gallery: Vec<Picture>,
    /// Everything else, which is not shown in place.
    pub attachments: Vec<Attachment>,
}

impl Site {
    /// A picture; `None` of what is none.
    pub(super) fn picture(&self, asset: &MediaAsset) -> Option<Picture> {
        let (organization, own) = (&self.call.visitor.organization().slug, asset.file.dimensions?);
        let narrower = asset.file.thumbnails().map(|width| (thumbnail_path(organization, asset, width), width.pixels()));
        let mut widths: Vec<_> = narrower.collect();
        // One that is wider than every page is not sent as it is.
        if own.width <= ThumbnailWidth::Large.pixels() {
            widths.push((file_path(organization, asset), own.width));
        }
        Some(Picture {
            src: thumbnail_path(organization, asset, ThumbnailWidth::Medium),
            srcset: widths.iter().map(|(path, width)| format!("{path} {width}w")).collect::<Vec<_>>().join(", "),
            alt: asset.details.alt_text.as_ref().map(ToString::to_string).unwrap_or_default(),
            width: own.width,
            height: own.height,
        })
    }

    /// The whole address of a picture.
    pub(super) fn picture_address(&self, asset: &MediaAsset) -> String {
        picture_address(&self.call, asset)
    }

    /// The pictures of campuses.
    pub(super) async fn places(&self, campuses: impl Iterator<Item = RecordId>) -> Result<Places, PortError> {
        covers(self.api(), self.scope(), EntityType::Campus, campuses).await
    }

    /// The picture of a campus, if there is one.
    pub(super) fn picture_of(&self, campus: &Venue, places: &Places) -> Option<Picture> {
        self.picture(places.get(&campus.id)?)
    }

    /// What everybody may see of a thing beside its cover.
    pub(super) async fn media(&self, entity_type: EntityType, of: impl Id) -> Result<Media, PortError> {
        let of = RecordId::from_uuid(of.as_uuid());
        let mut media = Media::default();
        for (role, asset) in self.api().media_queries.beside_cover(self.scope(), entity_type, of, MOST_MEDIA).await? {
            match self.picture(&asset).filter(|_| role == MediaRole::Gallery) {
                Some(picture) => media.gallery.push(picture),
                None => media.attachments.push(Attachment {
                    address: file_path(&self.call.visitor.organization().slug, &asset),
                    text: asset.details.alt_text.as_ref().map(ToString::to_string).unwrap_or_default(),
                    filename: asset.filename,
                }),
            }
        }
        Ok(media)
    }
}
