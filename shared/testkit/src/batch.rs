//! Batches as Lambda hands them over.

use aws_lambda_events::event::streams::KinesisEventResponse;
use bytes::Bytes;
use millrace_domain::{SequenceNumber, Shard};
use millrace_lambda::KinesisBatch;
use millrace_lambda::kinesis_event::KinesisRecord;
use millrace_lambda::kpl::{SubRecord, aggregate};

use crate::event::{ARRIVED_AT_MS, EventBuilder};

/// The stream that batches are of.
pub const STREAM: &str = "events";
/// The shard that batches are of.
pub const SHARD: &str = "shardId-000000000000";

/// The first 36 of the 56 digits that sequence numbers have today.
const LONG_PREFIX: &str = "495903389021371938521648531837659045";

/// A batch to which records are added in the order of their sequence numbers.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    prefix: &'static str,
    next: u64,
    arrived_at_ms: i64,
    batch: KinesisBatch,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        let batch = KinesisBatch { shard: Shard::new(STREAM, SHARD), ..KinesisBatch::default() };
        Self { prefix: LONG_PREFIX, next: 1, arrived_at_ms: ARRIVED_AT_MS, batch }
    }
}

impl BatchBuilder {
    /// A batch whose first record has this number in its shard; the sequence numbers have 56 digits.
    pub fn starting_at(first: u64) -> Self {
        Self { next: first, ..Self::default() }
    }

    /// A batch whose sequence numbers are plain counts from here.
    pub fn counting_from(first: u64) -> Self {
        Self { prefix: "", next: first, ..Self::default() }
    }

    /// Of this shard.
    #[must_use]
    pub fn of_shard(mut self, shard_id: &str) -> Self {
        self.batch.shard = Shard::new(self.batch.shard.stream(), shard_id);
        self
    }

    /// Of the stream of this name.
    #[must_use]
    pub fn of_stream(mut self, stream: &str) -> Self {
        self.batch.shard = Shard::new(stream, self.batch.shard.id());
        self
    }

    /// The records from here on arrived at this time, in epoch milliseconds.
    #[must_use]
    pub fn arrived_at_ms(mut self, arrived_at_ms: i64) -> Self {
        self.arrived_at_ms = arrived_at_ms;
        self
    }

    /// A record of any bytes under any key.
    #[must_use]
    pub fn raw(mut self, partition_key: &str, data: impl Into<Bytes>) -> Self {
        let text = match self.prefix {
            "" => self.next.to_string(),
            prefix => format!("{prefix}{:020}", self.next),
        };
        self.next += 1;
        self.batch.records.push(KinesisRecord {
            sequence_number: SequenceNumber::parse(&text).expect("digits are a sequence number"),
            partition_key: partition_key.to_owned(),
            arrived_at_ms: self.arrived_at_ms,
            data: data.into(),
        });
        self
    }

    /// A record of one event, under the event's key.
    #[must_use]
    pub fn event(self, event: &EventBuilder) -> Self {
        self.raw(event.subject(), event.bytes())
    }

    /// A record for each event.
    #[must_use]
    pub fn events<'e>(self, events: impl IntoIterator<Item = &'e EventBuilder>) -> Self {
        events.into_iter().fold(self, Self::event)
    }

    /// One record that holds a CloudEvents batch, under the key of its first event.
    #[must_use]
    pub fn array(self, events: &[EventBuilder]) -> Self {
        let key = events.first().expect("a batch has events").subject().to_owned();
        let texts: Vec<_> = events.iter().map(EventBuilder::text).collect();
        self.raw(&key, format!("[{}]", texts.join(",")))
    }

    /// One record that holds a KPL aggregate of these events, each under its own key.
    #[must_use]
    pub fn aggregate(self, events: &[EventBuilder]) -> Self {
        let sub_record =
            |event: &EventBuilder| SubRecord { partition_key: event.subject().into(), data: event.bytes() };
        let sub_records: Vec<_> = events.iter().map(sub_record).collect();
        self.sub_records(&sub_records)
    }

    /// One record that holds a KPL aggregate.
    #[must_use]
    pub fn sub_records(self, sub_records: &[SubRecord]) -> Self {
        self.raw("aggregate", aggregate(sub_records))
    }

    /// The batch.
    pub fn build(self) -> KinesisBatch {
        self.batch
    }
}

/// What Lambda hands over again after this answer; `None` when the batch is done.
///
/// # Panics
/// When the answer names more than one record, or one that is not in the batch: Lambda would take the whole batch
/// for failed.
pub fn remainder(batch: &KinesisBatch, answer: &KinesisEventResponse) -> Option<KinesisBatch> {
    let named = answer.batch_item_failures.first()?;
    assert_eq!(answer.batch_item_failures.len(), 1, "an answer names one record");
    let name = named.item_identifier.as_deref().expect("an answer names its record");
    let first = batch.records.iter().position(|record| record.sequence_number.as_str() == name);
    let first = first.unwrap_or_else(|| panic!("{name} is not in the batch"));
    Some(KinesisBatch { records: batch.records.get(first..).unwrap().to_vec(), ..batch.clone() })
}
