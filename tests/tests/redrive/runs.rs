//! Modes, filters and limits, and runs that end before their time.

use std::time::Duration;

use bytes::Bytes;
use millrace_lambda::kpl::{SubRecord, aggregate};
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};
use millrace_lambda::{Deadline, KinesisBatch};
use millrace_testkit::{ARRIVED_AT_MS, BatchBuilder, MemoryStream, event};
use redrive::{Answer, DeadLetters, Mode, Request, Status};
use serde_json::{Value, json};

use crate::harness::{World, entry, reasons, record_of};

fn statuses(answer: &Answer) -> Vec<Status> {
    answer.results.iter().map(|line| line.status).collect()
}

fn batch(first: u64, user: &str) -> KinesisBatch {
    BatchBuilder::starting_at(first).event(&event(first.to_string(), user)).build()
}

#[tokio::test]
async fn a_list_reads_nothing_and_a_dry_run_sends_nothing() {
    let world = World::new();
    let a = world.add_failure("a", "sessions", &batch(1, "u"));
    world.objects.insert("aws/lambda/z", "no json");
    world.objects.insert(&redrive::mark_of(&a), "{}");
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "list"})).await;
    assert_eq!(statuses(&answer), [Status::Done, Status::Unmarked]);
    assert_eq!((answer.objects, answer.done_before, answer.done, answer.counts.records), (2, 1, 0, 0));
    assert_eq!(answer.results[1].size_bytes, 7);
    let answer = world.call(json!({"dead_letters": "on_failure", "include_done": true})).await;
    assert_eq!(statuses(&answer), [Status::Ready, Status::NotDone]);
    assert_eq!((answer.counts.to_send, answer.counts.sent, world.stream.calls()), (1, 0, 0));
    assert_eq!(world.objects.keys("redriven/").len(), 1);
}

#[tokio::test]
async fn a_dry_run_says_how_each_record_decodes_now() {
    let world = World::new();
    let broken = event("3", "u").of_type("cart.item_added", json!({"sku": "a", "quantity": 0}));
    let fast = event("4", "u").at_ms(ARRIVED_AT_MS + 6 * 60_000);
    let batch = BatchBuilder::default()
        .array(&[event("1", "u"), event("2", "u")])
        .events([&broken, &fast])
        .raw("u", "no json")
        .raw("v", event("5", "u").bytes())
        .build();
    world.add_failure("a", "sessions", &batch);
    let answer = world.call(json!({"dead_letters": "on_failure"})).await;
    let expected =
        [("clock_skew", 1), ("contract", 1), ("not_json", 1), ("partition_key_mismatch", 1), ("valid", 2)];
    assert_eq!(answer.counts.events, expected.map(|(name, count)| (name.to_owned(), count)).into());
    assert_eq!((answer.counts.records, answer.counts.to_send), (5, 5));
}

#[tokio::test]
async fn filters_leave_records_out_and_the_object_open() {
    let late = json!({"arrived_from": "2010-12-31T08:26:00.001Z"});
    let cases = [
        (json!({"function": "sessions"}), 0),
        (json!({"function": "archive", "reason": "contract", "shard_id": "shardId-000000000000"}), 1),
        (json!({"reason": "schema_registry_header"}), 0),
        (json!({"shard_id": "other"}), 0),
        (late, 0),
        (json!({"arrived_from": "2010-12-31T08:26:00Z", "arrived_to": "2010-12-31T08:26:00.001Z"}), 1),
        (json!({"arrived_to": "2010-12-31T08:26:00Z"}), 0),
    ];
    for (filter, expected) in cases {
        let world = World::new();
        let key = world.add_quarantine("a", &[entry("5", &event("1", "u"))]);
        let mut request = json!({"dead_letters": "quarantine", "mode": "run"});
        request.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        let answer = world.call(request).await;
        assert_eq!(
            (answer.done, answer.counts.sent, answer.counts.filtered),
            (expected, expected, 1 - expected)
        );
        if expected == 0 {
            assert_eq!(reasons(&answer), [(key.as_str(), "1 of its records were filtered out")], "{filter}");
        }
    }
}

#[tokio::test]
async fn a_prefix_and_a_limit_take_some_objects_and_the_next_run_goes_on() {
    let world = World::new();
    world.objects.page(2);
    for (name, first) in [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)] {
        world.add_failure(name, "sessions", &batch(first, "u"));
    }
    let request = json!({"dead_letters": "on_failure", "mode": "run", "limit": 3});
    let answer = world.call(request.clone()).await;
    assert_eq!((answer.done, answer.remaining, answer.complete), (3, 1, false));
    let answer = world.call(request.clone()).await;
    assert_eq!((answer.done_before, answer.done, answer.remaining, answer.complete), (3, 2, 0, true));
    let answer = world.call(request).await;
    assert_eq!((answer.done_before, answer.done, answer.counts.sent), (5, 0, 0));
    let prefix = "aws/lambda/7d5a2f4e/shardId-000000000000/2026/01/02/b";
    let answer =
        world.call(json!({"dead_letters": "on_failure", "prefix": prefix, "include_done": true})).await;
    assert_eq!((answer.objects, answer.counts.to_send), (1, 1));
}

