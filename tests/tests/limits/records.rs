//! Limits of one record: events, keys of an aggregate, inflated bytes.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use millrace_domain::Reason;
use millrace_domain::decode::BATCH_LIMIT_EVENTS;
use millrace_lambda::batch::RECORD_LIMIT_EVENTS;
use millrace_lambda::kpl::{SubRecord, aggregate, deaggregate};
use millrace_lambda::schema_registry::INFLATED_LIMIT_BYTES;
use millrace_lambda::{Batch, KinesisBatch};
use millrace_testkit::BatchBuilder;

/// How many events a record gives, and what the last of them is refused for.
fn events(batch: &KinesisBatch) -> (usize, Reason, String) {
    let opened = Batch::open(batch);
    let events = opened.events().list;
    let invalid = events.last().unwrap().event.as_ref().unwrap_err();
    (events.len(), invalid.reason, invalid.rule.clone())
}

fn sub_record(key: &str, data: impl Into<Bytes>) -> SubRecord {
    SubRecord { partition_key: key.into(), data: data.into() }
}

/// A CloudEvents batch of so many elements, each refused as no event.
fn array(count: usize) -> String {
    format!("[{}]", vec!["1"; count].join(","))
}

fn with_header(payload: &[u8]) -> Bytes {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(payload).unwrap();
    [&[3, 5][..], &[0; 16], &encoder.finish().unwrap()].concat().into()
}

#[test]
fn the_events_of_a_record_end_at_their_limit() {
    let of = |sub_records: &[SubRecord]| events(&BatchBuilder::default().sub_records(sub_records).build());
    let too_many =
        (1, Reason::TooManyEvents, format!("is a record of more than {RECORD_LIMIT_EVENTS} events"));
    let full = sub_record("u", array(BATCH_LIMIT_EVENTS));
    assert_eq!(of(&[full.clone(), full.clone()]).0, RECORD_LIMIT_EVENTS);
    assert_eq!(of(&[full.clone(), full, sub_record("u", "1")]), too_many);
    let singles = vec![sub_record("u", ""); RECORD_LIMIT_EVENTS + 1];
    assert_eq!(of(&singles[1..]).0, RECORD_LIMIT_EVENTS);
    assert_eq!(of(&singles), too_many);
}

#[test]
fn a_payload_beyond_the_limit_of_a_batch_counts_once() {
    let batch = BatchBuilder::default().raw("u", array(BATCH_LIMIT_EVENTS + 1)).build();
    let rule = format!("is a batch of more than {BATCH_LIMIT_EVENTS} events");
    assert_eq!(events(&batch), (1, Reason::TooManyEvents, rule));
}

#[test]
fn the_keys_of_an_aggregate_end_at_the_characters_that_kinesis_takes() {
    let with = |key: String| deaggregate(&aggregate(&[sub_record(&key, "x")]));
    assert_eq!(with("é".repeat(256)).unwrap()[0].partition_key.chars().count(), 256);
    assert_eq!(with("é".repeat(257)), None);
    // What is no aggregate is read as it is, and gets its verdict from that.
    let batch = BatchBuilder::default().sub_records(&[sub_record(&"k".repeat(257), "x")]).build();
    assert_eq!(events(&batch).1, Reason::NotJson);
}

#[test]
fn sub_records_share_what_their_record_may_inflate_to() {
    let limit = usize::try_from(INFLATED_LIMIT_BYTES).unwrap();
    let of = |lengths: [usize; 2]| {
        let sub_records = lengths.map(|length| sub_record("u", with_header(&vec![b' '; length])));
        events(&BatchBuilder::default().sub_records(&sub_records).build())
    };
    assert_eq!(of([1_000, limit - 1_000]).1, Reason::NotJson);
    let rule = "inflates its record to more than 10 MiB".to_owned();
    assert_eq!(of([1_000, limit - 999]), (2, Reason::SchemaRegistryHeader, rule));
}
