//! Near the end of an invocation nothing new begins.

use std::time::Duration;

use millrace_lambda::Deadline;
use millrace_testkit::{BatchBuilder, Counter, event};

use crate::harness::{Rig, sequence};

#[tokio::test(start_paused = true)]
async fn near_the_deadline_nothing_begins() {
    let rig = Rig::<Counter>::new();
    let batch =
        BatchBuilder::default().event(&event("1", "u").views("a")).event(&event("2", "v").views("a")).build();
    let deadline = Deadline::after(Duration::from_secs(10));
    tokio::time::advance(Duration::from_secs(9)).await;
    let outcome = rig.run_until(&batch, deadline).await;
    assert_eq!((outcome.named, outcome.verdicts), (sequence(&batch, 0), vec!["-"; 2]));
    assert!(rig.journal.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_answers_too_slowly_ends_the_batch_in_time() {
    let start = tokio::time::Instant::now();
    for (read, commit) in [(60, 0), (0, 60)] {
        let rig = Rig::<Counter>::new();
        rig.store.takes(Duration::from_secs(read), Duration::from_secs(commit));
        let batch = BatchBuilder::default().event(&event("1", "u").views("a")).build();
        let outcome = rig.run_until(&batch, Deadline::after(Duration::from_secs(10))).await;
        assert_eq!((outcome.named, outcome.counts.len()), (sequence(&batch, 0), 0));
    }
    assert!(start.elapsed() < Duration::from_secs(20), "each answers before its ten seconds are over");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_past_at_the_start_is_none() {
    let rig = Rig::<Counter>::new();
    rig.store.takes(Duration::from_secs(60), Duration::from_secs(60));
    let batch = BatchBuilder::default().event(&event("1", "u").views("a")).build();
    let outcome = rig.run_until(&batch, Deadline::new(0, 1_700_000_000_000)).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied"]));
}

#[tokio::test(start_paused = true)]
async fn a_commit_ended_by_the_deadline_is_known_again_by_the_retry() {
    let rig = Rig::<Counter>::new();
    rig.store.takes(Duration::ZERO, Duration::from_secs(60));
    let batch = BatchBuilder::default().event(&event("1", "u").views("a")).build();
    rig.run_until(&batch, Deadline::after(Duration::from_secs(10))).await;
    rig.store.takes(Duration::ZERO, Duration::ZERO);
    rig.run(&batch).await;
    assert_eq!(rig.store.item("u").unwrap().state.count, 1);
    assert_eq!(rig.signals.received().len(), 1);
}
