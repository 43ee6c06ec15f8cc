//! What comes from the stream of signals.

use std::time::Duration;

use millrace_testkit::{BatchBuilder, event};

use crate::harness::{Rig, events, names, receipt, signals};

#[tokio::test]
async fn relayed_receipts_and_signals_change_stock_once() {
    let rig = Rig::new();
    let batch = events().event(&receipt("1")).event(&event("2", "s#a").at_minute(1).counts(30)).build();
    rig.run(&batch).await;
    rig.run(&batch).await;
    let sold = event("3", "s#a").at_minute(2).sells(4).caused_by("shard", 7, 0);
    let batch = rig.stream.drain_into(signals()).event(&sold).event(&sold).build();
    let tally = rig.run(&batch).await;
    let expected = ["applied", "applied", "duplicate", "duplicate", "applied", "redelivery"];
    assert_eq!((tally.checkpoint.record(), names(&tally)), (None, expected.to_vec()));
    assert_eq!(rig.on_hand("s#a"), 26);
    assert!(!names(&rig.run(&batch).await).contains(&"applied"));
    assert_eq!(rig.on_hand("s#a"), 26);
}

#[tokio::test]
async fn a_sale_that_is_emitted_again_from_another_position_counts_once() {
    let rig = Rig::new();
    let sold = |cause| event("1", "s#a").sells(4).caused_by("shard", cause, 0);
    let other = event("2", "s#a").sells(1).caused_by("shard", 8, 0);
    let batch = signals().events([&sold(7), &other, &sold(9)]).build();
    assert_eq!(names(&rig.run(&batch).await), ["applied", "applied", "duplicate"]);
    assert_eq!(names(&rig.run(&batch).await), ["redelivery", "redelivery", "redelivery"]);
    assert_eq!(rig.on_hand("s#a"), -5);
}

#[tokio::test]
async fn a_signal_without_an_origin_is_quarantined() {
    let rig = Rig::new();
    let tally = rig.run(&signals().event(&event("1", "s#a").sells(1)).build()).await;
    assert_eq!(names(&tally), ["poisoned"]);
    assert_eq!(rig.quarantine.texts("reason"), ["function_failed"]);
}

#[tokio::test]
async fn a_reorder_is_decided_by_the_product_s_own_point() {
    let rig = Rig::new();
    rig.points.put("a", 100, 120);
    let batch = signals()
        .event(&event("1", "s#a").counts(101))
        .event(&event("2", "s#b").counts(101))
        .event(&event("3", "s#a").at_minute(1).sells(1).caused_by("shard", 1, 0))
        .event(&event("4", "s#b").at_minute(1).sells(1).caused_by("shard", 2, 0))
        .build();
    rig.run(&batch).await;
    let accepted = rig.accepted();
    assert_eq!(accepted.len(), 1);
    let signal: serde_json::Value = serde_json::from_str(&accepted[0].1).unwrap();
    assert_eq!((accepted[0].0.as_str(), &signal["type"]), ("s#a", &"stock.reorder_requested".into()));
    assert_eq!((&signal["data"]["quantity"], &signal["data"]["on_hand"]), (&20.into(), &100.into()));
    assert_eq!(signal["source"], "urn:millrace:inventory");
    // It comes back with everything else of the stream, and changes nothing.
    let batch = rig.stream.drain_into(BatchBuilder::starting_at(90).of_stream("signals")).build();
    assert_eq!(names(&rig.run(&batch).await), ["ignored"]);
}

#[tokio::test]
async fn a_count_that_comes_too_late_emits_event_late() {
    let rig = Rig::new();
    let hour = 60;
    let batch = signals()
        .event(&event("1", "s#a").at_minute(10 * hour).sells(1).caused_by("shard", 1, 0))
        .event(&event("2", "s#a").at_minute(59 * hour).sells(1).caused_by("shard", 2, 0))
        .event(&event("3", "s#a").at_minute(9 * hour).counts(50))
        .build();
    assert_eq!(names(&rig.run(&batch).await), ["applied", "applied", "late"]);
    assert_eq!(rig.on_hand("s#a"), -2);
    assert!(rig.accepted()[0].1.contains(r#""type":"event.late""#));
}

#[tokio::test(start_paused = true)]
async fn reorder_points_are_remembered_for_their_time() {
    let rig = Rig::new();
    let batch = |first: u64| {
        let id = first.to_string();
        let stock = ["s#b", "t#a", "s#a"].map(|key| event(&id, key).counts(5));
        let others = ["user", "s#"].map(|key| event(&id, key));
        BatchBuilder::starting_at(first).of_stream("signals").events(&stock).events(&others).build()
    };
    rig.points.put("a", 1, 2);
    assert_eq!(rig.run(&batch(10)).await.checkpoint.record(), None);
    assert_eq!(rig.points.take_reads(), [["a", "b"]]);
    tokio::time::advance(Duration::from_secs(299)).await;
    let more = event("20", "s#c").counts(5);
    rig.run(&BatchBuilder::starting_at(20).of_stream("signals").events([&receipt("21"), &more]).build())
        .await;
    assert_eq!(rig.points.take_reads(), [["c"]]);
    tokio::time::advance(Duration::from_secs(1)).await;
    rig.run(&batch(30)).await;
    assert_eq!(rig.points.take_reads(), [["a", "b"]]);
}

#[tokio::test]
async fn without_reorder_points_nothing_of_a_batch_is_done() {
    let rig = Rig::new();
    rig.points.script([true]);
    let batch = signals().event(&event("1", "u")).event(&event("2", "s#a").counts(5)).build();
    let tally = rig.run(&batch).await;
    assert_eq!((tally.checkpoint.record(), rig.store.keys().len()), (Some(0), 0));
    assert_eq!(tally.why, "the reorder points could not be read: the script fails it");
    assert_eq!(names(&rig.run(&batch).await), ["ignored", "applied"]);
}

#[tokio::test]
async fn a_batch_that_does_not_tell_its_stream_is_not_begun() {
    let rig = Rig::new();
    let tally = rig.run(&BatchBuilder::default().of_stream("").event(&receipt("1")).build()).await;
    assert_eq!((tally.checkpoint.record(), rig.stream.calls(), rig.store.keys().len()), (Some(0), 0, 0));
    assert_eq!(
        rig.run(&BatchBuilder::default().of_stream("").build()).await.why,
        "the batch does not tell its stream"
    );
}
