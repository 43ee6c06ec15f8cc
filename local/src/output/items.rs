//! Items as plain JSON and back, without loss.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value, json};

/// The name that binary stands under: `{"$binary": "<base64>"}`.
const BINARY: &str = "$binary";
/// The name of a number that JSON libraries would round: `{"$number": "<digits>"}`.
const NUMBER: &str = "$number";

/// Why an item cannot be written so that it could be read back, or is none that was written so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ItemError(String);

/// An item as JSON.
pub(super) fn plain(item: HashMap<String, AttributeValue>) -> Result<Value, ItemError> {
    plain_value(AttributeValue::M(item))
}

fn plain_value(value: AttributeValue) -> Result<Value, ItemError> {
    Ok(match value {
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(text) => match serde_json::from_str(&text) {
            Ok(Value::Number(number)) if is_exact(&number, &text) => Value::Number(number),
            _ => json!({ NUMBER: text }),
        },
        AttributeValue::Bool(value) => Value::Bool(value),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::B(bytes) => json!({ BINARY: STANDARD.encode(bytes.into_inner()) }),
        AttributeValue::L(values) => {
            values.into_iter().map(plain_value).collect::<Result<Vec<_>, _>>()?.into()
        }
        AttributeValue::M(values) => {
            let mut values: Vec<_> = values.into_iter().collect();
            values.sort_by(|(name, _), (other, _)| name.cmp(other));
            let values = values.into_iter().map(|(name, value)| Ok((name, plain_value(value)?)));
            let map = values.collect::<Result<Map<_, _>, _>>()?;
            match marked(&map) {
                Some((name, _)) => return Err(ItemError(format!("a map of nothing but {name} has no JSON"))),
                None => Value::Object(map),
            }
        }
        other => return Err(ItemError(format!("an attribute of this type has no JSON: {other:?}"))),
    })
}

fn is_exact(number: &Number, text: &str) -> bool {
    let written = number.to_string();
    written == text
}

/// An item from its JSON.
pub(super) fn item(plain: Value) -> Result<HashMap<String, AttributeValue>, ItemError> {
    match value(plain)? {
        AttributeValue::M(item) => Ok(item),
        _ => Err(ItemError("it is no JSON object".to_owned())),
    }
}

fn value(plain: Value) -> Result<AttributeValue, ItemError> {
    Ok(match plain {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(value).collect::<Result<_, _>>()?),
        Value::Object(map) => match marked(&map) {
            Some((BINARY, text)) => {
                let bytes = STANDARD.decode(text).map_err(|error| ItemError(format!("{BINARY}: {error}")))?;
                AttributeValue::B(Blob::new(bytes))
            }
            Some((_, digits)) => AttributeValue::N(digits.to_owned()),
            None => {
                let values = map.into_iter().map(|(name, plain)| Ok((name, value(plain)?)));
                AttributeValue::M(values.collect::<Result<_, _>>()?)
            }
        },
    })
}

/// The mark of a value that is not what it looks like, with its text.
fn marked(map: &Map<String, Value>) -> Option<(&'static str, &str)> {
    let mut entries = map.iter();
    let (Some((name, Value::String(text))), None) = (entries.next(), entries.next()) else { return None };
    let mark = [BINARY, NUMBER].into_iter().find(|mark| mark == name)?;
    Some((mark, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn map(name: &str, value: AttributeValue) -> AttributeValue {
        AttributeValue::M([(name.to_owned(), value)].into())
    }

    #[test]
    fn every_value_comes_back_as_it_was() {
        let binary = AttributeValue::B(Blob::new((0..=255).collect::<Vec<u8>>()));
        let values = [
            AttributeValue::S("text".to_owned()),
            AttributeValue::S(String::new()),
            AttributeValue::Bool(true),
            AttributeValue::Null(true),
            number("0"),
            number("-9223372036854775808"),
            number("18446744073709551615"),
            number("18446744073709551616"),
            number("0.1234567890123456789012345678901234567"),
            number("1E+30"),
            binary.clone(),
            AttributeValue::B(Blob::new(Vec::new())),
            AttributeValue::L(vec![binary, number("1")]),
            map("$binary", number("1")),
            map("sku", AttributeValue::S("$number".to_owned())),
        ];
        for value in values {
            let whole: HashMap<_, _> = [("key".to_owned(), value)].into();
            let text = plain(whole.clone()).unwrap().to_string();
            assert_eq!(item(serde_json::from_str(&text).unwrap()), Ok(whole), "{text}");
        }
    }

    #[test]
    fn what_would_not_come_back_is_refused() {
        let ambiguous = map("$binary", AttributeValue::S("text".to_owned()));
        for value in [ambiguous, AttributeValue::Ss(vec!["a".to_owned()])] {
            assert!(plain([("key".to_owned(), value)].into()).is_err());
        }
        assert!(item(json!({"ledger": {"$binary": "no base64!"}})).is_err());
        assert!(item(json!([1])).is_err());
    }
}
