use actix_web::HttpRequest;
use matricula_domain::publishing::{Faq, FaqCategory};
use matricula_domain::shared::{Field, Id, Record, Stored, Value};
use matricula_ports::records::RecordFilter;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::Public;
use crate::input::Query;
use crate::page::{Limit, Listed, Place, page};

matricula_domain::form! {
    /// Which questions.
    pub struct PublicFaqsQuery {
        /// About this.
        category: Option<FaqCategory>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

/// A question that everybody sees, with its answer.
#[derive(Serialize, ToSchema)]
pub(super) struct PublicFaqView {
    id: Uuid,
    question: String,
    /// Text, or simple HTML without anything active.
    answer: String,
    /// general, enrollment, technical or financial.
    category: &'static str,
}

impl From<Stored<Faq>> for PublicFaqView {
    fn from(stored: Stored<Faq>) -> Self {
        let faq = stored.record();
        Self {
            id: stored.id().as_uuid(),
            question: faq.question.to_string(),
            answer: faq.answer.as_str().to_owned(),
            category: faq.category.as_str(),
        }
    }
}

pub(super) async fn list(call: Public, query: Query<PublicFaqsQuery>, request: HttpRequest) -> Answered {
    call.api.limits.public(call.ip())?;
    let query = query.0;
    let mut filter = RecordFilter { equal: vec![("is_published", Value::Bool(true))], archived: false };
    filter.equal.extend(query.category.map(|category| ("category", category.value())));
    let found = call.api.record_queries.list(call.visitor.scope(), &Faq::SCHEMA, &filter, &page(query.limit, query.cursor, None)).await?;
    let items = found.items.into_iter().map(|row| row.typed::<Faq>().map(PublicFaqView::from)).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer::list(&request, &Listed::of(matricula_ports::Slice { items, next: found.next })))
}
