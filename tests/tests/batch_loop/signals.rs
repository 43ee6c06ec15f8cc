//! Signals and quarantine come before the commit that they belong to.

use millrace_domain::session::SessionState;
use millrace_lambda::Deadline;
use millrace_lambda::function::invoke;
use millrace_testkit::{BatchBuilder, CommitFault, Counter, CounterSettings, event};

use crate::harness::{Rig, sequence};

#[tokio::test]
async fn signals_and_quarantine_are_put_before_the_commit() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default()
        .event(&event("1", "u").views("a"))
        .event(&event("2", "v").views("panic"))
        .event(&event("3", "v").views("a"))
        .event(&event("4", "u").views("b"))
        .build();
    rig.run(&batch).await;
    let expected = [
        "read u,v",
        "signal u 1:1",
        "signal v 3:1",
        "signal u 4:2",
        "quarantine function_failed",
        "commit u,v",
    ];
    assert_eq!(rig.journal.take_words(), expected, "in the order of their causes");
}

#[tokio::test]
async fn a_signal_that_fails_ends_the_batch_before_its_cause() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default()
        .event(&event("1", "u").views("a"))
        .event(&event("2", "v").views("a"))
        .event(&event("3", "w").views("a"))
        .event(&event("4", "u").views("b"))
        .build();
    rig.signals.fail_at(1);
    let outcome = rig.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (sequence(&batch, 1), vec!["applied", "-", "-", "-"]));
    assert_eq!(rig.store.keys(), ["u"], "nothing behind it is committed");
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a"]);

    rig.run(&outcome.rest.unwrap()).await;
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a", "b"]);
    let received: Vec<_> =
        rig.signals.received().into_iter().map(|signal| signal.data.trim_matches('"').to_owned()).collect();
    assert_eq!(received, ["1:1", "2:1", "3:1", "4:2"], "each arrives, and counts once");
}

#[tokio::test]
async fn a_first_signal_that_fails_leaves_everything_to_the_retry() {
    let rig = Rig::<Counter>::new();
    let batch =
        BatchBuilder::default().event(&event("1", "u").views("a")).event(&event("2", "v").views("a")).build();
    rig.signals.fail_at(0);
    let outcome = rig.run(&batch).await;
    assert_eq!((outcome.named, outcome.counts.len()), (sequence(&batch, 0), 0));
    assert_eq!(rig.journal.take_words(), ["read u,v"]);
}

#[tokio::test]
async fn signals_are_repeated_with_the_same_origin_after_a_conflict() {
    let rig = Rig::<Counter>::new();
    let batch =
        BatchBuilder::default().event(&event("1", "u").views("a")).event(&event("2", "u").views("b")).build();
    rig.store.fail_commits("u", [CommitFault::Touch]);
    let outcome = rig.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied"; 2]));
    let signals = rig.signals.signals();
    assert_eq!(signals.len(), 4);
    assert_eq!(signals[..2], signals[2..]);
    assert_eq!(signals[0].origin.position.sequence, batch.records[0].sequence_number);
    assert_eq!(rig.signals.received().len(), 2);
}

#[tokio::test]
async fn a_crash_before_the_commit_repeats_the_same_signals() {
    let rig = Rig::<Counter>::new();
    let batch =
        BatchBuilder::default().event(&event("1", "u").views("a")).event(&event("2", "v").views("b")).build();
    rig.store.fail_commits("u", [CommitFault::LoseRequest, CommitFault::Throttle]);
    rig.store.fail_commits("v", [CommitFault::Throttle]);
    rig.run_to_the_end(&batch).await;
    let received: Vec<_> =
        rig.signals.received().into_iter().map(|signal| signal.data.trim_matches('"').to_owned()).collect();
    assert_eq!(received, ["1:1", "2:1"]);
}

#[tokio::test]
async fn events_of_one_record_tell_their_signals_apart_by_position() {
    let rig = Rig::<Counter>::new();
    let batch =
        BatchBuilder::default().array(&[event("1", "u").views("a"), event("2", "u").views("b")]).build();
    rig.run(&batch).await;
    assert_eq!(rig.signals.received().len(), 2);
}

#[tokio::test]
async fn an_outage_of_writes_alone_repeats_signals_a_few_times_at_most() {
    let rig = Rig::<Counter>::new();
    rig.store.fail_commits("u", vec![CommitFault::LoseRequest; 1_000]);
    let outcome = rig.run(&BatchBuilder::default().event(&event("1", "u").views("a")).build()).await;
    assert!(outcome.named.is_some());
    assert_eq!(rig.signals.signals().len(), 4, "as often as answers may be lost in one invocation");
}

