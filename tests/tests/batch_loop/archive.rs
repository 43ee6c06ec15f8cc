//! Rows to the lake, and the quarantine of what cannot be read.

use std::time::Duration;

use ::archive::{Archive, Config};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use millrace_domain::timer::Timer;
use millrace_lambda::kpl::SubRecord;
use millrace_lambda::{Deadline, KinesisBatch, Meter};
use millrace_testkit::{BatchBuilder, Journal, MemorySink, event};
use serde_json::{Value, json};

use crate::harness::{Outcome, outcome_of, sequence};

struct Lake<const LIMIT: usize> {
    journal: Journal,
    rows: MemorySink<LIMIT>,
    quarantine: MemorySink,
    function: Archive<MemorySink<LIMIT>, MemorySink>,
}

impl Lake<1_024_000> {
    fn new() -> Self {
        Self::of_limit()
    }
}

impl<const LIMIT: usize> Lake<LIMIT> {
    fn of_limit() -> Self {
        let journal = Journal::default();
        let rows = MemorySink::noting("row", journal.clone());
        let quarantine = MemorySink::noting("quarantine", journal.clone());
        let function =
            Archive::new(&Config::for_testing(), rows.clone(), quarantine.clone(), Meter::default().into());
        Self { journal, rows, quarantine, function }
    }

    async fn run(&self, batch: &KinesisBatch) -> Outcome {
        outcome_of(&self.function, batch, Deadline::NONE).await
    }
}

