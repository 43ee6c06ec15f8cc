//! `Batch`: a record through every stage, beside a sound neighbour.

use bytes::Bytes;
use millrace_domain::decode::Arrival;
use millrace_domain::{SequenceNumber, Shard};
use millrace_lambda::batch::{BATCH_LIMIT_EVENTS, Batch, RECORD_LIMIT_EVENTS};
use millrace_lambda::kinesis_event::KinesisRecord;
use millrace_lambda::kpl::{SubRecord, aggregate};
use millrace_lambda::schema_registry::INFLATED_LIMIT_BYTES;
use millrace_lambda::{BatchEvent, BatchEvents, KinesisBatch};

use super::event::{ARRIVED_AT_MS, judged, key_of};
use super::{check, kpl, schema_registry};

const SHARD: &str = "shardId-000000000000";
const LOGIN: &str = r#"{"specversion":"1.0","id":"n","source":"s","type":"user.logged_in","subject":"n","time":"2010-12-01T08:26:00Z"}"#;

/// The bytes as a record, as an aggregate's message, and behind a header and in an aggregate.
pub(super) fn run(bytes: &[u8]) {
    let key = key_of(bytes);
    let sub_record = |data: Bytes| SubRecord { partition_key: key.as_str(), data };
    let with_header = schema_registry::with_zlib_header(bytes);
    let plain = Bytes::copy_from_slice(bytes);
    alone(&key, plain.clone());
    alone(&key, kpl::sealed(bytes));
    alone(&key, aggregate(&[sub_record(with_header.clone()), sub_record(plain), sub_record(with_header)]));
}

fn alone(partition_key: &str, data: Bytes) {
    let record = |digits: &str, partition_key: &str, data| KinesisRecord {
        sequence_number: SequenceNumber::parse(digits).expect("digits are a sequence number"),
        partition_key: partition_key.to_owned(),
        arrived_at_ms: ARRIVED_AT_MS,
        data,
    };
    let neighbour = record("2", "n", Bytes::from_static(LOGIN.as_bytes()));
    let source = KinesisBatch {
        shard: Shard::new("events", SHARD),
        records: vec![record("1", partition_key, data), neighbour],
    };
    let events = batch(&source);
    assert!(events <= RECORD_LIMIT_EVENTS + 1, "{events} events");
}

/// Every record that fits gives its events, in order, and each of them keeps what holds for events. Gives back how
/// many there are.
pub(super) fn batch(source: &KinesisBatch) -> usize {
    let (opened, opened_again) = (Batch::open(source), Batch::open(source));
    let events = opened.events();
    assert!(events == opened_again.events(), "opening twice differs");
    let BatchEvents { list: events, end } = events;
    assert!(events.len() < BATCH_LIMIT_EVENTS + RECORD_LIMIT_EVENTS, "{} events", events.len());
    for (record, kinesis) in source.records.iter().enumerate() {
        let of_record: Vec<_> = events.iter().filter(|batch_event| batch_event.record == record).collect();
        if end.is_some_and(|end| record >= end.record) {
            assert!(record > 0 && of_record.is_empty());
            continue;
        }
        assert!((1..=RECORD_LIMIT_EVENTS).contains(&of_record.len()), "{} events", of_record.len());
        let position =
            |batch_event: &&BatchEvent<'_>| (batch_event.position.sub_sequence, batch_event.position.element);
        assert!(of_record.is_sorted_by(|batch_event, next| position(batch_event) < position(next)));
        let bytes: usize = of_record.iter().map(|batch_event| batch_event.bytes.len()).sum();
        assert!(bytes as u64 <= kinesis.data.len() as u64 + INFLATED_LIMIT_BYTES, "{bytes} bytes unpacked");
        of_record.iter().for_each(|batch_event| one(batch_event, kinesis, &source.shard));
    }
    events.len()
}

fn one(batch_event: &BatchEvent<'_>, kinesis: &KinesisRecord, shard: &Shard) {
    assert_eq!(batch_event.position.sequence, kinesis.sequence_number);
    assert_eq!(batch_event.arrived_at_ms, kinesis.arrived_at_ms);
    let arrival =
        Arrival { partition_key: batch_event.partition_key, arrived_at_ms: batch_event.arrived_at_ms };
    match &batch_event.event {
        Ok(_) => judged(batch_event.bytes, &arrival, &batch_event.event),
        Err(invalid) => check::rejected_event(batch_event, shard, invalid),
    }
}
