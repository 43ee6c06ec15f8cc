//! Other writers, and answers that are lost.

use millrace_domain::session::SessionState;
use millrace_testkit::{BatchBuilder, CommitFault, Counter, event};

use crate::harness::{Rig, sequence};

#[tokio::test]
async fn after_a_conflict_the_events_are_folded_into_what_is_there_now() {
    let rig = Rig::<Counter>::new();
    rig.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
    let mut other = rig.store.item("u").unwrap();
    let first = other.version;
    other.version += 1;
    other.state.skus.push("other".to_owned());
    rig.store.fail_commits("u", [CommitFault::Overtake(Box::new(other))]);
    let outcome = rig.run(&BatchBuilder::starting_at(2).event(&event("2", "u").views("b")).build()).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied"]));
    let stored = rig.store.item("u").unwrap();
    assert_eq!(stored.state.skus, ["a", "other", "b"]);
    assert_eq!(stored.version, first + 2);
}

#[tokio::test]
async fn a_race_for_a_new_key_is_settled() {
    let rig = Rig::<Counter>::new();
    rig.store.fail_commits("u", [CommitFault::Touch, CommitFault::Delete]);
    let outcome = rig.run(&BatchBuilder::default().event(&event("1", "u").views("a")).build()).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied"]));
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a"]);
}

#[tokio::test]
async fn one_conflict_leaves_the_other_keys_alone() {
    let rig = Rig::<Counter>::new();
    rig.store.fail_commits("v", [CommitFault::Touch]);
    let events = ["u", "v", "w"].map(|user| event(user, user).views("a"));
    rig.run(&BatchBuilder::default().events(&events).build()).await;
    let words = rig.journal.take_words();
    let commits: Vec<_> = words.iter().filter(|words| words.starts_with("commit")).collect();
    assert_eq!(commits, ["commit u,v,w", "commit v"]);
    assert_eq!(
        words.iter().filter(|words| words.starts_with("read")).count(),
        1,
        "the conflict brought the item"
    );
}

#[tokio::test]
async fn a_conflict_that_does_not_settle_ends_the_batch() {
    let rig = Rig::<Counter>::new();
    rig.store.fail_commits("v", vec![CommitFault::Touch; 1_000]);
    let events = ["u", "v", "w"].map(|user| event(user, user).views("a"));
    let batch = BatchBuilder::default().events(&events).build();
    let outcome = rig.run(&batch).await;
    assert_eq!(outcome.named, sequence(&batch, 1));
    assert_eq!(rig.store.item("v").unwrap().state.count, 0);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_known_as_ones_own() {
    let rig = Rig::<Counter>::new();
    let batch =
        BatchBuilder::default().event(&event("1", "u").views("a")).event(&event("2", "u").views("b")).build();
    rig.store.fail_commits("u", [CommitFault::LoseAnswer]);
    let outcome = rig.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied"; 2]));
    assert_eq!(rig.journal.take_words(), ["read u", "signal u 1:1", "signal u 2:2", "commit u", "read u"]);
}

#[tokio::test]
async fn a_write_that_never_arrived_is_written_again() {
    let rig = Rig::<Counter>::new();
    rig.store.fail_commits("u", [CommitFault::LoseRequest]);
    let outcome = rig.run(&BatchBuilder::default().event(&event("1", "u").views("a")).build()).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied"]));
    assert_eq!(rig.store.item("u").unwrap().state.count, 1);
}

#[tokio::test]
async fn a_lost_write_that_lands_late_is_known_as_ones_own() {
    let batch = BatchBuilder::default().event(&event("1", "u").views("a")).build();
    let elsewhere = Rig::<Counter>::new();
    elsewhere.run(&batch).await;
    let same = elsewhere.store.item("u").unwrap();
    let rig = Rig::<Counter>::new();
    rig.store.fail_commits("u", [CommitFault::LoseRequest, CommitFault::Overtake(Box::new(same))]);
    let outcome = rig.run(&batch).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied"]), "and so it is counted as applied");
    assert_eq!(rig.store.item("u").unwrap().state.count, 1);
}

#[tokio::test]
async fn a_lost_answer_behind_another_writer_applies_once() {
    let rig = Rig::<Counter>::new();
    let first = BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build();
    rig.store.fail_commits("u", [CommitFault::LoseAnswer]);
    rig.store.fail_reads("u", 0);
    rig.run(&first).await;
    let mut other = rig.store.item("u").unwrap();
    other.version += 7;
    rig.store.put("u", &other);
    assert_eq!(rig.run(&first).await.verdicts, ["redelivery"]);
    assert_eq!(rig.store.item("u").unwrap().state.count, 1);
}

#[tokio::test]
async fn a_lost_answer_is_known_as_ones_own_though_another_key_ends_the_batch() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default()
        .event(&event("1", "u").views("a"))
        .event(&event("2", "v").views("a"))
        .event(&event("3", "u").views("b"))
        .build();
    rig.store.fail_commits("u", [CommitFault::LoseAnswer]);
    rig.store.fail_commits("v", [CommitFault::Throttle]);
    let outcomes = rig.run_to_the_end(&batch).await;
    assert_eq!(rig.store.item("u").unwrap().state.count, 2);
    let applied: u64 = outcomes.iter().map(|outcome| outcome.count("applied")).sum();
    assert_eq!(applied, 3, "every event that was applied is counted as applied: {outcomes:?}");
}

#[tokio::test]
async fn a_lost_answer_whose_item_cannot_be_read_ends_the_batch() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default().event(&event("1", "u").views("a")).build();
    rig.store.fail_commits("u", [CommitFault::LoseAnswer]);
    rig.store.script_reads([false, true]);
    let outcome = rig.run(&batch).await;
    assert_eq!(outcome.named, sequence(&batch, 0));
    assert_eq!(rig.run(&batch).await.verdicts, ["redelivery"]);
    assert_eq!(rig.store.item("u").unwrap().state.count, 1);
}

#[tokio::test]
async fn versions_count_commits_and_a_reborn_item_repeats_none() {
    let rig = Rig::<SessionState>::new();
    let run = async |id: u64| {
        rig.run(&BatchBuilder::starting_at(id).event(&event(id.to_string(), "u")).build()).await;
        rig.store.item("u").unwrap().version
    };
    let versions = [run(1).await, run(2).await, run(3).await];
    assert_eq!(versions.map(|version| version - versions[0]), [0, 1, 2]);
    rig.store.delete("u");
    // Born again in the same millisecond, from another record: near, and not the same.
    assert!(!versions.contains(&run(4).await));
    rig.store.delete("u");
    assert_eq!(run(1).await, versions[0], "the same record makes the same item");
}

#[tokio::test]
async fn an_attribute_that_a_state_loses_is_taken_out_and_foreign_ones_stay() {
    let rig = Rig::<Counter>::new();
    rig.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
    rig.store.set_attribute("u", "expires_at", 5.into());
    rig.run(&BatchBuilder::starting_at(2).event(&event("2", "u").views("none")).build()).await;
    assert_eq!(rig.store.attribute("u", "last_sku"), None);
    assert_eq!(rig.store.attribute("u", "expires_at"), Some(5.into()));
}
