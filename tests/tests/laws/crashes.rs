//! Wherever a run breaks off, what is left in the end is what a clean run leaves.

use std::collections::BTreeMap;

use millrace_domain::fold::KeyState;
use millrace_domain::session::{SessionSettings, SessionState};
use millrace_domain::{Ledger, Verdict};
use millrace_lambda::answer::answer;
use millrace_lambda::{Batch, Deadline, KinesisBatch};
use millrace_testkit::{CommitFault, Counter, CounterSettings, remainder};
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::history::{ACTIVITY_DEDUP_WINDOW_MS, Consumer, Outside, deliveries, histories, wait};

const LIMIT: usize = 40;
const ENVIRONMENTS: usize = 3;

/// What goes wrong, call by call.
#[derive(Clone, Debug)]
struct Troubles<S> {
    reads: Vec<bool>,
    commits: Vec<Option<CommitFault<S>>>,
    quarantine: Vec<Option<usize>>,
    signals: Vec<Option<usize>>,
    /// For each invocation: its execution environment, and what follows.
    invocations: Vec<(usize, After)>,
}

/// What the stream does after an invocation.
#[derive(Clone, Debug)]
enum After {
    /// It believes the answer.
    Believe,
    /// The answer is lost, and the same records come again.
    Repeat,
    /// An execution environment that was thought dead runs an old batch, before the answer is believed.
    Zombie(usize, Index),
}

fn troubles<S: Clone + std::fmt::Debug + 'static>() -> impl Strategy<Value = Troubles<S>> {
    let fault = prop_oneof![
        6 => Just(None),
        1 => Just(Some(CommitFault::Throttle)),
        2 => Just(Some(CommitFault::LoseAnswer)),
        1 => Just(Some(CommitFault::LoseRequest)),
        1 => Just(Some(CommitFault::Touch)),
    ];
    let failure = || prop_oneof![3 => Just(None), 1 => (0_usize..4).prop_map(Some)];
    let after = prop_oneof![
        4 => Just(After::Believe),
        1 => Just(After::Repeat),
        1 => (0..ENVIRONMENTS, any::<Index>()).prop_map(|(environment, batch)| After::Zombie(environment, batch)),
    ];
    (
        prop::collection::vec(prop::bool::weighted(0.1), 0..30),
        prop::collection::vec(fault, 0..40),
        prop::collection::vec(failure(), 0..12),
        prop::collection::vec(failure(), 0..12),
        prop::collection::vec((0..ENVIRONMENTS, after), 0..24),
    )
        .prop_map(|(reads, commits, quarantine, signals, invocations)| Troubles {
            reads,
            commits,
            quarantine,
            signals,
            invocations,
        })
}

/// State and ledger of every key, what a receiver took of the signals, and the names in the quarantine.
#[derive(Debug, PartialEq)]
struct Left<S> {
    items: BTreeMap<String, (S, Ledger)>,
    signals: BTreeMap<String, Vec<String>>,
    quarantine: std::collections::BTreeSet<String>,
}

fn left<S: KeyState + Serialize + DeserializeOwned>(outside: &Outside<S>) -> Left<S> {
    let item = |key: String| {
        let stored = outside.store.item(&key).unwrap();
        (key, (stored.state, stored.ledger))
    };
    let mut signals: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for signal in outside.signals.received() {
        signals.entry(signal.key).or_default().push(signal.data);
    }
    Left {
        items: outside.store.keys().into_iter().map(item).collect(),
        signals,
        quarantine: outside.quarantine.lines().iter().map(ToString::to_string).collect(),
    }
}

