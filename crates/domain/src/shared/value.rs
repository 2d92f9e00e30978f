use chrono::SecondsFormat;
use uuid::Uuid;

use super::time::{Instant, LocalDate};

/// A value that can be stored, audited and shown, without knowing where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing there.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction, as its JSON text. No rule uses one; free-form objects may hold them.
    Decimal(String),
    /// Text.
    Text(String),
    /// An id.
    Id(Uuid),
    /// A day of legal effect.
    Date(LocalDate),
    /// A moment.
    Instant(Instant),
    /// Several.
    List(Vec<Value>),
    /// Named values, in the order in which they were written.
    Map(Fields),
}

/// Named values.
pub type Fields = Vec<(String, Value)>;

impl Value {
    /// The value of a field of a map; `Null` where there is none.
    pub fn get(&self, name: &str) -> &Value {
        match self {
            Value::Map(fields) => fields.iter().find(|(key, _)| key == name).map_or(&Value::Null, |(_, value)| value),
            _ => &Value::Null,
        }
    }

    /// The names in a map.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let fields: &[_] = if let Value::Map(fields) = self { fields } else { &[] };
        fields.iter().map(|(name, _)| name.as_str())
    }

    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text inside, where it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// This map with the fields of another laid over it: a field that is there replaces, `Null` clears (RFC 7396, one level).
    #[must_use]
    pub fn merged(self, patch: &Value) -> Value {
        let (Value::Map(mut fields), Value::Map(changes)) = (self, patch) else { return patch.clone() };
        for (name, value) in changes {
            match fields.iter_mut().find(|(key, _)| key == name) {
                Some((_, old)) => *old = value.clone(),
                None => fields.push((name.clone(), value.clone())),
            }
        }
        Value::Map(fields)
    }

    /// A canonical text: the same value always gives the same bytes (JSON with sorted keys, as in RFC 8785).
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
            Value::Int(number) => out.push_str(&number.to_string()),
            Value::Decimal(number) => out.push_str(number),
            Value::Text(text) => quote(text, out),
            Value::Id(id) => quote(&id.to_string(), out),
            Value::Date(date) => quote(&date.to_string(), out),
            Value::Instant(at) => quote(&at.to_rfc3339_opts(SecondsFormat::Micros, true), out),
            Value::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Value::Map(fields) => {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                out.push('{');
                for (n, (name, value)) in sorted.into_iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    quote(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn quote(text: &str, out: &mut String) {
    use std::fmt::Write;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_canonical_text_does_not_depend_on_the_order_of_fields() {
        let one = Value::Map(vec![("b".into(), Value::Int(1)), ("a".into(), "x\n\"".into())]);
        let two = Value::Map(vec![("a".into(), "x\n\"".into()), ("b".into(), Value::Int(1))]);
        assert_eq!(one.canonical(), two.canonical());
        assert_eq!(one.canonical(), r#"{"a":"x\n\"","b":1}"#);
    }

    #[test]
    fn a_patch_replaces_what_it_names_and_clears_with_null() {
        let old = Value::Map(vec![("a".into(), Value::Int(1)), ("b".into(), Value::Int(2))]);
        let new = old.merged(&Value::Map(vec![("b".into(), Value::Null), ("c".into(), Value::Int(3))]));
        assert_eq!(new.canonical(), r#"{"a":1,"b":null,"c":3}"#);
    }
}
