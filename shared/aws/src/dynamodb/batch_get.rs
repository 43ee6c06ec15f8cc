//! Items by key, a hundred a request, until each has its answer or there is no time left.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use millrace_lambda::meter::Usage;
use millrace_lambda::{Deadline, Meter};

use super::capacity_units;
use super::error_class::ErrorClass;
use super::item::Item;
use crate::backoff::Backoff;

/// Most keys of one `BatchGetItem`.
pub(super) const KEYS_LIMIT: usize = 100;

/// How the items of a table are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchGet<'t> {
    pub(super) client: &'t Client,
    pub(super) table: &'t str,
    pub(super) meter: &'t Meter,
    /// The table's partition key.
    pub(super) key: &'static str,
    /// Whether every write that was answered before must be seen.
    pub(super) consistent: bool,
}

/// What reading at most [`KEYS_LIMIT`] keys gave.
#[derive(Debug, Default)]
pub(super) struct Got {
    /// The items that are there, by key.
    pub(super) items: HashMap<String, Item>,
    /// The keys that were not looked up.
    pub(super) pending: Vec<String>,
    /// Why the last try failed, where one did.
    pub(super) why: String,
}

impl BatchGet<'_> {
    pub(super) async fn get(self, keys: &[&str], deadline: Deadline) -> Got {
        let mut backoff = Backoff::new(deadline);
        let pending = keys.iter().map(|key| (*key).to_owned()).collect();
        let mut got = Got { items: HashMap::with_capacity(keys.len()), pending, why: String::new() };
        loop {
            match self.request(&got.pending).await {
                Ok((items, unprocessed)) => {
                    got.items.extend(
                        items.into_iter().filter_map(|item| Some((text(item.get(self.key)?)?, item))),
                    );
                    got.pending = unprocessed;
                    "some keys were not processed".clone_into(&mut got.why);
                }
                Err(ErrorClass::Misconfigured(why)) => {
                    tracing::error!(table = self.table, error = why, "the table cannot be read");
                    got.why = why;
                    break;
                }
                Err(ErrorClass::Transient(why) | ErrorClass::Rejected(why)) => {
                    tracing::warn!(table = self.table, error = why, "a read is tried again");
                    got.why = why;
                }
            }
            if got.pending.is_empty() || !backoff.wait().await {
                break;
            }
            self.meter.add(&Usage { request_retries: 1, ..Usage::default() });
        }
        got
    }

    /// Items found, and keys that were not looked up.
    async fn request(self, keys: &[String]) -> Result<(Vec<Item>, Vec<String>), ErrorClass> {
        let key = |key: &String| HashMap::from([(self.key.to_owned(), AttributeValue::S(key.clone()))]);
        let wanted = KeysAndAttributes::builder()
            .consistent_read(self.consistent)
            .set_keys(Some(keys.iter().map(key).collect()))
            .build()
            .map_err(|error| ErrorClass::Misconfigured(error.to_string()))?;
        let answer = self
            .client
            .batch_get_item()
            .request_items(self.table, wanted)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        self.meter.add(&Usage { read_requests: 1, ..Usage::default() });
        let answer = answer.map_err(|error| ErrorClass::of(&error))?;
        let consumed = answer.consumed_capacity().iter().filter_map(|capacity| capacity.capacity_units);
        self.meter.add(&Usage { read_capacity_units: capacity_units(consumed), ..Usage::default() });
        let unprocessed = answer.unprocessed_keys().and_then(|tables| tables.get(self.table));
        let unprocessed = unprocessed.map(|wanted| wanted.keys()).unwrap_or_default();
        let unprocessed = unprocessed.iter().filter_map(|key| text(key.get(self.key)?)).collect();
        let items = answer.responses.and_then(|mut tables| tables.remove(self.table)).unwrap_or_default();
        Ok((items, unprocessed))
    }
}

fn text(value: &AttributeValue) -> Option<String> {
    value.as_s().ok().cloned()
}