#[tokio::test]
async fn marks_of_objects_that_are_gone_hide_no_other_mark() {
    let world = World::new();
    let request = json!({"dead_letters": "on_failure", "mode": "run"});
    let keys = [("a", 1), ("b", 2), ("c", 3)]
        .map(|(name, first)| world.add_failure(name, "sessions", &batch(first, "u")));
    assert_eq!(world.call(request.clone()).await.done, 3);
    keys[..2].iter().for_each(|key| world.objects.remove(key));
    world.objects.page(1);
    let answer = world.call(request).await;
    assert_eq!((answer.done_before, answer.counts.sent, answer.complete), (1, 0, true));
}

#[tokio::test]
async fn what_the_stream_does_not_accept_ends_the_run_and_is_sent_by_the_next() {
    let world = World::new();
    let events = [event("1", "u"), event("2", "v"), event("3", "u")];
    world.add_failure("a", "sessions", &BatchBuilder::default().events(&events).build());
    world.add_failure("b", "sessions", &batch(9, "u"));
    world.stream.script([Some(0)]);
    let request = json!({"dead_letters": "on_failure", "mode": "run"});
    let answer = world.call(request.clone()).await;
    assert_eq!((answer.done, answer.not_done, answer.remaining, answer.counts.sent), (0, 1, 1, 1));
    assert_eq!(answer.error, "the stream did not accept all records of an object");
    assert_eq!(world.unwrapped(), [record_of(&events[1])]);
    assert!(world.objects.keys("redriven/").is_empty());
    let answer = world.call(request).await;
    assert_eq!((answer.done, answer.counts.sent), (2, 4));
    // The key whose first record failed got none behind it: its order is kept over both runs.
    let of_u: Vec<_> = world.unwrapped().into_iter().filter(|(key, _)| key == "u").collect();
    assert_eq!(of_u, [record_of(&events[0]), record_of(&events[2]), record_of(&event("9", "u"))]);
}

#[tokio::test]
async fn a_record_that_the_stream_rejects_ends_the_run_and_a_request_goes_on_behind_it() {
    let world = World::new();
    world.stream.reject("bad");
    let events = [event("1", "bad"), event("2", "bad"), event("3", "u")];
    let a = world.add_failure("a", "sessions", &BatchBuilder::default().events(&events).build());
    world.add_failure("b", "sessions", &batch(9, "bad"));
    world.add_failure("c", "sessions", &batch(10, "u"));
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    assert_eq!((answer.done, answer.not_done, answer.remaining, answer.counts.sent), (0, 1, 2, 1));
    assert_eq!(answer.error, "the stream did not accept all records of an object");
    assert_eq!(reasons(&answer), [(a.as_str(), "the stream rejects a record: the script rejects it")]);
    let behind = world.add_failure("b", "sessions", &batch(9, "v"));
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run", "start_after": a})).await;
    assert_eq!((answer.done, answer.not_done, answer.complete), (2, 0, true));
    assert!(world.objects.keys("redriven/").contains(&redrive::mark_of(&behind)));
}

#[tokio::test]
async fn records_under_a_key_that_no_stream_takes_hold_up_no_others() {
    let world = World::new();
    let login = event("1", "u");
    let sub_records = [("", login.bytes()), ("u", login.bytes())]
        .map(|(partition_key, data)| SubRecord { partition_key, data });
    let a = world.add_failure(
        "a",
        "sessions",
        &BatchBuilder::default().raw("a", aggregate(&sub_records)).build(),
    );
    world.add_failure("b", "sessions", &batch(9, "u"));
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    assert_eq!((answer.done, answer.not_done, answer.counts.sent, answer.complete), (1, 1, 2, true));
    let why = "1 of its records have a partition key that is not 1 to 256 characters long";
    assert_eq!(reasons(&answer), [(a.as_str(), why)]);
}

#[tokio::test]
async fn runs_that_can_mark_nothing_go_on_behind_one_another() {
    let world = World::new();
    let keys = [("a", 1), ("b", 2), ("c", 3)]
        .map(|(name, first)| world.add_failure(name, "sessions", &batch(first, "u")));
    let mut request = json!({"dead_letters": "on_failure", "mode": "run", "function": "archive", "limit": 1});
    for key in &keys {
        let answer = world.call(request.clone()).await;
        assert_eq!((answer.results[0].key.as_str(), answer.not_done), (key.as_str(), 1));
        assert_eq!(answer.next_start_after.as_ref(), Some(key).filter(|_| key != &keys[2]));
        request["start_after"] = answer.next_start_after.unwrap_or_default().into();
    }
    // A run that ends early goes on with what ended it.
    world.stream.script([None, Some(0)]);
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    assert_eq!((answer.done, answer.next_start_after.as_ref()), (1, Some(&keys[0])));
}

