//! Put: signals and quarantine entries, before the commit of the state that they belong to.

use std::ops::ControlFlow;

use millrace_domain::fold::KeyState;
use millrace_domain::signal::Signal;
use millrace_domain::timer::Timer;
use millrace_domain::{Invalid, Reason};

use super::Stateful;
use super::work::{Folded, Work};
use crate::batch_event::BatchEvent;
use crate::deadline::Deadline;
use crate::json_lines::JsonLines;
use crate::ports::{JsonLineSink, NotAccepted, SignalFailure, SignalSink, Store};
use crate::quarantine::push_entry;

/// Longest explanation that an entry takes over: a panic may say anything at any length.
const WHY_LIMIT_BYTES: usize = 1_024;

impl<S, T, Q, G> Stateful<S, T, Q, G>
where
    S: KeyState + Send + Sync,
    S::Settings: Send + Sync,
    T: Store<S>,
    Q: JsonLineSink,
    G: SignalSink,
{
    /// Puts what the waiting folds have to emit. Where something is not accepted, the checkpoint moves to its cause;
    /// where it never will be, its cause is left out and the key folds again.
    pub(super) async fn put(&self, work: &mut Work<'_, S>, events: &[BatchEvent<'_>], deadline: Deadline) {
        if self.put_signals(work, events, deadline).await.is_break() {
            return;
        }
        self.set_timers(work, events, deadline).await;
        self.put_rejections(work, events, deadline).await;
        // What reached across a checkpoint that moved is gone by now; all that is left was accepted.
        for folded in work.open_keys().filter_map(|key| key.folded.as_mut()) {
            folded.put = true;
        }
    }

    /// Breaks off when a signal is rejected: what came behind it may not have been sent.
    async fn put_signals(
        &self,
        work: &mut Work<'_, S>,
        events: &[BatchEvent<'_>],
        deadline: Deadline,
    ) -> ControlFlow<()> {
        let mut signals: Vec<(usize, Signal)> = Vec::new();
        for folded in work.waiting_to_put() {
            signals.extend(folded.signal_causes.iter().copied().zip(folded.fold.signals.iter().cloned()));
        }
        if signals.is_empty() {
            return ControlFlow::Continue(());
        }
        signals.sort_by_key(|(cause, signal)| (*cause, signal.origin.index));
        let (causes, signals): (Vec<_>, Vec<_>) = signals.into_iter().unzip();
        match deadline.bound(self.signals.put(&signals, deadline)).await {
            Ok(Ok(())) => {}
            Ok(Err(SignalFailure::Rejected { index, why })) => {
                if let Some(cause) = causes.get(index) {
                    work.reject(*cause, Reason::StreamRejected, why);
                }
                return ControlFlow::Break(());
            }
            Ok(Err(SignalFailure::NotAccepted(failed))) => {
                work.end_at(record_of(events, &causes, failed.first), &format!("signals: {failed}"));
            }
            Err(near) => work.end_at(record_of(events, &causes, 0), &format!("signals: {near}")),
        }
        ControlFlow::Continue(())
    }

    async fn set_timers(&self, work: &mut Work<'_, S>, events: &[BatchEvent<'_>], deadline: Deadline) {
        let mut timers: Vec<(usize, Timer)> = Vec::new();
        for folded in work.waiting_to_put() {
            timers.extend(folded.timer_causes.iter().copied().zip(folded.fold.timers.iter().cloned()));
        }
        if timers.is_empty() {
            return;
        }
        timers.sort_by_key(|(cause, _)| *cause);
        let (causes, timers): (Vec<_>, Vec<_>) = timers.into_iter().unzip();
        if let Some(failed) = failure(deadline.bound(self.signals.set(&timers, deadline)).await) {
            work.end_at(record_of(events, &causes, failed.first), &format!("timers: {failed}"));
        }
    }

    async fn put_rejections(&self, work: &mut Work<'_, S>, events: &[BatchEvent<'_>], deadline: Deadline) {
        let mut rejections: Vec<(usize, Reason, String)> = Vec::new();
        for folded in work.waiting_to_put() {
            rejections
                .extend(folded.rejections().map(|(index, reason, why)| (index, reason, why.to_owned())));
        }
        rejections.sort_by_key(|(index, _, _)| *index);
        let mut lines = JsonLines::default();
        for (index, reason, why) in rejections {
            let Some(batch_event) = events.get(index) else { continue };
            let why = why.get(..why.floor_char_boundary(WHY_LIMIT_BYTES)).unwrap_or_default();
            let mut invalid = Invalid::whole(reason, why);
            if let Ok(event) = &batch_event.event {
                invalid = invalid.of_event(&event.id);
            }
            push_entry::<Q>(
                &mut lines,
                batch_event.record,
                &batch_event.quarantined(self.function, work.shard, invalid),
            );
        }
        if lines.is_empty() {
            return;
        }
        if let Some(failed) = failure(deadline.bound(self.quarantine.put(&lines, deadline)).await) {
            let record = lines.record(failed.first).unwrap_or_default();
            work.end_at(record, &format!("quarantine: {failed}"));
        }
    }
}

impl<'p, S: KeyState> Work<'p, S> {
    fn waiting_to_put(&mut self) -> impl Iterator<Item = &Folded<S>> {
        self.open_keys().filter_map(|key| key.folded.as_ref()).filter(|folded| !folded.put)
    }
}

/// The record of the event that caused what has this index.
fn record_of(events: &[BatchEvent<'_>], causes: &[usize], index: usize) -> usize {
    causes
        .get(index)
        .and_then(|cause| events.get(*cause))
        .map(|batch_event| batch_event.record)
        .unwrap_or_default()
}

/// A put that the deadline ended may have been accepted or not; all of it counts as not accepted.
fn failure<E: std::fmt::Display>(put: Result<Result<(), NotAccepted>, E>) -> Option<NotAccepted> {
    match put {
        Ok(accepted) => accepted.err(),
        Err(near) => Some(NotAccepted { first: 0, why: near.to_string() }),
    }
}
