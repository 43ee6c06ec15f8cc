//! Items in DynamoDB's JSON, and as a table keeps them.

use serde_json::{Map, Value};

/// An item in DynamoDB's JSON: attributes by name, each with its type.
pub type Item = Map<String, Value>;

/// An item as a table keeps it. Its text takes a tenth of the memory of its tree, and a million keys are to fit.
#[derive(Debug)]
pub(super) struct Stored {
    text: Box<str>,
    /// What it counts for in capacity units and limits: DynamoDB counts names and values, and so does this.
    pub(super) bytes: usize,
}

impl Stored {
    /// Keeps an item.
    pub(super) fn new(item: Item) -> Self {
        let bytes = item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum();
        Self { text: Value::Object(item).to_string().into(), bytes }
    }

    /// The item.
    pub(super) fn item(&self) -> Item {
        // What was written as an item is one.
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// Bytes of a value, near enough.
fn value_bytes(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|typed| typed.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("N", Value::String(text)) => text.len().div_ceil(2) + 1,
        ("B", Value::String(text)) => text.len() / 4 * 3,
        (_, Value::String(text)) => text.len(),
        ("L", Value::Array(values)) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        ("M", Value::Object(values)) => {
            3 + values.iter().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>()
        }
        _ => 1,
    }
}
