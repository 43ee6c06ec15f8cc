//! The loop of a consumer that keeps state by key.
//!
//! 1. Everything that changes an item comes through the stream, under the item's key, so a redelivery finds the
//!    state that it found before.
//! 2. A batch is done from its front; the first record that cannot be done ends it. Keys before the checkpoint commit
//!    side by side, and one that fails moves the checkpoint to its first record.
//! 3. Signals and quarantine are put before the commit, from a state known to be current. A crash in between
//!    repeats the same signals under the same origin; never is there a commit without its signals.

mod cache;
mod commit;
mod consumer;
mod fold;
mod load;
mod put;
mod work;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use cache::StateCache;
pub use consumer::Consumer;
use millrace_domain::fold::KeyState;
use millrace_domain::ledger::LedgerSettings;
use work::Work;

use crate::batch::{Batch, BatchEvents};
use crate::batch_event::BatchEvent;
use crate::deadline::Deadline;
use crate::ports::{JsonLineSink, SignalSink, Store};
use crate::tally::Tally;
use crate::trace::{follow, step};

/// Most rounds in a row in which nothing is decided. One settles every key that nobody else writes to; more are needed
/// while another writer keeps winning, and to halve the way to an event that the table rejects.
const ROUND_LIMIT: usize = 64;

/// A consumer with state: its rules and its adapters.
#[derive(Debug)]
pub struct Stateful<S: KeyState, T, Q, G> {
    /// The function's name, in metrics and in the quarantine.
    pub function: &'static str,
    /// Where items are.
    pub store: T,
    /// Where rejected events go.
    pub quarantine: Q,
    /// Where signals go.
    pub signals: G,
    /// Dedup windows and limits.
    pub ledger_settings: LedgerSettings,
    cache: Mutex<StateCache<S>>,
}

impl<S, T, Q, G> Stateful<S, T, Q, G>
where
    S: KeyState + Send + Sync,
    S::Settings: Send + Sync,
    T: Store<S>,
    Q: JsonLineSink,
    G: SignalSink,
{
    /// A consumer that remembers up to `cache_items` items between invocations.
    pub fn new(
        function: &'static str,
        (store, quarantine, signals): (T, Q, G),
        ledger_settings: LedgerSettings,
        cache_items: usize,
    ) -> Self {
        let cache = Mutex::new(StateCache::new(cache_items));
        Self { function, store, quarantine, signals, ledger_settings, cache }
    }

    /// Runs one batch under these settings, as far as it goes.
    pub async fn run(&self, batch: &Batch<'_>, settings: &S::Settings, deadline: Deadline) -> Tally {
        let BatchEvents { list: events, end } = batch.events();
        let mut work = Work::plan(&events, self.function, &batch.source.shard);
        if let Some(end) = end {
            work.end_at(end.record, end.why);
        }
        let (mut rounds, mut decided) = (0, 0);
        while rounds < ROUND_LIMIT && work.has_open_keys() {
            if deadline.is_near() {
                work.stop("the invocation's deadline is near");
                break;
            }
            // Boxed: the adapters of all steps in one future pass the compiler's limits.
            Box::pin(self.round(&mut work, &events, settings, deadline)).await;
            let before = std::mem::replace(&mut decided, work.decided());
            // One record may hold thousands of events that the table rejects, each found in a few rounds of its own.
            rounds = if decided > before { 0 } else { rounds + 1 };
        }
        if work.has_open_keys() {
            work.stop("the batch took too many rounds");
        }
        let tally = work.tally(&events);
        follow(&events, &tally.verdicts);
        tally
    }

    async fn round(
        &self,
        work: &mut Work<'_, S>,
        events: &[BatchEvent<'_>],
        settings: &S::Settings,
        deadline: Deadline,
    ) {
        step("read", self.load(work, deadline)).await;
        step("fold", async { self.fold(work, events, settings) }).await;
        if work.wants_fold() {
            return;
        }
        let before = work.checkpoint;
        step("put", self.put(work, events, deadline)).await;
        if work.checkpoint != before || work.wants_fold() {
            // Keys that reach across the new checkpoint fold again without what lies behind it, and those with a
            // rejected event without that.
            return;
        }
        step("commit", self.commit(work, deadline)).await;
    }

    fn cache(&self) -> MutexGuard<'_, StateCache<S>> {
        // The cache is whole at every point where a panic could leave the lock behind.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
