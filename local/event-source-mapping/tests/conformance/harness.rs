//! A shard to drive, and short names for what it answers.

use std::sync::Arc;

use bytes::Bytes;
use event_source_mapping::{
    Action, Completion, Discarded, FailureRecord, Invocation, MappingInfo, Outcome, Record, Settings, Shard,
};

pub(crate) const SHARD_ID: &str = "shardId-000000000001";
pub(crate) const ONE_LANE_KEY: &str = "key";

/// One attempt follows the other without a pause worth naming.
pub(crate) fn settings() -> Settings {
    Settings {
        report_batch_item_failures: true,
        backoff_initial_ms: 1,
        backoff_max_ms: 1,
        ..Settings::default()
    }
}

pub(crate) fn mapping_info() -> Arc<MappingInfo> {
    Arc::new(MappingInfo {
        mapping_uuid: "7d5a2f4e-0000-4000-8000-000000000001".to_owned(),
        stream_arn: "arn:aws:kinesis:eu-central-1:123456789012:stream/events".to_owned(),
        aws_region: "eu-central-1".to_owned(),
        function_arn: "arn:aws:lambda:eu-central-1:123456789012:function:sessions".to_owned(),
        executed_version: "$LATEST".to_owned(),
        invoke_identity_arn: "arn:aws:iam::123456789012:role/lambda".to_owned(),
    })
}

pub(crate) fn shard(settings: Settings) -> Shard {
    Shard::new(settings, mapping_info(), SHARD_ID).unwrap_or_else(|error| panic!("{error}"))
}

/// A sequence number of 56 digits.
pub(crate) fn sequence_number(number: u64) -> String {
    format!("4960118965842235937883629852182763847532018901{number:010}")
}

pub(crate) fn record(number: u64, partition_key: &str, arrival_ms: u64) -> Record {
    Record {
        sequence_number: sequence_number(number),
        partition_key: partition_key.to_owned(),
        data: Bytes::from(format!("data of {number}")),
        approximate_arrival_ms: arrival_ms,
    }
}

/// Pushes records of one lane that arrived at `now_ms`.
pub(crate) fn push(shard: &mut Shard, numbers: impl IntoIterator<Item = u64>, now_ms: u64) {
    for number in numbers {
        push_record(shard, record(number, ONE_LANE_KEY, now_ms), now_ms);
    }
}

pub(crate) fn push_record(shard: &mut Shard, record: Record, now_ms: u64) {
    shard.push(record, now_ms).unwrap_or_else(|error| panic!("{error}"));
}

/// The short numbers of records made by [`record`].
pub(crate) fn numbers(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| number_of(&record.sequence_number)).collect()
}

pub(crate) fn number_of(sequence_number: &str) -> u64 {
    let digits = sequence_number.len() - 10;
    sequence_number[digits..].parse().unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn invocation(shard: &mut Shard, now_ms: u64) -> Invocation {
    match shard.poll(now_ms) {
        Action::Invoke(invocation) => invocation,
        other => panic!("not an invocation: {other:?}"),
    }
}

pub(crate) fn discarded(shard: &mut Shard, now_ms: u64) -> Discarded {
    match shard.poll(now_ms) {
        Action::Discard(discarded) => discarded,
        other => panic!("not a discard: {other:?}"),
    }
}

/// Invokes, checks which records were sent, and reports the outcome at the same time.
pub(crate) fn run(shard: &mut Shard, now_ms: u64, sent: &[u64], outcome: Outcome<'_>) -> Completion {
    let invocation = invocation(shard, now_ms);
    assert_eq!(numbers(&invocation.records), sent);
    shard.complete(invocation.token, outcome, now_ms).unwrap_or_else(|error| panic!("{error}"))
}

/// A response that reports these numbers.
pub(crate) fn failures(numbers: &[u64]) -> Vec<u8> {
    let item = |number: &u64| format!(r#"{{"itemIdentifier":"{}"}}"#, sequence_number(*number));
    let items: Vec<_> = numbers.iter().map(item).collect();
    format!(r#"{{"batchItemFailures":[{}]}}"#, items.join(",")).into_bytes()
}

pub(crate) const SUCCESS: Outcome<'static> = Outcome::Returned(b"");

pub(crate) fn failure_record(discarded: &Discarded, now_ms: u64) -> (FailureRecord, serde_json::Value) {
    let record = discarded.failure_record(now_ms).unwrap_or_else(|error| panic!("{error}"));
    let body = serde_json::from_slice(&record.body).unwrap_or_else(|error| panic!("{error}"));
    (record, body)
}

pub(crate) fn done_through(shard: &Shard) -> Option<u64> {
    shard.done_through().map(number_of)
}