#[tokio::test]
async fn a_stale_cached_item_lets_no_signal_overtake_an_earlier_one() {
    // Signals of all users go to one key, as those about one product do.
    let settings = CounterSettings { signals_from: 3, signals_to: Some("shared") };
    let here = Rig::<Counter>::with(settings, 100);
    let there = here.another_container();
    let events = ["u0", "v0", "v1"].map(|id| event(id, &id[..1]).views("a"));
    here.run(&BatchBuilder::starting_at(1).events(&events).build()).await;
    there.run(&BatchBuilder::starting_at(4).event(&event("u1", "u").views("a")).build()).await;

    // From what `here` remembers, the event of u emits nothing; from what is stored, it does.
    let events = ["u2", "v2"].map(|id| event(id, &id[..1]).views("a"));
    assert_eq!(
        here.run(&BatchBuilder::starting_at(5).events(&events).build()).await.verdicts,
        ["applied"; 2]
    );
    let received: Vec<_> =
        here.signals.received().into_iter().map(|signal| signal.data.trim_matches('"').to_owned()).collect();
    assert_eq!(received, ["u2:3", "v2:3"]);
}

#[tokio::test]
async fn an_event_whose_signal_is_rejected_for_good_is_quarantined_and_its_key_goes_on() {
    let rig = Rig::<Counter>::new();
    let ids = [("1", "u"), ("2", "v"), ("3", "v"), ("4", "v"), ("5", "u")];
    let events = ids.map(|(id, user)| event(id, user).views(id));
    rig.signals.reject("\"3:2\"");
    let outcome = rig.run(&BatchBuilder::default().events(&events).build()).await;
    let verdicts = ["applied", "applied", "poisoned", "applied", "applied"];
    assert_eq!((outcome.named, outcome.verdicts), (None, verdicts.to_vec()));
    assert_eq!(rig.store.item("v").unwrap().state.skus, ["2", "4"]);
    assert_eq!(rig.quarantine.texts("reason"), ["stream_rejected"]);
    assert_eq!(rig.quarantine.texts("event_id"), ["3"]);
    let received: Vec<_> =
        rig.signals.received().into_iter().map(|signal| signal.data.trim_matches('"').to_owned()).collect();
    assert_eq!(received, ["1:1", "2:1", "4:2", "5:2"]);
}

#[tokio::test]
async fn a_timer_that_is_not_set_ends_the_batch_before_its_cause() {
    let rig = Rig::<SessionState>::new();
    let events = ["u", "v", "w"].map(|user| event(user, user));
    let batch = BatchBuilder::default().events(&events).build();
    rig.signals.fail_timer_at(1);
    let outcome = rig.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (sequence(&batch, 1), vec!["applied", "-", "-"]));
    assert_eq!(rig.store.keys(), ["u"], "no state without its timer");
    rig.run(&outcome.rest.unwrap()).await;
    let set: Vec<_> = rig.signals.timers().into_iter().map(|timer| timer.key).collect();
    assert_eq!(set, ["u", "v", "w"], "once each, though the round after the checkpoint met u again");
}

#[tokio::test]
async fn timers_are_set_in_the_order_of_their_causes() {
    let rig = Rig::<SessionState>::new();
    rig.run(&BatchBuilder::starting_at(1).event(&event("1", "u")).build()).await;
    let due_at_ms = rig.signals.timers()[0].due_at_ms;
    let due = event(format!("due/{due_at_ms}"), "u")
        .source(millrace_domain::timer::SOURCE)
        .of_type("timer.due", serde_json::json!({"due_at_ms": due_at_ms}))
        .at_ms(due_at_ms);
    let batch = BatchBuilder::starting_at(2)
        .event(&event("2", "u").at_minute(5))
        .event(&event("3", "v").at_minute(5))
        .event(&due)
        .build();
    rig.signals.fail_timer_at(1);
    let outcome = rig.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (sequence(&batch, 2), vec!["applied", "applied", "-"]));
    let set: Vec<_> = rig.signals.timers().into_iter().map(|timer| timer.key).collect();
    assert_eq!(set, ["u", "v"], "the timer that u had was not set again before it rang");
}

#[tokio::test]
async fn signals_are_counted_with_the_commit_that_they_belong_to() {
    let rig = Rig::<Counter>::new();
    let events = [("1", "u"), ("2", "v"), ("3", "u")].map(|(id, user)| event(id, user).views("a"));
    rig.store.fail_commits("v", [CommitFault::Throttle]);
    let (_, line, _) = invoke(&rig, &BatchBuilder::default().events(&events).build(), Deadline::NONE).await;
    assert_eq!(line["signals_counted"], 2, "those of u, for v is emitted again: {line}");
}
