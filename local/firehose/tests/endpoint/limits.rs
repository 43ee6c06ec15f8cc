//! Each limit at its border.

use local_firehose::limits::{CALL_MAX_BYTES, RECORD_MAX_BYTES};
use serde_json::{Value, json};

use crate::harness::{Harness, LINES, ROWS, batch, raw, row};

fn refused(answer: &(u16, Value), says: &str) {
    let (status, body) = answer;
    assert_eq!((*status, &body["__type"]), (400, &json!("InvalidArgumentException")), "{body}");
    assert!(body["message"].as_str().unwrap().contains(says), "{body}");
}

#[test]
fn a_call_takes_500_records() {
    let harness = Harness::new();
    harness.put_ok(LINES, &vec!["x"; 500]);
    refused(&harness.put(LINES, &vec!["x"; 501]), "501 records");
    refused(&harness.put::<&str>(LINES, &[]), "0 records");
    assert_eq!(harness.firehose.stats().records, 500);
}

#[test]
fn a_record_takes_1000_kib() {
    assert_eq!(RECORD_MAX_BYTES, 1_024_000);
    let harness = Harness::new();
    harness.put_ok(LINES, &[vec![b'x'; 1_024_000]]);
    refused(&harness.put(LINES, &[vec![b'x'; 1_024_001]]), "record 0 has 1024001 bytes");
}

#[test]
fn a_call_takes_4_mib() {
    assert_eq!(CALL_MAX_BYTES, 4_194_304);
    let harness = Harness::new();
    let mut records = vec![vec![b'x'; 1_024_000]; 4];
    records.push(vec![b'x'; 98_304]);
    harness.put_ok(LINES, &records);
    records.push(vec![b'x']);
    refused(&harness.put(LINES, &records), "4194305 bytes");
    assert_eq!(harness.firehose.stats().bytes, 4_194_304);
}

#[test]
fn an_empty_record_refuses_the_call() {
    let harness = Harness::new();
    refused(&harness.put(LINES, &["x", ""]), "record 1 is empty");
    assert_eq!(harness.firehose.stats().rows_received, 0);
}

#[test]
fn a_record_takes_500_sub_records() {
    let harness = Harness::new();
    let many = row("a").repeat(501);
    harness.put_ok(ROWS, &[row("a").repeat(500), many.clone(), row("b")]);
    harness.firehose.flush().unwrap();
    let stats = harness.firehose.stats();
    assert_eq!((stats.rows_delivered_total(), stats.error_rows_total()), (501, 1));
    let errors = harness.errors("processing-failed");
    assert_eq!(raw(&errors[0]), many);
    assert_eq!(errors[0]["errorCode"], "TooManySubRecords");
}

#[test]
fn a_stream_has_500_active_partitions() {
    let harness = Harness::new();
    let row = |n: usize| format!(r#"{{"event_type":"order","dt":"{n}"}}"#);
    harness.put_ok(ROWS, &[(0..500).map(row).collect::<String>()]);
    harness.put_ok(ROWS, &[row(500), row(499)]);
    harness.firehose.flush().unwrap();
    let stats = harness.firehose.stats();
    assert_eq!((stats.rows_delivered.len(), stats.rows_delivered_total()), (500, 501));
    assert_eq!(stats.rows_delivered["rows/event_type=order/dt=499"], 2);
    let errors = harness.errors("activePartitionExceeded");
    assert_eq!((errors.len(), raw(&errors[0])), (1, row(500)));

    harness.put_ok(ROWS, &[row(500)]);
    harness.firehose.flush().unwrap();
    assert_eq!(
        harness.firehose.stats().rows_delivered["rows/event_type=order/dt=500"],
        1,
        "delivery frees a partition"
    );
}

#[test]
fn each_record_is_billed_by_itself() {
    let harness = Harness::new();
    harness.put_ok(LINES, &[vec![b'x'; 1_024], vec![b'x'; 1_024], vec![b'x'; 12 * 1_024]]);
    let stats = harness.firehose.stats();
    assert_eq!((stats.bytes, stats.billed_bytes), (14 * 1_024, (5 + 5 + 15) * 1_024));
}

#[test]
fn malformed_calls_are_refused_by_their_kind() {
    let harness = Harness::new();
    let kind = |target: &str, body: &str| {
        let response = harness.firehose.handle(target, body.as_bytes());
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        (response.status, body["__type"].as_str().unwrap().to_owned())
    };
    let put = "Firehose_20150804.PutRecordBatch";
    let unknown = batch("nowhere", &["x"]).to_string();
    assert_eq!(kind(put, &unknown), (400, "ResourceNotFoundException".to_owned()));
    assert_eq!(kind(put, "{"), (400, "SerializationException".to_owned()));
    assert_eq!(kind(put, "{}"), (400, "InvalidArgumentException".to_owned()));
    let no_base64 = r#"{"DeliveryStreamName":"lines","Records":[{"Data":"?"}]}"#;
    assert_eq!(kind(put, no_base64), (400, "InvalidArgumentException".to_owned()));
    assert_eq!(
        kind("Firehose_20150804.CreateDeliveryStream", "{}"),
        (400, "UnknownOperationException".to_owned())
    );
    assert_eq!(kind("PutRecordBatch", "{}"), (400, "UnknownOperationException".to_owned()));
    let stats = harness.firehose.stats();
    assert_eq!((stats.requests, stats.refused_requests), (4, 4));
}
