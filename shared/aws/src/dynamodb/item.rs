//! A stored state as a DynamoDB item, and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use millrace_domain::Ledger;
use millrace_domain::fold::KeyState;
use millrace_domain::ledger::LedgerUnreadable;
use millrace_lambda::ports::{Read, Stored, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The table's partition key.
pub const KEY: &str = "key";
/// The attribute that every write is conditional on.
pub const VERSION: &str = "version";
/// The attribute that says which format the state's attributes have.
pub const FORMAT: &str = "format";
/// The attribute that proves what was applied.
pub const LEDGER: &str = "ledger";

/// The attributes of a write, but for the key.
pub(super) fn attributes<S: KeyState + Serialize>(write: &Write<'_, S>) -> Result<Item, serde_dynamo::Error> {
    let mut item: Item = serde_dynamo::to_item(write.state)?;
    item.insert(VERSION.to_owned(), AttributeValue::N(write.version.to_string()));
    item.insert(FORMAT.to_owned(), AttributeValue::N(S::FORMAT.to_string()));
    item.insert(LEDGER.to_owned(), AttributeValue::B(Blob::new(write.ledger.pack())));
    Ok(item)
}

/// What an item says.
pub(super) fn read<S: KeyState + DeserializeOwned>(mut item: Item) -> Read<S> {
    let Some(version) = number(&mut item, VERSION) else {
        return Read::Corrupt(format!("{VERSION} is no whole number"));
    };
    match number(&mut item, FORMAT) {
        None | Some(0) => return Read::Corrupt(format!("{FORMAT} is no whole number from 1")),
        // It may have attributes that this release does not know, and would leave behind.
        Some(format) if format > u64::from(S::READS_FORMAT) => {
            let reads = S::READS_FORMAT;
            tracing::error!(format, reads, "an item was written by a newer release");
            return Read::Unavailable;
        }
        Some(_) => {}
    }
    let ledger = match item.remove(LEDGER) {
        Some(AttributeValue::B(bytes)) => Ledger::unpack(bytes.as_ref()),
        _ => return Read::Corrupt(format!("{LEDGER} is no binary attribute")),
    };
    let ledger = match ledger {
        Ok(ledger) => ledger,
        Err(error @ LedgerUnreadable::Newer { .. }) => {
            tracing::error!(%error, "an item was written by a newer release");
            return Read::Unavailable;
        }
        Err(error @ LedgerUnreadable::Corrupt { .. }) => return Read::Corrupt(error.to_string()),
    };
    match serde_dynamo::from_item(item) {
        Ok(state) => Read::Found(Stored { version, ledger, state }),
        Err(error) => Read::Corrupt(error.to_string()),
    }
}

pub(super) fn number(item: &mut Item, name: &str) -> Option<u64> {
    match item.remove(name) {
        Some(AttributeValue::N(text)) => text.parse().ok(),
        _ => None,
    }
}

/// Bytes of an item as DynamoDB counts them: names and values.
pub fn item_bytes(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + size_bytes(value)).sum()
}

/// Bytes of an attribute as DynamoDB counts them. A number takes about a byte for two digits, and one more.
pub(super) fn size_bytes(value: &AttributeValue) -> usize {
    const OVERHEAD_BYTES: usize = 3;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(text) => text.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(values) => {
            OVERHEAD_BYTES + values.iter().map(|value| 1 + size_bytes(value)).sum::<usize>()
        }
        AttributeValue::M(values) => {
            OVERHEAD_BYTES
                + values.iter().map(|(name, value)| 1 + name.len() + size_bytes(value)).sum::<usize>()
        }
        _ => OVERHEAD_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use millrace_domain::fraud::FraudState;
    use millrace_domain::session::SessionState;
    use millrace_domain::stock::StockState;

    use super::*;

    fn item() -> Item {
        let state = SessionState::default();
        let write = Write { key: "u", expected: None, version: 7, ledger: &Ledger::default(), state: &state };
        attributes(&write).unwrap()
    }

    #[test]
    fn writing_and_reading_are_inverse() {
        let stored = Stored { version: 7, ledger: Ledger::default(), state: SessionState::default() };
        assert_eq!(read(item()), Read::Found(stored));
    }

    #[test]
    fn integers_of_128_bits_keep_all_their_digits() {
        let sums = |digits: &str| {
            AttributeValue::M(HashMap::from([
                ("orders".to_owned(), AttributeValue::N("7".to_owned())),
                ("sum_minor".to_owned(), AttributeValue::N(i64::MAX.to_string())),
                ("sum_of_squares_minor".to_owned(), AttributeValue::S(digits.to_owned())),
            ]))
        };
        let amount = AttributeValue::M(HashMap::from([("GBP".to_owned(), sums(&i128::MAX.to_string()))]));
        let mut stored = item();
        stored.insert("amount".to_owned(), amount.clone());
        let Read::Found(Stored { state, ledger, version }) = read::<FraudState>(stored) else { panic!() };
        let write = Write { key: "u", expected: None, version, ledger: &ledger, state: &state };
        assert_eq!(attributes(&write).unwrap().remove("amount"), Some(amount));
    }

    #[test]
    fn packed_moves_are_a_binary_attribute() {
        let recent = serde_json::json!([1, 1, 5, 4]);
        let state: StockState = serde_json::from_value(
            serde_json::json!({"recent_moves": recent, "counted": {"at_ms": 4, "id": "c", "on_hand": 9}}),
        )
        .unwrap();
        let write =
            Write { key: "s#a", expected: None, version: 7, ledger: &Ledger::default(), state: &state };
        let item = attributes(&write).unwrap();
        assert_eq!(item["recent_moves"], AttributeValue::B(Blob::new([1, 1, 5, 4])));
        assert_eq!(item["on_hand"], AttributeValue::N("11".to_owned()));
        assert_eq!(read(item), Read::Found(Stored { version: 7, ledger: Ledger::default(), state }));
    }

    #[test]
    fn an_item_that_cannot_be_understood_names_the_attribute() {
        let without = |name: &str| {
            let mut item = item();
            item.remove(name);
            read::<SessionState>(item)
        };
        assert!(matches!(without(VERSION), Read::Corrupt(why) if why.contains("version")));
        assert!(matches!(without(FORMAT), Read::Corrupt(why) if why.contains("format")));
        assert!(matches!(without(LEDGER), Read::Corrupt(why) if why.contains("ledger")));
        assert!(matches!(without("lifetime"), Read::Corrupt(why) if why.contains("lifetime")));
    }

    #[test]
    fn an_item_of_a_newer_format_is_left_alone() {
        let mut item = item();
        item.insert(LEDGER.to_owned(), AttributeValue::B(Blob::new([9])));
        assert_eq!(read::<SessionState>(item), Read::Unavailable);
        let mut item = self::item();
        item.insert(FORMAT.to_owned(), AttributeValue::N((SessionState::FORMAT + 1).to_string()));
        // Whatever else it holds.
        item.remove("lifetime");
        assert_eq!(read::<SessionState>(item), Read::Unavailable);
    }
}
