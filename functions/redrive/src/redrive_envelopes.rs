//! Records in redrive envelopes, and how they decode now.

use std::collections::HashSet;

use bytes::Bytes;
use millrace_domain::Invalid;
use millrace_lambda::kinesis_event::KinesisRecord;
use millrace_lambda::record_stream::OutgoingRecord;
use millrace_lambda::{Batch, KinesisBatch, redrive_envelope};

use crate::answer::Counts;
use crate::dead_letters::Record;
use crate::request::Request;

/// Longest partition key of a stream in characters; the shortest has one. A record of an aggregate may have another.
const KEY_LIMIT_CHARS: usize = 256;

/// What an object comes to in redrive envelopes.
#[derive(Debug, Default)]
pub(crate) struct RedriveEnvelopes {
    pub(crate) records: Vec<OutgoingRecord>,
    /// What keeps some of its records from going back, in words.
    pub(crate) problem: Option<String>,
}

/// Wraps the records of an object that were asked for, each once.
pub(crate) fn wrap(
    records: Vec<Record>,
    request: &Request,
    record_limit_bytes: usize,
    counts: &mut Counts,
) -> RedriveEnvelopes {
    let (mut redrive_envelopes, mut known) = (RedriveEnvelopes::default(), HashSet::new());
    let (mut too_large, mut wrong_key, mut unopened) = (0_u64, 0_u64, None);
    for record in records {
        counts.records += 1;
        if !request.asks_for(&record) {
            counts.filtered += 1;
            continue;
        }
        let data =
            Bytes::from(redrive_envelope::wrap(&record.redriven, &record.partition_key, &record.bytes));
        // Delivery to the quarantine is at least once, and two functions may reject one event.
        if !known.insert(data.clone()) {
            counts.not_needed += 1;
            continue;
        }
        if !(1..=KEY_LIMIT_CHARS).contains(&record.partition_key.chars().count()) {
            wrong_key += 1;
            continue;
        }
        if record.partition_key.len() + data.len() > record_limit_bytes {
            too_large += 1;
            continue;
        }
        if let Err(invalid) = judge(&record, data.clone(), counts) {
            unopened.get_or_insert(invalid);
            continue;
        }
        counts.to_send += 1;
        redrive_envelopes.records.push(OutgoingRecord { partition_key: record.partition_key, data });
    }
    redrive_envelopes.problem = match (too_large, counts.filtered) {
        (0, 0) => None,
        (0, filtered) => Some(format!("{filtered} of its records were filtered out")),
        (large, _) => Some(format!(
            "{large} of its records are too large for a redrive envelope of {record_limit_bytes} bytes"
        )),
    };
    if wrong_key > 0 {
        let rule = format!("a partition key that is not 1 to {KEY_LIMIT_CHARS} characters long");
        redrive_envelopes.problem = Some(format!("{wrong_key} of its records have {rule}"));
    }
    if let Some(invalid) = unopened {
        redrive_envelopes.problem =
            Some(format!("a redrive envelope of one of its records would be rejected: {invalid}"));
    }
    redrive_envelopes
}

/// Counts the events of a redrive envelope as consumers would see them: through the same code.
///
/// # Errors
/// When they would reject the redrive envelope itself, so that what it holds would not come back.
fn judge(record: &Record, data: Bytes, counts: &mut Counts) -> Result<(), Invalid> {
    let first = &record.redriven.first;
    let redrive_envelope = KinesisRecord {
        sequence_number: first.position.sequence.clone(),
        partition_key: record.partition_key.clone(),
        arrived_at_ms: first.arrived_at_ms,
        data,
    };
    let batch = KinesisBatch { shard: first.shard.clone(), records: vec![redrive_envelope] };
    for batch_event in Batch::open(&batch).events().list {
        if batch_event.redriven.is_none() {
            return batch_event.event.map(|_| ());
        }
        let name = batch_event.event.map_or_else(|invalid| invalid.reason.code(), |_| "valid");
        *counts.events.entry(name.to_owned()).or_default() += 1;
    }
    Ok(())
}
