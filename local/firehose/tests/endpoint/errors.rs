//! Rows that cannot be delivered, and what becomes of their neighbours.

use local_firehose::{ConfigError, Destination, Firehose, Options, ParquetDestination, StreamConfig};
use serde_json::json;

use crate::harness::{Harness, ROWS, START_MS, raw, row};

const FILE: &str = "event_type=order/dt=2026-08-01/rows-000001-2026-08-01-12-00-00.parquet";

#[test]
fn a_bad_row_leaves_its_neighbours_alone() {
    let harness = Harness::new();
    let bad = json!({ "event_type": "order", "dt": "2026-08-01", "event_id": "x", "amount_minor": "12" })
        .to_string();
    harness.put_ok(ROWS, &[format!("{}{bad}{}", row("a"), row("b"))]);
    harness.set_now(START_MS + 5);
    harness.firehose.flush().unwrap();

    let rows = harness.parquet(FILE);
    let ids: Vec<_> = rows.iter().filter_map(|row| row["event_id"].as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    let errors = harness.errors("format-conversion-failed");
    assert_eq!((errors.len(), raw(&errors[0])), (1, bad));
    assert_eq!(errors[0]["attemptsMade"], 1);
    assert_eq!(errors[0]["arrivalTimestamp"], START_MS);
    assert_eq!(errors[0]["attemptEndingTimestamp"], START_MS + 5);
    assert_eq!(errors[0]["errorCode"], "ValueNotConvertible");
    assert!(errors[0]["errorMessage"].as_str().unwrap().starts_with("amount_minor: "));
    let stats = harness.firehose.stats();
    assert_eq!((stats.rows_received, stats.rows_delivered_total(), stats.error_rows_total()), (3, 2, 1));
    assert_eq!(stats.rows_buffered(), 0);
}

#[test]
fn a_partition_of_bad_rows_only_writes_no_parquet() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[r#"{"event_type":"order","dt":"d","count":1.5}"#]);
    harness.firehose.flush().unwrap();
    assert!(harness.files("lake").is_empty());
    assert_eq!(harness.files("errors"), ["format-conversion-failed/rows-000001.jsonl"]);
    assert!(harness.firehose.stats().rows_delivered.is_empty());
}

#[test]
fn an_array_is_no_document() {
    let harness = Harness::new();
    let array = format!("[{},{}]", row("a"), row("b"));
    harness.put_ok(ROWS, &[&array]);
    harness.firehose.flush().unwrap();
    let errors = harness.errors("processing-failed");
    assert_eq!((errors.len(), raw(&errors[0])), (1, array));
    assert_eq!(errors[0]["errorCode"], "NotAnObject");
}

#[test]
fn a_missing_partition_key_and_broken_json_reach_the_error_output() {
    let harness = Harness::new();
    let keyless = r#"{"event_type":"order","event_id":"x"}"#;
    let broken = r#"{"event_type":"#;
    harness.put_ok(ROWS, &[format!("{}{keyless}{broken}", row("a"))]);
    harness.firehose.flush().unwrap();
    let errors = harness.errors("processing-failed");
    let found: Vec<_> = errors.iter().map(|line| (line["errorCode"].as_str().unwrap(), raw(line))).collect();
    assert_eq!(found, [("PartitionKeyMissing", keyless.to_owned()), ("InvalidJson", broken.to_owned())]);
    assert_eq!(harness.firehose.stats().rows_delivered_total(), 1);
}

#[test]
fn bytes_that_are_no_text_reach_the_error_output() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[[0xff_u8, 0xfe].as_slice(), b"{\"event_type\":\"\xff\",\"dt\":\"d\"}"]);
    harness.firehose.flush().unwrap();
    assert_eq!(harness.errors("processing-failed").len(), 2);
    assert_eq!(harness.firehose.stats().rows_buffered(), 0);
}

#[test]
fn a_partition_value_cannot_leave_the_folder() {
    let harness = Harness::new();
    let value = |text: &str| json!({ "event_type": text, "dt": ".." }).to_string();
    harness.put_ok(ROWS, &[value("../../../evil"), value("/etc"), value("..")]);
    harness.firehose.flush().unwrap();
    let partitions: Vec<_> =
        harness.files("lake").iter().map(|file| file.rsplit_once('/').unwrap().0.to_owned()).collect();
    assert_eq!(
        partitions,
        ["event_type=%2Fetc/dt=..", "event_type=..%2F..%2F..%2Fevil/dt=..", "event_type=../dt=.."]
    );
    assert_eq!(harness.files("").len(), 3, "nothing is written anywhere else");
}

#[test]
fn a_declaration_that_cannot_work_is_refused() {
    let declare = |name: &str, key: &str, glue: &str| {
        let parquet = ParquetDestination::new("lake", "errors")
            .partitioned_by([key])
            .with_columns([("a", glue), ("b", "int")]);
        let destination = Destination::Parquet(parquet);
        let stream = StreamConfig { name: name.to_owned(), destination, buffering: Default::default() };
        Firehose::new(vec![stream.clone(), stream], Options::default()).map(|_| ()).unwrap_err()
    };
    assert!(matches!(declare("../x", "k", "int"), ConfigError::StreamName(_)));
    assert!(matches!(declare("x", "B", "int"), ConfigError::DuplicateColumn { .. }));
    assert!(matches!(declare("x", "k", "decimal(1,2)"), ConfigError::ColumnType { .. }));
    assert!(matches!(declare("x", "k", "int"), ConfigError::DuplicateStream(_)));
}
