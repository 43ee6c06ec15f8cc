//! Shop events to rows of the lake. This function also owns the quarantine of events that cannot be taken: every
//! consumer of the stream meets them, and once is enough.

pub mod config;

use std::sync::Arc;

use aws_sdk_firehose::Client as Firehose;
pub use config::Config;
use millrace_aws::FirehoseSink;
use millrace_domain::lake::{Origin, Row, RowSettings};
use millrace_domain::{Data, Event, Invalid, Reason, Verdict};
use millrace_lambda::deadline::DeadlineNear;
use millrace_lambda::isolate::isolated;
use millrace_lambda::ports::{LineSink, NotAccepted};
use millrace_lambda::quarantine::push_entry;
use millrace_lambda::trace::{follow, step};
use millrace_lambda::unit::newest_event_ms;
use millrace_lambda::{
    Batch, Cut, Deadline, Function, KinesisBatch, Lines, Meter, Report, Tally, Unit, Units,
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
        let lake = config.lake_stream.clone();
        let lake = FirehoseSink::new(firehose.clone(), lake, config.rows_per_record, Arc::clone(&meter));
        let quarantine = config.quarantine_stream.clone();
        let quarantine = FirehoseSink::quarantine(firehose.clone(), quarantine, Arc::clone(&meter));
        Self::new(config, lake, quarantine, meter)
    }
}

impl<L: LineSink, Q: LineSink> Archive<L, Q> {
    /// The function over these adapters, which report what they use up to `meter`.
    pub fn new(config: &Config, lake: L, quarantine: Q, meter: Arc<Meter>) -> Self {
        let signals_stream = config.signals_stream.clone();
        Self { lake, quarantine, rows: config.rows, signals_stream, meter }
    }

    async fn run(&self, batch: &KinesisBatch, deadline: Deadline) -> Tally {
        let opened = Batch::open(batch);
        let Units { list: units, end } = opened.units();
        let of_signals = batch.stream == self.signals_stream;
        let (rows, refusals) = self.rows(&units, &batch.shard_id, of_signals);
        let mut cut = end.map_or_else(Cut::default, |end| Cut::at(end.record));
        let mut why = end.map_or_else(String::new, |end| end.why.to_owned());
        let mut note = |cut: &mut Cut, lines: &Lines, put: Result<(), NotAccepted>| {
            if let Err(failed) = put {
                cut.lower(lines.record(failed.first).unwrap_or_default());
                why = failed.to_string();
            }
        };
        if deadline.is_near() {
            note(&mut cut, &rows, Err(NotAccepted { first: 0, why: DeadlineNear.to_string() }));
        } else if !rows.is_empty() {
            note(&mut cut, &rows, step("put", self.lake.put(&rows, deadline)).await);
        }
        // Only before the cut: what lies behind it comes again, and is set aside then.
        let set_aside = set_aside::<Q>(&units, &refusals, cut, &batch.shard_id);
        if !set_aside.is_empty() {
            note(&mut cut, &set_aside, step("set aside", self.quarantine.put(&set_aside, deadline)).await);
        }
        let taken = |unit: &Unit<'_>| match unit.is_for(NAME)
            && !unit.event.as_ref().is_ok_and(|event| is_passed_over(event, of_signals))
        {
            true => Verdict::Applied,
            false => Verdict::PassedOver,
        };
        let mut verdicts: Vec<_> = units.iter().map(|unit| (unit.record, Some(taken(unit)))).collect();
        for (index, invalid) in &refusals {
            if let Some((_, verdict)) = verdicts.get_mut(*index) {
                *verdict = Some(Verdict::Refused(invalid.reason));
            }
        }
        for (record, verdict) in &mut verdicts {
            // A row behind the cut may have been sent or not; it comes again either way.
            *verdict = verdict.filter(|_| cut.allows(*record));
        }
        follow(&units, &verdicts);
        Tally { cut, verdicts, why, newest_event_ms: newest_event_ms(&units), ..Tally::default() }
    }

    /// The rows of a batch, and the units that have none.
    fn rows(&self, units: &[Unit<'_>], shard_id: &str, of_signals: bool) -> (Lines, Vec<(usize, Invalid)>) {
        let mut rows = Lines::default();
        let mut refusals = Vec::new();
        for (index, unit) in units.iter().enumerate().filter(|(_, unit)| unit.is_for(NAME)) {
            let event = match &unit.event {
                Ok(event) if is_passed_over(event, of_signals) => continue,
                Ok(event) => event,
                Err(invalid) => {
                    refusals.push((index, invalid.clone()));
                    continue;
                }
            };
            let (shard_id, position, arrived_at_ms) = unit.first_place(shard_id);
            let origin = Origin { shard_id, position, arrived_at_ms };
            let pushed = isolated(|| {
                let row = Row::of(event, origin, self.rows);
                let pushed = rows.push(unit.record, &row, L::LINE_LIMIT_BYTES);
                pushed.or_else(|_| rows.push(unit.record, &row.without_lines(), L::LINE_LIMIT_BYTES))
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

/// Control events have no row, and in the stream of signals nothing has one that producers told: it is relayed there from
/// the stream of events, which has its row.
fn is_passed_over(event: &Event<'_>, of_signals: bool) -> bool {
    match event.data {
        Data::TimerDue(_) => true,
        Data::StockSold(_) | Data::StockReturned(_) | Data::Signal => false,
        _ => of_signals,
    }
}

fn set_aside<Q: LineSink>(
    units: &[Unit<'_>],
    refusals: &[(usize, Invalid)],
    cut: Cut,
    shard_id: &str,
) -> Lines {
    let mut lines = Lines::default();
    for (index, invalid) in refusals {
        if let Some(unit) = units.get(*index).filter(|unit| cut.allows(unit.record)) {
            let entry = unit.quarantined(NAME, shard_id, invalid.clone());
            push_entry::<Q>(&mut lines, unit.record, &entry);
        }
    }
    lines
}

impl<L: LineSink, Q: LineSink> Function for Archive<L, Q> {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn process(&self, batch: &KinesisBatch, deadline: Deadline) -> Report {
        Report { tally: self.run(batch, deadline).await, usage: self.meter.take() }
    }
}
