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

mod faq;

pub use faq::{Faq, FaqCategory};