#[tokio::test]
async fn a_list_that_is_complete_names_every_object() {
    let world = World::new();
    for (name, first) in [("a", 1), ("b", 2), ("c", 3)] {
        let key = world.add_failure(name, "sessions", &batch(first, "u"));
        world.objects.insert(&redrive::mark_of(&key), "{}");
    }
    let list = |limit| json!({"dead_letters": "on_failure", "mode": "list", "limit": limit});
    let answer = world.call(list(2)).await;
    assert_eq!((answer.results.len(), answer.remaining, answer.complete), (2, 1, false));
    let answer = world.call(list(3)).await;
    assert_eq!((answer.results.len(), answer.remaining, answer.complete), (3, 0, true));
}

#[tokio::test(start_paused = true)]
async fn a_run_near_its_deadline_begins_nothing_and_the_next_goes_on() {
    let world = World::new();
    world.add_failure("a", "sessions", &batch(1, "u"));
    let request = json!({"dead_letters": "on_failure", "mode": "run"});
    let deadline = Deadline::after(Duration::from_secs(1));
    tokio::time::advance(Duration::from_secs(1)).await;
    let answer = world.call_until(request.clone(), deadline).await;
    assert_eq!(
        (answer.objects, answer.remaining, answer.error.as_str()),
        (0, 1, "the invocation's deadline is near")
    );
    assert_eq!(world.stream.calls(), 0);
    assert_eq!(world.call(request).await.done, 1);
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
async fn a_run_that_is_interrupted_by_its_deadline_leaves_whole_objects() {
    let world = World::new();
    for (name, first) in [("a", 1), ("b", 2), ("c", 3)] {
        world.add_failure(name, "sessions", &batch(first, "u"));
    }
    let stream = Slow(world.stream.clone());
    let request = Request::new(DeadLetters::OnFailure, Mode::Run);
    let deadline = Deadline::after(Duration::from_secs(1));
    let answer = redrive::run(&world.objects, &stream, &world.config, &request, deadline).await;
    assert_eq!((answer.done, answer.remaining, answer.counts.sent), (2, 1, 2));
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    assert_eq!((answer.done_before, answer.done, world.stream.accepted().len()), (2, 1, 3));
}

#[tokio::test]
async fn a_record_too_large_for_a_redrive_envelope_is_reported_and_the_others_go_back() {
    let world = World::new();
    let noise: Vec<u8> =
        (0_u32..300_000).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let login = event("1", "u");
    let batch = BatchBuilder::default().raw("u", noise).event(&login).build();
    let key = world.add_failure("a", "sessions", &batch);
    let answer = world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    let why = "1 of its records are too large for a redrive envelope of 1048576 bytes";
    assert_eq!((reasons(&answer), answer.counts.sent), (vec![(key.as_str(), why)], 1));
    assert_eq!(world.unwrapped(), [record_of(&login)]);
}

#[tokio::test]
async fn a_large_record_is_deflated_so_that_its_redrive_envelope_is_small() {
    let world = World::new();
    let large = Bytes::from(vec![b' '; 900_000]);
    world.add_failure("a", "sessions", &BatchBuilder::default().raw("u", large).build());
    world.call(json!({"dead_letters": "on_failure", "mode": "run"})).await;
    assert!(world.stream.accepted()[0].data.len() < 10_000);
    assert_eq!(world.redrive_envelope_data("encoding"), ["zlib"]);
}

#[tokio::test]
async fn a_mark_that_cannot_be_written_is_reported_and_the_records_are_sent_again() {
    let world = World::new();
    let key = world.add_failure("a", "sessions", &batch(1, "u"));
    world.objects.fail(&redrive::mark_of(&key));
    let request = json!({"dead_letters": "on_failure", "mode": "run"});
    let answer = world.call(request.clone()).await;
    assert_eq!((answer.done, answer.counts.sent), (0, 1));
    assert!(answer.results[0].error.starts_with("all records were sent, but the mark could not be written"));
    world.objects.heal();
    assert_eq!(world.call(request).await.done, 1);
    let accepted = world.stream.accepted();
    assert_eq!((accepted.len(), &accepted[0]), (2, &accepted[1]));
}

#[tokio::test]
async fn objects_that_cannot_be_listed_end_the_run() {
    let world = World::new();
    world.objects.fail("quarantine/");
    let answer = world.call(json!({"dead_letters": "quarantine"})).await;
    assert_eq!(
        (answer.error.as_str(), answer.complete),
        ("the objects could not be listed: the script fails it", false)
    );
}

#[tokio::test]
async fn every_request_fixture_is_one_that_can_be_called() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/redrive");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let readme = std::fs::read_to_string(format!("{folder}/../README.md")).unwrap();
    for file in files {
        let name = format!("redrive/{}", file.file_name().unwrap().to_str().unwrap());
        assert!(readme.contains(&format!("`{name}`")), "{name} is not described");
        let request: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let answer = World::new().call(request).await;
        assert_eq!((answer.objects, answer.complete, answer.error.as_str()), (0, true, ""), "{name}");
    }
}
