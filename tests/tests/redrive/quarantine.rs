//! Events that could not be taken go back for every consumer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use millrace_lambda::kpl::{SubRecord, aggregate};
use millrace_testkit::event;
use serde_json::{Value, json};

use crate::harness::{World, entry, gzip, in_parts, reasons, record_of, text};

fn run() -> Value {
    json!({"dead_letters": "quarantine", "mode": "run"})
}

#[tokio::test]
async fn an_entry_goes_back_for_everybody_under_its_first_position() {
    let world = World::new();
    let login = event("1", "u");
    let mut line = entry("5", &login);
    line["sub_sequence_number"] = 3.into();
    line["element"] = 4.into();
    world.add_quarantine("a", &[line]);
    let answer = world.call(run()).await;
    assert_eq!((answer.done, answer.counts.events["valid"]), (1, 1));
    assert_eq!(world.unwrapped(), [record_of(&login)]);
    for (field, expected) in
        [("sub_sequence_number", json!(3)), ("element", json!(4)), ("sequence_number", json!("5"))]
    {
        assert_eq!(world.redrive_envelope_data(field), [expected]);
    }
    assert_eq!(world.redrive_envelope_data("target_function"), [Value::Null]);
}

#[tokio::test]
async fn plain_text_and_several_members_of_gzip_are_read() {
    let logins = [event("1", "u"), event("2", "u")];
    let [one, other] = [("5", &logins[0]), ("6", &logins[1])].map(|(at, login)| text(&[entry(at, login)]));
    let plain = format!("{one}{other}").into_bytes();
    let members = [gzip(&one), gzip(&other)].concat();
    for bytes in [plain, members] {
        let world = World::new();
        world.objects.insert("quarantine/a", bytes);
        world.call(run()).await;
        assert_eq!(world.unwrapped(), logins.each_ref().map(record_of));
    }
}

#[tokio::test]
async fn an_entry_that_was_delivered_twice_goes_back_once() {
    let world = World::new();
    let line = entry("5", &event("1", "u"));
    let mut by_sessions = line.clone();
    by_sessions["function"] = "sessions".into();
    world.add_quarantine("a", &[line.clone(), by_sessions, line]);
    let answer = world.call(run()).await;
    assert_eq!((answer.done, answer.counts.sent, answer.counts.not_needed), (1, 1, 2));
}

#[tokio::test]
async fn parts_are_joined_across_objects_which_are_done_together() {
    let world = World::new();
    let (large, small) = (event("1", "u").views("a"), event("2", "u"));
    let parts = in_parts(&entry("5", &large), 3);
    let a = world.add_quarantine("a", &parts[..1]);
    let b = world.add_quarantine("b", &parts[1..2]);
    let c = world.add_quarantine("c", &[parts[2].clone(), entry("6", &small)]);
    world.stream.script([Some(1)]);
    let answer = world.call(run()).await;
    let shares = format!("shares an entry with {c}, which is not done");
    let why = "the stream did not accept a record: the script fails it";
    let expected = [(a.as_str(), shares.as_str()), (b.as_str(), &shares), (c.as_str(), why)];
    assert_eq!((reasons(&answer), answer.done), (expected.to_vec(), 0));
    let answer = world.call(run()).await;
    assert_eq!((reasons(&answer), answer.done), (vec![], 3));
    assert_eq!(world.unwrapped(), [record_of(&large), record_of(&large), record_of(&small)]);
}

#[tokio::test]
async fn the_limit_does_not_split_an_entry() {
    let world = World::new();
    let parts = in_parts(&entry("5", &event("1", "u")), 2);
    world.add_quarantine("a", &parts[..1]);
    world.add_quarantine("b", &parts[1..]);
    world.add_quarantine("c", &[entry("6", &event("2", "u"))]);
    let mut request = run();
    request["limit"] = 1.into();
    let answer = world.call(request).await;
    assert_eq!((answer.done, answer.counts.sent, answer.remaining), (2, 1, 1));
}

#[tokio::test]
async fn an_entry_that_stays_incomplete_is_reported_and_its_object_stays() {
    let world = World::new();
    let whole = entry("5", &event("1", "u"));
    let a = world.add_quarantine("a", &in_parts(&entry("6", &event("2", "u")), 2)[..1]);
    world.add_quarantine("b", &[whole]);
    let answer = world.call(run()).await;
    assert_eq!((answer.done, answer.not_done, answer.counts.sent), (1, 1, 1));
    assert!(
        matches!(reasons(&answer)[..], [(key, why)] if key == a && why.contains("other parts are missing"))
    );
}

