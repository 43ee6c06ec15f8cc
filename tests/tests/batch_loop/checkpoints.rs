//! A batch is done from its front; the first record that cannot be done ends it.

use millrace_domain::session::SessionState;
use millrace_testkit::{BatchBuilder, CommitFault, Counter, EventBuilder, event};

use crate::harness::{Rig, sequence};

/// One view for each of these users, in order.
fn views(users: &[&str]) -> Vec<EventBuilder> {
    users.iter().enumerate().map(|(index, user)| event(index.to_string(), user).views("a")).collect()
}

#[tokio::test]
async fn an_unreadable_key_ends_the_batch_at_its_first_record() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default().events(&views(&["u", "v", "u", "w", "v"])).build();
    rig.store.fail_reads("v", 1);
    let outcome = rig.run(&batch).await;
    assert_eq!(outcome.named, sequence(&batch, 1));
    let expected =
        format!(r#"{{"batchItemFailures":[{{"itemIdentifier":"{}"}}]}}"#, sequence(&batch, 1).unwrap());
    assert_eq!(outcome.answer, expected);
    assert_eq!(outcome.verdicts, ["applied", "-", "-", "-", "-"], "nothing behind the checkpoint is begun");
    assert_eq!(rig.store.keys(), ["u"]);
    assert_eq!(rig.store.item("u").unwrap().state.count, 1);
    assert_eq!(rig.signals.signals().len(), 1);
    assert_eq!(outcome.counts, [("applied".to_owned(), 1)].into());
}

#[tokio::test]
async fn a_key_before_the_checkpoint_is_done_up_to_the_checkpoint() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default().events(&views(&["u", "u", "v", "u"])).build();
    rig.store.fail_reads("v", 1);
    let outcome = rig.run(&batch).await;
    assert_eq!(
        (outcome.named, outcome.verdicts),
        (sequence(&batch, 2), vec!["applied", "applied", "-", "-"])
    );
    assert_eq!(rig.store.item("u").unwrap().state.count, 2);
}

#[tokio::test]
async fn counts_are_taken_at_the_checkpoint() {
    let rig = Rig::<Counter>::new();
    let repeat = event("0", "u").views("a");
    let batch = BatchBuilder::default()
        .events(&views(&["u"]))
        .raw("u", "no json")
        .event(&event("9", "v").views("a"))
        .raw("u", "no json")
        .event(&repeat)
        .event(&event("t", "u").at_minute(0))
        .build();
    rig.store.fail_reads("v", 1);
    let first = rig.run(&batch).await;
    assert_eq!(first.counts, [("applied".to_owned(), 1), ("invalid".to_owned(), 1)].into());
    let second = rig.run(&first.rest.unwrap()).await;
    let expected = [("applied", 1), ("duplicate", 1), ("invalid", 1), ("ignored", 1)];
    assert_eq!(second.counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
}

#[tokio::test]
async fn a_commit_that_fails_moves_the_checkpoint_to_its_first_record() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default().events(&views(&["u", "v", "w", "u"])).build();
    rig.store.fail_commits("v", [CommitFault::Throttle]);
    let outcome = rig.run(&batch).await;
    assert_eq!(outcome.named, sequence(&batch, 1));
    assert_eq!(rig.store.keys(), ["u", "w"], "what was committed behind the checkpoint stays committed");
    assert_eq!(rig.store.item("u").unwrap().state.count, 2);
}

#[tokio::test]
async fn of_several_failures_the_earliest_is_named() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default().events(&views(&["u", "v", "w", "x"])).build();
    rig.store.fail_commits("v", [CommitFault::Throttle]);
    rig.store.fail_commits("x", [CommitFault::Throttle]);
    assert_eq!(rig.run(&batch).await.named, sequence(&batch, 1));
    let rig = Rig::<Counter>::new();
    rig.store.fail_reads("x", 1);
    rig.store.fail_reads("v", 1);
    assert_eq!(rig.run(&batch).await.named, sequence(&batch, 1));
}

#[tokio::test]
async fn what_was_applied_behind_the_checkpoint_is_counted_when_it_is_applied() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default().events(&views(&["u", "v", "w", "u"])).build();
    rig.store.fail_commits("v", [CommitFault::Throttle]);
    let outcomes = rig.run_to_the_end(&batch).await;
    let applied: Vec<_> = outcomes.iter().map(|outcome| outcome.count("applied")).collect();
    assert_eq!(applied, [3, 1], "the retry meets u and w as redeliveries, so they count now or never");
}

#[tokio::test]
async fn the_retry_of_a_batch_with_a_checkpoint_leaves_what_a_clean_run_leaves() {
    let events: Vec<_> = (0..40)
        .map(|index| {
            event(index.to_string(), ["u", "v", "w"][index % 3]).adds("a", 1).at_minute(index as i64 / 4)
        })
        .collect();
    let batch = BatchBuilder::default().events(&events).build();
    let clean = Rig::<SessionState>::new();
    clean.run(&batch).await;
    for (key, fault) in
        [("u", CommitFault::Throttle), ("v", CommitFault::LoseAnswer), ("w", CommitFault::LoseRequest)]
    {
        let rig = Rig::<SessionState>::new();
        rig.store.fail_commits(key, [fault, CommitFault::Throttle]);
        rig.run_to_the_end(&batch).await;
        for user in ["u", "v", "w"] {
            assert_eq!(rig.store.item(user), clean.store.item(user), "{key}");
        }
    }
}

#[tokio::test]
async fn a_quarantine_that_fails_sets_the_checkpoint_at_the_record_that_it_rejected() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default()
        .event(&event("0", "u").views("panic"))
        .event(&event("1", "v").views("a"))
        .event(&event("2", "w").views("panic"))
        .event(&event("3", "u").views("a"))
        .build();
    rig.quarantine.fail_at(1);
    let outcome = rig.run(&batch).await;
    assert_eq!(outcome.named, sequence(&batch, 2));
    assert_eq!(outcome.verdicts, ["poisoned", "applied", "-", "-"]);
    assert_eq!(rig.store.keys(), ["v"], "nothing is committed behind it, nor whatever lacks its quarantine");
    let rest = rig.run(&outcome.rest.unwrap()).await;
    assert_eq!((rest.named, rest.verdicts), (None, vec!["poisoned", "applied"]));
}

#[tokio::test]
async fn a_record_of_several_events_is_retried_as_a_whole() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default()
        .events(&views(&["u"]))
        .aggregate(&[event("a", "u").views("b"), event("b", "v").views("b")])
        .build();
    rig.store.fail_reads("v", 1);
    let outcome = rig.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (sequence(&batch, 1), vec!["applied", "-", "-"]));
    assert_eq!(rig.store.item("u").unwrap().state.count, 1);
}

#[tokio::test]
async fn a_sequence_number_is_named_digit_for_digit() {
    let rig = Rig::<Counter>::new();
    for batch in [BatchBuilder::default(), BatchBuilder::counting_from(7)] {
        let batch = batch.events(&views(&["x"])).build();
        rig.store.fail_reads("x", 1);
        assert_eq!(rig.run(&batch).await.named, sequence(&batch, 0));
    }
    assert_eq!(sequence(&BatchBuilder::default().events(&views(&["x"])).build(), 0).unwrap().len(), 56);
}
