//! What the commands have in common: events in, batches out, files at the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::clock::now_ms;
use crate::error::Error;
use crate::input::{Input, Producer};
use crate::mapping::{Around, Driver, FUNCTIONS, Functions, GivenUp, MappingClock, Until};
use crate::options::{Limits, SESSIONS_TABLE, Tuning};
use crate::output::{Entry, ItemBytes, Run, Summary, append_late, read_table, write_table};
use crate::world::World;

/// Puts records into the stream, in order; gives back how many.
pub(crate) async fn feed(
    world: &World,
    inputs: impl Iterator<Item = Result<Input, Error>>,
) -> Result<u64, Error> {
    let progress =
        ProgressBar::new_spinner().with_style(style("{spinner} {prefix:<10} {human_pos} events ({per_sec})"));
    progress.set_prefix("stream");
    let mut producer = Producer::new(world.clients.kinesis.clone());
    for input in inputs {
        producer.send(input?).await?;
        progress.set_position(producer.put());
    }
    producer.flush().await?;
    progress.set_position(producer.put());
    progress.finish();
    Ok(producer.put())
}

/// How a stream is consumed.
pub(crate) struct Consuming<'c> {
    pub(crate) tuning: &'c Tuning,
    pub(crate) limits: Limits,
    pub(crate) out: &'c Path,
    pub(crate) until: Until,
    /// The number of records to expect.
    pub(crate) total: u64,
}

impl Consuming<'_> {
    /// Runs the mappings of both functions; gives back what they gave up.
    pub(crate) async fn run(
        &self,
        world: &World,
        functions: &Arc<Functions>,
    ) -> Result<BTreeMap<&'static str, GivenUp>, Error> {
        let bars = MultiProgress::new();
        let clock = MappingClock::new(self.limits.age_limit, now_ms());
        let mut drivers = JoinSet::new();
        for function in FUNCTIONS {
            let bar = match self.until {
                Until::Drained => ProgressBar::new(self.total),
                Until::Stopped => ProgressBar::hidden(),
            };
            bar.set_style(style(
                "{spinner} {prefix:<10} {wide_bar} {human_pos}/{human_len} records ({per_sec})",
            ));
            bar.set_prefix(function);
            let (failures, progress) = (self.out.join("on-failure"), bars.add(bar));
            let around = Around { failures, until: self.until, clock, progress };
            let tuning = (self.tuning, &self.limits);
            let driver = Driver::new(function, Arc::clone(functions), &world.clients, tuning, around)?;
            drivers.spawn(async move { driver.run().await.map(|given_up| (function, given_up)) });
        }
        let mut given_up = BTreeMap::new();
        while let Some(driver) = drivers.join_next().await {
            let done = driver.map_err(Error::service("running an event source mapping"))?;
            given_up.extend([done?]);
        }
        functions.settle().await;
        Ok(given_up)
    }
}

/// Writes what the functions did: lake and quarantine first, then late events, then the tables.
///
/// Each step may be repeated: rows and late events are written at least once, and the tables hold the proof of what
/// they include.
pub(crate) async fn save(
    world: &World,
    functions: &Functions,
    out: &Path,
) -> Result<(Vec<Value>, ItemBytes), Error> {
    world.flush().await?;
    append_late(out, &functions.late())?;
    let (items, item_bytes) = read_table(&world.clients.dynamodb, SESSIONS_TABLE).await?;
    write_table(out, SESSIONS_TABLE, &items)?;
    Ok((items, item_bytes))
}

/// Writes everything that a run leaves behind, with its summary.
pub(crate) async fn finish(
    world: &World,
    functions: &Functions,
    out: &Path,
    run: Run<'_>,
) -> Result<(Summary, Vec<Value>, Vec<Entry>), Error> {
    let (items, item_bytes) = save(world, functions, out).await?;
    let wall_ms = now_ms().saturating_sub(run.started_ms);
    let entries = Entry::all(out)?;
    let told = (functions.metrics(), functions.trouble());
    let summary = Summary::of((run, wall_ms), item_bytes, told, &world.firehose.stats(), &entries);
    summary.write(out)?;
    Ok((summary, items, entries))
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file; were one wrong, the plain bar would do.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
