//! Puts and deletions of timers, twenty-five a request.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, PutRequest, ReturnConsumedCapacity, WriteRequest,
};
use futures::stream::{self, StreamExt};
use millrace_domain::timer::{Placed, sort_key};
use millrace_lambda::Deadline;
use millrace_lambda::meter::Usage;
use millrace_lambda::timers::TableError;

use super::{BUCKET, DynamoTimers, TIMER};
use crate::backoff::Backoff;
use crate::dynamodb::item::Item;
use crate::dynamodb::trouble::Trouble;
use crate::dynamodb::{CONCURRENCY, units};

/// Most items of one `BatchWriteItem`.
const ITEMS_LIMIT: usize = 25;

/// What is done to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Put,
    Delete,
}

/// Partition and sort key of an item.
type Keys = (String, String);

impl DynamoTimers {
    /// Writes each item once, however often it is named: a request that names one twice is refused as a whole. Repeating
    /// a write changes nothing, so a lost answer is one more reason to repeat it.
    pub(super) async fn write_all(
        &self,
        timers: &[Placed],
        change: Change,
        deadline: Deadline,
    ) -> Vec<Result<(), TableError>> {
        let keys: Vec<Keys> =
            timers.iter().map(|placed| (placed.bucket.to_string(), sort_key(&placed.timer))).collect();
        let mut seen = HashSet::with_capacity(keys.len());
        let distinct: Vec<&Keys> = keys.iter().filter(|keys| seen.insert(*keys)).collect();
        let mut requests = Vec::with_capacity(distinct.len().div_ceil(ITEMS_LIMIT));
        for chunk in distinct.chunks(ITEMS_LIMIT) {
            requests.push(self.write_chunk(chunk, change, deadline));
        }
        let failed: Vec<_> = stream::iter(requests).buffer_unordered(CONCURRENCY).collect().await;
        let failed: HashMap<Keys, TableError> = failed.into_iter().flatten().collect();
        keys.iter().map(|keys| failed.get(keys).map_or(Ok(()), |error| Err(error.clone()))).collect()
    }

    /// Sends items until all are written, or there is no time left; gives back those that may not be.
    async fn write_chunk(
        &self,
        chunk: &[&Keys],
        change: Change,
        deadline: Deadline,
    ) -> Vec<(Keys, TableError)> {
        let mut backoff = Backoff::new(deadline);
        let mut pending: Vec<Keys> = chunk.iter().map(|keys| (*keys).clone()).collect();
        loop {
            let sent = pending.len();
            let trouble = match self.send(&pending, change).await {
                Ok(unprocessed) if unprocessed.is_empty() => return Vec::new(),
                Ok(unprocessed) => {
                    pending = unprocessed;
                    Trouble::Passing("the table is throttled".to_owned())
                }
                Err(trouble) => trouble,
            };
            tracing::warn!(table = self.table, ?change, ?trouble, "timers were not written");
            if pending.len() < sent {
                backoff = Backoff::new(deadline);
            }
            if !matches!(trouble, Trouble::Passing(_)) || !backoff.wait().await {
                let error = TableError::from(trouble);
                return pending.into_iter().map(|keys| (keys, error.clone())).collect();
            }
            self.meter.add(&Usage { retries: 1, ..Usage::default() });
        }
    }

    /// Sends one request; gives back the items that were left out.
    async fn send(&self, items: &[Keys], change: Change) -> Result<Vec<Keys>, Trouble> {
        let requests = items.iter().map(|keys| request(keys, change)).collect::<Result<Vec<_>, _>>();
        let answer = self
            .client
            .batch_write_item()
            .request_items(&self.table, requests?)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        self.meter.add(&Usage { write_requests: 1, ..Usage::default() });
        let answer = answer.map_err(|error| Trouble::of(&error))?;
        let consumed = answer.consumed_capacity().iter().filter_map(|capacity| capacity.capacity_units);
        self.meter.add(&Usage { write_units: units(consumed), ..Usage::default() });
        let left = answer.unprocessed_items.unwrap_or_default().remove(&self.table).unwrap_or_default();
        Ok(left.iter().filter_map(keys_of).collect())
    }
}

pub(super) fn key(bucket: &str, timer: &str) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    Item::from([(BUCKET.to_owned(), text(bucket)), (TIMER.to_owned(), text(timer))])
}

fn request((bucket, timer): &Keys, change: Change) -> Result<WriteRequest, Trouble> {
    let item = Some(key(bucket, timer));
    let request = WriteRequest::builder();
    let request = match change {
        Change::Put => PutRequest::builder().set_item(item).build().map(|put| request.put_request(put)),
        Change::Delete => {
            DeleteRequest::builder().set_key(item).build().map(|delete| request.delete_request(delete))
        }
    };
    request.map(|request| request.build()).map_err(|error| Trouble::Lasting(error.to_string()))
}

fn keys_of(request: &WriteRequest) -> Option<Keys> {
    let put = request.put_request().map(|put| put.item());
    let item = put.or_else(|| request.delete_request().map(|delete| delete.key()))?;
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    Some((text(BUCKET)?, text(TIMER)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_leaves_out_is_known_again() {
        let keys = ("2010-12-01T08:26#1".to_owned(), "001291191960120#u".to_owned());
        for change in [Change::Put, Change::Delete] {
            assert_eq!(keys_of(&request(&keys, change).unwrap()), Some(keys.clone()));
        }
    }
}