fn bytes_of(line: &Value) -> Vec<u8> {
    STANDARD.decode(line["data_base64"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn what_cannot_be_read_is_quarantined_with_id_reason_and_bytes() {
    let lake = Lake::new();
    let broken = event("2", "u").of_type("cart.item_added", json!({"sku": "a", "quantity": 0}));
    let batch = BatchBuilder::default()
        .event(&event("1", "u").views("a"))
        .event(&broken)
        .raw("u", "no json")
        .raw("v", event("4", "u").bytes())
        .build();
    let outcome = lake.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied", "invalid", "invalid", "invalid"]));
    assert_eq!(lake.rows.texts("id"), ["1"]);
    assert_eq!(lake.quarantine.texts("reason"), ["contract", "not_json", "partition_key_mismatch"]);
    assert_eq!(lake.quarantine.texts("event_id"), ["2", "", "4"]);
    let lines = lake.quarantine.lines();
    assert_eq!(bytes_of(&lines[0]), broken.bytes());
    assert_eq!(bytes_of(&lines[1]), b"no json");
    assert_eq!(lines[1]["sequence_number"], batch.records[2].sequence_number.as_str());
}

#[tokio::test]
async fn a_timer_that_is_due_has_a_row_of_control_events() {
    let lake = Lake::new();
    let timer = Timer { key: "u".to_owned(), due_at_ms: 1_291_191_960_120 };
    let batch = BatchBuilder::default()
        .event(&event("1", "u").views("a"))
        .raw("u", timer.event_text().unwrap())
        .build();
    let outcome = lake.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied", "applied"]));
    assert_eq!(lake.rows.texts("id"), ["1", "due/1291191960120"]);
    assert_eq!(lake.rows.texts("event_type"), ["product.viewed", "control"]);
}

#[tokio::test]
async fn nothing_is_sent_behind_the_first_row_that_fails() {
    let lake = Lake::new();
    let batch = BatchBuilder::default()
        .raw("u", "before")
        .event(&event("1", "u"))
        .event(&event("2", "u"))
        .raw("u", "behind")
        .event(&event("3", "u"))
        .build();
    lake.rows.fail_at(1);
    let outcome = lake.run(&batch).await;
    assert_eq!(outcome.named, sequence(&batch, 2));
    assert_eq!(lake.journal.take_words(), ["row 1", "quarantine not_json"]);
    assert_eq!(bytes_of(&lake.quarantine.lines()[0]), b"before");
    assert_eq!(outcome.counts, [("applied".to_owned(), 1), ("invalid".to_owned(), 1)].into());

    let rest = lake.run(&outcome.rest.unwrap()).await;
    assert_eq!((rest.named, rest.verdicts), (None, vec!["applied", "invalid", "applied"]));
    assert_eq!(lake.rows.texts("id"), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_quarantine_that_fails_ends_the_batch_at_its_record() {
    let lake = Lake::new();
    let batch = BatchBuilder::default()
        .raw("u", "one")
        .event(&event("1", "u"))
        .raw("u", "two")
        .event(&event("2", "u"))
        .build();
    lake.quarantine.fail_at(1);
    let outcome = lake.run(&batch).await;
    assert_eq!(
        (outcome.named, outcome.verdicts),
        (sequence(&batch, 2), vec!["invalid", "applied", "-", "-"])
    );
}

#[tokio::test]
async fn a_row_too_large_is_quarantined_and_not_its_neighbours() {
    let lake = Lake::<2_000>::of_limit();
    let large = event("2", "u").of_type("product.viewed", json!({"sku": "a", "note": "n".repeat(2_000)}));
    let batch = BatchBuilder::default().event(&event("1", "u")).event(&large).event(&event("3", "u")).build();
    let outcome = lake.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied", "poisoned", "applied"]));
    assert_eq!(lake.rows.texts("id"), ["1", "3"]);
    let lines = lake.quarantine.lines();
    assert_eq!((&lines[0]["reason"], &lines[0]["event_id"]), (&json!("row_too_large"), &json!("2")));
    assert_eq!(bytes_of(&lines[0]), large.bytes());
}

#[tokio::test]
async fn a_record_larger_than_a_line_is_quarantined_in_parts_that_make_it_whole() {
    let lake = Lake::new();
    let garbage = vec![b'?'; 2_500_000];
    lake.run(&BatchBuilder::default().raw("u", garbage.clone()).build()).await;
    let lines = lake.quarantine.lines();
    assert_eq!(lines.iter().flat_map(bytes_of).collect::<Vec<_>>(), garbage);
    assert!(
        lines
            .iter()
            .enumerate()
            .all(|(index, line)| line["part"] == index + 1 && line["parts"] == lines.len())
    );
}

#[tokio::test]
async fn garbage_under_a_very_long_key_inside_an_aggregate_is_not_lost() {
    // The stream bounds a record's own key; the keys within an aggregate are whatever its producer wrote. One that
    // Kinesis itself would not take makes the aggregate no aggregate, and `archive` rejects the whole of it.
    let lake = Lake::new();
    let garbage = Bytes::from(vec![b'?'; 800_000]);
    let sub_record = SubRecord { partition_key: "k".repeat(100_000).into(), data: garbage };
    let batch = BatchBuilder::default().sub_records(&[sub_record]).build();
    let outcome = lake.run(&batch).await;
    assert_eq!(outcome.verdicts, ["invalid"]);
    assert_eq!(lake.quarantine.lines().iter().flat_map(bytes_of).collect::<Vec<_>>(), batch.records[0].data);
}

#[tokio::test]
async fn a_batch_delivered_again_is_archived_again_in_the_same_words() {
    let lake = Lake::new();
    let batch = BatchBuilder::default().event(&event("1", "u")).raw("u", "no json").build();
    lake.run(&batch).await;
    let first = lake.journal.take();
    lake.run(&batch).await;
    assert_eq!(lake.journal.take(), first);
}

#[tokio::test]
async fn a_batch_without_records_sends_nothing() {
    let lake = Lake::new();
    let outcome = lake.run(&BatchBuilder::default().build()).await;
    assert_eq!(outcome.answer, r#"{"batchItemFailures":[]}"#);
    assert!(lake.journal.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn near_the_deadline_no_row_is_sent() {
    let lake = Lake::new();
    let batch = BatchBuilder::default().event(&event("1", "u")).raw("u", "no json").build();
    let deadline = Deadline::after(Duration::from_secs(10));
    tokio::time::advance(Duration::from_secs(9)).await;
    let outcome = outcome_of(&lake.function, &batch, deadline).await;
    assert_eq!(lake.journal.take_words(), Vec::<String>::new());
    assert_eq!(outcome.named, sequence(&batch, 0));
}
