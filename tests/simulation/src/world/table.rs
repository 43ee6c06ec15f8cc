//! A DynamoDB table: conditional writes, strong and eventually consistent reads, units, a limit of item size.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::journal::TableWrite;
use super::partiql::{Statement, parse};

/// An item in DynamoDB's JSON: attributes by name, each with its type.
pub type Item = Map<String, Value>;

/// How a table behaves.
#[derive(Clone, Copy, Debug)]
pub struct TableSettings {
    /// Largest item in bytes.
    pub item_limit_bytes: usize,
    /// How long after a change an eventually consistent read gives the item as it was before.
    pub stale_ms: u64,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    name: &'static str,
    key: &'static str,
    settings: TableSettings,
    rows: BTreeMap<String, Row>,
    /// What happened, in order.
    pub writes: Vec<TableWrite>,
    /// Keys of items that were refused for their size.
    pub refused_keys: Vec<String>,
    /// Write units, each 1 KB of the larger of old and new item.
    pub write_units: u64,
    /// Conditions that did not hold.
    pub conflicts: u64,
}

#[derive(Debug, Default)]
struct Row {
    item: Option<Item>,
    before: Option<Item>,
    changed_ms: u64,
}

const UNIT_BYTES: usize = 1_024;
const BATCH_LIMIT: usize = 25;
/// Most items of a page of a scan: small, so that pages follow one another.
const PAGE_LIMIT: usize = 4;

impl Table {
    /// An empty table, whose partition key is an attribute of this name.
    pub fn new(name: &'static str, key: &'static str, settings: TableSettings) -> Self {
        Self {
            name,
            key,
            settings,
            rows: BTreeMap::new(),
            writes: Vec::new(),
            refused_keys: Vec::new(),
            write_units: 0,
            conflicts: 0,
        }
    }

    /// The items, by key.
    pub fn items(&self) -> impl Iterator<Item = (&str, &Item)> {
        self.rows.iter().filter_map(|(key, row)| Some((key.as_str(), row.item.as_ref()?)))
    }

    /// Deletes an item, as a hand at the console would.
    pub fn delete(&mut self, key: &str, now_ms: u64) -> bool {
        let Some(row) = self.rows.get_mut(key) else { return false };
        let deleted = row.item.is_some();
        row.change(None, now_ms);
        if deleted {
            self.writes.push(TableWrite {
                process: None,
                key: key.to_owned(),
                version: None,
                ledger: String::new(),
            });
        }
        deleted
    }

    /// Puts an item, as a hand at the console would.
    pub fn put(&mut self, key: &str, item: Item) {
        self.rows.entry(key.to_owned()).or_default().change(Some(item), 0);
    }

    /// Answers a `Scan` for items that have an attribute `session`, a page at a time; as stale as other reads that do not
    /// ask for more.
    pub fn scan(&self, request: &Value, now_ms: u64) -> Value {
        let after = request["ExclusiveStartKey"][self.key]["S"].as_str().unwrap_or_default();
        let mut rows = self.rows.range(after.to_owned()..).filter(|(key, _)| key.as_str() != after);
        let page: Vec<_> = rows.by_ref().take(PAGE_LIMIT).collect();
        let items = page.iter().filter_map(|(_, row)| row.read(false, now_ms, self.settings.stale_ms));
        let items: Vec<_> = items.filter(|item| item.contains_key("session")).collect();
        let mut answer = json!({"Items": items, "Count": items.len(), "ScannedCount": page.len()});
        if let (Some((last, _)), Some(_)) = (page.last(), rows.next()) {
            answer["LastEvaluatedKey"] = json!({self.key: {"S": last}});
        }
        answer
    }

    /// Answers `BatchGetItem`.
    pub fn batch_get(&self, request: &Value, now_ms: u64) -> Value {
        let table = self.name;
        let wanted = &request["RequestItems"][table];
        let strong = wanted["ConsistentRead"] == true;
        let keys = wanted["Keys"].as_array().cloned().unwrap_or_default();
        let key = |key: Value| key[self.key]["S"].as_str().unwrap_or_default().to_owned();
        let keys: Vec<String> = keys.into_iter().map(key).collect();
        let rows = keys.iter().filter_map(|key| self.rows.get(key));
        let found: Vec<_> =
            rows.filter_map(|row| row.read(strong, now_ms, self.settings.stale_ms)).cloned().collect();
        let units = found.iter().map(|item| bytes(item).div_ceil(4 * UNIT_BYTES)).sum::<usize>();
        json!({
            "Responses": {table: found},
            "UnprocessedKeys": {},
            "ConsumedCapacity": [{"TableName": table, "CapacityUnits": units}],
        })
    }

