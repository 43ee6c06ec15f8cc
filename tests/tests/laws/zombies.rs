//! Two execution environments at the same records at the same time: one that the mapping believes in, and one that it
//! abandoned.

use std::time::Duration;

use millrace_lambda::answer::answer;
use millrace_lambda::{Batch, Deadline, KinesisBatch};
use millrace_testkit::{Counter, CounterSettings, event, remainder};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::history::{Consumer, Outside, USERS, deliveries};

const LIMIT: usize = 30;

async fn to_the_end(environment: &Consumer<Counter>, batch: &KinesisBatch) {
    let mut next = Some(batch.clone());
    while let Some(batch) = next.take() {
        let tally = environment.run(&Batch::open(&batch), Deadline::NONE).await;
        next = remainder(&batch, &answer(&batch, tally.checkpoint));
    }
}

/// Every batch by the first execution environment, each beside an old one by the second; then what the stream believes
/// again.
async fn run(environments: &[Consumer<Counter>; 2], batches: &[KinesisBatch], old: &[Index]) {
    let [believed, zombie] = environments;
    for (done, batch) in batches.iter().enumerate() {
        match old.get(done) {
            None => to_the_end(believed, batch).await,
            Some(old) => {
                let old = &batches[old.index(done + 1)];
                let opened = Batch::open(old);
                tokio::join!(to_the_end(believed, batch), zombie.run(&opened, Deadline::NONE));
            }
        }
    }
}

/// States by key, and what a receiver took of the signals.
fn left(outside: &Outside<Counter>) -> (Vec<(String, Counter)>, Vec<Vec<String>>) {
    let state = |key: String| {
        let stored = outside.store.item(&key).unwrap();
        (key, stored.state)
    };
    let received = outside.signals.received();
    let of_key = |key: &str| {
        received.iter().filter(|signal| signal.key == key).map(|signal| signal.data.clone()).collect()
    };
    let keys = USERS.into_iter().chain(["shared"]);
    (outside.store.keys().into_iter().map(state).collect(), keys.map(of_key).collect())
}

fn after(
    batches: &[KinesisBatch],
    settings: CounterSettings,
    cache_items: usize,
    latencies_ms: &[u64],
    old: &[Index],
) -> (Vec<(String, Counter)>, Vec<Vec<String>>) {
    let outside = Outside::new();
    outside.store.script_latencies(latencies_ms.iter().copied().map(Duration::from_millis));
    let environments =
        [outside.environment(settings, cache_items), outside.environment(settings, cache_items)];
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run(&environments, batches, old));
    left(&outside)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_zombie_changes_nothing(
        delivery in deliveries(LIMIT),
        users in prop::collection::vec(0..USERS.len(), 1..LIMIT),
        latencies_ms in prop::collection::vec(0_u64..6, 0..120),
        old in prop::collection::vec(any::<Index>(), 0..20),
        cache_items in prop_oneof![Just(0_usize), Just(100)],
        signals_from in 1_u64..6,
        signals_to in prop_oneof![Just(None), Just(Some("shared"))],
    ) {
        let events: Vec<_> =
            users.iter().enumerate().map(|(id, user)| event(id.to_string(), USERS[*user]).views("a")).collect();
        let batches = delivery.pack(&events);
        let settings = CounterSettings { signals_from, signals_to };
        let clean = after(&batches, settings, 0, &[], &[]);
        prop_assert_eq!(after(&batches, settings, cache_items, &latencies_ms, &old), clean);
    }
}
