//! Put: signals and quarantine entries, before the commit of the state that they belong to.

use millrace_domain::fold::KeyState;
use millrace_domain::signal::Signal;
use millrace_domain::{Invalid, Reason};

use super::Stateful;
use super::work::{Folded, Work};
use crate::deadline::Deadline;
use crate::lines::Lines;
use crate::ports::{LineSink, NotAccepted, SignalSink, Store};
use crate::quarantine::push_entry;
use crate::unit::Unit;

/// Longest explanation that an entry takes over: a panic may say anything at any length.
const WHY_LIMIT_BYTES: usize = 1_024;

impl<S, T, Q, G> Stateful<S, T, Q, G>
where
    S: KeyState + Send + Sync,
    S::Settings: Send + Sync,
    T: Store<S>,
    Q: LineSink,
    G: SignalSink,
{
    /// Puts what the waiting folds have to tell. Where something is not accepted, the cut moves to its cause.
    pub(super) async fn put(&self, work: &mut Work<'_, S>, units: &[Unit<'_>], deadline: Deadline) {
        self.put_signals(work, units, deadline).await;
        self.put_refusals(work, units, deadline).await;
        // What reached across a cut that moved is gone by now; all that is left was accepted.
        for folded in work.open_keys().filter_map(|key| key.folded.as_mut()) {
            folded.put = true;
        }
    }

    async fn put_signals(&self, work: &mut Work<'_, S>, units: &[Unit<'_>], deadline: Deadline) {
        let mut signals: Vec<(usize, Signal)> = Vec::new();
        for folded in work.waiting_to_put() {
            signals.extend(folded.signal_units.iter().copied().zip(folded.fold.signals.iter().cloned()));
        }
        if signals.is_empty() {
            return;
        }
        signals.sort_by_key(|(unit, signal)| (*unit, signal.origin.index));
        let (causes, signals): (Vec<_>, Vec<_>) = signals.into_iter().unzip();
        let put = deadline.bound(self.signals.put(&signals, deadline)).await;
        if let Some(failed) = failure(put) {
            let record = causes.get(failed.first).and_then(|unit| units.get(*unit)).map(|unit| unit.record);
            work.cut_at(record.unwrap_or_default(), &format!("signals: {failed}"));
        }
    }

    async fn put_refusals(&self, work: &mut Work<'_, S>, units: &[Unit<'_>], deadline: Deadline) {
        let mut refusals: Vec<(usize, Reason, String)> = Vec::new();
        for folded in work.waiting_to_put() {
            refusals.extend(folded.refusals().map(|(unit, reason, why)| (unit, reason, why.to_owned())));
        }
        refusals.sort_by_key(|(unit, _, _)| *unit);
        let mut lines = Lines::default();
        for (index, reason, why) in refusals {
            let Some(unit) = units.get(index) else { continue };
            let why = why.get(..why.floor_char_boundary(WHY_LIMIT_BYTES)).unwrap_or_default();
            let mut invalid = Invalid::whole(reason, why);
            if let Ok(event) = &unit.event {
                invalid = invalid.of_event(&event.id);
            }
            push_entry::<Q>(&mut lines, unit.record, &unit.quarantined(self.function, work.lane, invalid));
        }
        if lines.is_empty() {
            return;
        }
        if let Some(failed) = failure(deadline.bound(self.quarantine.put(&lines, deadline)).await) {
            let record = lines.record(failed.first).unwrap_or_default();
            work.cut_at(record, &format!("quarantine: {failed}"));
        }
    }
}

impl<'p, S: KeyState> Work<'p, S> {
    fn waiting_to_put(&mut self) -> impl Iterator<Item = &Folded<S>> {
        self.open_keys().filter_map(|key| key.folded.as_ref()).filter(|folded| !folded.put)
    }
}

/// A put that the deadline cut short may have been accepted or not; all of it counts as not accepted.
fn failure<E: std::fmt::Display>(put: Result<Result<(), NotAccepted>, E>) -> Option<NotAccepted> {
    match put {
        Ok(accepted) => accepted.err(),
        Err(near) => Some(NotAccepted { first: 0, why: near.to_string() }),
    }
}
