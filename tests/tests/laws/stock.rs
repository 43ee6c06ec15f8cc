//! Stock is what a plain list of all that happened says, whatever order it came in.

use std::collections::{BTreeMap, BTreeSet};

use millrace_domain::envelope::read_event;
use millrace_domain::fold::Fold;
use millrace_domain::ledger::LedgerSettings;
use millrace_domain::stock::{ReorderPoints, StockState};
use millrace_domain::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use millrace_domain::{Ledger, Position, SequenceNumber, Shard, Verdict};
use millrace_lambda::stateful::Stateful;
use millrace_lambda::{Batch, Deadline, KinesisBatch};
use millrace_testkit::{EventBuilder, Journal, MemorySignals, MemorySink, MemoryStore, START_MS, event};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::history::{Delivery, deliveries, wait};

const KEYS: [&str; 2] = ["s#a", "t#a"];
const DEDUP_WINDOW_MS: i64 = 48 * HOUR_MS;
/// The functions' shards that signals come from.
const SHARDS: usize = 3;

/// One event, as plain values.
#[derive(Clone, Copy, Debug)]
struct Happening {
    id: usize,
    key: usize,
    kind: Kind,
    quantity: i64,
    time_ms: i64,
    /// Index of its origin at the cause of this id, where it is emitted again from there.
    emitted_again: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Received,
    Counted,
    Sold,
    Returned,
}

impl Happening {
    fn is_signal(self) -> bool {
        matches!(self.kind, Kind::Sold | Kind::Returned)
    }

    fn shard(self) -> usize {
        self.id % SHARDS
    }

    fn event(self) -> EventBuilder {
        let event = event(self.id.to_string(), KEYS[self.key]).at_ms(self.time_ms);
        let event = match self.kind {
            Kind::Received => event.receives(self.quantity),
            Kind::Counted => event.counts(self.quantity),
            Kind::Sold => event.sells(self.quantity),
            Kind::Returned => event.takes_back(self.quantity),
        };
        let shard_id = format!("shard-{}", self.shard());
        match (self.is_signal(), self.emitted_again) {
            (true, Some(cause)) => event.caused_by(&shard_id, cause as u64 + 1, 1),
            (true, None) => event.caused_by(&shard_id, self.id as u64 + 1, 0),
            (false, _) => event,
        }
    }

    fn delta(self) -> i64 {
        match self.kind {
            Kind::Received | Kind::Returned => self.quantity,
            Kind::Sold => -self.quantity,
            Kind::Counted => 0,
        }
    }
}

/// How often there are deliveries, counts, sales and returns.
const MIXED: [u32; 4] = [2, 1, 5, 1];
/// Mostly sales: more of them lie between two counts than are kept apart.
const SALES: [u32; 4] = [2, 1, 60, 1];

/// Up to so many events of so many keys, in order of time, at most so far apart.
fn histories(
    limit: usize,
    keys: usize,
    [received, counted, sold, returned]: [u32; 4],
    step_limit_ms: i64,
) -> impl Strategy<Value = Vec<Happening>> {
    let kind = prop_oneof![
        received => Just(Kind::Received),
        counted => Just(Kind::Counted),
        sold => Just(Kind::Sold),
        returned => Just(Kind::Returned),
    ];
    let step_ms = prop_oneof![1 => Just(0), 4 => 0..=step_limit_ms];
    let happening = (0..keys, kind, 1_i64..20, step_ms);
    prop::collection::vec(happening, limit / 4..=limit).prop_map(|happenings| {
        let mut time_ms = START_MS;
        let mut next = |(id, (key, kind, quantity, step_ms))| {
            time_ms += step_ms;
            Happening { id, key, kind, quantity, time_ms, emitted_again: None }
        };
        happenings.into_iter().enumerate().map(&mut next).collect()
    })
}

/// How late each event comes, as a share of what is allowed, and which are repeated how much later.
type Disorder = (Vec<f64>, Vec<(Index, usize)>);

