//! What is published: blog posts, questions and answers, media.
//!
//! ```
//! use matricula_domain::publishing::Faq;
//! use matricula_domain::shared::{Form, Value};
//!
//! let fields = [("question", "¿Hay beca?".into()), ("answer", "<script>".into()), ("category", "financial".into()), ("order_display", Value::Int(1))];
//! let faults = Faq::read(&Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).into())).unwrap_err();
//! assert_eq!(faults.code(), "HTML_NOT_ALLOWED");
//! ```

mod blog_post;
mod error;
mod faq;
mod file_name;
mod media_asset;
mod media_link;
mod search;
mod youtube;

pub use blog_post::{BlogPost, BlogPostDetails, BlogPostFact, BlogPostId, BlogPostParts, BlogPostStatus};
pub use error::{BlogPostError, FileRefusal, MediaAssetError};
pub use faq::{Faq, FaqCategory};
pub use file_name::FileName;
pub use media_asset::{
    Dimensions, MediaAsset, MediaAssetFact, MediaAssetId, MediaDetails, MediaFile, MediaSpace, MediaStatus, MediaType, ThumbnailWidth,
};
pub use media_link::{EntityType, MediaLink, MediaLinkId, MediaRole, MediaUse, NewMediaLink};
pub use youtube::YoutubeVideoId;
