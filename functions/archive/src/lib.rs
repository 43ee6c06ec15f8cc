//! Shop events to rows of the lake. This function also owns the quarantine of events that cannot be taken: every
//! consumer of the stream meets them, and once is enough.

pub mod config;

use std::sync::Arc;

use aws_sdk_firehose::Client as Firehose;
pub use config::Config;
use millrace_aws::FirehoseSink;
use millrace_domain::lake::{Origin, Row, RowSettings};
use millrace_domain::{Data, Event, Invalid, Reason, Verdict};
use millrace_lambda::batch_event::newest_event_ms;
use millrace_lambda::deadline::DeadlineNear;
use millrace_lambda::isolate::isolated;
use millrace_lambda::ports::{JsonLineSink, NotAccepted};
use millrace_lambda::quarantine::push_entry;
use millrace_lambda::trace::{follow, step};
use millrace_lambda::{
    Batch, BatchEvent, BatchEvents, Checkpoint, Deadline, Function, JsonLines, KinesisBatch, Meter, Report,
    Tally,
};

/// The function's name.
pub const NAME: &str = "archive";

/// The function, over any lake and quarantine.
#[derive(Debug)]
pub struct Archive<L, Q> {
    lake: L,
    quarantine: Q,
    rows: RowSettings,
    signals_stream: String,
    meter: Arc<Meter>,
}

impl Archive<FirehoseSink, FirehoseSink> {
    /// The function over Firehose. The client decides which endpoint that is.
    pub fn on_aws(config: &Config, firehose: &Firehose, meter: Arc<Meter>) -> Self {
        let lake = config.lake_delivery_stream.clone();
        let lake = FirehoseSink::new(firehose.clone(), lake, config.rows_per_record, Arc::clone(&meter));
        let quarantine = config.quarantine_delivery_stream.clone();
        let quarantine = FirehoseSink::quarantine(firehose.clone(), quarantine, Arc::clone(&meter));
        Self::new(config, lake, quarantine, meter)
    }
}

impl<L: JsonLineSink, Q: JsonLineSink> Archive<L, Q> {
    /// The function over these adapters, which report what they use up to `meter`.
    pub fn new(config: &Config, lake: L, quarantine: Q, meter: Arc<Meter>) -> Self {
        let signals_stream = config.signals_stream.clone();
        Self { lake, quarantine, rows: config.rows, signals_stream, meter }
    }

    async fn run(&self, batch: &KinesisBatch, deadline: Deadline) -> Tally {
        let opened = Batch::open(batch);
        let BatchEvents { list: events, end } = opened.events();
        let of_signals = batch.stream == self.signals_stream;
        let (rows, refusals) = self.rows(&events, &batch.shard_id, of_signals);
        let mut checkpoint = end.map_or_else(Checkpoint::default, |end| Checkpoint::at(end.record));
        let mut why = end.map_or_else(String::new, |end| end.why.to_owned());
        let mut note = |checkpoint: &mut Checkpoint, lines: &JsonLines, put: Result<(), NotAccepted>| {
            if let Err(failed) = put {
                checkpoint.lower(lines.record(failed.first).unwrap_or_default());
                why = failed.to_string();
            }
        };
        if deadline.is_near() {
            note(&mut checkpoint, &rows, Err(NotAccepted { first: 0, why: DeadlineNear.to_string() }));
        } else if !rows.is_empty() {
            note(&mut checkpoint, &rows, step("put", self.lake.put(&rows, deadline)).await);
        }
        // Only before the checkpoint: what lies behind it comes again, and is set aside then.
        let quarantined = quarantine::<Q>(&events, &refusals, checkpoint, &batch.shard_id);
        if !quarantined.is_empty() {
            note(
                &mut checkpoint,
                &quarantined,
                step("quarantine", self.quarantine.put(&quarantined, deadline)).await,
            );
        }
        let taken = |batch_event: &BatchEvent<'_>| match batch_event.is_for(NAME)
            && !batch_event.event.as_ref().is_ok_and(|event| has_no_row(event, of_signals))
        {
            true => Verdict::Applied,
            false => Verdict::Ignored,
        };
        let mut verdicts: Vec<_> =
            events.iter().map(|batch_event| (batch_event.record, Some(taken(batch_event)))).collect();
        for (index, invalid) in &refusals {
            if let Some((_, verdict)) = verdicts.get_mut(*index) {
                *verdict = Some(Verdict::Rejected(invalid.reason));
            }
        }
        for (record, verdict) in &mut verdicts {
            // A row behind the checkpoint may have been sent or not; it comes again either way.
            *verdict = verdict.filter(|_| checkpoint.allows(*record));
        }
        follow(&events, &verdicts);
        Tally { checkpoint, verdicts, why, newest_event_ms: newest_event_ms(&events), ..Tally::default() }
    }

    /// The rows of a batch, and the events that have none.
    fn rows(
        &self,
        events: &[BatchEvent<'_>],
        shard_id: &str,
        of_signals: bool,
    ) -> (JsonLines, Vec<(usize, Invalid)>) {
        let mut rows = JsonLines::default();
        let mut refusals = Vec::new();
        for (index, batch_event) in
            events.iter().enumerate().filter(|(_, batch_event)| batch_event.is_for(NAME))
        {
            let event = match &batch_event.event {
                Ok(event) if has_no_row(event, of_signals) => continue,
                Ok(event) => event,
                Err(invalid) => {
                    refusals.push((index, invalid.clone()));
                    continue;
                }
            };
            let (shard_id, position, arrived_at_ms) = batch_event.first_position(shard_id);
            let origin = Origin { shard_id, position, arrived_at_ms };
            let pushed = isolated(|| {
                let row = Row::of(event, origin, self.rows);
                let pushed = rows.push(batch_event.record, &row, L::LINE_LIMIT_BYTES);
                pushed.or_else(|_| rows.push(batch_event.record, &row.without_lines(), L::LINE_LIMIT_BYTES))
            });
            let (reason, why) = match pushed {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => (Reason::RowTooLarge, error.to_string()),
                Err(panicked) => (Reason::Poisoned, panicked),
            };
            let invalid = Invalid::whole(reason, format!("as a row: {why}")).of_event(&event.id);
            refusals.push((index, invalid));
        }
        (rows, refusals)
    }
}

/// Control events have no row, and in the stream of signals nothing has one that producers sent: it is relayed there from
/// the stream of events, which has its row.
fn has_no_row(event: &Event<'_>, of_signals: bool) -> bool {
    match event.data {
        Data::TimerDue(_) => true,
        Data::StockSold(_) | Data::StockReturned(_) | Data::Signal => false,
        _ => of_signals,
    }
}

fn quarantine<Q: JsonLineSink>(
    events: &[BatchEvent<'_>],
    refusals: &[(usize, Invalid)],
    checkpoint: Checkpoint,
    shard_id: &str,
) -> JsonLines {
    let mut lines = JsonLines::default();
    for (index, invalid) in refusals {
        if let Some(batch_event) =
            events.get(*index).filter(|batch_event| checkpoint.allows(batch_event.record))
        {
            let entry = batch_event.quarantined(NAME, shard_id, invalid.clone());
            push_entry::<Q>(&mut lines, batch_event.record, &entry);
        }
    }
    lines
}

impl<L: JsonLineSink, Q: JsonLineSink> Function for Archive<L, Q> {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Report {
        Report { tally: self.run(batch, deadline).await, usage: self.meter.take() }
    }
}
