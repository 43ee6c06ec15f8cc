//! When buffers become files.

use local_firehose::Buffering;
use serde_json::json;

use crate::harness::{Harness, LINES, ROWS, START_MS, Settings, row};

fn other_day(event_id: &str) -> String {
    json!({ "event_type": "order", "dt": "2026-08-02", "event_id": event_id }).to_string()
}

#[test]
fn a_partition_is_delivered_when_its_interval_has_passed() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[row("a")]);
    harness.set_now(START_MS + 30_000);
    harness.put_ok(ROWS, &[row("b"), other_day("c")]);
    harness.firehose.tick(START_MS + 59_999).unwrap();
    assert!(harness.files("lake").is_empty());
    harness.firehose.tick(START_MS + 60_000).unwrap();
    assert_eq!(
        harness.files("lake"),
        ["event_type=order/dt=2026-08-01/rows-000001-2026-08-01-12-00-00.parquet"]
    );
    assert_eq!(harness.firehose.stats().rows_delivered_total(), 2);
    assert_eq!(harness.firehose.stats().rows_buffered(), 1);
    harness.firehose.tick(START_MS + 90_000).unwrap();
    assert_eq!(
        harness.files("lake")[1],
        "event_type=order/dt=2026-08-02/rows-000002-2026-08-01-12-00-30.parquet"
    );
}

#[test]
fn rows_that_fail_at_delivery_reach_the_error_output_in_the_same_tick() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[r#"{"event_type":"order","dt":"d","count":"x"}"#]);
    harness.firehose.tick(START_MS + 60_000).unwrap();
    assert_eq!(harness.errors("format-conversion-failed").len(), 1);
}

#[test]
fn a_partition_is_delivered_when_it_is_full() {
    let bytes = row("a").len() * 2;
    let harness = Harness::with(Settings {
        buffering: Buffering { bytes, interval_ms: 60_000 },
        ..Settings::default()
    });
    harness.put_ok(ROWS, &[row("a"), other_day("b")]);
    assert!(harness.files("lake").is_empty());
    harness.put_ok(ROWS, &[row("c")]);
    let stats = harness.firehose.stats();
    assert_eq!(
        stats.rows_delivered.into_iter().collect::<Vec<_>>(),
        [("rows/event_type=order/dt=2026-08-01".to_owned(), 2)]
    );
}

#[test]
fn the_largest_buffers_go_first_when_memory_is_short() {
    let harness = Harness::with(Settings { buffered_max_bytes: row("a").len() * 3, ..Settings::default() });
    harness.put_ok(LINES, &["x"]);
    harness.put_ok(ROWS, &[row("a"), other_day("b"), row("c")]);
    let stats = harness.firehose.stats();
    assert_eq!(stats.rows_delivered_total(), 2);
    assert_eq!(stats.rows_delivered["rows/event_type=order/dt=2026-08-01"], 2);
    assert_eq!(stats.rows_buffered(), 2);
}

#[test]
fn flush_delivers_everything_once() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[row("a"), other_day("b")]);
    harness.put_ok(LINES, &["x"]);
    harness.firehose.flush().unwrap();
    harness.firehose.flush().unwrap();
    let stats = harness.firehose.stats();
    assert_eq!((stats.files_written, stats.rows_delivered_total(), stats.rows_buffered()), (3, 3, 0));
    assert_eq!(stats.rows_delivered["lines"], 1);
}

#[test]
fn json_lines_are_the_records() {
    let harness = Harness::new();
    harness.put_ok(LINES, &["{\"a\":1}", "no json\n"]);
    harness.firehose.flush().unwrap();
    harness.put_ok(LINES, &["next"]);
    harness.firehose.flush().unwrap();
    assert_eq!(harness.files("lines"), ["lines-000001.jsonl", "lines-000002.jsonl"]);
    assert_eq!(harness.text("lines/lines-000001.jsonl"), "{\"a\":1}\nno json\n");
    assert_eq!(harness.text("lines/lines-000002.jsonl"), "next\n");
}

#[test]
fn a_failed_write_keeps_the_rows_and_is_tried_again() {
    let bytes = row("a").len();
    let harness = Harness::with(Settings { buffered_max_bytes: bytes, ..Settings::default() });
    let lake = harness.dir.path().join("lake");
    std::fs::write(&lake, "in the way").unwrap();
    harness.put_ok(ROWS, &[row("a"), row("b")]);
    let message = harness.firehose.flush().unwrap_err().to_string();
    assert!(message.contains("lake") && message.contains("stay buffered"), "{message}");
    let (status, body) = harness.put(ROWS, &[row("c")]);
    assert_eq!((status, &body["__type"]), (503, &json!("ServiceUnavailableException")), "memory is bounded");

    std::fs::remove_file(&lake).unwrap();
    harness.put_ok(ROWS, &[row("c")]);
    harness.firehose.flush().unwrap();
    assert_eq!(harness.firehose.stats().rows_delivered_total(), 3);
}

#[tokio::test(start_paused = true)]
async fn run_delivers_by_the_clock_and_flushes_at_the_end() {
    let harness = Harness::new();
    harness.put_ok(ROWS, &[row("a")]);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let firehose = std::sync::Arc::clone(&harness.firehose);
    let host = async {
        harness.set_now(START_MS + 60_000);
        while harness.firehose.stats().files_written == 0 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        harness.put_ok(ROWS, &[row("b")]);
        stop.send(()).unwrap();
    };
    let shutdown = async { stopped.await.unwrap() };
    let (outcome, ()) = tokio::join!(firehose.run(shutdown), host);
    outcome.unwrap();
    assert_eq!(harness.firehose.stats().rows_delivered_total(), 2);
}
