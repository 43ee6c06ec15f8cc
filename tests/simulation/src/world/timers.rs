//! The table of timers: partition and sort key, as `close` and `sessions` use it.

use std::collections::BTreeMap;

use millrace_domain::timer::Minute;
use serde_json::{Map, Value, json};

use super::Item;

/// Partition and sort key.
type Keys = (String, String);

/// Timers and the cursor.
#[derive(Debug)]
pub struct Timers {
    items: BTreeMap<Keys, Item>,
}

/// Most items of a page: small, so that pages follow one another.
const PAGE_LIMIT: usize = 3;
const BATCH_LIMIT: usize = 25;
const CURSOR: &str = "cursor";

impl Timers {
    /// No timers, and a cursor at this minute: `close` has run before anything was set.
    pub fn taken_until(minute: Minute) -> Self {
        let item = json!({"time_bucket": {"S": CURSOR}, "timer": {"S": CURSOR}, "minute": {"S": minute.to_string()}});
        let item = item.as_object().cloned().unwrap_or_default();
        Self { items: BTreeMap::from([((CURSOR.to_owned(), CURSOR.to_owned()), item)]) }
    }

    /// The timers that are set: time bucket and sort key.
    pub fn set(&self) -> impl Iterator<Item = &Keys> {
        self.items.keys().filter(|(time_bucket, _)| time_bucket != CURSOR)
    }

    /// Whether a time bucket holds nothing.
    pub fn is_empty(&self, time_bucket: &str) -> bool {
        let from = (time_bucket.to_owned(), String::new());
        self.items.range(from..).next().is_none_or(|((found, _), _)| found != time_bucket)
    }

    /// Takes timers away for good, as a hand at the console would: every one of `nth`, counted from the first.
    pub fn lose(&mut self, nth: usize) -> Vec<String> {
        let lost: Vec<Keys> = self.set().step_by(nth.max(1)).cloned().collect();
        lost.iter().for_each(|keys| drop(self.items.remove(keys)));
        lost.into_iter().map(|(_, timer)| timer).collect()
    }

    /// Answers `BatchWriteItem`.
    ///
    /// # Errors
    /// When the request as a whole is none that the service takes.
    pub fn batch_write(&mut self, table: &str, request: &Value) -> Result<Value, &'static str> {
        let writes = request["RequestItems"][table].as_array().map(Vec::as_slice).unwrap_or_default();
        let change = |write: &Value| match (&write["PutRequest"]["Item"], &write["DeleteRequest"]["Key"]) {
            (Value::Object(item), _) => Some((keys_of(item)?, Some(item.clone()))),
            (_, Value::Object(key)) => Some((keys_of(key)?, None)),
            _ => None,
        };
        let changes: Option<Vec<_>> = writes.iter().map(change).collect();
        let changes = changes.filter(|changes| (1..=BATCH_LIMIT).contains(&changes.len()));
        let changes = changes.ok_or("ValidationException")?;
        let distinct: BTreeMap<_, _> = changes.iter().cloned().collect();
        if distinct.len() < changes.len() {
            return Err("ValidationException");
        }
        for (keys, item) in changes {
            match item {
                Some(item) => self.items.insert(keys, item),
                None => self.items.remove(&keys),
            };
        }
        Ok(json!({"UnprocessedItems": {}}))
    }

    /// Answers a `Query` for the timers of a time bucket below a sort key.
    pub fn query(&self, request: &Value) -> Value {
        let value = |name: &str| request["ExpressionAttributeValues"][name]["S"].as_str().unwrap_or_default();
        let (time_bucket, beyond) = (value(":time_bucket"), value(":beyond"));
        let after = request["ExclusiveStartKey"]["timer"]["S"].as_str().unwrap_or_default();
        let from = (time_bucket.to_owned(), after.to_owned());
        let behind = self.items.range(from.clone()..).filter(|(keys, _)| **keys != from);
        let mut found =
            behind.take_while(|((found, timer), _)| found == time_bucket && timer.as_str() < beyond);
        let limit = request["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok());
        let page: Vec<_> = found.by_ref().take(limit.unwrap_or(PAGE_LIMIT).min(PAGE_LIMIT)).collect();
        let items: Vec<_> = page.iter().map(|(_, item)| (*item).clone()).collect();
        let mut answer = json!({"Items": items, "Count": items.len()});
        if let (Some(((time_bucket, timer), _)), Some(_)) = (page.last(), found.next()) {
            answer["LastEvaluatedKey"] = json!({"time_bucket": {"S": time_bucket}, "timer": {"S": timer}});
        }
        answer
    }

    /// Answers `GetItem`.
    pub fn get(&self, request: &Value) -> Value {
        let item = request["Key"].as_object().and_then(keys_of).and_then(|keys| self.items.get(&keys));
        item.map_or_else(|| json!({}), |item| json!({"Item": item}))
    }

    /// Answers a `PutItem` that moves the cursor forward.
    ///
    /// # Errors
    /// When it is as far already, or the request is another one.
    pub fn put(&mut self, request: &Value) -> Result<Value, &'static str> {
        let condition = request["ConditionExpression"].as_str();
        let item = request["Item"].as_object().ok_or("ValidationException")?;
        let keys = keys_of(item).ok_or("ValidationException")?;
        if condition != Some("attribute_not_exists(#minute) OR #minute < :minute") {
            return Err("ValidationException");
        }
        let minute =
            |item: &Item| item.get("minute").and_then(|minute| minute["S"].as_str()).map(str::to_owned);
        let (before, now) = (self.items.get(&keys).and_then(minute), minute(item));
        if before.is_some_and(|before| Some(before) >= now) {
            return Err("ConditionalCheckFailedException");
        }
        self.items.insert(keys, item.clone());
        Ok(json!({}))
    }
}

fn keys_of(item: &Map<String, Value>) -> Option<Keys> {
    let text = |name: &str| Some(item.get(name)?["S"].as_str()?.to_owned());
    Some((text("time_bucket")?, text("timer")?))
}
