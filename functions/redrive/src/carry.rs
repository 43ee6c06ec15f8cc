//! Records as carriers, and how they decode now.

use std::collections::HashSet;

use bytes::Bytes;
use millrace_domain::Invalid;
use millrace_lambda::kinesis_event::KinesisRecord;
use millrace_lambda::record_stream::OutgoingRecord;
use millrace_lambda::{Batch, KinesisBatch, carrier};

use crate::answer::Counts;
use crate::request::Request;
use crate::source::Record;

/// Longest partition key of a stream in characters; the shortest has one. A record of an aggregate may have another.
const KEY_LIMIT_CHARS: usize = 256;

/// What an object comes to in carriers.
#[derive(Debug, Default)]
pub(crate) struct Carriers {
    pub(crate) records: Vec<OutgoingRecord>,
    /// What stands in the way of carrying all of it, in words.
    pub(crate) problem: Option<String>,
}

/// Packs the records of an object that were asked for, each once.
pub(crate) fn carry(
    records: Vec<Record>,
    request: &Request,
    record_limit_bytes: usize,
    counts: &mut Counts,
) -> Carriers {
    let (mut carriers, mut known) = (Carriers::default(), HashSet::new());
    let (mut too_large, mut wrong_key, mut unopened) = (0_u64, 0_u64, None);
    for record in records {
        counts.records += 1;
        if !request.asks_for(&record) {
            counts.skipped += 1;
            continue;
        }
        let data = Bytes::from(carrier::pack(&record.redriven, &record.partition_key, &record.bytes));
        // Delivery to the quarantine is at least once, and two functions may refuse one event.
        if !known.insert(data.clone()) {
            counts.passed_over += 1;
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
        carriers.records.push(OutgoingRecord { partition_key: record.partition_key, data });
    }
    carriers.problem = match (too_large, counts.skipped) {
        (0, 0) => None,
        (0, skipped) => Some(format!("{skipped} of its records were left out by a filter")),
        (large, _) => {
            Some(format!("{large} of its records are too large for a carrier of {record_limit_bytes} bytes"))
        }
    };
    if wrong_key > 0 {
        let rule = format!("a partition key that is not 1 to {KEY_LIMIT_CHARS} characters long");
        carriers.problem = Some(format!("{wrong_key} of its records have {rule}"));
    }
    if let Some(invalid) = unopened {
        carriers.problem = Some(format!("a carrier of one of its records would be refused: {invalid}"));
    }
    carriers
}

/// Counts the events of a carrier as consumers would see them: through the same code, from the carrier on.
///
/// # Errors
/// When they would refuse the carrier itself, so that what it holds would not come back.
fn judge(record: &Record, data: Bytes, counts: &mut Counts) -> Result<(), Invalid> {
    let place = &record.redriven.place;
    let carrier = KinesisRecord {
        sequence_number: place.position.sequence.clone(),
        partition_key: record.partition_key.clone(),
        arrived_at_ms: place.arrived_at_ms,
        data,
    };
    let batch =
        KinesisBatch { shard_id: place.shard_id.clone(), records: vec![carrier], ..KinesisBatch::default() };
    for unit in Batch::open(&batch).units().list {
        if unit.redriven.is_none() {
            return unit.event.map(|_| ());
        }
        let name = unit.event.map_or_else(|invalid| invalid.reason.code(), |_| "valid");
        *counts.events.entry(name.to_owned()).or_default() += 1;
    }
    Ok(())
}
