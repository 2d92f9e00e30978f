//! Posts and media, for staff and for everybody. (Questions and answers are records.)

mod blog_posts;
mod faqs;
mod media;
pub(crate) mod public;

use actix_web::http::StatusCode;
use matricula_application::publishing::PublishingError;
use matricula_domain::publishing::BlogPostError;
use matricula_domain::shared::Fault;
use matricula_ports::PortError;
use serde_json::{Map, Value as Json};

use crate::error::Coded;
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    let mut routes = blog_posts::routes();
    routes.extend([
        Route::get("/public/{organization}/blog-posts", "listPublishedBlogPosts", "publishing", public::list)
            .says("Published posts without their contents, newest first.")
            .asks::<public::PublicBlogPostsQuery>()
            .gives_page_of::<public::PublicBlogPostItem>(),
        Route::get("/public/{organization}/blog-posts/{slug}", "getPublishedBlogPost", "publishing", public::get)
            .says("One published post, with what search engines are told of it.")
            .gives::<public::PublicBlogPostView>(200)
            .may_have_moved(),
        Route::get("/public/{organization}/faqs", "listPublishedFaqs", "publishing", faqs::list)
            .says("Questions that are often asked, with their answers, in their order.")
            .asks::<faqs::PublicFaqsQuery>()
            .gives_page_of::<faqs::PublicFaqView>(),
    ]);
    routes.extend(media::routes());
    routes
}

impl Coded for PublishingError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::AlreadySo => (StatusCode::CONFLICT, "ALREADY_SO"),
            Self::BlogPost(BlogPostError::NotReady(_)) => (StatusCode::CONFLICT, "BLOG_POST_NOT_READY"),
            Self::BlogPost(BlogPostError::InvalidTransition { .. }) => (StatusCode::CONFLICT, "INVALID_TRANSITION"),
            Self::BlogPost(BlogPostError::Invalid(faults)) | Self::Invalid(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) | Self::BlogPost(BlogPostError::NotReady(faults) | BlogPostError::Invalid(faults)) => &faults.0,
            _ => &[],
        }
    }
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
    fn hints(&self) -> Map<String, Json> {
        match self {
            Self::BlogPost(BlogPostError::InvalidTransition { possible, .. }) => crate::error::possible(possible),
            _ => Map::new(),
        }
    }
}