fn disorders(limit: usize) -> impl Strategy<Value = Disorder> {
    let delays = prop::collection::vec(prop_oneof![Just(0.0), 0.0..=1.0], limit);
    (delays, prop::collection::vec((any::<Index>(), 0..20_usize), 0..8))
}

/// The events in the order in which they come. A shard delivers what it causes in order, so its signals keep theirs;
/// every other repeat of a signal was emitted again, from a position further on in its shard.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "hours in milliseconds are small"
)]
fn disordered(
    history: &[Happening],
    (delays, repeats): &Disorder,
    allowed_ms: impl Fn(Happening) -> i64,
) -> Vec<Happening> {
    let mut order = history.to_vec();
    order.sort_by_key(|happening| {
        happening.time_ms + (delays[happening.id] * allowed_ms(*happening) as f64) as i64
    });
    for shard in 0..SHARDS {
        let of_shard = |happening: &Happening| happening.is_signal() && happening.shard() == shard;
        let mut in_order: Vec<_> = history.iter().copied().filter(of_shard).collect();
        in_order.reverse();
        for slot in order.iter_mut().filter(|happening| of_shard(happening)) {
            *slot = in_order.pop().unwrap();
        }
    }
    for (index, later) in repeats {
        let from = index.index(order.len());
        let to = (from + 1 + later).min(order.len());
        let mut repeat = order[from];
        if later % 2 == 0 {
            let of_shard = |known: &&Happening| known.is_signal() && known.shard() == repeat.shard();
            repeat.emitted_again = order[..to].iter().filter(of_shard).map(|known| known.id).max();
        }
        order.insert(to, repeat);
    }
    order
}

fn batches(delivery: &Delivery, order: &[Happening]) -> Vec<KinesisBatch> {
    delivery.pack(&order.iter().map(|happening| happening.event()).collect::<Vec<_>>())
}

/// What a run leaves.
struct Left {
    states: BTreeMap<String, StockState>,
    applied: BTreeSet<usize>,
    signals: Vec<(String, String)>,
}

fn run(batches: &[KinesisBatch]) -> Left {
    let store = MemoryStore::<StockState>::default();
    let signals = MemorySignals::default();
    let quarantine: MemorySink = MemorySink::noting("quarantine", Journal::default());
    let ledger = LedgerSettings { activity_dedup_window_ms: DEDUP_WINDOW_MS, ..LedgerSettings::default() };
    let adapters = (store.clone(), quarantine.clone(), signals.clone());
    let consumer = Stateful::new("inventory", adapters, ledger, 0);
    let mut applied = BTreeSet::new();
    for batch in batches {
        let opened = Batch::open(batch);
        let tally = wait(consumer.run(&opened, &ReorderPoints::default(), Deadline::NONE));
        assert_eq!(tally.checkpoint.record(), None);
        for (batch_event, (_, verdict)) in opened.events().list.iter().zip(&tally.verdicts) {
            if *verdict == Some(Verdict::Applied) {
                applied.insert(batch_event.event.as_ref().unwrap().id.parse().unwrap());
            }
        }
    }
    assert_eq!(quarantine.lines().len(), 0);
    let state = |key: String| {
        // Whether stock is above its point depends on the order: it is what the next request is decided by.
        let state = StockState { above_reorder_point: false, ..store.item(&key).unwrap().state };
        (key, state)
    };
    Left {
        states: store.keys().into_iter().map(state).collect(),
        applied,
        signals: signals.received().into_iter().map(|signal| (signal.id, signal.data)).collect(),
    }
}

