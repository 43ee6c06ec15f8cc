//! Items put or deleted, twenty-five a request, until each is done or there is no time left.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, WriteRequest};
use millrace_lambda::meter::Usage;
use millrace_lambda::{Deadline, Meter};

use super::capacity_units;
use super::error_class::ErrorClass;
use crate::backoff::Backoff;

/// Most items of one `BatchWriteItem`.
pub(super) const ITEMS_LIMIT: usize = 25;

/// Where items are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchWrite<'t> {
    pub(super) client: &'t Client,
    pub(super) table: &'t str,
    pub(super) meter: &'t Meter,
}

/// Writes that may not be done, and why.
#[derive(Debug)]
pub(super) struct NotWritten {
    pub(super) pending: Vec<WriteRequest>,
    pub(super) class: ErrorClass,
}

impl BatchWrite<'_> {
    /// Sends at most [`ITEMS_LIMIT`] writes of distinct items until all are done. Repeating one changes nothing, so a lost
    /// answer is one more reason to repeat it.
    pub(super) async fn write(
        self,
        mut pending: Vec<WriteRequest>,
        deadline: Deadline,
    ) -> Result<(), NotWritten> {
        let mut backoff = Backoff::new(deadline);
        loop {
            let sent = pending.len();
            let class = match self.request(&pending).await {
                Ok(unprocessed) if unprocessed.is_empty() => return Ok(()),
                Ok(unprocessed) => {
                    pending = unprocessed;
                    ErrorClass::Transient("some items were not processed".to_owned())
                }
                Err(class) => class,
            };
            tracing::warn!(table = self.table, ?class, "items were not written");
            if pending.len() < sent {
                backoff = Backoff::new(deadline);
            }
            if !matches!(class, ErrorClass::Transient(_)) || !backoff.wait().await {
                return Err(NotWritten { pending, class });
            }
            self.meter.add(&Usage { request_retries: 1, ..Usage::default() });
        }
    }

    /// The writes that were not done.
    async fn request(self, writes: &[WriteRequest]) -> Result<Vec<WriteRequest>, ErrorClass> {
        let answer = self
            .client
            .batch_write_item()
            .request_items(self.table, writes.to_vec())
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await;
        self.meter.add(&Usage { write_requests: 1, ..Usage::default() });
        let answer = answer.map_err(|error| ErrorClass::of(&error))?;
        let consumed = answer.consumed_capacity().iter().filter_map(|capacity| capacity.capacity_units);
        self.meter.add(&Usage { write_capacity_units: capacity_units(consumed), ..Usage::default() });
        let unprocessed = answer.unprocessed_items.and_then(|mut tables| tables.remove(self.table));
        Ok(unprocessed.unwrap_or_default())
    }
}
