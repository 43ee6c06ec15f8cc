//! Fold: events into new state, with the consumer's own failures isolated.

use millrace_domain::fold::{Delivery, Fold, KeyState};
use millrace_domain::{Event, Reason, Shard, Verdict};

use super::Stateful;
use super::work::{Folded, KeyWork, Work};
use crate::batch_event::BatchEvent;

/// A fold that met an event which its consumer cannot apply.
struct Poisoned(String);

impl<S: KeyState, T, Q, G> Stateful<S, T, Q, G> {
    /// Folds the next events of every open key that has no fold waiting.
    pub(super) fn fold(&self, work: &mut Work<'_, S>, events: &[BatchEvent<'_>], settings: &S::Settings) {
        let (checkpoint, shard) = (work.checkpoint, work.shard);
        for key in work.keys.iter_mut().filter(|key| key.is_open(checkpoint) && key.folded.is_none()) {
            let Some(base) = &key.base else { continue };
            let start = || match &base.stored {
                Some(stored) => Fold::from(stored.state.clone(), stored.ledger.clone()),
                None => Fold::from(S::default(), millrace_domain::Ledger::default()),
            };
            let next = key.next_events(checkpoint);
            let first = next.first().and_then(|(index, _)| events.get(*index));
            let Some(first) = first else { continue };
            let fold = KeyFold { consumer: self, settings, shard, events, rejected: &work.rejected, next };
            let mut folded = match &key.corrupt {
                Some(why) => fold.reject_all(start(), why),
                None => fold.all(start()).unwrap_or_else(|_| fold.one_by_one(start())),
            };
            folded.version = match &base.stored {
                Some(stored) => stored.version + 1,
                None => folded.fold.ledger.first_version(first.arrived_at_ms),
            };
            key.folded = Some(folded);
        }
        self.distrust_cached_states(work);
    }

    /// Drops folds whose state may be old, where that could be seen from outside.
    ///
    /// An event rejected because of an old state might fit the stored one. And when anything in the batch emits a
    /// signal, every state must be current: a fold that conflicts later would emit its own behind those that came
    /// after it in the stream. A fold that changes nothing has no condition to find out that its item was deleted.
    fn distrust_cached_states(&self, work: &mut Work<'_, S>) {
        let emits = work
            .open_keys()
            .any(|key| key.folded.as_ref().is_some_and(|folded| !folded.fold.signals.is_empty()));
        for key in work.open_keys() {
            let cached = key.base.as_ref().is_some_and(|base| !base.current);
            let rejects = key.folded.as_ref().is_some_and(|folded| folded.rejections().next().is_some());
            let unchecked = key.folded.as_ref().is_some_and(|folded| !folded.fold.changed);
            if cached && (emits || rejects || unchecked) {
                key.base = None;
                key.folded = None;
            }
        }
    }
}

struct KeyFold<'f, 'p, S: KeyState, T, Q, G> {
    consumer: &'f Stateful<S, T, Q, G>,
    settings: &'f S::Settings,
    shard: &'f Shard,
    events: &'f [BatchEvent<'p>],
    rejected: &'f std::collections::HashMap<usize, (Reason, String)>,
    next: &'f [(usize, usize)],
}

impl<S: KeyState, T, Q, G> KeyFold<'_, '_, S, T, Q, G> {
    /// All events in one go. A failure gives no hint at which event the state was still whole.
    fn all(&self, start: Fold<S>) -> Result<Folded<S>, Poisoned> {
        isolated(|| {
            let mut folded = Folded::starting(start);
            for (index, _) in self.next {
                let (verdict, why) = self.step(&mut folded.fold, *index)?;
                folded.note(*index, verdict, why);
            }
            Ok(folded)
        })
    }

    /// One event at a time, each on a copy: where one fails, the key goes on from the state before it.
    fn one_by_one(&self, start: Fold<S>) -> Folded<S> {
        let mut folded = Folded::starting(start);
        for (index, _) in self.next {
            let before = folded.fold.clone();
            match isolated(|| self.step(&mut folded.fold, *index)) {
                Ok((verdict, why)) => folded.note(*index, verdict, why),
                Err(Poisoned(why)) => {
                    folded.fold = before;
                    folded.note(*index, Verdict::Rejected(Reason::FunctionFailed), why);
                }
            }
        }
        folded
    }

    fn reject_all(&self, start: Fold<S>, why: &str) -> Folded<S> {
        let mut folded = Folded::starting(start);
        for (index, _) in self.next {
            folded.note(
                *index,
                Verdict::Rejected(Reason::FunctionFailed),
                format!("cannot be applied: {why}"),
            );
        }
        folded
    }

    fn step(&self, fold: &mut Fold<S>, index: usize) -> Result<(Verdict, String), Poisoned> {
        if let Some((reason, why)) = self.rejected.get(&index) {
            return Ok((Verdict::Rejected(*reason), format!("its result is rejected: {why}")));
        }
        let Some((batch_event, event)) = self
            .events
            .get(index)
            .and_then(|batch_event| Some((batch_event, batch_event.event.as_ref().ok()?)))
        else {
            return Ok((Verdict::Ignored, String::new()));
        };
        let delivery = Delivery {
            shard: self.shard,
            position: &batch_event.position,
            arrived_at_ms: batch_event.arrived_at_ms,
            redriven: batch_event.redriven.is_some(),
        };
        match fold.step(event, &delivery, &self.consumer.ledger_settings, self.settings) {
            Ok(verdict) => Ok((verdict, explain(verdict, event))),
            Err(error) => Err(Poisoned(error.to_string())),
        }
    }
}

fn explain(verdict: Verdict, event: &Event<'_>) -> String {
    match verdict {
        Verdict::Rejected(_) => format!("source {:?} used this id before with another payload", event.source),
        _ => String::new(),
    }
}

/// Runs the consumer's code so that its panic is a value. What it was changing is thrown away by the caller.
fn isolated<R>(work: impl FnOnce() -> Result<R, Poisoned>) -> Result<R, Poisoned> {
    crate::isolate::isolated(work).unwrap_or_else(|panicked| Err(Poisoned(panicked)))
}

impl<S> Folded<S> {
    fn starting(fold: Fold<S>) -> Self {
        Self {
            fold,
            verdicts: Vec::new(),
            signal_causes: Vec::new(),
            timer_causes: Vec::new(),
            version: 0,
            put: false,
        }
    }

    fn note(&mut self, index: usize, verdict: Verdict, why: String) {
        self.signal_causes.resize(self.fold.signals.len(), index);
        self.timer_causes.resize(self.fold.timers.len(), index);
        self.verdicts.push((index, verdict, why));
    }
}

impl<S> KeyWork<'_, S> {
    /// Whether a stored item is the one that this invocation tried to write.
    pub(super) fn is_own_write(&self, stored: &crate::ports::Stored<S>) -> bool {
        let same =
            |folded: &Folded<S>| folded.version == stored.version && folded.fold.ledger == stored.ledger;
        self.may_be_written && self.folded.as_ref().is_some_and(same)
    }
}
