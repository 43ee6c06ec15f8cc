//! Puts and deletions of timers, twenty-five a request.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest};
use futures::stream::{self, StreamExt};
use millrace_domain::timer::{StoredTimer, sort_key};
use millrace_lambda::Deadline;
use millrace_lambda::timers::TableError;

use super::{DynamoTimers, TIME_BUCKET, TIMER};
use crate::dynamodb::CONCURRENCY;
use crate::dynamodb::batch_write::{BatchWrite, ITEMS_LIMIT, NotWritten};
use crate::dynamodb::error_class::ErrorClass;
use crate::dynamodb::item::Item;

/// What is done to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Put,
    Delete,
}

/// Partition and sort key of an item.
type Keys = (String, String);

impl DynamoTimers {
    /// Writes each item once, however often it is named: a request that names one twice is refused as a whole.
    pub(super) async fn write_all(
        &self,
        timers: &[StoredTimer],
        change: Change,
        deadline: Deadline,
    ) -> Vec<Result<(), TableError>> {
        let keys: Vec<Keys> =
            timers.iter().map(|stored| (stored.time_bucket.to_string(), sort_key(&stored.timer))).collect();
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

    /// Gives back the items that may not be written.
    async fn write_chunk(
        &self,
        chunk: &[&Keys],
        change: Change,
        deadline: Deadline,
    ) -> Vec<(Keys, TableError)> {
        let requests = chunk.iter().map(|keys| request(keys, change)).collect::<Result<Vec<_>, _>>();
        let requests = match requests {
            Ok(requests) => requests,
            Err(class) => {
                let error = TableError::from(class);
                return chunk.iter().map(|keys| ((*keys).clone(), error.clone())).collect();
            }
        };
        let write = BatchWrite { client: &self.client, table: &self.table, meter: &self.meter };
        match write.write(requests, deadline).await {
            Ok(()) => Vec::new(),
            Err(NotWritten { pending, class }) => {
                let error = TableError::from(class);
                pending.iter().filter_map(keys_of).map(|keys| (keys, error.clone())).collect()
            }
        }
    }
}

pub(super) fn key(time_bucket: &str, timer: &str) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    Item::from([(TIME_BUCKET.to_owned(), text(time_bucket)), (TIMER.to_owned(), text(timer))])
}

fn request((time_bucket, timer): &Keys, change: Change) -> Result<WriteRequest, ErrorClass> {
    let item = Some(key(time_bucket, timer));
    let request = WriteRequest::builder();
    let request = match change {
        Change::Put => PutRequest::builder().set_item(item).build().map(|put| request.put_request(put)),
        Change::Delete => {
            DeleteRequest::builder().set_key(item).build().map(|delete| request.delete_request(delete))
        }
    };
    request.map(|request| request.build()).map_err(|error| ErrorClass::Misconfigured(error.to_string()))
}

fn keys_of(request: &WriteRequest) -> Option<Keys> {
    let put = request.put_request().map(|put| put.item());
    let item = put.or_else(|| request.delete_request().map(|delete| delete.key()))?;
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    Some((text(TIME_BUCKET)?, text(TIMER)?))
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
