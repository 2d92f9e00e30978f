//! The words that every context uses.

mod change;
mod fault;
mod field;
mod form;
mod html;
mod id;
mod language;
mod money;
mod record;
mod search;
mod text;
mod time;
mod value;
mod words;

pub use change::{Aggregate, Change, Changed, Fact, Noun};
pub(crate) use change::{archivable, kept_as};
pub use fault::{Fault, Faults};
pub use field::{Field, FieldSchema, Flag, Kind, Object};
pub use form::{Form, Input};
pub use html::Html;
pub use id::{Id, SubjectRef};
pub use language::Language;
pub use money::{Currency, Money};
pub use record::{IdOf, Lifecycle, Record, RecordFact, RecordId, RecordRefusal, RecordSchema, RecordVerb, Stored};
pub use search::{Found, IndexedWords, Search, SearchedTexts, Sought};
pub use text::{Code, EmailAddress, Line, PhoneNumber, Prose, Slug, WebAddress, normalize_email};
pub use time::{Instant, LocalDate, LocalTime, TimeZone, Weekday, days_later};
pub use value::{Fields, Value};
pub use words::{forms, is_stop_word, similarity, trigrams, words};
