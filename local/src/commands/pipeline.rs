//! What the commands have in common: events in, batches out, files at the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::schedule::{Schedule, every_minute};

use crate::clock::now_ms;
use crate::error::Error;
use crate::input::{Input, Producer};
use crate::logging::BARS;
use crate::mapping::{Around, DiscardedCounts, Driver, Ending, Functions, MAPPINGS, MappingClock, MappingOf};
use crate::options::{EVENTS_STREAM, Limits, SESSIONS_TABLE, TABLES, Tuning};
use crate::output::{Entry, ItemBytes, Run, Signals, Summary, append_late, read_table, write_table};
use crate::world::World;

/// What was put into the stream of events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fed {
    pub(crate) records: u64,
    /// The largest event time, in epoch milliseconds.
    pub(crate) largest_event_time_ms: i64,
}

/// Puts records into the stream of events, in order.
pub(crate) async fn feed(
    world: &World,
    inputs: impl Iterator<Item = Result<Input, Error>>,
) -> Result<Fed, Error> {
    let progress =
        ProgressBar::new_spinner().with_style(style("{spinner} {prefix:<10} {human_pos} events ({per_sec})"));
    progress.set_prefix("stream");
    let mut producer = Producer::new(world.clients.kinesis.clone(), EVENTS_STREAM);
    let mut largest_event_time_ms = 0;
    for input in inputs {
        let input = input?;
        largest_event_time_ms = largest_event_time_ms.max(input.largest_event_time_ms());
        producer.send(input).await?;
        progress.set_position(producer.put());
    }
    producer.flush().await?;
    progress.set_position(producer.put());
    progress.finish();
    Ok(Fed { records: producer.put(), largest_event_time_ms })
}

/// How the streams are consumed.
pub(crate) struct Consuming<'c> {
    pub(crate) tuning: &'c Tuning,
    pub(crate) limits: Limits,
    pub(crate) out: &'c Path,
    /// When it ends, and by which clock timers fire until then; `None` goes on, by the wall clock.
    pub(crate) ending: Option<Schedule>,
    /// The number of events to expect.
    pub(crate) total: u64,
}

impl Consuming<'_> {
    /// Runs every mapping, and `close` on its schedule; gives back what the mappings discarded.
    pub(crate) async fn run(
        &self,
        world: &World,
        functions: &Arc<Functions>,
    ) -> Result<BTreeMap<&'static str, DiscardedCounts>, Error> {
        let clock = MappingClock::new(self.limits.maximum_record_age, now_ms());
        let (end, mut watched, mut drivers) = (watch::Sender::new(false), Vec::new(), JoinSet::new());
        for of in MAPPINGS {
            let ending = self.ending.is_some().then(|| Ending::new(&end));
            let ending = ending.map(|(ending, watching)| {
                watched.push(watching);
                ending
            });
            let progress = self.bar(of);
            let around = Around { failures: self.out.join("on-failure"), ending, clock, progress };
            let tuning = (self.tuning, &self.limits);
            let driver = Driver::new(of, Arc::clone(functions), &world.clients, tuning, around)?;
            drivers.spawn(async move { driver.run().await.map(|discarded| (of.function, discarded)) });
        }
        let conduct = async {
            match &self.ending {
                Some(schedule) => schedule.conduct(functions, &mut watched).await?,
                None => every_minute(functions).await,
            }
            end.send_replace(true);
            Ok::<_, Error>(())
        };
        let join = join_all(drivers);
        let ((), discarded) = tokio::try_join!(conduct, join)?;
        functions.settle().await;
        Ok(discarded)
    }

    fn bar(&self, of: MappingOf) -> ProgressBar {
        let bar = match (&self.ending, of.stream) {
            (None, _) => return ProgressBar::hidden(),
            (Some(_), EVENTS_STREAM) => ProgressBar::new(self.total).with_style(style(
                "{spinner} {prefix:<22} {wide_bar} {human_pos}/{human_len} records ({per_sec})",
            )),
            (Some(_), _) => ProgressBar::new_spinner()
                .with_style(style("{spinner} {prefix:<22} {human_pos} records ({per_sec})")),
        };
        BARS.add(bar).with_prefix(format!("{} of {}", of.function, of.stream))
    }
}

async fn join_all(
    mut drivers: JoinSet<Result<(&'static str, DiscardedCounts), Error>>,
) -> Result<BTreeMap<&'static str, DiscardedCounts>, Error> {
    let mut all: BTreeMap<&'static str, DiscardedCounts> = BTreeMap::new();
    while let Some(driver) = drivers.join_next().await {
        let (function, discarded) = driver.map_err(Error::service("running an event source mapping"))??;
        all.entry(function).or_default().add(discarded);
    }
    Ok(all)
}

/// What the functions left in tables and streams.
#[derive(Debug)]
pub(crate) struct Saved {
    /// The items of the table of sessions, in order of their keys.
    pub(crate) sessions: Vec<Value>,
    pub(crate) item_bytes: BTreeMap<&'static str, ItemBytes>,
    pub(crate) signals: Signals,
}

/// Writes what the functions did: lake and quarantine first, then signals and late events, then the tables.
///
/// Each step may be repeated: rows, signals and late events are written at least once, and the tables hold the proof of
/// what they include.
pub(crate) async fn save(world: &World, functions: &Functions, out: &Path) -> Result<Saved, Error> {
    world.flush().await?;
    append_late(out, &functions.late())?;
    let mut signals = Signals::read(&world.clients.kinesis).await?;
    signals.load(out)?;
    signals.write(out)?;
    let (mut sessions, mut item_bytes) = (Vec::new(), BTreeMap::new());
    for table in TABLES {
        let (items, bytes) = read_table(&world.clients.dynamodb, table).await?;
        write_table(out, table, &items)?;
        item_bytes.insert(table, bytes);
        if table == SESSIONS_TABLE {
            sessions = items;
        }
    }
    Ok(Saved { sessions, item_bytes, signals })
}

/// Writes everything that a run leaves behind, with its summary.
pub(crate) async fn finish(
    world: &World,
    functions: &Functions,
    out: &Path,
    run: Run<'_>,
) -> Result<(Summary, Saved, Vec<Entry>), Error> {
    let saved = save(world, functions, out).await?;
    let wall_ms = now_ms().saturating_sub(run.started_ms);
    let entries = Entry::all(out)?;
    let reports = (functions.metrics(), functions.trouble());
    let summary = Summary::of((run, wall_ms), &saved, reports, &world.firehose.stats(), &entries);
    summary.write(out)?;
    Ok((summary, saved, entries))
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file; were one wrong, the plain bar would do.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
