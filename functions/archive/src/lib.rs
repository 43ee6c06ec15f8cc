//! Shop events to rows of the lake. This function also owns the quarantine of events that cannot be taken: every
//! consumer of the stream meets them, and once is enough.

pub mod config;

use std::sync::Arc;

use aws_sdk_firehose::Client as Firehose;
pub use config::Config;
use millrace_aws::FirehoseSink;
use millrace_domain::lake::{Delivered, Row, RowSettings, has_row};
use millrace_domain::{Invalid, Reason, Shard, Verdict};
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
        let of_signals = batch.shard.stream() == self.signals_stream;
        let (rows, rejections) = self.rows(&events, &batch.shard, of_signals);
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
        // Only what lies before the checkpoint: Lambda sends the rest again, and the retry quarantines it.
        let quarantined = quarantine::<Q>(&events, &rejections, checkpoint, &batch.shard);
        if !quarantined.is_empty() {
            note(
                &mut checkpoint,
                &quarantined,
                step("quarantine", self.quarantine.put(&quarantined, deadline)).await,
            );
        }
        let mut verdicts: Vec<_> = events
            .iter()
            .map(|batch_event| match kind(batch_event, of_signals) {
                Kind::Ignored | Kind::Redriven(_) => (batch_event.record, Some(Verdict::Ignored)),
                Kind::Row => (batch_event.record, Some(Verdict::Applied)),
            })
            .collect();
        for (index, invalid) in &rejections {
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
        shard: &Shard,
        of_signals: bool,
    ) -> (JsonLines, Vec<(usize, Invalid)>) {
        let mut rows = JsonLines::default();
        let mut rejections = Vec::new();
        for (index, batch_event) in events.iter().enumerate() {
            let kind = kind(batch_event, of_signals);
            let event = match &batch_event.event {
                _ if kind == Kind::Ignored => continue,
                Ok(event) => event,
                Err(invalid) => {
                    rejections.push((index, invalid.clone()));
                    continue;
                }
            };
            let (first, redrive) = (batch_event.first_position(shard), batch_event.redrive(shard));
            let of_signals = first.shard.stream() == self.signals_stream;
            let delivered = Delivered { first, redrive, of_signals };
            let pushed = isolated(|| {
                let row = match kind {
                    Kind::Redriven(function) => Row::redriven(event, &delivered, function, self.rows),
                    _ => Some(Row::of(event, &delivered, self.rows)),
                };
                let Some(row) = row else { return Ok(()) };
                let pushed = rows.push(batch_event.record, &row, L::LINE_LIMIT_BYTES);
                pushed.or_else(|_| rows.push(batch_event.record, &row.without_lines(), L::LINE_LIMIT_BYTES))
            });
            let (reason, why) = match pushed {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => (Reason::RowTooLarge, error.to_string()),
                Err(panicked) => (Reason::FunctionFailed, panicked),
            };
            let invalid = Invalid::whole(reason, format!("as a row: {why}")).of_event(&event.id);
            rejections.push((index, invalid));
        }
        (rows, rejections)
    }
}

/// What the lake holds of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'e> {
    /// Its row, or an entry of the quarantine.
    Row,
    /// That it was brought back for this function alone; its row is there already.
    Redriven(&'e str),
    /// Nothing.
    Ignored,
}

fn kind<'e>(batch_event: &'e BatchEvent<'_>, of_signals: bool) -> Kind<'e> {
    let function = batch_event.redriven.as_ref().and_then(|redriven| redriven.target_function.as_deref());
    match (function.filter(|function| *function != NAME), &batch_event.event) {
        (Some(function), Ok(_)) => Kind::Redriven(function),
        (Some(_), Err(_)) => Kind::Ignored,
        (None, Ok(event)) if !has_row(&event.data, of_signals) => Kind::Ignored,
        (None, _) => Kind::Row,
    }
}

fn quarantine<Q: JsonLineSink>(
    events: &[BatchEvent<'_>],
    rejections: &[(usize, Invalid)],
    checkpoint: Checkpoint,
    shard: &Shard,
) -> JsonLines {
    let mut lines = JsonLines::default();
    for (index, invalid) in rejections {
        if let Some(batch_event) =
            events.get(*index).filter(|batch_event| checkpoint.allows(batch_event.record))
        {
            let entry = batch_event.quarantined(NAME, shard, invalid.clone());
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
