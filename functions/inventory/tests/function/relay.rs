//! What comes from the stream of events.

use std::time::Duration;

use millrace_domain::verdict::LateReason;
use millrace_domain::{Position, SequenceNumber, Shard, StreamPosition, Verdict};
use millrace_lambda::Deadline;
use millrace_lambda::redrive_envelope::{Redriven, wrap};
use millrace_testkit::batch::SHARD;
use millrace_testkit::{ARRIVED_AT_MS, EventBuilder, event};

use crate::harness::{Rig, events, names, receipt, signals};

fn redrive_envelope(inner: &EventBuilder, function: Option<&str>) -> String {
    let position = Position { sequence: SequenceNumber::parse("5").unwrap(), sub_sequence: 0, element: 0 };
    let first = StreamPosition { shard: Shard::new("events", SHARD), position, arrived_at_ms: ARRIVED_AT_MS };
    let redriven = Redriven { first, target_function: function.map(ToOwned::to_owned) };
    wrap(&redriven, inner.subject(), &inner.bytes())
}

fn sent(events: &[&EventBuilder]) -> Vec<(String, String)> {
    events.iter().map(|event| (event.subject().to_owned(), event.text())).collect()
}

#[tokio::test]
async fn receipts_and_counts_go_on_as_they_came_and_nothing_is_stored() {
    let rig = Rig::new();
    let (one, two) = (receipt("1"), event("2", "s#b").counts(5));
    let three = event("3", "s#a").counts(7);
    let batch = events()
        .event(&one)
        .event(&event("4", "u").views("a"))
        .array(&[two.clone(), event("5", "s#b").sells(1).caused_by("shard", 1, 0)])
        .aggregate(std::slice::from_ref(&three))
        .build();
    let tally = rig.run(&batch).await;
    assert_eq!(tally.checkpoint.record(), None);
    assert_eq!(names(&tally), ["applied", "ignored", "applied", "ignored", "applied"]);
    assert_eq!(rig.accepted(), sent(&[&one, &two, &three]));
    assert!(rig.store.keys().is_empty() && rig.points.take_reads().is_empty());
}

#[tokio::test]
async fn a_batch_ends_at_the_first_event_that_is_not_passed_on() {
    let rig = Rig::new();
    let (one, two, other) = (receipt("1"), receipt("2"), event("3", "s#b").counts(1));
    let batch = events().events([&one, &two, &other]).event(&receipt("4")).build();
    rig.stream.script([Some(1)]);
    let tally = rig.run(&batch).await;
    assert_eq!((tally.checkpoint.record(), names(&tally)), (Some(1), vec!["applied", "-", "-", "-"]));
    assert!(tally.why.contains("the script fails it"), "{}", tally.why);
    // The key waits behind its own failure, so that its order holds over the retry.
    assert_eq!(rig.accepted(), sent(&[&one, &other]));
    assert_eq!(rig.stream.calls(), 1);
}

#[tokio::test]
async fn invalid_events_are_left_to_archive() {
    let rig = Rig::new();
    let wrong_key = receipt("1").bytes();
    let batch = events().raw("s#b", wrong_key).event(&event("2", "s#a").receives(0)).event(&receipt("3"));
    let tally = rig.run(&batch.build()).await;
    assert_eq!((tally.checkpoint.record(), names(&tally)), (None, vec!["invalid", "invalid", "applied"]));
    assert_eq!((rig.accepted().len(), rig.quarantine.lines().len()), (1, 0));
}

#[tokio::test]
async fn redriven_events_go_on_without_their_redrive_envelope_where_they_are_meant() {
    let rig = Rig::new();
    let inner = receipt("1");
    let batch = [None, Some("inventory"), Some("sessions")]
        .into_iter()
        .fold(events(), |batch, function| batch.raw("s#a", redrive_envelope(&inner, function)));
    let tally = rig.run(&batch.build()).await;
    assert_eq!(names(&tally), ["applied", "applied", "ignored"]);
    assert_eq!(rig.accepted(), sent(&[&inner, &inner]));
}

#[tokio::test]
async fn a_signal_brought_back_goes_on_in_its_redrive_envelope_and_says_so_when_it_was_overtaken() {
    let rig = Rig::new();
    let sold = |id: &str, cause: u64| event(id, "s#a").sells(1).caused_by("shard", cause, 0);
    let (lost, known, ahead) = (sold("1", 7), sold("2", 8), sold("3", 9));
    let redrive_envelopes = [&lost, &known, &ahead].map(|inner| redrive_envelope(inner, None));
    let for_one = redrive_envelope(&sold("4", 10), Some("inventory"));
    let batch = redrive_envelopes
        .iter()
        .chain([&for_one])
        .fold(events(), |batch, text| batch.raw("s#a", text.clone()));
    assert_eq!(names(&rig.run(&batch.build()).await), ["applied", "applied", "applied", "ignored"]);
    assert_eq!(rig.accepted(), redrive_envelopes.map(|text| ("s#a".to_owned(), text)));
    let batch = rig.stream.drain_into(signals().event(&known)).build();
    let tally = rig.run(&batch).await;
    assert_eq!(names(&tally), ["applied", "late", "redelivery", "applied"]);
    assert_eq!(tally.verdicts[1].1, Some(Verdict::Late(LateReason::Undecidable)));
    assert_eq!(rig.on_hand("s#a"), -2);
    let accepted = rig.accepted();
    assert!(
        accepted.len() == 1 && accepted[0].1.contains("event.late") && accepted[0].1.contains("undecidable"),
        "{accepted:?}"
    );
}

#[tokio::test]
async fn what_the_stream_rejects_is_quarantined_and_the_batch_goes_on() {
    let rig = Rig::new();
    rig.stream.reject("s#a");
    let other = event("3", "s#b").counts(1);
    // In one record: a batch that ended at what waits behind the rejected one would begin with it again.
    let batch = events().array(&[receipt("1"), receipt("2")]).event(&other).build();
    let tally = rig.run(&batch).await;
    assert_eq!((tally.checkpoint.record(), names(&tally)), (None, vec!["poisoned", "poisoned", "applied"]));
    assert_eq!(rig.accepted(), sent(&[&other]));
    assert_eq!(rig.quarantine.texts("reason"), ["stream_rejected"; 2]);
    assert_eq!(rig.quarantine.texts("event_id"), ["1", "2"]);
    assert_eq!(rig.quarantine.texts("function"), ["inventory"; 2]);
}

#[tokio::test]
async fn a_batch_ends_where_the_quarantine_does_not_take_what_is_rejected() {
    let rig = Rig::new();
    rig.stream.reject("s#a");
    rig.quarantine.fail_at(0);
    let batch = events().event(&event("1", "s#b").counts(1)).event(&receipt("2")).build();
    let tally = rig.run(&batch).await;
    assert_eq!((tally.checkpoint.record(), names(&tally)), (Some(1), vec!["applied", "-"]));
}

#[tokio::test]
async fn nothing_begins_near_the_deadline() {
    let rig = Rig::new();
    let batch = events().event(&event("1", "u")).event(&receipt("2")).build();
    let tally = rig.run_until(&batch, Deadline::after(Duration::ZERO)).await;
    assert_eq!((tally.checkpoint.record(), rig.stream.calls()), (Some(1), 0));
}