/// The pieces on hand by a list of everything that counts: the last count, and all that moved after it.
fn on_hand<'h>(happenings: impl Iterator<Item = &'h Happening> + Clone) -> i64 {
    let counts = happenings.clone().filter(|happening| happening.kind == Kind::Counted);
    let last = counts.max_by_key(|count| (count.time_ms, count.id.to_string()));
    let moved = happenings.filter(|happening| last.is_none_or(|last| happening.time_ms > last.time_ms));
    last.map_or(0, |last| last.quantity) + moved.map(|happening| happening.delta()).sum::<i64>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn order_splits_and_repeats_leave_the_same_stock(
        history in histories(60, KEYS.len(), MIXED, 47 * MINUTE_MS),
        one in (disorders(60), deliveries(60)),
        other in (disorders(60), deliveries(60)),
    ) {
        let [one, other] = [one, other].map(|(disorder, delivery)| {
            run(&batches(&delivery, &disordered(&history, &disorder, |_| DEDUP_WINDOW_MS)))
        });
        prop_assert_eq!(one.applied.len(), history.len());
        prop_assert_eq!(&one.states, &other.states);
        for (key, name) in KEYS.iter().enumerate() {
            let mine = history.iter().filter(|happening| happening.key == key);
            if let Some(state) = one.states.get(*name) {
                prop_assert_eq!(state.level.on_hand(), on_hand(mine.clone()));
                let moves = mine.filter(|happening| happening.kind != Kind::Counted);
                prop_assert_eq!(state.last_moved_at_ms, moves.map(|happening| happening.time_ms).max());
            }
        }
    }

    #[test]
    fn requests_depend_on_the_order_of_events_only(
        history in histories(60, KEYS.len(), MIXED, 47 * MINUTE_MS),
        disorder in disorders(60),
        one in deliveries(60),
        other in deliveries(60),
    ) {
        let order = disordered(&history, &disorder, |_| DEDUP_WINDOW_MS);
        let [one, other] = [one, other].map(|delivery| run(&batches(&delivery, &order)).signals);
        let sorted = |mut signals: Vec<(String, String)>| { signals.sort_unstable(); signals };
        prop_assert_eq!(sorted(one), sorted(other));
    }
}

/// Folds one key's events without a table; gives back the pieces on hand and what was applied. The state is written and
/// read between events now and then.
fn fold(order: &[Happening], ledger: &LedgerSettings) -> (i64, Vec<Happening>) {
    let mut fold = Fold::from(StockState::default(), Ledger::default());
    let mut applied = Vec::new();
    for (index, happening) in order.iter().enumerate() {
        let text = happening.event().text();
        let sequence = SequenceNumber::parse(&(index + 1).to_string()).unwrap();
        let position = Position { sequence, sub_sequence: 0, element: 0 };
        let delivery = millrace_domain::fold::Delivery {
            shard: &Shard::new("events", "shard"),
            position: &position,
            arrived_at_ms: START_MS,
            redriven: false,
        };
        let event = read_event(&text).unwrap();
        let verdict = fold.step(&event, &delivery, ledger, &ReorderPoints::default()).unwrap();
        if verdict == Verdict::Applied {
            applied.push(*happening);
        }
        if index % 16 == 0 {
            let stored = serde_json::to_string(&fold.state).unwrap();
            fold.state = serde_json::from_str(&stored).unwrap();
        }
    }
    (fold.state.level.on_hand(), applied)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn stock_is_exact_for_what_was_applied_beyond_every_bound(
        history in (5_i64..90).prop_flat_map(|step| histories(240, 1, SALES, step * MINUTE_MS)),
        disorder in disorders(240),
    ) {
        // Counts come so late that what moved after them is compacted, and the ledger does not forbid it.
        let ledger = LedgerSettings { activity_dedup_window_ms: 7 * DAY_MS, ..LedgerSettings::default() };
        let allowed_ms = |happening: Happening| if happening.is_signal() { HOUR_MS } else { 2 * DEDUP_WINDOW_MS };
        let (stock, applied) = fold(&disordered(&history, &disorder, allowed_ms), &ledger);
        prop_assert_eq!(stock, on_hand(applied.iter()));
        let ids: BTreeSet<_> = applied.iter().map(|happening| happening.id).collect();
        prop_assert_eq!(ids.len(), applied.len(), "something was applied twice");
        let lost = history.iter().filter(|happening| {
            happening.kind != Kind::Counted && !applied.iter().any(|applied| applied.id == happening.id)
        });
        prop_assert_eq!(lost.count(), 0);
    }
}
