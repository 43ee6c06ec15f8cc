//! Items as the consumers' own code reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::world::Item;

/// An item as the consumer's own code reads it.
pub(super) fn read<T: DeserializeOwned>(item: &Item) -> Result<T, serde_json::Error> {
    let plain: Map<String, Value> = item.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    serde_json::from_value(Value::Object(plain))
}

/// DynamoDB's JSON without its types.
fn plain(typed: &Value) -> Value {
    let Some((kind, value)) = typed.as_object().and_then(|typed| typed.iter().next()) else {
        return Value::Null;
    };
    match (kind.as_str(), value) {
        ("N", Value::String(text)) => text.parse::<i64>().map(Value::from).unwrap_or_default(),
        ("L", Value::Array(values)) => values.iter().map(plain).collect(),
        ("M", Value::Object(values)) => {
            Value::Object(values.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        ("B", Value::String(text)) => STANDARD.decode(text).unwrap_or_default().into(),
        ("NULL", _) => Value::Null,
        (_, value) => value.clone(),
    }
}
