//! Valid records of every kind, made from nothing but their declarations.

use std::collections::BTreeMap;

use matricula_domain::shared::{Fields, Kind, Noun, RecordSchema, Value};
use matricula_ports::json::to_json;
use serde_json::Value as Json;
use uuid::Uuid;

/// The kind of record whose table is called so.
pub fn kind(many: &str) -> &'static RecordSchema {
    let kind = matricula_web::kinds().into_iter().find(|kind| kind.schema.noun.many == many);
    kind.unwrap_or_else(|| panic!("no records are called {many}")).schema
}

/// How much of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What it needs.
    Least,
    /// Every field.
    Whole,
}

/// The fields of a kind that refer to records, with the kind that each refers to.
pub fn references(schema: &RecordSchema, extent: Extent) -> Vec<(&'static str, &'static Noun)> {
    let fields = schema.fields.iter().filter(|field| field.required || extent == Extent::Whole);
    fields.filter_map(|field| if let Kind::IdOf(noun) = field.kind { Some((field.name, noun)) } else { None }).collect()
}

/// A record of a kind with a word of its own in every text that takes one, referring to these. What no rule lets through is left out.
pub fn example(schema: &RecordSchema, extent: Extent, word: &str, referred: &BTreeMap<&str, Uuid>) -> Fields {
    let mut example = Fields::new();
    for field in schema.fields.iter().filter(|field| field.required || extent == Extent::Whole) {
        let fits = |value: &Value| fits(schema, field.name, value);
        let candidates = match referred.get(field.name) {
            Some(id) => vec![Value::Id(*id)],
            None => candidates(&field.kind, word),
        };
        if let Some(value) = candidates.into_iter().find(fits) {
            example.push((field.name.to_owned(), value));
        }
    }
    example
}

/// Such a record as JSON.
pub fn example_json(schema: &RecordSchema, extent: Extent, word: &str, referred: &BTreeMap<&str, Uuid>) -> Json {
    to_json(&Value::Map(example(schema, extent, word, referred)))
}

/// Whether the declaration accepts a value in a field.
fn fits(schema: &RecordSchema, name: &str, value: &Value) -> bool {
    let read = (schema.read)(&Value::Map(vec![(name.to_owned(), value.clone())]));
    let pointer = format!("/{name}");
    read.err().is_none_or(|faults| faults.0.iter().all(|fault| fault.pointer != pointer && !fault.pointer.starts_with(&format!("{pointer}/"))))
}

/// What might be a value of a kind; the declaration says which one is.
fn candidates(kind: &Kind, word: &str) -> Vec<Value> {
    let texts = |texts: &[&str]| texts.iter().map(|text| Value::from(*text)).collect();
    match kind {
        Kind::Text { .. } => {
            texts(&[word, "ana@example.es", "+34600111222", "https://example.es/a", "Europe/Madrid", "EUR", "ES", "es", "09:00", "17:00"])
        }
        Kind::Choice(words) => texts(&words[..1]),
        Kind::Integer { min, max } => vec![Value::Int(1.clamp(*min, *max))],
        Kind::Boolean => vec![Value::Bool(true)],
        Kind::Date => texts(&["2026-03-01"]),
        Kind::Instant => texts(&["2026-03-01T10:00:00.000000Z"]),
        Kind::Id | Kind::IdOf(_) => Vec::new(),
        Kind::Money => vec![Value::Map(vec![("amount".to_owned(), Value::Int(1)), ("currency".to_owned(), "EUR".into())])],
        Kind::List(of, _) => candidates(of, word).into_iter().map(|item| Value::List(vec![item])).collect(),
        Kind::Form(fields) => {
            let fields: Vec<_> = fields.iter().map(|field| (field.name.to_owned(), candidates(&field.kind, word))).collect();
            let most = fields.iter().map(|(_, candidates)| candidates.len()).max().unwrap_or_default();
            // Fields that stand beside each other take candidates that do, so that something can come before something else.
            let nth = |n: usize| {
                let some = fields.iter().enumerate().filter(|(_, (_, candidates))| !candidates.is_empty());
                some.map(|(place, (name, candidates))| (name.clone(), candidates[(n + place) % candidates.len()].clone())).collect()
            };
            (0..most).map(|n| Value::Map(nth(n))).collect()
        }
        Kind::Object(_) => vec![Value::Map(vec![("a".to_owned(), Value::Int(1))])],
    }
}