/// Runs batches in order, each until it is done; counts how often each event was counted as applied.
fn run<S>(
    outside: &Outside<S>,
    environments: &[Consumer<S>],
    batches: &[KinesisBatch],
    invocations: &[(usize, After)],
) -> BTreeMap<String, usize>
where
    S: KeyState + Serialize + DeserializeOwned + Send + Sync,
    S::Settings: Send + Sync,
{
    let mut applied = BTreeMap::new();
    let mut invocations = invocations.iter().cloned();
    for (done, batch) in batches.iter().enumerate() {
        let mut next = Some(batch.clone());
        while let Some(batch) = next.take() {
            let (environment, after) = invocations.next().unwrap_or_else(|| {
                outside.store.heal();
                outside.quarantine.heal();
                outside.signals.heal();
                (0, After::Believe)
            });
            let rest = invoke(&environments[environment], &batch, &mut applied);
            next = match after {
                After::Believe => rest,
                After::Repeat => Some(batch),
                After::Zombie(environment, old) => {
                    let old = &batches[old.index(done + 1)];
                    // What lies behind the records that the stream has handed over is not known to a zombie.
                    if old.records.first().map(|record| &record.sequence_number)
                        < batch.records.first().map(|record| &record.sequence_number)
                    {
                        invoke(&environments[environment], old, &mut applied);
                    }
                    rest
                }
            };
        }
    }
    applied
}

fn invoke<S>(
    environment: &Consumer<S>,
    batch: &KinesisBatch,
    applied: &mut BTreeMap<String, usize>,
) -> Option<KinesisBatch>
where
    S: KeyState + Serialize + DeserializeOwned + Send + Sync,
    S::Settings: Send + Sync,
{
    let opened = Batch::open(batch);
    let tally = wait(environment.run(&opened, Deadline::NONE));
    for (batch_event, (_, verdict)) in opened.events().list.iter().zip(&tally.verdicts) {
        if let (Ok(event), Some(Verdict::Applied)) = (&batch_event.event, verdict) {
            *applied.entry(event.id.to_string()).or_default() += 1;
        }
    }
    remainder(batch, &answer(batch, tally.checkpoint))
}

fn clean<S>(batches: &[KinesisBatch], settings: S::Settings) -> Left<S>
where
    S: KeyState + Serialize + DeserializeOwned + Send + Sync,
    S::Settings: Send + Sync,
{
    let outside = Outside::new();
    let environments = [outside.environment(settings, 0)];
    run(&outside, &environments, batches, &[]);
    left(&outside)
}

fn troubled<S>(
    batches: &[KinesisBatch],
    troubles: &Troubles<S>,
    settings: &S::Settings,
    cache: usize,
) -> Left<S>
where
    S: KeyState + Serialize + DeserializeOwned + Send + Sync,
    S::Settings: Clone + Send + Sync,
{
    let outside = Outside::new();
    outside.store.script_reads(troubles.reads.clone());
    outside.store.script_commits(troubles.commits.clone());
    outside.quarantine.script(troubles.quarantine.clone());
    outside.signals.script(troubles.signals.clone());
    let environments: Vec<_> =
        (0..ENVIRONMENTS).map(|_| outside.environment(settings.clone(), cache)).collect();
    let applied = run(&outside, &environments, batches, &troubles.invocations);
    let twice: Vec<_> = applied.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "counted as applied more than once: {twice:?}");
    left(&outside)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn sessions_survive_whatever_breaks_off(
        history in histories(LIMIT),
        delivery in deliveries(LIMIT),
        troubles in troubles::<SessionState>(),
        cache_items in prop_oneof![Just(0_usize), Just(2), Just(100)],
    ) {
        let batches = delivery.batches(&history, |_| ACTIVITY_DEDUP_WINDOW_MS);
        let settings = SessionSettings::default();
        prop_assert_eq!(troubled(&batches, &troubles, &settings, cache_items), clean(&batches, settings));
    }

    #[test]
    fn signals_and_poison_survive_whatever_breaks_off(
        delivery in deliveries(LIMIT),
        skus in prop::collection::vec((0..3_usize, prop_oneof![8 => Just("a"), 1 => Just("panic"), 1 => Just("reject")]), 1..LIMIT),
        troubles in troubles::<Counter>(),
        cache_items in prop_oneof![Just(0_usize), Just(2), Just(100)],
        signals_from in 1_u64..8,
        signals_to in prop_oneof![Just(None), Just(Some("shared"))],
    ) {
        let events: Vec<_> = skus.iter().enumerate().map(|(id, (user, sku))| {
            millrace_testkit::event(id.to_string(), crate::history::USERS[*user]).views(sku)
        }).collect();
        let batches = delivery.pack(&events);
        let settings = CounterSettings { signals_from, signals_to };
        prop_assert_eq!(troubled(&batches, &troubles, &settings, cache_items), clean(&batches, settings));
    }
}
