//! `replay`: files of events through the whole system, until everything is done.

use std::sync::Arc;

use millrace_lambda::emf::Metric;

use super::pipeline::{Consuming, Saved, feed, finish};
use super::reorder_points::{load as load_reorder_points, read as reorder_points};
use super::schedule::Schedule;
use crate::cli::{Ports, Replay};
use crate::clock::now_ms;
use crate::error::Error;
use crate::input::{self, Input, LineNotPut, NotPut, Producer, Repeated};
use crate::mapping::Functions;
use crate::options::{REORDER_POINTS_TABLE, SIGNALS_STREAM};
use crate::output::{Run, Summary, TroubleSummary, claim, fraud_by_rule, number, write_not_put};
use crate::say::say;
use crate::trouble::Trouble;
use crate::world::World;

pub(crate) async fn run(options: &Replay) -> Result<(), Error> {
    let (out, tuning) = (options.out.as_path(), &options.tuning);
    options.check()?;
    tuning.functions()?;
    let points = options.reorder_points.as_deref().map(reorder_points).transpose()?;
    let opening = match options.opening_stock {
        Some(on_hand) => input::opening_stock(&options.files, on_hand)?,
        None => Vec::new(),
    };
    // Before anything is made: a file that is refused leaves nothing behind.
    let not_put = NotPut::default();
    let inputs = input::read(&options.files, &not_put)?;
    let claimed = claim(out, false)?;
    let ports = if options.functions_url.is_some() { options.ports } else { Ports::ANY };
    let world = World::start(out, tuning.shards, ports).await?;
    if let Some(points) = points {
        load_reorder_points(&world.clients.dynamodb, REORDER_POINTS_TABLE, &points).await?;
    }
    claimed.keep();
    count_before_anything_is_emitted(&world, &opening).await?;
    let inputs = opening.into_iter().map(Ok).chain(inputs);
    let started_ms = now_ms();
    let fed = match options.duplicates_within {
        None => feed(&world, inputs).await?,
        Some(within) => feed(&world, Repeated::new(inputs, within, options.seed)).await?,
    };
    let schedule = Schedule::of(fed.largest_event_time_ms, tuning, !options.keep_open);
    let functions = Arc::new(match &options.functions_url {
        // Trouble counts its time from here.
        None => {
            let trouble = options.faults.map(|seed| Trouble::drawn(seed, options.limits.maximum_record_age));
            Functions::linked(tuning, &world.clients.endpoints, schedule.clock(), trouble)?
        }
        Some(url) => Functions::remote(url),
    });
    let (limits, ending) = (options.limits.clone(), Some(schedule));
    let consuming = Consuming { tuning, limits, out, ending, total: fed.records };
    let discarded = consuming.run(&world, &functions).await?;
    let run = Run { settings: tuning, fed, started_ms, discarded };
    let (summary, saved, _) = finish(&world, &functions, out, run).await?;
    let not_put = not_put.all();
    write_not_put(out, &not_put)?;
    let printed = print(options, &summary, &saved, &not_put);
    match summary.lake_errors.values().sum::<u64>() {
        0 => printed,
        rows => Err(Error::Usage(format!(
            "{rows} rows could not be delivered to the lake; they are in {}, each with its reason",
            out.join("lake-errors").display()
        ))),
    }
}

/// Puts counts at the head of the stream of signals. `inventory` passes them on into it as well, but maybe behind sales of
/// so many days that a count could not be put in order any more; what it passes on is then a repeat.
async fn count_before_anything_is_emitted(world: &World, counts: &[Input]) -> Result<(), Error> {
    let mut producer = Producer::new(world.clients.kinesis.clone(), SIGNALS_STREAM);
    for count in counts {
        producer.send(count.clone()).await?;
    }
    producer.flush().await
}

fn print(options: &Replay, summary: &Summary, saved: &Saved, not_put: &[LineNotPut]) -> Result<(), Error> {
    say!("{} records in {:.1} s", number(summary.records_in), summary.wall_ms as f64 / 1_000.0)?;
    for (name, function) in &summary.functions {
        say!("{name:<10} {} in {} invocations", function.verdicts_text(), number(function.invocations))?;
    }
    for (name, function) in &summary.functions {
        let events: u64 = function.verdicts.values().sum::<u64>().max(1);
        let of = |metric: Metric| function.metric(metric) as f64 * 1_000.0 / events as f64;
        say!(
            "cost       {name}: {:.0} read and {:.0} write capacity units for 1,000 events and signals",
            of(Metric::READ_CAPACITY_UNITS),
            of(Metric::WRITE_CAPACITY_UNITS)
        )?;
    }
    if options.functions_url.is_some() {
        say!("verdicts   in the metrics lines that the functions print where they run")?;
    }
    if let Some(trouble) = &summary.faults {
        print_trouble(trouble)?;
    }
    let reasons: Vec<_> =
        summary.quarantine.iter().map(|(reason, count)| format!("{reason} {}", number(*count))).collect();
    for (table, sizes) in summary.item_bytes.iter().filter(|(_, sizes)| sizes.items > 0) {
        say!(
            "table      {table}: {} items, median {} bytes, largest {}",
            number(sizes.items as u64),
            sizes.median,
            sizes.largest
        )?;
    }
    for (signal, count) in &summary.signals {
        say!("signal     {signal} {}", number(*count))?;
    }
    let rules = options.functions_url.is_none().then_some(&options.tuning.rules);
    for line in fraud_by_rule(&saved.signals, rules) {
        say!("fraud      {line}")?;
    }
    say!("lake       {} rows in {} partitions", number(summary.rows()), summary.lake_rows.len())?;
    say!("quarantine {}", if reasons.is_empty() { "empty".to_owned() } else { reasons.join(", ") })?;
    if !not_put.is_empty() {
        let lines = number(not_put.len() as u64);
        say!("not put    {lines} lines that no stream takes; not-put.jsonl names each with its file")?;
    }
    let mut any = false;
    for (function, discarded) in summary.discarded.iter().filter(|(_, discarded)| discarded.records > 0) {
        any = true;
        let (records, objects) = (number(discarded.records), number(discarded.objects));
        say!("discarded  {records} records of {function} in {objects} objects under on-failure")?;
    }
    say!("written to {}", options.out.display())?;
    if any {
        say!(
            "next:      cargo run --release -- redrive {} --dead-letters on-failure --mode dry-run",
            options.out.display()
        )?;
    }
    Ok(())
}

fn print_trouble(trouble: &TroubleSummary) -> Result<(), Error> {
    for outage in &trouble.outages {
        say!(
            "outage     of {} from {:.1} s to {:.1} s",
            outage.call,
            outage.from_ms as f64 / 1_000.0,
            outage.to_ms as f64 / 1_000.0
        )?;
    }
    for (of, kinds) in &trouble.injected {
        let kinds: Vec<_> = kinds
            .iter()
            .map(|(kind, count)| format!("{} {}", kind.replace('_', " "), number(*count)))
            .collect();
        say!("faults     {of}: {}", kinds.join(", "))?;
    }
    Ok(())
}
