//! The domain's values as JSON, and back. The domain itself knows no JSON library.

use matricula_domain::shared::Value;
use serde_json::Value as Json;

/// A value as JSON.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(yes) => (*yes).into(),
        Value::Int(number) => (*number).into(),
        Value::Decimal(text) => serde_json::from_str(text).unwrap_or(Json::Null),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(fields) => Json::Object(fields.iter().map(|(name, value)| (name.clone(), to_json(value))).collect()),
        Value::Text(text) => text.as_str().into(),
        Value::Id(id) => id.to_string().into(),
        Value::Date(date) => date.to_string().into(),
        Value::Instant(at) => at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true).into(),
    }
}

/// JSON as a value. Ids, dates and moments stay texts: the field that reads them knows what they are.
pub fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(yes),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Decimal(number.to_string()), Value::Int),
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        Json::Object(fields) => Value::Map(fields.into_iter().map(|(name, item)| (name, from_json(item))).collect()),
    }
}
