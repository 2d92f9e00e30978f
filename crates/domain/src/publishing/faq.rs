use crate::shared::{Flag, Html, Line};

crate::choice! {
    /// What a question is about (seed 0, `faqs.category`).
    pub enum FaqCategory {
        /// The provider.
        General = "general",
        /// How to enroll.
        Enrollment = "enrollment",
        /// What is needed to follow a course.
        Technical = "technical",
        /// Prices, payment, grants.
        Financial = "financial",
    }
}

crate::record! {
    /// A question that is often asked, with its answer.
    pub struct Faq in "publishing" as "faq" / "faqs" unique [] order "order_display" filter ["category", "is_published"] {
        /// What is asked.
        question: Line<300>,
        /// What is answered: text or simple HTML.
        answer: Html<10000>,
        /// What it is about.
        category: FaqCategory,
        /// Where it stands in lists.
        order_display: i32,
        /// Whether everybody sees it.
        is_published: Flag,
    }
}
