//! Batches of one shard that were discarded within one second come back in the order that they had in it, whatever
//! random UUIDs their keys end in.

use std::time::Duration;

use bytes::Bytes;
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};
use millrace_lambda::{Deadline, KinesisBatch};
use millrace_testkit::{BatchBuilder, EventBuilder, MemoryStream, event};
use redrive::{DeadLetters, Mode, Request};
use serde_json::{Value, json};

use crate::harness::{World, reasons, record_of};
use crate::on_failure::failure_object;

/// What the keys of a second's objects end in, by the position of their batches in the shard. The dashes of a UUID make
/// no second of their own.
const UUIDS: [&str; 5] = [
    "e3c1a7d0-11aa-4000-8000-000000000001",
    "0b5f2c9e-22bb-4000-8000-000000000002",
    "b7d40e61-33cc-4000-8000-000000000003",
    "4a9e8f27-44dd-4000-8000-000000000004",
    "c80b6d15-55ee-4000-8000-000000000005",
];

/// Sequence numbers whose order is not that of their texts.
const FIRSTS: [u64; 5] = [8, 9, 10, 99, 100];

fn run(limit: usize) -> Value {
    json!({"dead_letters": "on_failure", "mode": "run", "limit": limit})
}

fn login(index: usize) -> EventBuilder {
    event(index.to_string(), "u")
}

fn batch(index: usize) -> KinesisBatch {
    BatchBuilder::counting_from(FIRSTS[index]).event(&login(index)).build()
}

/// Five batches of one shard and second; gives back their keys by their position in the shard.
fn burst(world: &World) -> [String; 5] {
    [0, 1, 2, 3, 4].map(|index| {
        let name = format!("2026-01-02T10.00.05-{}", UUIDS[index]);
        world.add_failure(&name, "sessions", &batch(index))
    })
}

fn logins(indexes: impl IntoIterator<Item = usize>) -> Vec<(String, Bytes)> {
    indexes.into_iter().map(|index| record_of(&login(index))).collect()
}

#[tokio::test]
async fn a_burst_comes_back_in_the_order_of_its_shard() {
    for page in [1, 2, 3, 1_000] {
        let world = World::new();
        world.objects.page(page);
        let keys = burst(&world);
        let dry = world.call(json!({"dead_letters": "on_failure"})).await;
        let answer = world.call(run(100)).await;
        assert_eq!((answer.done, answer.counts.sent, answer.remaining, answer.complete), (5, 5, 0, true));
        assert_eq!(world.unwrapped(), logins(0..5), "pages of {page}");
        for answer in [dry, answer] {
            let taken: Vec<_> = answer.results.into_iter().map(|line| line.key).collect();
            assert_eq!(taken, keys);
        }
    }
}

#[tokio::test]
async fn bursts_come_back_one_after_another_and_each_shard_for_itself() {
    let world = World::new();
    // A later second whose UUIDs come first, and another shard whose numbers say nothing about this one's.
    for (name, first, id) in [("06-1", 200, "b"), ("06-0", 300, "c"), ("05-f", 100, "a")] {
        let batch = BatchBuilder::counting_from(first).event(&event(id, "u")).build();
        world.add_failure(&format!("2026-01-02T10.00.{name}"), "sessions", &batch);
    }
    for (name, first, id) in [("05-a", 2, "e"), ("05-b", 1, "d")] {
        let other = BatchBuilder::counting_from(first).of_shard("shardId-000000000001");
        let batch = other.event(&event(id, "v")).build();
        world.add_failure(&format!("2026-01-02T10.00.{name}"), "sessions", &batch);
    }
    assert_eq!(world.call(run(100)).await.done, 5);
    let expected = [("a", "u"), ("b", "u"), ("c", "u"), ("d", "v"), ("e", "v")];
    assert_eq!(world.unwrapped(), expected.map(|(id, key)| record_of(&event(id, key))));
}

#[tokio::test]
async fn a_limit_does_not_split_a_burst() {
    let world = World::new();
    world.objects.page(2);
    burst(&world);
    let behind = BatchBuilder::counting_from(500).event(&event("9", "u")).build();
    world.add_failure("2026-01-02T10.00.06-a", "sessions", &behind);
    let answer = world.call(run(2)).await;
    assert_eq!((answer.done, answer.remaining, answer.complete), (5, 1, false));
    assert_eq!(world.unwrapped(), logins(0..5));
    let answer = world.call(run(2)).await;
    assert_eq!((answer.done_before, answer.done, answer.remaining, answer.complete), (5, 1, 0, true));
    // A list reads nothing, and its limit holds.
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "list", "limit": 2})).await;
    assert_eq!((answer.objects, answer.results.len()), (2, 2));
}

#[tokio::test]
async fn what_is_done_of_a_burst_is_skipped_until_it_is_asked_for_again() {
    let world = World::new();
    let keys = burst(&world);
    for index in [1, 4] {
        world.objects.insert(&redrive::mark_of(&keys[index]), "{}");
        world.objects.fail(&keys[index]);
    }
    let answer = world.call(run(100)).await;
    assert_eq!((answer.done_before, answer.done, answer.not_done, answer.complete), (2, 3, 0, true));
    assert_eq!(world.unwrapped(), logins([0, 2, 3]));
    world.objects.heal();
    let mut again = run(100);
    again["include_done"] = true.into();
    assert_eq!(world.call(again).await.done, 5);
    assert_eq!(world.unwrapped()[3..], logins(0..5));
}

