//! Strongly consistent reads, a hundred keys a request.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use futures::stream::{self, StreamExt};
use millrace_lambda::Deadline;
use millrace_lambda::meter::Usage;
use millrace_lambda::ports::Read;
use serde::de::DeserializeOwned;

use super::item::{self, Item, KEY};
use super::trouble::Trouble;
use super::{CONCURRENCY, DynamoStore, units};
use crate::backoff::Backoff;

/// Most keys of one `BatchGetItem`.
const KEYS_LIMIT: usize = 100;

impl<S: DeserializeOwned> DynamoStore<S> {
    pub(super) async fn read_all(&self, keys: &[&str], deadline: Deadline) -> Vec<Read<S>> {
        let mut requests = Vec::with_capacity(keys.len().div_ceil(KEYS_LIMIT));
        for keys in keys.chunks(KEYS_LIMIT) {
            requests.push(self.read_chunk(keys, deadline));
        }
        let reads: Vec<Vec<Read<S>>> = stream::iter(requests).buffered(CONCURRENCY).collect().await;
        reads.into_iter().flatten().collect()
    }

    async fn read_chunk(&self, keys: &[&str], deadline: Deadline) -> Vec<Read<S>> {
        let mut backoff = Backoff::new(deadline);
        let mut found: HashMap<String, Item> = HashMap::with_capacity(keys.len());
        let mut pending: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        loop {
            match self.request(&pending).await {
                Ok((items, unprocessed)) => {
                    found.extend(items.into_iter().filter_map(|item| Some((text(item.get(KEY)?)?, item))));
                    pending = unprocessed;
                }
                Err(Trouble::Lasting(why)) => {
                    tracing::error!(table = self.table, why, "the table cannot be read");
                    break;
                }
                Err(Trouble::Passing(why) | Trouble::Refused(why)) => {
                    tracing::warn!(table = self.table, why, "a read is tried again");
                }
            }
            if pending.is_empty() || !backoff.wait().await {
                break;
            }
            self.meter.add(&Usage { retries: 1, ..Usage::default() });
        }
        let read = |key: &&str| match found.remove(*key) {
            Some(item) => item::read(item),
            None if pending.iter().any(|pending| pending == key) => Read::Unavailable,
            None => Read::Absent,
        };
        keys.iter().map(read).collect()
    }

    /// Items found, and keys that were not looked up.
    async fn request(&self, keys: &[String]) -> Result<(Vec<Item>, Vec<String>), Trouble> {
        let key = |key: &String| HashMap::from([(KEY.to_owned(), AttributeValue::S(key.clone()))]);
        let wanted = KeysAndAttributes::builder()
            .consistent_read(true)
            .set_keys(Some(keys.iter().map(key).collect()))
            .build()
            .map_err(|error| Trouble::Lasting(error.to_string()))?;
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.table, wanted)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        self.meter.add(&Usage { read_requests: 1, ..Usage::default() });
        let answer = answer.map_err(|error| Trouble::of(&error))?;
        let consumed = answer.consumed_capacity().iter().filter_map(|capacity| capacity.capacity_units);
        self.meter.add(&Usage { read_units: units(consumed), ..Usage::default() });
        let unprocessed = answer.unprocessed_keys().and_then(|tables| tables.get(&self.table));
        let unprocessed = unprocessed.map(|wanted| wanted.keys()).unwrap_or_default();
        let unprocessed = unprocessed.iter().filter_map(|key| text(key.get(KEY)?)).collect();
        let items = answer.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
        Ok((items, unprocessed))
    }
}

fn text(value: &AttributeValue) -> Option<String> {
    value.as_s().ok().cloned()
}
