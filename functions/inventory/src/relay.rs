//! Receipts and counts of producers, relayed into the stream of signals. Everything that changes a stock item then
//! comes in one sequence per key, and one mapping writes it.
//!
//! An event is relayed at least once, as the bytes that it came in and under its own key. Its repeats are known by its
//! identity where it is applied, so nothing is remembered here.

use bytes::Bytes;
use millrace_domain::stock::is_receipt_or_count;
use millrace_domain::{Data, Event, Invalid, Reason, Shard, Verdict};
use millrace_lambda::batch_event::newest_event_ms;
use millrace_lambda::deadline::DeadlineNear;
use millrace_lambda::ports::JsonLineSink;
use millrace_lambda::quarantine::push_entry;
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};
use millrace_lambda::trace::{follow, step};
use millrace_lambda::{Batch, BatchEvent, BatchEvents, Checkpoint, Deadline, JsonLines, Tally};

/// Where events are relayed to, and where those go that the stream rejects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relay<'a, R, Q> {
    pub(crate) function: &'static str,
    pub(crate) stream: &'a R,
    pub(crate) quarantine: &'a Q,
}

/// How far a batch was relayed.
#[derive(Debug, Default)]
struct Progress {
    checkpoint: Checkpoint,
    why: String,
    /// Index of each event that the stream rejects, and why.
    rejected: Vec<(usize, String)>,
}

impl Progress {
    fn end_at(&mut self, record: usize, why: String) {
        if self.checkpoint.allows(record) {
            self.why = why;
        }
        self.checkpoint.lower(record);
    }
}

impl<R: RecordStream, Q: JsonLineSink> Relay<'_, R, Q> {
    /// Passes a batch on, as far as it goes.
    pub(crate) async fn run(self, batch: &Batch<'_>, deadline: Deadline) -> Tally {
        let BatchEvents { list: events, end } = batch.events();
        let mut verdicts: Vec<_> = events.iter().map(|batch_event| self.verdict(batch_event)).collect();
        let mut progress = Progress::default();
        if let Some(end) = end {
            progress.end_at(end.record, end.why.to_owned());
        }
        let relayed = (0..).zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::Applied);
        let relayed: Vec<usize> = relayed.map(|(index, _)| index).collect();
        step("put", self.put(batch, &events, relayed, &mut progress, deadline)).await;
        step("quarantine", self.quarantine(&events, &batch.source.shard, &mut progress, deadline)).await;
        for (index, _) in &progress.rejected {
            if let Some(verdict) = verdicts.get_mut(*index) {
                *verdict = Verdict::Rejected(Reason::StreamRejected);
            }
        }
        let Progress { checkpoint, why, .. } = progress;
        // What lies behind the checkpoint may have been relayed or not; it comes again either way.
        let verdict = |(batch_event, verdict): (&BatchEvent<'_>, Verdict)| {
            (batch_event.record, Some(verdict).filter(|_| checkpoint.allows(batch_event.record)))
        };
        let verdicts: Vec<_> = events.iter().zip(verdicts).map(verdict).collect();
        follow(&events, &verdicts);
        Tally { checkpoint, verdicts, why, newest_event_ms: newest_event_ms(&events), ..Tally::default() }
    }

    /// What becomes of an event unless the stream does not take it. `archive` quarantines invalid ones.
    fn verdict(&self, batch_event: &BatchEvent<'_>) -> Verdict {
        match &batch_event.event {
            _ if !batch_event.is_for(self.function) => Verdict::Ignored,
            Err(invalid) => Verdict::Rejected(invalid.reason),
            Ok(event) if is_receipt_or_count(&event.data) || is_signal_brought_back(batch_event) => {
                Verdict::Applied
            }
            Ok(_) => Verdict::Ignored,
        }
    }

    /// Puts these events. What waits behind a rejected one of its key goes in another round: it may stand in the same
    /// record, and a batch that ended there would never go on.
    async fn put(
        &self,
        batch: &Batch<'_>,
        events: &[BatchEvent<'_>],
        mut open: Vec<usize>,
        progress: &mut Progress,
        deadline: Deadline,
    ) {
        while let Some(first) = open.first().and_then(|first| events.get(*first)) {
            if deadline.is_near() {
                return progress.end_at(first.record, DeadlineNear.to_string());
            }
            let sent: Vec<_> = open.iter().filter_map(|index| outgoing(batch, events.get(*index)?)).collect();
            let answers = self.stream.put(&sent, deadline).await;
            let (mut left, mut why) = (Vec::new(), String::new());
            let rejected_before = progress.rejected.len();
            for (index, answer) in open.into_iter().zip(answers) {
                match answer {
                    Put::Accepted => {}
                    Put::Rejected(why) => progress.rejected.push((index, why)),
                    Put::NotAccepted(reason) => {
                        if left.is_empty() {
                            why = reason;
                        }
                        left.push(index);
                    }
                }
            }
            open = left;
            if progress.rejected.len() == rejected_before {
                if let Some(first) = open.first().and_then(|first| events.get(*first)) {
                    progress.end_at(first.record, format!("an event was not relayed: {why}"));
                }
                return;
            }
        }
    }

    /// Quarantines what the stream rejects, but only before the checkpoint. Lambda sends the rest again, and the retry
    /// quarantines it.
    async fn quarantine(
        &self,
        events: &[BatchEvent<'_>],
        shard: &Shard,
        progress: &mut Progress,
        deadline: Deadline,
    ) {
        let mut lines = JsonLines::default();
        progress.rejected.sort_unstable();
        for (index, why) in &progress.rejected {
            let Some(batch_event) =
                events.get(*index).filter(|batch_event| progress.checkpoint.allows(batch_event.record))
            else {
                continue;
            };
            let invalid = Invalid::whole(Reason::StreamRejected, format!("cannot be relayed: {why}"));
            let invalid = match &batch_event.event {
                Ok(event) => invalid.of_event(&event.id),
                Err(_) => invalid,
            };
            push_entry::<Q>(
                &mut lines,
                batch_event.record,
                &batch_event.quarantined(self.function, shard, invalid),
            );
        }
        if lines.is_empty() {
            return;
        }
        if let Err(failed) = self.quarantine.put(&lines, deadline).await {
            progress.end_at(lines.record(failed.first).unwrap_or_default(), failed.to_string());
        }
    }
}

/// Whether this is a signal that was quarantined. It goes on in its redrive envelope. Without the redrive envelope, an
/// overtaken signal would pass for one that was applied, and nobody would learn that this is undecidable.
///
/// What comes back for one function alone is of a batch that its mapping discarded. No mapping discards a batch of
/// signals: somebody else put such a signal into the stream of events, and it is not to be believed.
fn is_signal_brought_back(batch_event: &BatchEvent<'_>) -> bool {
    let is_signal = |event: &Event<'_>| matches!(event.data, Data::StockSold(_) | Data::StockReturned(_));
    let for_everybody =
        batch_event.redriven.as_ref().is_some_and(|redriven| redriven.target_function.is_none());
    for_everybody && batch_event.event.as_ref().is_ok_and(is_signal)
}

fn outgoing(batch: &Batch<'_>, batch_event: &BatchEvent<'_>) -> Option<OutgoingRecord> {
    let data = match is_signal_brought_back(batch_event) {
        true => batch.source.records.get(batch_event.record)?.data.clone(),
        false => Bytes::copy_from_slice(batch_event.bytes),
    };
    Some(OutgoingRecord { partition_key: batch_event.partition_key.to_owned(), data })
}
