//! Dead letters, through the stream, into the consumers: what they change, and what they never change.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::time::format_rfc3339_ms;
use millrace_lambda::{Deadline, Function, KinesisBatch};
use millrace_testkit::{ARRIVED_AT_MS, BatchBuilder, event};
use serde_json::{Value, json};

use crate::harness::{World, record_of};

/// Counts of a function's verdicts, those that are not zero.
async fn counts(function: &impl Function, batch: &KinesisBatch) -> Vec<(&'static str, u64)> {
    let report = function.process(batch, Deadline::NONE).await;
    assert_eq!(report.tally.checkpoint.record(), None, "{}", report.tally.why);
    report.tally.counts().into_iter().filter(|(_, count)| *count > 0).collect()
}

fn run(dead_letters: &str) -> Value {
    json!({"dead_letters": dead_letters, "mode": "run", "include_done": true})
}

#[tokio::test]
async fn a_batch_that_failed_is_applied_by_the_function_that_failed_alone() {
    let world = World::new();
    let batch =
        BatchBuilder::default().events(&[event("1", "u"), event("2", "u").orders("a", 1, 500)]).build();
    world.add_failure("a", "sessions", &batch);
    world.call(run("on_failure")).await;
    let redrive_envelopes = world.delivered(100);
    assert_eq!(counts(&world.archive, &redrive_envelopes).await, [("ignored", 2)]);
    assert!(world.quarantine.lines().is_empty());
    // That it came back for sessions, which may have changed its state.
    assert_eq!(world.rows.texts("event_type"), ["control", "control"]);
    assert_eq!(world.rows.texts("target_function"), ["sessions", "sessions"]);
    let ids = batch
        .records
        .iter()
        .map(|record| format!("events/shardId-000000000000/{}/0/0@sessions", record.sequence_number));
    assert_eq!(world.rows.texts("id"), ids.collect::<Vec<_>>());
    assert_eq!(counts(&world.sessions, &redrive_envelopes).await, [("applied", 2)]);
    assert_eq!(world.store.item("u").unwrap().state.lifetime.orders, 1);
}

#[tokio::test]
async fn what_is_for_another_function_is_ignored_even_when_it_is_broken() {
    let world = World::new();
    let batch = BatchBuilder::default().event(&event("1", "u")).raw("u", "no json").build();
    world.add_failure("a", "archive", &batch);
    world.call(run("on_failure")).await;
    let redrive_envelopes = world.delivered(100);
    assert_eq!(counts(&world.sessions, &redrive_envelopes).await, [("ignored", 2)]);
    assert!(world.store.item("u").is_none());
    assert_eq!(counts(&world.archive, &redrive_envelopes).await, [("applied", 1), ("invalid", 1)]);
    assert_eq!((world.rows.texts("id"), world.quarantine.lines().len()), (vec!["1".to_owned()], 1));
}

#[tokio::test]
async fn redriving_twice_changes_nothing_twice() {
    let world = World::new();
    let batch =
        BatchBuilder::default().events(&[event("1", "u"), event("2", "u").orders("a", 1, 500)]).build();
    world.add_failure("a", "sessions", &batch);
    world.call(run("on_failure")).await;
    world.call(run("on_failure")).await;
    let redrive_envelopes = world.delivered(100);
    assert_eq!(counts(&world.sessions, &redrive_envelopes).await, [("applied", 2), ("duplicate", 2)]);
    let once = world.store.item("u");
    // A crash behind the commit delivers the redrive envelopes again.
    assert_eq!(counts(&world.sessions, &redrive_envelopes).await, [("duplicate", 2), ("redelivery", 2)]);
    assert_eq!(world.store.item("u"), once);
}

#[tokio::test]
async fn what_was_applied_before_the_batch_failed_is_known_again() {
    let world = World::new();
    let events = [event("1", "u"), event("2", "u")];
    let batch = BatchBuilder::default().events(&events).build();
    let front = BatchBuilder::default().event(&events[0]).build();
    assert_eq!(counts(&world.sessions, &front).await, [("applied", 1)]);
    world.add_failure("a", "sessions", &batch);
    world.call(run("on_failure")).await;
    assert_eq!(counts(&world.sessions, &world.delivered(100)).await, [("applied", 1), ("duplicate", 1)]);
}

#[tokio::test]
async fn what_comes_back_too_late_is_late() {
    let world = World::new();
    let batch = BatchBuilder::default().event(&event("1", "u")).build();
    world.add_failure("a", "sessions", &batch);
    let behind = BatchBuilder::starting_at(50).event(&event("2", "u").at_minute(11)).build();
    counts(&world.sessions, &behind).await;
    let before = world.store.item("u");
    world.call(run("on_failure")).await;
    assert_eq!(counts(&world.sessions, &world.delivered(100)).await, [("late", 1)]);
    assert_eq!(world.store.item("u"), before);
}

