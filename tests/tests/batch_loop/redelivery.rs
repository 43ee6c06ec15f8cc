//! An event changes state at most once, however it comes again.

use millrace_domain::session::SessionState;
use millrace_testkit::{BatchBuilder, Counter, event};

use crate::harness::Rig;

#[tokio::test]
async fn a_batch_delivered_again_changes_nothing() {
    let rig = Rig::<SessionState>::new();
    let events = [
        event("1", "u").adds("a", 3),
        event("2", "v").views("a"),
        event("3", "u").orders("a", 2, 500).at_minute(1),
        event("4", "v").at_minute(45),
    ];
    let batch = BatchBuilder::default().events(&events).build();
    assert_eq!(rig.run(&batch).await.verdicts, ["applied"; 4]);
    let before = (rig.store.item("u"), rig.store.item("v"));
    rig.journal.take();

    let again = rig.run(&batch).await;
    assert_eq!(again.verdicts, ["redelivery"; 4]);
    assert_eq!((again.count("redelivery"), again.count("applied"), again.named), (4, 0, None));
    assert_eq!((rig.store.item("u"), rig.store.item("v")), before);
    assert_eq!(rig.journal.take_words(), ["read u,v"], "nothing is written where nothing changed");
}

#[tokio::test]
async fn an_event_that_its_producer_repeats_is_a_duplicate() {
    let rig = Rig::<Counter>::new();
    let view = event("1", "u").views("a");
    let batch = BatchBuilder::default().event(&view).event(&view).build();
    assert_eq!(rig.run(&batch).await.verdicts, ["applied", "duplicate"]);
    let later = BatchBuilder::starting_at(3).event(&view).build();
    assert_eq!(rig.run(&later).await.counts, [("duplicate".to_owned(), 1)].into());
    assert_eq!(rig.store.item("u").unwrap().state.count, 1);
    assert_eq!(rig.signals.signals().len(), 1);
}

#[tokio::test]
async fn the_same_id_from_another_source_is_another_event() {
    let rig = Rig::<Counter>::new();
    let view = event("1", "u").views("a");
    let batch = BatchBuilder::default().event(&view).event(&view.clone().source("urn:till")).build();
    assert_eq!(rig.run(&batch).await.verdicts, ["applied", "applied"]);
}

#[tokio::test]
async fn sub_records_of_an_aggregate_are_retried_together_and_known_again() {
    let rig = Rig::<Counter>::new();
    let events = [event("1", "u").views("a"), event("2", "v").views("a"), event("3", "w").views("a")];
    let batch = BatchBuilder::default().aggregate(&events).build();
    rig.store.fail_commits("v", [millrace_testkit::CommitFault::Throttle]);

    let first = rig.run(&batch).await;
    assert_eq!(first.named.as_deref(), Some(batch.records[0].sequence_number.as_str()));
    assert_eq!(rig.store.keys(), ["u", "w"]);

    let again = rig.run(&first.rest.unwrap()).await;
    assert_eq!(again.verdicts, ["redelivery", "applied", "redelivery"]);
    for user in ["u", "v", "w"] {
        assert_eq!(rig.store.item(user).unwrap().state.count, 1);
    }
}

#[tokio::test]
async fn events_of_an_array_keep_their_order_and_are_known_again() {
    let rig = Rig::<Counter>::new();
    let events = ["a", "b", "c"].map(|sku| event(sku, "u").views(sku));
    let batch = BatchBuilder::default().array(&events).build();
    assert_eq!(rig.run(&batch).await.verdicts, ["applied"; 3]);
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a", "b", "c"]);
    assert_eq!(rig.run(&batch).await.verdicts, ["redelivery"; 3]);
}

#[tokio::test]
async fn a_reused_id_that_was_quarantined_stays_quarantined_when_its_batch_comes_again() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default()
        .event(&event("1", "u").views("a").at_minute(0))
        .event(&event("1", "u").views("b").at_minute(17))
        .event(&event("2", "u").views("c").at_minute(11))
        .build();
    assert_eq!(rig.run(&batch).await.verdicts, ["applied", "collision", "applied"]);
    let before = rig.store.item("u");
    let again = rig.run(&batch).await;
    assert_eq!(rig.store.item("u"), before, "{:?}", again.verdicts);
}
