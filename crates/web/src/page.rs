use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use matricula_domain::shared::{Fault, Field, Flag, Kind, Value};
use matricula_ports::json::from_json;
use matricula_ports::{Cursor, Order, Page, Slice};
use serde::Serialize;

/// How many items a page may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) u16);

impl Field for Limit {
    const KIND: Kind = Kind::Integer { min: 1, max: 100 };
    fn parse(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Int(number) => match u16::try_from(*number) {
                Ok(limit @ 1..=100) => Ok(Self(limit)),
                _ => Err(Fault::new("OUT_OF_RANGE", "must be between 1 and 100")),
            },
            _ => Err(Fault::wrong_type("a whole number")),
        }
    }
    fn value(&self) -> Value {
        Value::Int(self.0.into())
    }
}

/// The place where a page begins, as the page before gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) Cursor);

impl Field for Place {
    const KIND: Kind = Kind::Text { min: 1, max: 1000, pattern: Some("^[A-Za-z0-9_-]+$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let wrong = || Fault::rule("", "INVALID_CURSOR", "must be a cursor that a list gave");
        let text = value.as_text().filter(|text| text.len() <= 1000).ok_or_else(wrong)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        match serde_json::from_slice(&bytes).map(from_json) {
            Ok(Value::List(values)) if !values.is_empty() => Ok(Self(Cursor(values))),
            _ => Err(wrong()),
        }
    }
    fn value(&self) -> Value {
        Value::Text(encode(&self.0))
    }
}

matricula_domain::choice! {
    /// Which way a list runs.
    pub enum Sort {
        /// Newest first.
        NewestFirst = "-created_at",
        /// Oldest first.
        OldestFirst = "created_at",
    }
}

pub(crate) fn page(limit: Option<Limit>, cursor: Option<Place>, sort: Option<Sort>) -> Page {
    Page {
        limit: limit.map_or(50, |limit| limit.0),
        after: cursor.map(|place| place.0),
        order: if sort == Some(Sort::OldestFirst) { Order::Ascending } else { Order::Descending },
    }
}

pub(crate) fn encode(cursor: &Cursor) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Value::List(cursor.0.clone()).canonical())
}

/// A list as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_cursor: Option<String>,
}

impl<T> Listed<T> {
    pub(crate) fn of(slice: Slice<T>) -> Self {
        Self { items: slice.items, next_cursor: slice.next.as_ref().map(encode) }
    }
}

matricula_domain::form! {
    /// Which part of a list.
    pub struct PageQuery {
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

matricula_domain::form! {
    /// Which part of a list of things that can be hidden.
    pub struct ArchiveQuery {
        /// The archived ones instead of the others.
        archived: Flag,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

/// A limit for lists that have no pages: reports.
pub(crate) fn most(limit: Option<Limit>, usual: u16) -> u16 {
    limit.map_or(usual, |limit| limit.0)
}
