//! A record's payloads: aggregates taken apart, headers taken off, redrive envelopes opened.

use std::sync::Arc;

use bytes::Bytes;
use millrace_domain::Invalid;

use crate::isolate::add_or_reject;
use crate::kinesis_event::KinesisRecord;
use crate::kpl::deaggregate;
use crate::redrive_envelope::{RedriveEnvelopeReader, Redriven};
use crate::schema_registry::{INFLATED_LIMIT_BYTES, strip_header};

#[derive(Debug)]
pub(crate) struct Payload<'b> {
    /// Index of its record in the batch.
    pub(crate) record: usize,
    pub(crate) sub_sequence: u32,
    pub(crate) partition_key: Key<'b>,
    /// The bytes before its header was taken off.
    pub(crate) with_header: Bytes,
    pub(crate) opened: Result<Bytes, Invalid>,
    pub(crate) redriven: Option<Box<Redriven>>,
}

#[derive(Debug)]
pub(crate) enum Key<'b> {
    OfRecord(&'b str),
    OfSubRecord(Arc<str>),
}

impl Key<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::OfRecord(key) => key,
            Self::OfSubRecord(key) => key,
        }
    }
}

/// Opens a record; gives back how many bytes it was inflated by.
pub(crate) fn open_record<'b>(
    record: usize,
    kinesis: &'b KinesisRecord,
    opener: &RedriveEnvelopeReader,
    payloads: &mut Vec<Payload<'b>>,
) -> u64 {
    let rejection = |invalid| Payload {
        record,
        sub_sequence: 0,
        partition_key: Key::OfRecord(&kinesis.partition_key),
        with_header: kinesis.data.clone(),
        opened: Err(invalid),
        redriven: None,
    };
    // After a panic nothing of what was inflated is left.
    add_or_reject(payloads, |payloads| open(record, kinesis, opener, payloads), rejection).unwrap_or_default()
}

fn open<'b>(
    record: usize,
    kinesis: &'b KinesisRecord,
    opener: &RedriveEnvelopeReader,
    payloads: &mut Vec<Payload<'b>>,
) -> u64 {
    let mut budget_bytes = INFLATED_LIMIT_BYTES;
    let mut push = |sub_sequence, partition_key: Key<'b>, mut with_header: Bytes| {
        let mut opened = strip_header(&with_header, &mut budget_bytes);
        // Redrive puts each redrive envelope as a record of its own. In an aggregate it is an event of no known source,
        // and is rejected as one among others in a batch is.
        let whole = match (&partition_key, &opened) {
            (Key::OfRecord(key), Ok(payload)) => Some((*key, payload)),
            _ => None,
        };
        let redrive_envelope = whole
            .and_then(|(key, payload)| opener.open(payload, key, kinesis.arrived_at_ms, &mut budget_bytes));
        let redriven = match redrive_envelope {
            None => None,
            Some(Err(invalid)) => {
                opened = Err(invalid);
                None
            }
            // Aggregates were taken apart before they were wrapped, and a redrive envelope in a redrive envelope is no
            // event.
            Some(Ok((redriven, first))) => {
                opened = strip_header(&first, &mut budget_bytes);
                with_header = first;
                Some(Box::new(redriven))
            }
        };
        payloads.push(Payload { record, sub_sequence, partition_key, with_header, opened, redriven });
    };
    match deaggregate(&kinesis.data) {
        None => push(0, Key::OfRecord(&kinesis.partition_key), kinesis.data.clone()),
        Some(sub_records) => {
            for (sub_sequence, sub_record) in (0..).zip(sub_records) {
                push(sub_sequence, Key::OfSubRecord(sub_record.partition_key), sub_record.data);
            }
        }
    }
    INFLATED_LIMIT_BYTES - budget_bytes
}
