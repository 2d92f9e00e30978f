//! Posts and media, for staff and for everybody. (Questions and answers are records.)

mod faqs;

use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/public/{organization}/faqs", "listPublishedFaqs", "publishing", faqs::list)
            .says("Questions that are often asked, with their answers, in their order.")
            .asks::<faqs::PublicFaqsQuery>()
            .gives_page_of::<faqs::PublicFaqView>(),
    ]
}
