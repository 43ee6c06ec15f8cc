//! Items remembered between invocations.

use millrace_domain::fold::{CannotApply, Emit, KeyState};
use millrace_domain::{Data, Event};
use millrace_testkit::{BatchBuilder, CommitFault, Counter, CounterSettings, event};
use serde::{Deserialize, Serialize};

use crate::harness::Rig;

const SILENT: CounterSettings = CounterSettings { signals_from: u64::MAX, signals_to: None };

#[tokio::test]
async fn an_item_that_was_written_need_not_be_read_again() {
    let rig = Rig::<Counter>::with(SILENT, 100);
    rig.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
    rig.run(&BatchBuilder::starting_at(2).event(&event("2", "u").views("b")).build()).await;
    assert_eq!(rig.journal.take_words(), ["read u", "commit u", "commit u"]);
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a", "b"]);
}

#[tokio::test]
async fn only_the_keys_that_are_not_remembered_are_read() {
    let rig = Rig::<Counter>::with(SILENT, 100);
    rig.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
    rig.journal.take();
    let events = [("2", "u"), ("3", "v")].map(|(id, user)| event(id, user).views(id));
    let outcome = rig.run(&BatchBuilder::starting_at(2).events(&events).build()).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied"; 2]));
    assert_eq!(rig.journal.take_words(), ["read v", "commit u,v"]);
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a", "2"]);
}

#[tokio::test]
async fn what_an_invocation_has_written_it_goes_on_from_unread() {
    for (cache_items, reads) in [(0, 1), (100, 0)] {
        let rig = Rig::<Counter>::with(SILENT, cache_items);
        rig.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
        rig.journal.take();
        rig.store.reject(|_, counter: &Counter| counter.skus.iter().any(|sku| sku == "huge"));
        let events = [("2", "b"), ("3", "huge"), ("4", "c")].map(|(id, sku)| event(id, "u").views(sku));
        let outcome = rig.run(&BatchBuilder::starting_at(2).events(&events).build()).await;
        assert_eq!(outcome.verdicts, ["applied", "poisoned", "applied"]);
        assert_eq!(rig.store.item("u").unwrap().state.skus, ["a", "b", "c"]);
        let words = rig.journal.take_words();
        let count = |start| words.iter().filter(|words| words.starts_with(start)).count();
        assert_eq!((count("read"), count("commit")), (reads, 4), "{words:?}");
    }
}

#[tokio::test]
async fn a_stale_item_conflicts_and_is_folded_again() {
    let here = Rig::<Counter>::with(SILENT, 100);
    let there = here.another_container();
    here.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
    there.run(&BatchBuilder::starting_at(2).event(&event("2", "u").views("b")).build()).await;
    here.journal.take();
    let outcome = here.run(&BatchBuilder::starting_at(3).event(&event("3", "u").views("c")).build()).await;
    assert_eq!((outcome.named, outcome.verdicts), (None, vec!["applied"]));
    assert_eq!(here.journal.take_words(), ["commit u", "commit u"]);
    assert_eq!(here.store.item("u").unwrap().state.skus, ["a", "b", "c"]);
}

#[tokio::test]
async fn what_another_container_applied_is_a_redelivery_though_older_state_is_remembered() {
    let here = Rig::<Counter>::with(SILENT, 100);
    let there = here.another_container();
    here.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
    let batch = BatchBuilder::starting_at(2).event(&event("2", "u").views("b")).build();
    let first = there.run(&batch).await;
    // The answer is lost, and the same batch comes to the execution environment that has not seen it.
    let again = here.run(&batch).await;
    assert_eq!((first.verdicts, again.verdicts), (vec!["applied"], vec!["redelivery"]));
    assert_eq!(first.counts.get("applied"), Some(&1));
    assert_eq!(again.counts.get("applied"), None, "counted once");
}

#[tokio::test]
async fn an_item_that_was_deleted_is_built_anew() {
    let rig = Rig::<Counter>::with(SILENT, 100);
    rig.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
    rig.store.delete("u");
    let outcome = rig.run(&BatchBuilder::starting_at(2).event(&event("2", "u").views("b")).build()).await;
    assert_eq!(outcome.verdicts, ["applied"]);
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["b"]);
}

#[tokio::test]
async fn an_item_that_was_deleted_knows_no_repeats() {
    let rig = Rig::<Counter>::with(SILENT, 100);
    let batch = BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build();
    rig.run(&batch).await;
    rig.store.delete("u");
    // What is remembered would call it a redelivery, and no write would find out that nothing is stored.
    assert_eq!(rig.run(&batch).await.verdicts, ["applied"]);
    assert_eq!(rig.store.item("u").unwrap().state.skus, ["a"]);
}

