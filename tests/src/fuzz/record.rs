//! `Batch`: a record through every stage, beside a sound neighbour.

use bytes::Bytes;
use millrace_domain::SequenceNumber;
use millrace_domain::decode::Arrival;
use millrace_lambda::batch::{BATCH_LIMIT_EVENTS, Batch, RECORD_LIMIT_EVENTS};
use millrace_lambda::deaggregate::{SubRecord, aggregate};
use millrace_lambda::frame::INFLATED_LIMIT_BYTES;
use millrace_lambda::kinesis_event::KinesisRecord;
use millrace_lambda::{KinesisBatch, Unit, Units};

use super::event::{ARRIVED_AT_MS, judged, key_of};
use super::{check, frame, kpl};

const SHARD: &str = "shardId-000000000000";
const LOGIN: &str = r#"{"specversion":"1.0","id":"n","source":"s","type":"user.logged_in","subject":"n","time":"2010-12-01T08:26:00Z"}"#;

/// The bytes as a record, as an aggregate's message, and wrapped in frame and aggregate.
pub(super) fn run(bytes: &[u8]) {
    let key = key_of(bytes);
    let sub_record = |data: Bytes| SubRecord { partition_key: key.as_str(), data };
    let framed = frame::framed_zlib(bytes);
    let plain = Bytes::copy_from_slice(bytes);
    alone(&key, plain.clone());
    alone(&key, kpl::sealed(bytes));
    alone(&key, aggregate(&[sub_record(framed.clone()), sub_record(plain), sub_record(framed)]));
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
        stream: "events".to_owned(),
        shard_id: SHARD.to_owned(),
        records: vec![record("1", partition_key, data), neighbour],
    };
    let units = batch(&source);
    assert!(units <= RECORD_LIMIT_EVENTS + 1, "{units} units");
}

/// Every record that fits gives its units, in order, and each of them keeps what holds for events. Gives back how
/// many there are.
pub(super) fn batch(source: &KinesisBatch) -> usize {
    let (opened, opened_again) = (Batch::open(source), Batch::open(source));
    let units = opened.units();
    assert!(units == opened_again.units(), "opening twice differs");
    let Units { list: units, end } = units;
    assert!(units.len() < BATCH_LIMIT_EVENTS + RECORD_LIMIT_EVENTS, "{} units", units.len());
    for (record, kinesis) in source.records.iter().enumerate() {
        let of_record: Vec<_> = units.iter().filter(|unit| unit.record == record).collect();
        if end.is_some_and(|end| record >= end.record) {
            assert!(record > 0 && of_record.is_empty());
            continue;
        }
        assert!((1..=RECORD_LIMIT_EVENTS).contains(&of_record.len()), "{} units", of_record.len());
        let place = |unit: &&Unit<'_>| (unit.position.sub_sequence, unit.position.index);
        assert!(of_record.is_sorted_by(|unit, next| place(unit) < place(next)));
        let bytes: usize = of_record.iter().map(|unit| unit.bytes.len()).sum();
        assert!(bytes as u64 <= kinesis.data.len() as u64 + INFLATED_LIMIT_BYTES, "{bytes} bytes unpacked");
        of_record.iter().for_each(|unit| one(unit, kinesis, &source.shard_id));
    }
    units.len()
}

fn one(unit: &Unit<'_>, kinesis: &KinesisRecord, shard_id: &str) {
    assert_eq!(unit.position.sequence, kinesis.sequence_number);
    assert_eq!(unit.arrived_at_ms, kinesis.arrived_at_ms);
    let arrival = Arrival { partition_key: unit.partition_key, arrived_at_ms: unit.arrived_at_ms };
    match &unit.event {
        Ok(_) => judged(unit.bytes, &arrival, &unit.event),
        Err(invalid) => check::refused_unit(unit, shard_id, invalid),
    }
}
