//! A table's items as plain JSON, one a line, in order of their keys.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_aws::dynamodb::{KEY, item_bytes};
use serde::Serialize;
use serde_json::Value;

use crate::error::Error;

/// Sizes of a table's items in bytes, as DynamoDB counts them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct ItemBytes {
    pub(crate) median: usize,
    pub(crate) largest: usize,
}

impl ItemBytes {
    fn of(mut sizes: Vec<usize>) -> Self {
        sizes.sort_unstable();
        let at = |index: usize| sizes.get(index).copied().unwrap_or_default();
        Self { median: at(sizes.len() / 2), largest: sizes.last().copied().unwrap_or_default() }
    }
}

/// Every item of a table, in order of the keys, and how large they are.
pub(crate) async fn read(client: &Client, table: &str) -> Result<(Vec<Value>, ItemBytes), Error> {
    let mut items: Vec<Value> = Vec::new();
    let mut sizes = Vec::new();
    let mut next: Option<HashMap<String, AttributeValue>> = None;
    loop {
        let scan = client.scan().table_name(table).set_exclusive_start_key(next.take());
        let page = scan.send().await.map_err(Error::service("Scan"))?;
        next = page.last_evaluated_key;
        for item in page.items.unwrap_or_default() {
            sizes.push(item_bytes(&item));
            items.push(plain(AttributeValue::M(item)));
        }
        if next.is_none() {
            break;
        }
    }
    items.sort_by(|item, other| item[KEY].as_str().cmp(&other[KEY].as_str()));
    Ok((items, ItemBytes::of(sizes)))
}

/// Writes items to `tables/<table>.jsonl` below `out`.
pub(crate) fn write(out: &Path, table: &str, items: &[Value]) -> Result<(), Error> {
    let path = out.join("tables").join(format!("{table}.jsonl"));
    let file = std::fs::File::create(&path).map_err(Error::output(&path))?;
    let mut file = BufWriter::new(file);
    for item in items {
        writeln!(file, "{item}").map_err(Error::output(&path))?;
    }
    file.flush().map_err(Error::output(&path))
}

/// Numbers stay numbers, binary becomes base64 text.
fn plain(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        AttributeValue::Bool(value) => Value::Bool(value),
        AttributeValue::B(bytes) => Value::String(STANDARD.encode(bytes.into_inner())),
        AttributeValue::L(values) => Value::Array(values.into_iter().map(plain).collect()),
        AttributeValue::M(values) => {
            let mut values: Vec<_> = values.into_iter().collect();
            values.sort_by(|(name, _), (other, _)| name.cmp(other));
            Value::Object(values.into_iter().map(|(name, value)| (name, plain(value))).collect())
        }
        _ => Value::Null,
    }
}