#[tokio::test]
async fn a_remembered_item_that_causes_a_signal_is_read_first() {
    let rig = Rig::<Counter>::caching();
    rig.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
    rig.journal.take();
    rig.run(&BatchBuilder::starting_at(2).event(&event("2", "u").views("b")).build()).await;
    assert_eq!(rig.journal.take_words(), ["read u", "signal u 2:2", "commit u"]);
}

#[tokio::test]
async fn no_signal_is_put_from_a_stale_item() {
    let here = Rig::<Counter>::caching();
    let there = here.another_container();
    here.run(&BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build()).await;
    there.run(&BatchBuilder::starting_at(2).event(&event("2", "u").views("b")).build()).await;
    here.run(&BatchBuilder::starting_at(3).event(&event("3", "u").views("c")).build()).await;
    let emitted: Vec<_> =
        here.signals.signals().into_iter().map(|signal| signal.data.trim_matches('"').to_owned()).collect();
    assert_eq!(emitted, ["1:1", "2:2", "3:3"]);
}

#[tokio::test]
async fn no_signal_is_put_from_a_stale_item_though_a_part_of_its_events_changed_nothing() {
    let here = Rig::<Gate>::caching();
    let there = here.another_container();
    here.store.reject_outright(|_, gate: &Gate| gate.ids.iter().any(|id| id == "huge"));
    let open = event("open", "u").views("open");
    here.run(&BatchBuilder::starting_at(1).event(&open).build()).await;
    there.run(&BatchBuilder::starting_at(2).event(&event("mute", "u").views("mute")).build()).await;

    // The repeat alone changes nothing, so no condition has yet judged what is remembered.
    let batch = BatchBuilder::starting_at(3)
        .event(&open)
        .event(&event("huge", "u").views("mute"))
        .event(&event("pass", "u").views("pass"))
        .build();
    let outcome = here.run(&batch).await;
    assert_eq!(outcome.verdicts, ["duplicate", "poisoned", "applied"]);
    assert_eq!(here.signals.signals(), [], "a muted gate emits nothing");
}

#[tokio::test]
async fn nothing_is_remembered_of_a_write_that_is_not_known_to_be_stored() {
    let rig = Rig::<Counter>::with(SILENT, 100);
    let batch = BatchBuilder::starting_at(1).event(&event("1", "u").views("a")).build();
    rig.store.fail_commits("u", [CommitFault::Throttle]);
    rig.run(&batch).await;
    rig.journal.take();
    assert_eq!(rig.run(&batch).await.verdicts, ["applied"]);
    assert_eq!(rig.journal.take_words(), ["read u", "commit u"]);
}

#[tokio::test]
async fn an_event_is_not_quarantined_because_of_a_stale_item() {
    let here = Rig::<Gate>::caching();
    let there = here.another_container();
    here.run(&BatchBuilder::starting_at(1).event(&event("mute", "u").views("mute")).build()).await;
    there.run(&BatchBuilder::starting_at(2).event(&event("open", "u").views("open")).build()).await;
    let outcome =
        here.run(&BatchBuilder::starting_at(3).event(&event("pass", "u").views("pass")).build()).await;
    assert_eq!(outcome.verdicts, ["applied"]);
    assert!(here.quarantine.lines().is_empty());
}

#[tokio::test]
async fn nor_is_one_beside_an_event_that_the_stale_item_takes() {
    let here = Rig::<Gate>::caching();
    let there = here.another_container();
    here.run(&BatchBuilder::starting_at(1).event(&event("mute", "u").views("mute")).build()).await;
    there.run(&BatchBuilder::starting_at(2).event(&event("open", "u").views("open")).build()).await;
    let events = [("taken", "mute"), ("pass", "pass")].map(|(id, sku)| event(id, "u").views(sku));
    let outcome = here.run(&BatchBuilder::starting_at(3).events(&events).build()).await;
    assert_eq!(outcome.verdicts, ["applied"; 2]);
    assert!(here.quarantine.lines().is_empty());
}

/// A gate that must be open to be passed, and tells who passes unless it is muted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Gate {
    open: bool,
    muted: bool,
    ids: Vec<String>,
}

impl KeyState for Gate {
    type Settings = ();

    const ATTRIBUTES: &'static [&'static str] = &["open", "muted", "ids"];

    fn handles(data: &Data<'_>) -> bool {
        matches!(data, Data::ProductViewed(_))
    }

    fn apply(&mut self, event: &Event<'_>, _: i64, _: &(), emit: &mut Emit<'_>) -> Result<(), CannotApply> {
        let Data::ProductViewed(view) = &event.data else { return Ok(()) };
        self.ids.push(event.id.to_string());
        match view.sku.as_ref() {
            "open" => self.open = true,
            "mute" => self.muted = true,
            _ if !self.open => return Err(CannotApply { why: "the gate is closed".to_owned() }),
            _ if !self.muted => {
                emit.signal(&event.subject, "passed", event.time_ms, &event.id)?;
            }
            _ => {}
        }
        Ok(())
    }
}
