//! What is to be done in a batch, key by key, and how far it has come.

use std::collections::{BTreeMap, HashMap};

use millrace_domain::fold::{Fold, KeyState};
use millrace_domain::{Reason, Shard, Verdict};

use crate::batch_event::{BatchEvent, newest_event_ms};
use crate::checkpoint::Checkpoint;
use crate::ports::Stored;
use crate::tally::Tally;

/// The keys of a batch in order of their first event.
pub(super) struct Work<'p, S> {
    pub(super) shard: &'p Shard,
    pub(super) checkpoint: Checkpoint,
    pub(super) keys: Vec<KeyWork<'p, S>>,
    pub(super) verdicts: Vec<Option<Verdict>>,
    /// Events whose result the table or the stream rejected: the fold leaves them out.
    pub(super) rejected: HashMap<usize, (Reason, String)>,
    /// Signals of the commits, by type.
    pub(super) signals: BTreeMap<&'static str, u64>,
    why: String,
}

/// One key and its events.
pub(super) struct KeyWork<'p, S> {
    pub(super) key: &'p str,
    /// Index and record of each of its events, in order.
    pub(super) events: Vec<(usize, usize)>,
    /// Events at the front that are done.
    pub(super) done: usize,
    /// Most events to fold at once; lowered to find the one that the table rejects.
    pub(super) take: usize,
    /// The state that the next fold goes on from.
    pub(super) base: Option<Base<S>>,
    /// The fold that waits to be put and committed.
    pub(super) folded: Option<Folded<S>>,
    /// Whether the waiting fold may be stored already, because the answer to its write was lost.
    pub(super) may_be_written: bool,
    /// Answers lost so far.
    pub(super) lost: usize,
    /// Why the stored item cannot be understood.
    pub(super) corrupt: Option<String>,
}

/// A state to go on from; nothing is stored yet where it is `None`.
pub(super) struct Base<S> {
    pub(super) stored: Option<Stored<S>>,
    /// Whether it was read strongly consistent or came back from a failed condition.
    pub(super) current: bool,
}

/// A fold of the next events of a key.
pub(super) struct Folded<S> {
    pub(super) fold: Fold<S>,
    /// Index, verdict and explanation of each event that was folded.
    pub(super) verdicts: Vec<(usize, Verdict, String)>,
    /// Index of the event that caused each signal of the fold.
    pub(super) signal_causes: Vec<usize>,
    /// The same of each timer.
    pub(super) timer_causes: Vec<usize>,
    pub(super) version: u64,
    /// Whether signals, timers and quarantine entries were accepted.
    pub(super) put: bool,
}

