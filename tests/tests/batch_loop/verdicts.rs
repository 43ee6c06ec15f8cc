//! What follows each verdict.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::session::SessionState;
use millrace_lambda::{Deadline, Function, Meter};
use millrace_testkit::{
    ARRIVED_AT_MS, BatchBuilder, Counter, Journal, MemorySignals, MemorySink, MemoryStore, event,
};
use serde_json::json;
use sessions::{Config, Sessions};

use crate::harness::{Rig, outcome_of};

#[tokio::test]
async fn a_reused_id_is_quarantined_once_and_counted() {
    let rig = Rig::<Counter>::new();
    let (first, reused) = (event("1", "u").views("a"), event("1", "u").views("b"));
    let batch = BatchBuilder::default().event(&first).event(&reused).build();
    let outcome = rig.run(&batch).await;
    assert_eq!(outcome.verdicts, ["applied", "collision"]);
    assert_eq!(outcome.count("collision"), 1);
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a"]);

    let lines = rig.quarantine.lines();
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(
        (&line["reason"], &line["event_id"], &line["function"]),
        (&json!("collision"), &json!("1"), &json!("rig"))
    );
    assert_eq!(line["rule"], r#"source "urn:shop" used this id before with another payload"#);
    assert_eq!(line["sequence_number"], batch.records[1].sequence_number.as_str());
    assert_eq!(STANDARD.decode(line["data_base64"].as_str().unwrap()).unwrap(), reused.bytes());
}

#[tokio::test]
async fn a_late_event_never_touches_state() {
    let rig = Rig::<SessionState>::new();
    let batch = BatchBuilder::default().event(&event("1", "u").at_minute(60)).build();
    rig.run(&batch).await;
    let before = rig.store.item("u");

    let at_the_watermark = event("2", "u").at_minute(50);
    let below = event("3", "u").at_ms(at_the_watermark.time_ms() - 1);
    let late = rig.run(&BatchBuilder::starting_at(2).event(&below).build()).await;
    assert_eq!((late.verdicts, rig.store.item("u")), (vec!["late"], before));
    let on_time = rig.run(&BatchBuilder::starting_at(3).event(&at_the_watermark).build()).await;
    assert_eq!(on_time.verdicts, ["applied"]);
}

#[tokio::test]
async fn money_is_late_only_after_two_days() {
    let rig = Rig::<SessionState>::new();
    const DEDUP_WINDOW_MINUTES: i64 = 48 * 60;
    let newest = event("1", "u").at_minute(DEDUP_WINDOW_MINUTES);
    let oldest = event("2", "u").orders("a", 1, 700).at_minute(0);
    let too_old = event("3", "u").orders("a", 1, 700).at_ms(oldest.time_ms() - 1);
    let batch = BatchBuilder::default().events(&[newest, oldest, too_old]).build();
    assert_eq!(rig.run(&batch).await.verdicts, ["applied", "applied", "late"]);
    assert_eq!(rig.store.item("u").unwrap().state.lifetime.orders, 1);
}

#[tokio::test]
async fn what_cannot_be_read_blocks_nothing_and_is_left_to_the_archive() {
    let rig = Rig::<SessionState>::new();
    let good = event("4", "u").views("a");
    let skewed = event("5", "u").at_ms(ARRIVED_AT_MS + 5 * 60_000 + 1);
    let batch = BatchBuilder::default()
        .raw("u", "no json")
        .raw("u", r#"{"id":"2"}"#)
        .event(&event("3", "u").of_type("cart.item_added", json!({"sku": "a", "quantity": 0})))
        .event(&skewed)
        .raw("u", "")
        .event(&good)
        .build();
    let outcome = rig.run(&batch).await;
    assert_eq!(outcome.verdicts, ["invalid", "invalid", "invalid", "invalid", "invalid", "applied"]);
    assert_eq!((outcome.count("invalid"), outcome.named), (5, None));
    assert!(rig.quarantine.lines().is_empty());
}

#[tokio::test]
async fn a_subject_that_is_not_the_partition_key_is_invalid() {
    let rig = Rig::<SessionState>::new();
    let batch = BatchBuilder::default().raw("v", event("1", "u").bytes()).build();
    assert_eq!(rig.run(&batch).await.verdicts, ["invalid"]);
    assert!(rig.store.keys().is_empty());
}

#[tokio::test]
async fn a_type_without_a_use_is_ignored() {
    let rig = Rig::<SessionState>::new();
    let stock = json!({"store_id": "s", "sku": "a", "on_hand": 1});
    let batch = BatchBuilder::default()
        .event(&event("1", "u").of_type("coupon.used", json!({"code": 1})))
        .event(&event("2", "s#a").of_type("stock.counted", stock))
        .build();
    let outcome = rig.run(&batch).await;
    assert_eq!((outcome.count("ignored"), outcome.verdicts), (2, vec!["ignored"; 2]));
    assert!(rig.journal.take().is_empty(), "no adapter is asked for what is ignored");
}

#[tokio::test]
async fn a_batch_without_records_asks_nobody_and_names_nothing() {
    let rig = Rig::<SessionState>::new();
    let outcome = rig.run(&BatchBuilder::default().build()).await;
    assert_eq!((outcome.answer.as_str(), outcome.counts.len()), (r#"{"batchItemFailures":[]}"#, 0));
    assert!(rig.journal.take().is_empty());
}

#[tokio::test]
async fn sessions_writes_one_item_a_user() {
    let journal = Journal::default();
    let store = MemoryStore::noting(journal.clone());
    let quarantine: MemorySink = MemorySink::noting("quarantine", journal.clone());
    let function = Sessions::new(
        &Config::for_testing(),
        (store.clone(), quarantine, MemorySignals::default()),
        Meter::default().into(),
    );
    let events: Vec<_> =
        (0..30).map(|id| event(id.to_string(), ["u", "v", "w"][id % 3]).views("a")).collect();
    let outcome =
        outcome_of(&function, &BatchBuilder::default().events(&events).build(), Deadline::NONE).await;
    assert_eq!(outcome.count("applied"), 30);
    assert_eq!(journal.take_words(), ["read u,v,w", "commit u,v,w"]);
    assert_eq!(store.item("u").unwrap().state.lifetime.events, 10);
    assert_eq!(function.name(), "sessions");
}
