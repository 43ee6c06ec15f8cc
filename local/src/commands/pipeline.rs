//! What demo, replay and serve have in common: events in, batches out, files at the end.

use std::path::Path;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::input::{Input, Producer};
use crate::mapping::{Driver, FUNCTIONS, Functions, Until};
use crate::options::{SESSIONS_TABLE, Tuning};
use crate::output::{Entry, Summary, read_table, write_table};
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

/// Runs the mappings of both functions; `total` is the number of records to expect.
pub(crate) async fn consume(
    world: &World,
    functions: &Arc<Functions>,
    tuning: &Tuning,
    (out, until, total): (&Path, Until, u64),
) -> Result<(), Error> {
    let bars = MultiProgress::new();
    let mut drivers = JoinSet::new();
    for function in FUNCTIONS {
        let bar = match until {
            Until::Drained => ProgressBar::new(total),
            Until::Stopped => ProgressBar::hidden(),
        };
        bar.set_style(style("{spinner} {prefix:<10} {wide_bar} {human_pos}/{human_len} records ({per_sec})"));
        bar.set_prefix(function);
        let around = (out.join("on-failure"), until, bars.add(bar));
        let driver = Driver::new(function, Arc::clone(functions), &world.clients, tuning, around)?;
        drivers.spawn(driver.run());
    }
    while let Some(driver) = drivers.join_next().await {
        driver.map_err(Error::service("running an event source mapping"))??;
    }
    Ok(())
}

/// Delivers what is buffered and writes tables and summary.
pub(crate) async fn finish(
    world: &World,
    functions: &Functions,
    out: &Path,
    (events_in, started_ms): (u64, u64),
) -> Result<(Summary, Vec<Value>, Vec<Entry>), Error> {
    world.flush().await?;
    let wall_ms = crate::clock::now_ms().saturating_sub(started_ms);
    let (items, item_bytes) = read_table(&world.clients.dynamodb, SESSIONS_TABLE).await?;
    write_table(out, SESSIONS_TABLE, &items)?;
    let entries = Entry::all(out)?;
    let summary =
        Summary::of((events_in, wall_ms), item_bytes, functions.metrics(), &world.firehose.stats(), &entries);
    summary.write(out)?;
    Ok((summary, items, entries))
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file; were one wrong, the plain bar would do.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
