//! A table's items as plain JSON, one a line, in order of their keys.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use millrace_aws::dynamodb::{KEY, item_bytes};
use serde::Serialize;
use serde_json::Value;

use super::items;
use super::whole::write_whole;
use crate::error::Error;

/// How many items a table has, and their sizes in bytes, as DynamoDB counts them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct ItemBytes {
    pub(crate) items: usize,
    pub(crate) median: usize,
    pub(crate) largest: usize,
}

impl ItemBytes {
    fn of(mut sizes: Vec<usize>) -> Self {
        sizes.sort_unstable();
        let at = |index: usize| sizes.get(index).copied().unwrap_or_default();
        Self {
            items: sizes.len(),
            median: at(sizes.len() / 2),
            largest: sizes.last().copied().unwrap_or_default(),
        }
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
            items.push(items::plain(item).map_err(Error::output(table))?);
        }
        if next.is_none() {
            break;
        }
    }
    items.sort_by_cached_key(|item| {
        [KEY, "sku", "time_bucket", "timer"].map(|name| item[name].as_str().map(str::to_owned))
    });
    Ok((items, ItemBytes::of(sizes)))
}

/// Writes items to `tables/<table>.jsonl` below `out`: the whole file, or the one that was there stays.
pub(crate) fn write(out: &Path, table: &str, items: &[Value]) -> Result<(), Error> {
    let lines: String = items.iter().map(|item| format!("{item}\n")).collect();
    write_whole(&file(out, table), lines.as_bytes())
}

/// Puts the items of `tables/<table>.jsonl` below `out` into the table; gives back how many.
pub(crate) async fn load(client: &Client, out: &Path, table: &str) -> Result<u64, Error> {
    let path = file(out, table);
    let unreadable = |why: String| Error::Input { path: path.clone(), why };
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    let mut loaded = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = |why: &dyn std::fmt::Display| unreadable(format!("line {number} is no item: {why}"));
        let plain: Value = serde_json::from_str(line).map_err(|error| wrong(&error))?;
        let item = items::item(plain).map_err(|error| wrong(&error))?;
        let put = client.put_item().table_name(table).set_item(Some(item));
        put.send().await.map_err(Error::service("PutItem"))?;
        loaded += 1;
    }
    Ok(loaded)
}

fn file(out: &Path, table: &str) -> PathBuf {
    out.join("tables").join(format!("{table}.jsonl"))
}
