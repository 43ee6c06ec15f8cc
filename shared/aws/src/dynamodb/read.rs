//! Strongly consistent reads of states.

use futures::stream::{self, StreamExt};
use millrace_domain::fold::KeyState;
use millrace_lambda::Deadline;
use millrace_lambda::ports::Read;
use serde::de::DeserializeOwned;

use super::batch_get::{BatchGet, KEYS_LIMIT};
use super::item::{self, KEY};
use super::{CONCURRENCY, DynamoStore};

impl<S: KeyState + DeserializeOwned> DynamoStore<S> {
    pub(super) async fn read_all(&self, keys: &[&str], deadline: Deadline) -> Vec<Read<S>> {
        let mut requests = Vec::with_capacity(keys.len().div_ceil(KEYS_LIMIT));
        for keys in keys.chunks(KEYS_LIMIT) {
            requests.push(self.read_chunk(keys, deadline));
        }
        let reads: Vec<Vec<Read<S>>> = stream::iter(requests).buffered(CONCURRENCY).collect().await;
        reads.into_iter().flatten().collect()
    }

    async fn read_chunk(&self, keys: &[&str], deadline: Deadline) -> Vec<Read<S>> {
        let get = BatchGet {
            client: &self.client,
            table: &self.table,
            meter: &self.meter,
            key: KEY,
            consistent: true,
        };
        let mut got = get.get(keys, deadline).await;
        let read = |key: &&str| match got.items.remove(*key) {
            Some(item) => item::read(item),
            None if got.pending.iter().any(|pending| pending == key) => Read::Unavailable,
            None => Read::Absent,
        };
        keys.iter().map(read).collect()
    }
}