#[tokio::test]
async fn a_burst_that_the_stream_interrupts_goes_on_where_it_was() {
    let world = World::new();
    let keys = burst(&world);
    world.stream.script([None, None, Some(0)]);
    let answer = world.call(run(100)).await;
    assert_eq!((answer.done, answer.not_done, answer.remaining), (2, 1, 2));
    assert_eq!(reasons(&answer)[0].0, keys[2]);
    assert_eq!(world.unwrapped(), logins(0..2));
    let answer = world.call(run(100)).await;
    assert_eq!((answer.done_before, answer.done, answer.remaining), (2, 3, 0));
    assert_eq!(world.unwrapped(), logins(0..5));
}

/// A stream that takes its time.
struct Slow(MemoryStream);

impl RecordStream for Slow {
    async fn put(&self, records: &[OutgoingRecord], deadline: Deadline) -> Vec<Put> {
        tokio::time::sleep(Duration::from_millis(600)).await;
        self.0.put(records, deadline).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_that_the_deadline_interrupts_goes_on_where_it_was() {
    let world = World::new();
    burst(&world);
    let stream = Slow(world.stream.clone());
    let request = Request::new(DeadLetters::OnFailure, Mode::Run);
    for (done, left) in [(2, 3), (2, 1), (1, 0)] {
        let deadline = Deadline::after(Duration::from_secs(1));
        let answer = redrive::run(&world.objects, &stream, &world.config, &request, deadline).await;
        assert_eq!((answer.done, answer.remaining, answer.not_done), (done, left, 0));
    }
    assert_eq!(world.unwrapped(), logins(0..5));
    // Near the deadline, nothing is read to find an order.
    let world = World::new();
    burst(&world);
    let deadline = Deadline::after(Duration::from_secs(1));
    tokio::time::advance(Duration::from_secs(1)).await;
    let answer = world.call_until(run(100), deadline).await;
    assert_eq!((answer.objects, answer.remaining, world.stream.calls()), (0, 5, 0));
    assert_eq!(answer.error, "the invocation's deadline is near");
}

#[tokio::test]
async fn corrupt_objects_of_a_burst_hold_up_no_other() {
    let world = World::new();
    let keys = burst(&world);
    world.objects.insert(&keys[0], "no json");
    let mut no_payload = failure_object("sessions", Some(&batch(1)));
    no_payload.as_object_mut().unwrap().remove("payload");
    world.objects.insert(&keys[1], no_payload.to_string());
    world.objects.remove(&keys[3]);
    let mut nowhere = failure_object("sessions", Some(&batch(2)));
    nowhere["KinesisBatchInfo"]["startSequenceNumber"] = "?".into();
    world.objects.insert(&keys[2], nowhere.to_string());
    let last = world.add_failure("2026-01-02T10.00.05-0", "sessions", &{
        BatchBuilder::counting_from(101).event(&login(5)).build()
    });
    let answer = world.call(run(100)).await;
    assert_eq!((answer.done, answer.not_done, answer.counts.sent, answer.complete), (3, 2, 3, true));
    // What does not say its position comes last.
    assert_eq!(world.unwrapped(), logins([4, 5, 2]));
    let marked = [&last, &keys[2], &keys[4]].map(|key| redrive::mark_of(key));
    assert_eq!(world.objects.keys("redriven/"), marked);
    let why = |index: usize| reasons(&answer).into_iter().find(|(key, _)| *key == keys[index]).unwrap().1;
    assert!(why(0).starts_with("is no record of an on-failure destination"));
    assert!(why(1).contains("only the stream has the records 9 to 9"));
}

#[tokio::test]
async fn a_burst_of_which_one_cannot_be_read_now_waits_as_a_whole() {
    let world = World::new();
    let keys = burst(&world);
    world.objects.fail(&keys[0]);
    let answer = world.call(run(100)).await;
    assert_eq!((answer.objects, answer.remaining, answer.complete, world.stream.calls()), (0, 5, false, 0));
    let why = "objects of one second could not be read for their order: the script fails it";
    assert_eq!(answer.error, why);
    world.objects.heal();
    assert_eq!(world.call(run(100)).await.done, 5);
    assert_eq!(world.unwrapped(), logins(0..5));
}

#[tokio::test]
async fn a_burst_beyond_its_limit_is_split_alike_in_every_run() {
    let world = World::new();
    // Keys in order of 0 to 1,001, batches in the opposite order.
    for name in 0..1_002 {
        let id = 2_000 - name;
        let batch = BatchBuilder::counting_from(id).event(&event(id.to_string(), "u")).build();
        world.add_failure(&format!("2026-01-02T10.00.05-{name:04}"), "sessions", &batch);
    }
    let answer = world.call(run(1)).await;
    assert_eq!((answer.done, answer.remaining, answer.complete), (1_000, 2, false));
    let answer = world.call(run(1)).await;
    assert_eq!((answer.done_before, answer.done, answer.complete), (1_000, 2, true));
    let expected = (1_001..=2_000).chain(999..=1_000);
    let expected: Vec<_> = expected.map(|id: u64| record_of(&event(id.to_string(), "u"))).collect();
    assert_eq!(world.unwrapped(), expected);
}
