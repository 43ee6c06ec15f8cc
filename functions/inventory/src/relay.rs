//! What producers tell of stock, passed on into the stream of signals: everything that changes a stock item then stands
//! in one line, and one mapping writes it.
//!
//! An event is passed on at least once, as the bytes that it came in and under its own key. Its repeats are known by its
//! identity where it is applied, so nothing is remembered here.

use bytes::Bytes;
use millrace_domain::stock::is_delivery_or_count;
use millrace_domain::{Data, Event, Invalid, Reason, Verdict};
use millrace_lambda::deadline::DeadlineNear;
use millrace_lambda::ports::LineSink;
use millrace_lambda::quarantine::push_entry;
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};
use millrace_lambda::trace::{follow, step};
use millrace_lambda::unit::newest_event_ms;
use millrace_lambda::{Batch, Cut, Deadline, Lines, Tally, Unit, Units};

/// Where events are passed on to, and where those are set aside that the stream refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relay<'a, R, Q> {
    pub(crate) function: &'static str,
    pub(crate) stream: &'a R,
    pub(crate) quarantine: &'a Q,
}

/// How far a batch was passed on.
#[derive(Debug, Default)]
struct Progress {
    cut: Cut,
    why: String,
    /// Index of each event that the stream refuses, and why.
    refused: Vec<(usize, String)>,
}

impl Progress {
    fn end_at(&mut self, record: usize, why: String) {
        if self.cut.allows(record) {
            self.why = why;
        }
        self.cut.lower(record);
    }
}

impl<R: RecordStream, Q: LineSink> Relay<'_, R, Q> {
    /// Passes a batch on, as far as it goes.
    pub(crate) async fn run(self, batch: &Batch<'_>, deadline: Deadline) -> Tally {
        let Units { list: units, end } = batch.units();
        let mut verdicts: Vec<_> = units.iter().map(|unit| self.verdict(unit)).collect();
        let mut progress = Progress::default();
        if let Some(end) = end {
            progress.end_at(end.record, end.why.to_owned());
        }
        let relayed = (0..).zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::Applied);
        let relayed: Vec<usize> = relayed.map(|(index, _)| index).collect();
        step("put", self.put(batch, &units, relayed, &mut progress, deadline)).await;
        step("set aside", self.set_aside(&units, &batch.source.shard_id, &mut progress, deadline)).await;
        for (index, _) in &progress.refused {
            if let Some(verdict) = verdicts.get_mut(*index) {
                *verdict = Verdict::Refused(Reason::StreamRefused);
            }
        }
        let Progress { cut, why, .. } = progress;
        // What lies behind the cut may have been passed on or not; it comes again either way.
        let verdict = |(unit, verdict): (&Unit<'_>, Verdict)| {
            (unit.record, Some(verdict).filter(|_| cut.allows(unit.record)))
        };
        let verdicts: Vec<_> = units.iter().zip(verdicts).map(verdict).collect();
        follow(&units, &verdicts);
        Tally { cut, verdicts, why, newest_event_ms: newest_event_ms(&units), ..Tally::default() }
    }

    /// What becomes of an event unless the stream does not take it. Invalid ones are set aside by `archive`.
    fn verdict(&self, unit: &Unit<'_>) -> Verdict {
        match &unit.event {
            _ if !unit.is_for(self.function) => Verdict::PassedOver,
            Err(invalid) => Verdict::Refused(invalid.reason),
            Ok(event) if is_delivery_or_count(&event.data) || is_signal_brought_back(unit) => {
                Verdict::Applied
            }
            Ok(_) => Verdict::PassedOver,
        }
    }

    /// Puts these events. What waits behind a refused one of its key goes in another round: it may stand in the same
    /// record, and a batch that ended there would never go on.
    async fn put(
        &self,
        batch: &Batch<'_>,
        units: &[Unit<'_>],
        mut open: Vec<usize>,
        progress: &mut Progress,
        deadline: Deadline,
    ) {
        while let Some(first) = open.first().and_then(|first| units.get(*first)) {
            if deadline.is_near() {
                return progress.end_at(first.record, DeadlineNear.to_string());
            }
            let sent: Vec<_> = open.iter().filter_map(|index| outgoing(batch, units.get(*index)?)).collect();
            let answers = self.stream.put(&sent, deadline).await;
            let (mut left, mut why) = (Vec::new(), String::new());
            let refused_before = progress.refused.len();
            for (index, answer) in open.into_iter().zip(answers) {
                match answer {
                    Put::Accepted => {}
                    Put::Refused(why) => progress.refused.push((index, why)),
                    Put::NotAccepted(reason) => {
                        if left.is_empty() {
                            why = reason;
                        }
                        left.push(index);
                    }
                }
            }
            open = left;
            if progress.refused.len() == refused_before {
                if let Some(first) = open.first().and_then(|first| units.get(*first)) {
                    progress.end_at(first.record, format!("an event was not passed on: {why}"));
                }
                return;
            }
        }
    }

    /// Sets aside what the stream refuses. Only before the cut: what lies behind it comes again, and is set aside then.
    async fn set_aside(
        &self,
        units: &[Unit<'_>],
        shard_id: &str,
        progress: &mut Progress,
        deadline: Deadline,
    ) {
        let mut lines = Lines::default();
        progress.refused.sort_unstable();
        for (index, why) in &progress.refused {
            let Some(unit) = units.get(*index).filter(|unit| progress.cut.allows(unit.record)) else {
                continue;
            };
            let invalid = Invalid::whole(Reason::StreamRefused, format!("cannot be passed on: {why}"));
            let invalid = match &unit.event {
                Ok(event) => invalid.of_event(&event.id),
                Err(_) => invalid,
            };
            push_entry::<Q>(&mut lines, unit.record, &unit.quarantined(self.function, shard_id, invalid));
        }
        if lines.is_empty() {
            return;
        }
        if let Err(failed) = self.quarantine.put(&lines, deadline).await {
            progress.end_at(lines.record(failed.first).unwrap_or_default(), failed.to_string());
        }
    }
}

/// Whether this is a signal that was set aside. It goes on in its carrier: without it, a signal that has been overtaken
/// would be taken for one that was applied, and nobody would hear that this cannot be told.
///
/// What comes back for one function alone is of a batch that was given up, and no batch of signals ever is: such a signal
/// was put into the stream of events by somebody else, where it is not to be believed.
fn is_signal_brought_back(unit: &Unit<'_>) -> bool {
    let is_signal = |event: &Event<'_>| matches!(event.data, Data::StockSold(_) | Data::StockReturned(_));
    let for_everybody = unit.redriven.as_ref().is_some_and(|redriven| redriven.function.is_none());
    for_everybody && unit.event.as_ref().is_ok_and(is_signal)
}

fn outgoing(batch: &Batch<'_>, unit: &Unit<'_>) -> Option<OutgoingRecord> {
    let data = match is_signal_brought_back(unit) {
        true => batch.source.records.get(unit.record)?.data.clone(),
        false => Bytes::copy_from_slice(unit.bytes),
    };
    Some(OutgoingRecord { partition_key: unit.partition_key.to_owned(), data })
}