#[tokio::test]
async fn an_event_that_was_mended_is_a_row_under_its_first_position() {
    let world = World::new();
    let view = event("1", "u").views("a");
    // It was rejected by an earlier version, and is taken by this one.
    let mut line = crate::harness::entry("5", &view);
    line["element"] = 2.into();
    world.add_quarantine("a", &[line]);
    world.call(run("quarantine")).await;
    let redrive_envelopes =
        world.stream.drain_into(BatchBuilder::starting_at(100).of_shard("shardId-9")).build();
    assert_eq!(counts(&world.archive, &redrive_envelopes).await, [("applied", 1)]);
    assert_eq!(counts(&world.sessions, &redrive_envelopes).await, [("applied", 1)]);
    let row = &world.rows.lines()[0];
    let position = (&row["shard_id"], &row["sequence_number"], &row["element"], &row["arrived_at"]);
    let first = ("shardId-000000000000".into(), "5".into(), 2.into(), "2010-12-31T08:26:00.000Z".into());
    assert_eq!(position, (&first.0, &first.1, &first.2, &first.3));
    assert_eq!(row["id"], "1");
}

#[tokio::test]
async fn what_fails_again_is_quarantined_again_with_its_first_position_and_the_redrive_envelopes() {
    let world = World::new();
    let broken = event("2", "u").of_type("cart.item_added", json!({"sku": "a", "quantity": 0}));
    let batch = BatchBuilder::starting_at(7).array(&[event("1", "u"), broken.clone()]).build();
    counts(&world.archive, &batch).await;
    let quarantined = world.quarantine.lines();
    let mut sequences = Vec::new();
    for (name, first) in [("a", 100), ("b", 200)] {
        world.add_quarantine(name, &[world.quarantine.lines().pop().unwrap()]);
        world.call(json!({"dead_letters": "quarantine", "mode": "run"})).await;
        let redrive_envelopes =
            world.stream.drain_into(BatchBuilder::starting_at(first).of_shard("shardId-9")).build();
        assert_eq!(redrive_envelopes.records.len(), 1);
        sequences.push(redrive_envelopes.records[0].sequence_number.to_string());
        assert_eq!(redrive_envelopes.records[0].arrived_at_ms, ARRIVED_AT_MS);
        assert_eq!(counts(&world.archive, &redrive_envelopes).await, [("invalid", 1)]);
    }
    let lines = world.quarantine.lines();
    assert_eq!(lines.len(), 3);
    for (line, sequence) in lines[1..].iter().zip(sequences) {
        let mut expected = quarantined[0].clone();
        expected["redrive_stream"] = "events".into();
        expected["redrive_shard_id"] = "shardId-9".into();
        expected["redrive_sequence_number"] = sequence.into();
        expected["redrive_sub_sequence_number"] = 0.into();
        expected["redrive_element"] = 0.into();
        expected["redrive_arrived_at"] = format_rfc3339_ms(ARRIVED_AT_MS).into();
        assert_eq!(*line, expected);
    }
    assert_eq!(STANDARD.decode(lines[2]["data_base64"].as_str().unwrap()).unwrap(), broken.bytes());
}

#[tokio::test]
async fn a_wrong_clock_is_judged_by_the_first_arrival() {
    let world = World::new();
    let fast = event("1", "u").at_ms(ARRIVED_AT_MS + 6 * 60_000);
    counts(&world.archive, &BatchBuilder::default().event(&fast).build()).await;
    world.add_quarantine("a", &world.quarantine.lines());
    world.call(run("quarantine")).await;
    let later = BatchBuilder::starting_at(100).arrived_at_ms(ARRIVED_AT_MS + 60 * 60_000);
    let redrive_envelopes = world.stream.drain_into(later).build();
    assert_eq!(counts(&world.sessions, &redrive_envelopes).await, [("invalid", 1)]);
}

#[tokio::test]
async fn records_of_a_key_keep_their_order() {
    let world = World::new();
    let events: Vec<_> = (0..40).map(|id| event(id.to_string(), ["u", "v"][id % 2])).collect();
    for (name, part) in [("a", 0..25), ("b", 25..40)] {
        let batch = BatchBuilder::starting_at(part.start as u64 + 1).events(&events[part]).build();
        world.add_failure(name, "sessions", &batch);
    }
    world.call(run("on_failure")).await;
    assert_eq!(world.unwrapped(), events.iter().map(record_of).collect::<Vec<_>>());
}