impl<'p, S: KeyState> Work<'p, S> {
    /// Groups events by key. What could not be read, and what is not for this function or not handled by it, is
    /// decided here.
    pub(super) fn plan(events: &'p [BatchEvent<'p>], function: &str, shard: &'p Shard) -> Self {
        let mut keys: Vec<KeyWork<'p, S>> = Vec::new();
        let mut index_of: HashMap<&str, usize> = HashMap::with_capacity(events.len());
        let mut verdicts = Vec::with_capacity(events.len());
        for (index, batch_event) in events.iter().enumerate() {
            let verdict = match &batch_event.event {
                _ if !batch_event.is_for(function) => Some(Verdict::Ignored),
                Err(invalid) => Some(Verdict::Rejected(invalid.reason)),
                Ok(event) if !S::handles(&event.data) => Some(Verdict::Ignored),
                Ok(_) => None,
            };
            if verdict.is_none() {
                let key = *index_of.entry(batch_event.partition_key).or_insert_with(|| {
                    keys.push(KeyWork::new(batch_event.partition_key));
                    keys.len() - 1
                });
                if let Some(key) = keys.get_mut(key) {
                    key.events.push((index, batch_event.record));
                }
            }
            verdicts.push(verdict);
        }
        Self {
            shard,
            checkpoint: Checkpoint::default(),
            keys,
            verdicts,
            rejected: HashMap::new(),
            signals: BTreeMap::new(),
            why: String::new(),
        }
    }

    /// Leaves an event out whose result is rejected for good; its key folds again without it.
    pub(super) fn reject(&mut self, event: usize, reason: Reason, why: String) {
        self.rejected.insert(event, (reason, why));
        let holds = |key: &&mut KeyWork<'p, S>| key.events.iter().any(|(index, _)| *index == event);
        if let Some(key) = self.keys.iter_mut().find(holds) {
            key.folded = None;
        }
    }

    /// The keys that still have events before the checkpoint.
    pub(super) fn open_keys(&mut self) -> impl Iterator<Item = &mut KeyWork<'p, S>> {
        let checkpoint = self.checkpoint;
        self.keys.iter_mut().filter(move |key| key.is_open(checkpoint))
    }

    pub(super) fn has_open_keys(&mut self) -> bool {
        self.open_keys().next().is_some()
    }

    /// Whether a key was left without a state or a fold: what was folded into a cached one must not be emitted.
    pub(super) fn wants_fold(&mut self) -> bool {
        self.open_keys().any(|key| key.base.is_none() || key.folded.is_none())
    }

    /// Ends the batch at a record. A waiting fold that reaches across the new checkpoint is dropped, unless it may be
    /// written already.
    pub(super) fn end_at(&mut self, record: usize, why: &str) {
        if self.checkpoint.allows(record) {
            why.clone_into(&mut self.why);
        }
        self.checkpoint.lower(record);
        let checkpoint = self.checkpoint;
        for key in &mut self.keys {
            let reaches = |folded: &Folded<S>| {
                let folded_events =
                    key.events.get(key.done..key.done + folded.verdicts.len()).unwrap_or_default();
                folded_events.iter().any(|(_, record)| !checkpoint.allows(*record))
            };
            if !key.may_be_written && key.folded.as_ref().is_some_and(reaches) {
                key.folded = None;
            }
        }
    }

    /// Ends the batch at the first event that is not done.
    pub(super) fn stop(&mut self, why: &str) {
        let first = self.open_keys().filter_map(|key| key.first_open_record()).min();
        if let Some(record) = first {
            self.end_at(record, why);
        }
    }

    /// Events of which it is known what becomes of them. Grows only.
    pub(super) fn decided(&self) -> usize {
        self.rejected.len() + self.keys.iter().map(|key| key.done).sum::<usize>()
    }

    pub(super) fn tally(self, events: &[BatchEvent<'_>]) -> Tally {
        let verdicts = events
            .iter()
            .zip(self.verdicts)
            .map(|(batch_event, verdict)| (batch_event.record, verdict))
            .collect();
        let newest_event_ms = newest_event_ms(events);
        Tally {
            checkpoint: self.checkpoint,
            verdicts,
            why: self.why,
            signals: self.signals,
            newest_event_ms,
            judges_lateness: true,
        }
    }
}

impl<'p, S> KeyWork<'p, S> {
    fn new(key: &'p str) -> Self {
        Self {
            key,
            events: Vec::new(),
            done: 0,
            take: usize::MAX,
            base: None,
            folded: None,
            may_be_written: false,
            lost: 0,
            corrupt: None,
        }
    }

    pub(super) fn is_open(&self, checkpoint: Checkpoint) -> bool {
        self.first_open_record().is_some_and(|record| checkpoint.allows(record))
    }

    /// The record of the first event that is not done.
    pub(super) fn first_open_record(&self) -> Option<usize> {
        self.events.get(self.done).map(|(_, record)| *record)
    }

    /// The events that the next fold takes: those not done, before the checkpoint, at most `take`.
    pub(super) fn next_events(&self, checkpoint: Checkpoint) -> &[(usize, usize)] {
        let open = self.events.get(self.done..).unwrap_or_default();
        let end = open.partition_point(|(_, record)| checkpoint.allows(*record)).min(self.take);
        open.get(..end).unwrap_or_default()
    }
}

impl<S> Folded<S> {
    /// The rejected events of this fold, each with its reason.
    pub(super) fn rejections(&self) -> impl Iterator<Item = (usize, Reason, &str)> {
        self.verdicts.iter().filter_map(|(index, verdict, why)| match verdict {
            Verdict::Rejected(reason) => Some((*index, *reason, why.as_str())),
            _ => None,
        })
    }
}
