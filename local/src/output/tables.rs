//! A table's items as plain JSON, one a line, in order of their keys.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_aws::dynamodb::KEY;
use serde_json::Value;

use crate::error::Error;

/// Every item of a table, in order of the keys.
pub(crate) async fn read(client: &Client, table: &str) -> Result<Vec<Value>, Error> {
    let mut items: Vec<Value> = Vec::new();
    let mut next: Option<HashMap<String, AttributeValue>> = None;
    loop {
        let scan = client.scan().table_name(table).set_exclusive_start_key(next.take());
        let page = scan.send().await.map_err(Error::service("Scan"))?;
        next = page.last_evaluated_key;
        items.extend(page.items.unwrap_or_default().into_iter().map(|item| plain(AttributeValue::M(item))));
        if next.is_none() {
            break;
        }
    }
    items.sort_by(|item, other| item[KEY].as_str().cmp(&other[KEY].as_str()));
    Ok(items)
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
