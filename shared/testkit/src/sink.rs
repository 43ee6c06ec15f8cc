//! Sinks in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use millrace_domain::signal::Signal;
use millrace_domain::timer::Timer;
use millrace_lambda::ports::{JsonLineSink, NotAccepted, SignalFailure, SignalSink};
use millrace_lambda::{Deadline, JsonLines};
use serde_json::Value;

use crate::journal::{Journal, Step};

/// The longest line that Firehose takes, in bytes.
const FIREHOSE_LIMIT_BYTES: usize = 1_024_000;

/// A sink of lines that keeps what it accepts; clones are the same sink.
#[derive(Clone, Debug)]
pub struct MemorySink<const LINE_LIMIT_BYTES: usize = FIREHOSE_LIMIT_BYTES> {
    name: &'static str,
    accepted: Arc<Mutex<Accepted<Value>>>,
    journal: Journal,
}

/// A sink of signals and timers that keeps what it accepts; clones are the same sink.
#[derive(Clone, Debug, Default)]
pub struct MemorySignals {
    accepted: Arc<Mutex<Accepted<Signal>>>,
    timers: Arc<Mutex<Accepted<Timer>>>,
    rejected: Arc<Mutex<Vec<String>>>,
    journal: Journal,
}

#[derive(Debug)]
struct Accepted<T> {
    all: Vec<T>,
    /// For each call to come, the index at which it fails.
    failures: VecDeque<Option<usize>>,
}

impl<T> Default for Accepted<T> {
    fn default() -> Self {
        Self { all: Vec::new(), failures: VecDeque::new() }
    }
}

impl<T> Accepted<T> {
    /// How many of so many the next call accepts.
    fn next_call(&mut self, offered: usize) -> Result<(), NotAccepted> {
        match self.failures.pop_front().flatten() {
            None => Ok(()),
            Some(index) => {
                let first = index.min(offered.saturating_sub(1));
                Err(NotAccepted { first, why: "the script fails it".to_owned() })
            }
        }
    }
}

impl<const LIMIT: usize> MemorySink<LIMIT> {
    /// An empty sink of this name, which notes its lines here.
    pub fn noting(name: &'static str, journal: Journal) -> Self {
        Self { name, accepted: Arc::default(), journal }
    }

    /// Each call to come fails at the line of this index, or its last one where it has fewer; `None` is a call
    /// that succeeds.
    pub fn script(&self, failures: impl IntoIterator<Item = Option<usize>>) {
        self.lock().failures.extend(failures);
    }

    /// The next call fails at the line of this index.
    pub fn fail_at(&self, index: usize) {
        self.script([Some(index)]);
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&self) {
        self.lock().failures.clear();
    }

    /// Every line that was accepted, in order, repeats included.
    pub fn lines(&self) -> Vec<Value> {
        self.lock().all.clone()
    }

    /// One text field of every accepted line.
    pub fn texts(&self, field: &str) -> Vec<String> {
        let text = |line: &Value| line.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.lock().all.iter().map(text).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Accepted<Value>> {
        self.accepted.lock().expect("no call panics while it holds the sink")
    }
}

impl<const LIMIT: usize> JsonLineSink for MemorySink<LIMIT> {
    const LINE_LIMIT_BYTES: usize = LIMIT;

    async fn put(&self, lines: &JsonLines, _deadline: Deadline) -> Result<(), NotAccepted> {
        let mut accepted = self.lock();
        let answer = accepted.next_call(lines.len());
        let count = answer.as_ref().err().map_or(lines.len(), |failed| failed.first);
        for line in 0..count {
            let bytes = lines.bytes(line..line + 1);
            assert!(bytes.len() <= LIMIT && bytes.ends_with(b"\n"), "line {line} keeps the sink's contract");
            let document: Value = serde_json::from_slice(bytes).expect("a line is one JSON document");
            self.journal.note(Step::Line(self.name, document.clone()));
            accepted.all.push(document);
        }
        answer
    }
}

impl MemorySignals {
    /// An empty sink that notes its signals here.
    pub fn noting(journal: Journal) -> Self {
        Self { journal, ..Self::default() }
    }

    /// Signals with this data are never taken, however often they come.
    pub fn reject(&self, data: &str) {
        self.lock_rejected().push(data.to_owned());
    }

    /// Each call to come fails at the signal of this index, or its last one where it has fewer; `None` is a call
    /// that succeeds.
    pub fn script(&self, failures: impl IntoIterator<Item = Option<usize>>) {
        self.lock().failures.extend(failures);
    }

    /// The next call fails at the signal of this index.
    pub fn fail_at(&self, index: usize) {
        self.script([Some(index)]);
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&self) {
        self.lock().failures.clear();
    }

    /// Every signal that was accepted, in order, repeats included.
    pub fn signals(&self) -> Vec<Signal> {
        self.lock().all.clone()
    }

    /// The next call that sets timers fails at the one of this index.
    pub fn fail_timer_at(&self, index: usize) {
        self.lock_timers().failures.push_back(Some(index));
    }

    /// Every timer that was set, in order, repeats included.
    pub fn timers(&self) -> Vec<Timer> {
        self.lock_timers().all.clone()
    }

    /// What a receiver that believes origins makes of it: a signal is new where its origin lies behind the last
    /// one taken of its key and shard.
    pub fn received(&self) -> Vec<Signal> {
        let mut taken: Vec<Signal> = Vec::new();
        for signal in self.signals() {
            let mine = |other: &&Signal| other.key == signal.key && other.origin.shard == signal.origin.shard;
            let last =
                taken.iter().filter(mine).map(|other| (&other.origin.position, other.origin.index)).max();
            if last.is_none_or(|last| (&signal.origin.position, signal.origin.index) > last) {
                taken.push(signal);
            }
        }
        taken
    }

    fn lock_rejected(&self) -> MutexGuard<'_, Vec<String>> {
        self.rejected.lock().expect("no call panics while it holds the sink")
    }

    fn lock_timers(&self) -> MutexGuard<'_, Accepted<Timer>> {
        self.timers.lock().expect("no call panics while it holds the sink")
    }

    fn lock(&self) -> MutexGuard<'_, Accepted<Signal>> {
        self.accepted.lock().expect("no call panics while it holds the sink")
    }
}

impl SignalSink for MemorySignals {
    async fn put(&self, signals: &[Signal], _deadline: Deadline) -> Result<(), SignalFailure> {
        let mut accepted = self.lock();
        let rejected = self.lock_rejected();
        let index = signals.iter().position(|signal| rejected.contains(&signal.data));
        let answer = match index {
            Some(index) => Err(SignalFailure::Rejected { index, why: "the script rejects it".to_owned() }),
            None => accepted.next_call(signals.len()).map_err(SignalFailure::NotAccepted),
        };
        let count = match &answer {
            Ok(()) => signals.len(),
            Err(SignalFailure::Rejected { index, .. }) => *index,
            Err(SignalFailure::NotAccepted(failed)) => failed.first,
        };
        for signal in signals.iter().take(count) {
            self.journal.note(Step::Signal(signal.clone()));
            accepted.all.push(signal.clone());
        }
        answer
    }

    async fn set(&self, timers: &[Timer], _deadline: Deadline) -> Result<(), NotAccepted> {
        let mut accepted = self.lock_timers();
        let answer = accepted.next_call(timers.len());
        let count = answer.as_ref().err().map_or(timers.len(), |failed| failed.first);
        for timer in timers.iter().take(count) {
            self.journal.note(Step::Timer(timer.clone()));
            accepted.all.push(timer.clone());
        }
        answer
    }
}
