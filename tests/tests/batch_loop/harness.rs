//! A consumer over adapters in memory, and what a batch came to.

use std::collections::BTreeMap;

use millrace_domain::Verdict;
use millrace_domain::fold::KeyState;
use millrace_domain::ledger::LedgerSettings;
use millrace_lambda::function::invoke;
use millrace_lambda::stateful::Stateful;
use millrace_lambda::{Batch, Deadline, Function, KinesisBatch, Report};
use millrace_testkit::{Counter, Journal, MemorySignals, MemorySink, MemoryStore};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A consumer and all that it talks to.
pub(crate) struct Rig<S: KeyState = Counter> {
    pub(crate) journal: Journal,
    pub(crate) store: MemoryStore<S>,
    pub(crate) quarantine: MemorySink,
    pub(crate) signals: MemorySignals,
    consumer: Stateful<S, MemoryStore<S>, MemorySink, MemorySignals>,
    settings: S::Settings,
}

/// What one batch came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The answer as Lambda reads it.
    pub(crate) answer: String,
    /// The sequence number that the answer names.
    pub(crate) named: Option<String>,
    /// The name of each event's verdict; `-` where there is none.
    pub(crate) verdicts: Vec<&'static str>,
    /// Counts of the metrics line, those that are not zero.
    pub(crate) counts: BTreeMap<String, u64>,
    /// What Lambda hands over again.
    pub(crate) rest: Option<KinesisBatch>,
}

pub(crate) trait State:
    KeyState<Settings: Send + Sync + Default> + Serialize + DeserializeOwned + Send + Sync
{
}
impl<S> State for S where
    S: KeyState<Settings: Send + Sync + Default> + Serialize + DeserializeOwned + Send + Sync
{
}

impl<S: State> Rig<S> {
    /// A consumer that remembers nothing between batches.
    pub(crate) fn new() -> Self {
        Self::with(S::Settings::default(), 0)
    }

    /// A consumer that remembers items between batches.
    pub(crate) fn caching() -> Self {
        Self::with(S::Settings::default(), 100)
    }

    pub(crate) fn with(settings: S::Settings, cache_items: usize) -> Self {
        let journal = Journal::default();
        let store = MemoryStore::noting(journal.clone());
        let quarantine = MemorySink::noting("quarantine", journal.clone());
        let signals = MemorySignals::noting(journal.clone());
        Self::over(journal, (store, quarantine, signals), settings, cache_items)
    }

    /// Another execution environment of the same function: the same outside, and a memory of its own.
    pub(crate) fn another_container(&self) -> Self
    where
        S::Settings: Clone,
    {
        let adapters = (self.store.clone(), self.quarantine.clone(), self.signals.clone());
        Self::over(self.journal.clone(), adapters, self.settings.clone(), 100)
    }

    fn over(
        journal: Journal,
        adapters: (MemoryStore<S>, MemorySink, MemorySignals),
        settings: S::Settings,
        cache_items: usize,
    ) -> Self {
        let (store, quarantine, signals) = adapters.clone();
        let consumer = Stateful::new("rig", adapters, LedgerSettings::default(), cache_items);
        Self { journal, store, quarantine, signals, consumer, settings }
    }

    pub(crate) async fn run(&self, batch: &KinesisBatch) -> Outcome {
        self.run_until(batch, Deadline::NONE).await
    }

    pub(crate) async fn run_until(&self, batch: &KinesisBatch, deadline: Deadline) -> Outcome {
        outcome_of(self, batch, deadline).await
    }

    /// Runs a batch and its remainders until nothing is left, as Lambda does.
    pub(crate) async fn run_to_the_end(&self, batch: &KinesisBatch) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut next = Some(batch.clone());
        while let Some(batch) = next.take() {
            let outcome = self.run(&batch).await;
            next.clone_from(&outcome.rest);
            outcomes.push(outcome);
            assert!(outcomes.len() < 1_000, "the batch makes no progress");
        }
        outcomes
    }
}

impl<S: State> Function for Rig<S> {
    fn name(&self) -> &'static str {
        "rig"
    }

    async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Report {
        let tally = self.consumer.run(&Batch::open(batch), &self.settings, deadline).await;
        Report { tally, usage: millrace_lambda::meter::Usage::default() }
    }
}

/// Runs a batch as Lambda would, and keeps the verdicts beside the answer.
pub(crate) async fn outcome_of<F: Function>(
    function: &F,
    batch: &KinesisBatch,
    deadline: Deadline,
) -> Outcome {
    let watched = Watched { function, report: std::sync::Mutex::default() };
    let (response, line, _) = invoke(&watched, batch, deadline).await;
    let report = watched.report.into_inner().unwrap().unwrap();
    let counts = Verdict::COUNTED.into_iter().filter_map(|name| {
        let count = line.get(name).and_then(Value::as_u64).unwrap();
        (count > 0).then(|| (name.to_owned(), count))
    });
    Outcome {
        answer: serde_json::to_string(&response).unwrap(),
        named: response.batch_item_failures.first().and_then(|failure| failure.item_identifier.clone()),
        verdicts: report
            .tally
            .verdicts
            .iter()
            .map(|(_, verdict)| verdict.map_or("-", Verdict::name))
            .collect(),
        counts: counts.collect(),
        rest: millrace_testkit::remainder(batch, &response),
    }
}

struct Watched<'f, F> {
    function: &'f F,
    report: std::sync::Mutex<Option<Report>>,
}

impl<F: Function> Function for Watched<'_, F> {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Report {
        let report = self.function.process(batch, deadline).await;
        *self.report.lock().unwrap() = Some(report.clone());
        report
    }
}

impl Outcome {
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }
}

/// The sequence number of a record of the batch.
pub(crate) fn sequence(batch: &KinesisBatch, record: usize) -> Option<String> {
    Some(batch.records.get(record).unwrap().sequence_number.to_string())
}
