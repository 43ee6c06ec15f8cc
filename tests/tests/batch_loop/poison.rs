//! A bad event is rejected, and the rest of its key goes on.

use millrace_domain::session::SessionState;
use millrace_testkit::{BatchBuilder, Counter, EventBuilder, START_MS, event};
use serde_json::json;

use crate::harness::Rig;

fn views(skus: &[&str]) -> Vec<EventBuilder> {
    skus.iter().enumerate().map(|(index, sku)| event(index.to_string(), "u").views(sku)).collect()
}

#[tokio::test]
async fn a_panic_isolates_one_event() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default()
        .events(&views(&["a", "panic", "b"]))
        .event(&event("v", "v").views("a"))
        .build();
    let outcome = rig.run(&batch).await;
    assert_eq!(outcome.verdicts, ["applied", "poisoned", "applied", "applied"]);
    assert_eq!((outcome.count("poisoned"), outcome.named), (1, None));
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a", "b"]);
    assert_eq!(rig.store.item("v").unwrap().state.count, 1);
    let emitted: Vec<_> =
        rig.signals.signals().into_iter().map(|signal| signal.data.trim_matches('"').to_owned()).collect();
    assert_eq!(emitted, ["0:1", "2:2", "v:1"], "nothing is emitted for an event that was not applied");

    let line = &rig.quarantine.lines()[0];
    assert_eq!((&line["reason"], &line["event_id"]), (&json!("function_failed"), &json!("1")));
    assert_eq!(line["rule"], "panicked: 1 holds a panic");
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_isolates_itself() {
    let rig = Rig::<Counter>::new();
    let outcome = rig.run(&BatchBuilder::default().events(&views(&["reject", "a", "reject"])).build()).await;
    assert_eq!(outcome.verdicts, ["poisoned", "applied", "poisoned"]);
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a"]);
    assert_eq!(rig.quarantine.texts("event_id"), ["0", "2"]);
    assert!(rig.quarantine.texts("rule")[0].contains("the counter rejects this sku"));
}

#[tokio::test]
async fn a_key_of_nothing_but_poison_writes_no_item() {
    let rig = Rig::<Counter>::new();
    rig.run(&BatchBuilder::default().events(&views(&["panic"])).build()).await;
    assert_eq!(rig.journal.take_words(), ["read u", "quarantine function_failed"]);
    assert!(rig.store.keys().is_empty());
}

#[tokio::test]
async fn poison_delivered_again_is_quarantined_under_the_same_name() {
    let rig = Rig::<Counter>::new();
    let batch = BatchBuilder::default().events(&views(&["a", "panic"])).build();
    rig.run(&batch).await;
    rig.run(&batch).await;
    let lines = rig.quarantine.lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], lines[1]);
}

#[tokio::test]
async fn the_one_event_that_the_store_rejects_is_found_among_many() {
    let rig = Rig::<Counter>::new();
    rig.store.reject(|_, state: &Counter| state.skus.iter().any(|sku| sku == "huge"));
    for (huge_index, many) in [(0, 100), (57, 100), (99, 100), (0, 1)] {
        let user = format!("u{huge_index}-{many}");
        let sku = |index: usize| if index == huge_index { "huge".to_owned() } else { index.to_string() };
        let events: Vec<_> =
            (0..many).map(|index| event(index.to_string(), &user).views(&sku(index))).collect();
        let batch = BatchBuilder::default()
            .events(&events)
            .event(&event("v", &format!("v{user}")).views("a"))
            .build();
        let outcome = rig.run(&batch).await;
        assert_eq!(outcome.named, None);
        assert_eq!((outcome.count("poisoned"), outcome.count("applied")), (1, many as u64));
        assert_eq!(outcome.verdicts[huge_index], "poisoned");
        let state = rig.store.item(&user).map(|stored| stored.state.skus).unwrap_or_default();
        assert_eq!(
            state,
            (0..many).filter(|index| *index != huge_index).map(|index| index.to_string()).collect::<Vec<_>>()
        );
        let line = rig.quarantine.lines().pop().unwrap();
        assert_eq!(
            (&line["reason"], &line["event_id"]),
            (&json!("table_rejected"), &json!(huge_index.to_string()))
        );
    }
}

#[tokio::test]
async fn many_events_that_the_store_rejects_make_no_batch_endless() {
    let rig = Rig::<Counter>::new();
    rig.store.reject(|_, state: &Counter| state.skus.iter().any(|sku| sku == "huge"));
    let events: Vec<_> = (0..64)
        .map(|index| event(index.to_string(), "u").views(if index % 4 == 0 { "huge" } else { "a" }))
        .collect();
    let outcomes = rig.run_to_the_end(&BatchBuilder::default().events(&events).build()).await;
    assert_eq!(outcomes.iter().map(|outcome| outcome.count("poisoned")).sum::<u64>(), 16);
    assert_eq!(rig.store.item("u").unwrap().state.count, 48);
}

#[tokio::test]
async fn a_record_full_of_events_that_the_store_rejects_is_done_in_one_invocation() {
    let rig = Rig::<Counter>::new();
    rig.store.reject(|_, state: &Counter| state.skus.iter().any(|sku| sku == "huge"));
    let text = |index: usize| {
        let bytes =
            event(index.to_string(), "u").views(if index.is_multiple_of(2) { "huge" } else { "a" }).bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    let texts: Vec<_> = (0..100).map(text).collect();
    let outcome = rig.run(&BatchBuilder::default().raw("u", format!("[{}]", texts.join(","))).build()).await;
    assert_eq!(outcome.named, None);
    assert_eq!((outcome.count("poisoned"), outcome.count("applied")), (50, 50));
}

#[tokio::test]
async fn events_of_a_corrupt_item_are_quarantined_and_the_item_is_left_alone() {
    let rig = Rig::<SessionState>::new();
    rig.run(&BatchBuilder::default().event(&event("1", "u").views("a")).build()).await;
    rig.store.set_ledger("u", Vec::new());
    rig.journal.take();

    let next =
        BatchBuilder::starting_at(2).event(&event("2", "u").views("b")).event(&event("3", "v")).build();
    let outcome = rig.run(&next).await;
    assert_eq!(outcome.verdicts, ["poisoned", "applied"]);
    let due = format!("timer v {}", START_MS + 40 * 60_000 + 1);
    assert_eq!(rig.journal.take_words(), ["read u,v", &due, "quarantine function_failed", "commit v"]);
    assert_eq!(rig.quarantine.texts("event_id"), ["2"]);
}

#[tokio::test]
async fn an_item_of_a_newer_version_waits_for_that_version() {
    let rig = Rig::<SessionState>::new();
    rig.run(&BatchBuilder::default().event(&event("1", "u").views("a")).build()).await;
    rig.store.set_ledger("u", vec![millrace_domain::ledger::FORMAT + 1]);
    let next = BatchBuilder::starting_at(2).event(&event("2", "u").views("b")).build();
    let outcome = rig.run(&next).await;
    assert_eq!(outcome.named.as_deref(), Some(next.records[0].sequence_number.as_str()));
    assert!(rig.quarantine.lines().is_empty());
}