#[tokio::test]
async fn an_entry_of_the_last_object_that_stays_incomplete_is_reported() {
    let world = World::new();
    let last = world.add_quarantine("a", &in_parts(&entry("7", &event("3", "u")), 2)[1..]);
    let answer = world.call(run()).await;
    assert_eq!((answer.done, answer.not_done, answer.counts.records), (0, 1, 0));
    assert!(matches!(reasons(&answer)[..], [(key, _)] if key == last));
}

#[tokio::test]
async fn a_part_left_over_from_a_repeated_entry_is_no_loss() {
    let world = World::new();
    let parts = in_parts(&entry("5", &event("1", "u")), 2);
    world.add_quarantine("a", &[parts[0].clone(), parts[0].clone(), parts[1].clone(), parts[0].clone()]);
    let answer = world.call(run()).await;
    assert_eq!((answer.done, answer.counts.sent), (1, 1));
}

#[tokio::test]
async fn a_whole_aggregate_is_taken_apart_and_bytes_that_look_like_one_are_not() {
    let logins = [event("1", "u"), event("2", "v")];
    let sub_records =
        logins.each_ref().map(|login| SubRecord { partition_key: login.subject(), data: login.bytes() });
    let bytes = aggregate(&sub_records);
    let mut line = entry("5", &logins[0]);
    line["data_base64"] = STANDARD.encode(&bytes).into();
    let whole: [(String, Bytes); 1] = [("u".to_owned(), bytes)];
    let apart = logins.each_ref().map(record_of);
    for (reason, expected) in
        [("too_many_events", &apart[..]), ("function_failed", &apart[..]), ("not_json", &whole[..])]
    {
        let world = World::new();
        line["reason"] = reason.into();
        world.add_quarantine("a", &[line.clone()]);
        world.call(run()).await;
        assert_eq!(world.unwrapped(), expected, "{reason}");
    }
}

#[tokio::test]
async fn an_aggregate_of_more_records_than_a_consumer_takes_comes_back_whole() {
    let world = World::new();
    let logins: Vec<_> = (0..20_000).map(|id| event(id.to_string(), "u")).collect();
    let sub_records: Vec<_> = logins
        .iter()
        .map(|login| SubRecord { partition_key: login.subject(), data: login.bytes() })
        .collect();
    let mut line = entry("5", &logins[0]);
    line["reason"] = "too_many_events".into();
    line["data_base64"] = STANDARD.encode(aggregate(&sub_records)).into();
    world.add_quarantine("a", &[line]);
    let answer = world.call(run()).await;
    assert_eq!((answer.done, answer.counts.sent, answer.counts.events["valid"]), (1, 20_000, 20_000));
    assert_eq!(world.unwrapped(), logins.iter().map(record_of).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_entry_whose_redrive_envelope_would_be_rejected_is_reported_and_its_object_stays() {
    let world = World::new();
    let mut nowhere = entry("5", &event("1", "u"));
    nowhere["shard_id"] = "".into();
    let a = world.add_quarantine("a", &[nowhere, entry("6", &event("2", "u"))]);
    let answer = world.call(run()).await;
    assert_eq!((answer.done, answer.not_done, answer.counts.sent), (0, 1, 1));
    let why =
        "a redrive envelope of one of its records would be rejected: data.shard_id must be 1 to 128 bytes";
    assert_eq!(reasons(&answer), [(a.as_str(), why)]);
}

#[tokio::test]
async fn corrupt_lines_and_objects_are_reported_and_the_rest_goes_back() {
    let world = World::new();
    let login = event("1", "u");
    let good = text(&[entry("5", &login)]);
    let a = "quarantine/a";
    world.objects.insert(a, format!("{good}no json\n"));
    let mut truncated = gzip(&good);
    truncated.truncate(truncated.len() - 9);
    world.objects.insert("quarantine/b", truncated);
    world.objects.insert("quarantine/c", good);
    let answer = world.call(run()).await;
    assert_eq!((answer.done, answer.not_done, answer.counts.sent), (1, 2, 2));
    let reasons = reasons(&answer);
    assert!(reasons[0].0 == a && reasons[0].1.starts_with("line 2 is no entry"), "{reasons:?}");
    assert!(reasons[1].1.starts_with("is broken gzip"), "{reasons:?}");
}
