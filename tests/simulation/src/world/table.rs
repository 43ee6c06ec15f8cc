//! A DynamoDB table: conditional writes, strong and eventually consistent reads, capacity units, a
//! limit of item size.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::Item;
use super::item::Stored;
use super::journal::TableWrite;
use super::partiql::{Statement, parse};

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
    /// When keys were changed of which a stale read may still give what was before.
    changed: VecDeque<(u64, String)>,
    /// What happened, in order.
    pub writes: Vec<TableWrite>,
    /// Keys of items that were rejected for their size.
    pub rejected_keys: Vec<String>,
    /// Write capacity units, each 1 KB of the larger of old and new item.
    pub write_capacity_units: u64,
    /// Conditions that did not hold.
    pub conflicts: u64,
}

#[derive(Debug, Default)]
struct Row {
    item: Option<Stored>,
    before: Option<Stored>,
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
            changed: VecDeque::new(),
            writes: Vec::new(),
            rejected_keys: Vec::new(),
            write_capacity_units: 0,
            conflicts: 0,
        }
    }

    /// The items, by key.
    pub fn items(&self) -> impl Iterator<Item = (&str, Item)> {
        self.keys().filter_map(|key| Some((key, self.item(key)?)))
    }

    /// The keys of its items.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|(_, row)| row.item.is_some()).map(|(key, _)| key.as_str())
    }

    /// The item of a key.
    pub fn item(&self, key: &str) -> Option<Item> {
        self.rows.get(key)?.item.as_ref().map(Stored::item)
    }

    /// Deletes an item, as a hand at the console would.
    pub fn delete(&mut self, key: &str, now_ms: u64) -> bool {
        if !self.rows.contains_key(key) {
            return false;
        }
        let deleted = self.change(key, None, now_ms).is_some();
        if deleted {
            self.writes.push(TableWrite {
                process: None,
                key: key.to_owned(),
                version: None,
                ledger_hash: 0,
            });
        }
        deleted
    }

    /// Answers a `Scan` for items that have an attribute `session`, a page at a time; as stale as other reads that do not
    /// ask for more.
    pub fn scan(&self, request: &Value, now_ms: u64) -> Value {
        let after = request["ExclusiveStartKey"][self.key]["S"].as_str().unwrap_or_default();
        let mut rows = self.rows.range(after.to_owned()..).filter(|(key, _)| key.as_str() != after);
        let page: Vec<_> = rows.by_ref().take(PAGE_LIMIT).collect();
        let rows_read = page.iter().filter_map(|(_, row)| row.read(false, now_ms, self.settings.stale_ms));
        let items = rows_read.map(Stored::item).filter(|item| item.contains_key("session"));
        let items: Vec<_> = items.collect();
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
        let found: Vec<_> = rows.filter_map(|row| row.read(strong, now_ms, self.settings.stale_ms)).collect();
        let units = found.iter().map(|item| item.bytes.div_ceil(4 * UNIT_BYTES)).sum::<usize>();
        let found: Vec<Item> = found.into_iter().map(Stored::item).collect();
        json!({
            "Responses": {table: found},
            "UnprocessedKeys": {},
            "ConsumedCapacity": [{"TableName": table, "CapacityUnits": units}],
        })
    }

    /// Answers `BatchExecuteStatement`; an error is the code of the whole request's rejection.
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
        let distinct: BTreeSet<_> = keys.iter().collect();
        if distinct.len() < keys.len() {
            return Err("ValidationException");
        }
        let mut responses = Vec::with_capacity(parsed.len());
        let before = self.write_capacity_units;
        for (key, (statement, all_old)) in keys.into_iter().zip(parsed) {
            responses.push(self.execute(&key, statement, all_old, process, now_ms));
        }
        let units = self.write_capacity_units - before;
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
        let failed = |code: &str, item: Option<Item>| {
            let mut error = json!({"Code": code, "Message": "made by the model"});
            if let Some(item) = item.filter(|_| all_old) {
                error["Item"] = Value::Object(item);
            }
            json!({"Error": error})
        };
        let new = match (statement, self.item(key)) {
            (Statement::Insert { item }, None) => item,
            (Statement::Insert { .. }, Some(_)) => {
                self.conflicts += 1;
                return failed("DuplicateItem", None);
            }
            (Statement::Update { remove, set, conditions }, Some(mut item))
                if conditions.iter().all(|(name, value)| item.get(name) == Some(value)) =>
            {
                item.retain(|name, _| !remove.contains(name));
                item.extend(set);
                item
            }
            (Statement::Update { .. }, present) => {
                self.conflicts += 1;
                return failed("ConditionalCheckFailed", present);
            }
        };
        let version = new.get("version").and_then(|version| version["N"].as_str()?.parse().ok());
        let ledger = new.get("ledger").and_then(|ledger| ledger["B"].as_str()).unwrap_or_default();
        let ledger_hash = xxh3_64(ledger.as_bytes());
        let new = Stored::new(new);
        let new_bytes = new.bytes;
        if new_bytes > self.settings.item_limit_bytes {
            self.rejected_keys.push(key.to_owned());
            let message = "Item size to update has exceeded the maximum allowed size";
            return json!({"Error": {"Code": "ValidationError", "Message": message}});
        }
        let old_bytes = self.change(key, Some(new), now_ms).map_or(0, |old| old.bytes);
        self.write_capacity_units += old_bytes.max(new_bytes).div_ceil(UNIT_BYTES) as u64;
        self.writes.push(TableWrite { process, key: key.to_owned(), version, ledger_hash });
        json!({"TableName": self.name})
    }

    /// Changes the item of a key; gives back the one before.
    fn change(&mut self, key: &str, item: Option<Stored>, now_ms: u64) -> Option<&Stored> {
        let stale_ms = self.settings.stale_ms;
        while let Some((_, key)) = self.changed.pop_front_if(|(at_ms, _)| *at_ms + stale_ms <= now_ms) {
            let settled = self.rows.get_mut(&key).filter(|row| row.changed_ms + stale_ms <= now_ms);
            settled.into_iter().for_each(|row| row.before = None);
        }
        self.changed.push_back((now_ms, key.to_owned()));
        let row = self.rows.entry(key.to_owned()).or_default();
        row.before = std::mem::replace(&mut row.item, item);
        row.changed_ms = now_ms;
        row.before.as_ref()
    }
}

impl Row {
    fn read(&self, strong: bool, now_ms: u64, stale_ms: u64) -> Option<&Stored> {
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
