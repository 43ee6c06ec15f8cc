//! Histories of several users, and the ways in which they may be delivered.

use millrace_domain::fold::KeyState;
use millrace_domain::time::{HOUR_MS, MINUTE_MS};
use millrace_lambda::{Batch, Deadline, KinesisBatch, Tally};
use millrace_testkit::{BatchBuilder, EventBuilder, START_MS, event};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

pub(crate) const USERS: [&str; 3] = ["u", "v", "w"];
pub(crate) const ACTIVITY_DEDUP_WINDOW_MS: i64 = 10 * MINUTE_MS;
pub(crate) const MONEY_DEDUP_WINDOW_MS: i64 = 48 * HOUR_MS;

/// One event, as plain values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happening {
    pub(crate) user: usize,
    pub(crate) kind: u8,
    sku: u8,
    quantity: i64,
    pub(crate) time_ms: i64,
}

impl Happening {
    pub(crate) fn is_money(self) -> bool {
        self.kind < 3
    }

    pub(crate) fn dedup_window_ms(self) -> i64 {
        if self.is_money() { MONEY_DEDUP_WINDOW_MS } else { ACTIVITY_DEDUP_WINDOW_MS }
    }

    pub(crate) fn total_minor(self) -> i64 {
        self.quantity * 100
    }

    fn event(self, id: usize) -> EventBuilder {
        let sku = format!("p{}", self.sku);
        let event = event(id.to_string(), USERS[self.user]).at_ms(self.time_ms);
        match self.kind {
            0 => event.orders(&sku, self.quantity, self.total_minor()),
            1 => event.returns(&sku, self.quantity, self.total_minor()),
            2 => event.fails_to_pay(self.total_minor()),
            3 => event.adds(&sku, self.quantity),
            4 => event.removes(&sku, self.quantity),
            5 => event.views(&sku),
            6 => event,
            _ => event.of_type("user.logged_out", json!({})),
        }
    }
}

/// Up to so many events of all kinds, in order of time. Steps between them are mostly small, and now and then
/// about as long as a session's gap.
pub(crate) fn histories(limit: usize) -> impl Strategy<Value = Vec<Happening>> {
    let step_ms =
        prop_oneof![6 => 0..=3 * MINUTE_MS, 1 => 25 * MINUTE_MS..=45 * MINUTE_MS, 1 => Just(30 * MINUTE_MS)];
    let happening = (0..USERS.len(), 0_u8..8, 0_u8..14, 1_i64..5, step_ms);
    prop::collection::vec(happening, 1..=limit).prop_map(|happenings| {
        let mut time_ms = START_MS;
        let mut next = |(user, kind, sku, quantity, step_ms)| {
            time_ms += step_ms;
            Happening { user, kind, sku, quantity, time_ms }
        };
        happenings.into_iter().map(&mut next).collect()
    })
}

/// One way to deliver a history.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// How late each event is, as a share of what its class allows.
    delays: Vec<f64>,
    /// Events that are sent again, and how many places later.
    repeats: Vec<(Index, usize)>,
    /// Events of each record, in turn.
    record_sizes: Vec<usize>,
    /// Records of each batch, in turn.
    batch_sizes: Vec<usize>,
}

pub(crate) fn deliveries(limit: usize) -> impl Strategy<Value = Delivery> {
    (
        prop::collection::vec(prop_oneof![Just(0.0), 0.0..=1.0], limit),
        prop::collection::vec((any::<Index>(), 0..20_usize), 0..8),
        prop::collection::vec(prop_oneof![3 => Just(1_usize), 1 => 2..4_usize], 8),
        prop::collection::vec(1..12_usize, 8),
    )
        .prop_map(|(delays, repeats, record_sizes, batch_sizes)| Delivery {
            delays,
            repeats,
            record_sizes,
            batch_sizes,
        })
}

impl Delivery {
    /// The history as batches. An event comes at its time and a delay of at most `allowed_ms`; so whatever came
    /// before it is at most that much younger.
    pub(crate) fn batches(
        &self,
        history: &[Happening],
        allowed_ms: impl Fn(Happening) -> i64,
    ) -> Vec<KinesisBatch> {
        let mut order: Vec<_> = history.iter().enumerate().collect();
        order.sort_by_key(|(index, happening)| {
            happening.time_ms + delay_ms(self.delays[*index], allowed_ms(**happening))
        });
        let mut events: Vec<_> = order.into_iter().map(|(index, happening)| happening.event(index)).collect();
        for (index, later) in &self.repeats {
            let from = index.index(events.len());
            let repeat = events[from].clone();
            events.insert((from + 1 + later).min(events.len()), repeat);
        }
        self.pack(&events)
    }

    /// These events, in this order, as batches.
    pub(crate) fn pack(&self, events: &[EventBuilder]) -> Vec<KinesisBatch> {
        let mut record_sizes = self.record_sizes.iter().copied().cycle();
        let mut batch_sizes = self.batch_sizes.iter().copied().cycle();
        let (mut batches, mut next, mut rest) = (Vec::new(), 1, events);
        while !rest.is_empty() {
            let mut batch = BatchBuilder::starting_at(next);
            for _ in 0..batch_sizes.next().unwrap() {
                let (record, behind) = rest.split_at(record_sizes.next().unwrap().min(rest.len()));
                batch = match record {
                    [] => break,
                    [one] => batch.event(one),
                    several => batch.aggregate(several),
                };
                (next, rest) = (next + 1, behind);
            }
            batches.push(batch.build());
        }
        batches
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "hours in milliseconds are small"
)]
fn delay_ms(share: f64, allowed_ms: i64) -> i64 {
    (share * allowed_ms as f64) as i64
}

/// Waits for a future of adapters in memory.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

/// A consumer over adapters in memory.
pub(crate) struct Consumer<S: KeyState> {
    stateful: millrace_lambda::stateful::Stateful<
        S,
        millrace_testkit::MemoryStore<S>,
        millrace_testkit::MemorySink,
        millrace_testkit::MemorySignals,
    >,
    settings: S::Settings,
}

impl<S> Consumer<S>
where
    S: KeyState + serde::Serialize + serde::de::DeserializeOwned + Send + Sync,
    S::Settings: Send + Sync,
{
    pub(crate) async fn run(&self, batch: &Batch<'_>, deadline: Deadline) -> Tally {
        self.stateful.run(batch, &self.settings, deadline).await
    }
}

/// The adapters of a run.
pub(crate) struct Outside<S> {
    pub(crate) store: millrace_testkit::MemoryStore<S>,
    pub(crate) quarantine: millrace_testkit::MemorySink,
    pub(crate) signals: millrace_testkit::MemorySignals,
}

impl<S> Outside<S>
where
    S: KeyState + serde::Serialize + serde::de::DeserializeOwned + Send + Sync,
    S::Settings: Send + Sync,
{
    pub(crate) fn new() -> Self {
        let journal = millrace_testkit::Journal::default();
        Self {
            store: millrace_testkit::MemoryStore::default(),
            quarantine: millrace_testkit::MemorySink::noting("quarantine", journal.clone()),
            signals: millrace_testkit::MemorySignals::noting(journal),
        }
    }

    /// An execution environment with a cache of this size.
    pub(crate) fn environment(&self, settings: S::Settings, cache_items: usize) -> Consumer<S> {
        let adapters = (self.store.clone(), self.quarantine.clone(), self.signals.clone());
        let ledger_settings = millrace_domain::ledger::LedgerSettings::default();
        let stateful =
            millrace_lambda::stateful::Stateful::new("law", adapters, ledger_settings, cache_items);
        Consumer { stateful, settings }
    }
}