    /// Answers `BatchExecuteStatement`; an error is the code of the whole request's refusal.
    ///
    /// # Errors
    /// When the request as a whole is none that the service takes.
    pub fn batch_execute(
        &mut self,
        request: &Value,
        process: Option<u64>,
        now_ms: u64,
    ) -> Result<Value, &'static str> {
        let statements = request["Statements"].as_array().map(Vec::as_slice).unwrap_or_default();
        if statements.is_empty() || statements.len() > BATCH_LIMIT {
            return Err("ValidationException");
        }
        let mut keys = Vec::new();
        let mut parsed = Vec::with_capacity(statements.len());
        for statement in statements {
            let parameters = statement["Parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let text = statement["Statement"].as_str().unwrap_or_default();
            let known = parse(text, parameters).ok_or("ValidationException")?;
            keys.push(key_of(&known, self.key).ok_or("ValidationException")?);
            parsed.push((known, statement["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"));
        }
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        if distinct.len() < keys.len() {
            return Err("ValidationException");
        }
        let mut responses = Vec::with_capacity(parsed.len());
        let before = self.write_units;
        for (key, (statement, all_old)) in keys.into_iter().zip(parsed) {
            responses.push(self.execute(&key, statement, all_old, process, now_ms));
        }
        let units = self.write_units - before;
        Ok(json!({"Responses": responses, "ConsumedCapacity": [{"CapacityUnits": units}]}))
    }

    fn execute(
        &mut self,
        key: &str,
        statement: Statement,
        all_old: bool,
        process: Option<u64>,
        now_ms: u64,
    ) -> Value {
        let row = self.rows.entry(key.to_owned()).or_default();
        let old_bytes = row.item.as_ref().map(bytes).unwrap_or_default();
        let failed = |code: &str, item: Option<&Item>| {
            let mut error = json!({"Code": code, "Message": "made by the model"});
            if let Some(item) = item.filter(|_| all_old) {
                error["Item"] = Value::Object(item.clone());
            }
            json!({"Error": error})
        };
        let new = match (statement, &row.item) {
            (Statement::Insert { item }, None) => item,
            (Statement::Insert { .. }, Some(_)) => {
                self.conflicts += 1;
                return failed("DuplicateItem", None);
            }
            (Statement::Update { remove, set, conditions }, Some(item))
                if conditions.iter().all(|(name, value)| item.get(name) == Some(value)) =>
            {
                let mut item = item.clone();
                item.retain(|name, _| !remove.contains(name));
                item.extend(set);
                item
            }
            (Statement::Update { .. }, present) => {
                self.conflicts += 1;
                return failed("ConditionalCheckFailed", present.as_ref());
            }
        };
        let new_bytes = bytes(&new);
        if new_bytes > self.settings.item_limit_bytes {
            self.refused_keys.push(key.to_owned());
            let message = "Item size to update has exceeded the maximum allowed size";
            return json!({"Error": {"Code": "ValidationError", "Message": message}});
        }
        let version = new.get("version").and_then(|version| version["N"].as_str()?.parse().ok());
        let ledger = new.get("ledger").and_then(|ledger| ledger["B"].as_str()).unwrap_or_default().to_owned();
        row.change(Some(new), now_ms);
        self.write_units += old_bytes.max(new_bytes).div_ceil(UNIT_BYTES) as u64;
        self.writes.push(TableWrite { process, key: key.to_owned(), version, ledger });
        json!({"TableName": self.name})
    }
}

impl Row {
    fn change(&mut self, item: Option<Item>, now_ms: u64) {
        self.before = std::mem::replace(&mut self.item, item);
        self.changed_ms = now_ms;
    }

    fn read(&self, strong: bool, now_ms: u64, stale_ms: u64) -> Option<&Item> {
        match strong || now_ms >= self.changed_ms + stale_ms {
            true => self.item.as_ref(),
            false => self.before.as_ref(),
        }
    }
}

fn key_of(statement: &Statement, key: &str) -> Option<String> {
    let fields = match statement {
        Statement::Insert { item } => item,
        Statement::Update { conditions, .. } => conditions,
    };
    Some(fields.get(key)?.get("S")?.as_str()?.to_owned())
}

/// Bytes of an item, near enough: DynamoDB counts names and values, and so does this.
fn bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

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
