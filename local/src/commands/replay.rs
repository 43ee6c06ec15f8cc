//! `replay`: files of events through the whole system, until everything is done.

use std::sync::Arc;

use super::pipeline::{consume, feed, finish};
use crate::cli::{Ports, Replay};
use crate::clock::now_ms;
use crate::error::Error;
use crate::input::{self, Repeated};
use crate::mapping::{Functions, Until};
use crate::output::{Summary, claim, number};
use crate::world::{Trouble, World};

pub(crate) async fn run(options: &Replay) -> Result<(), Error> {
    options.tuning.sessions_config()?;
    let inputs = input::read(&options.files)?;
    claim(&options.out, false)?;
    let ports = if options.functions.is_some() { options.ports } else { Ports::ANY };
    let world = World::start(&options.out, options.tuning.shards, ports, Trouble::default()).await?;
    let functions = Arc::new(match &options.functions {
        None => Functions::linked(&options.tuning, &world.clients)?,
        Some(url) => Functions::remote(url),
    });
    let started_ms = now_ms();
    let events_in = match options.duplicates_within {
        None => feed(&world, inputs).await?,
        Some(within) => feed(&world, Repeated::new(inputs, within, options.seed)).await?,
    };
    consume(&world, &functions, &options.tuning, (&options.out, Until::Drained, events_in)).await?;
    let (summary, items, _) = finish(&world, &functions, &options.out, (events_in, started_ms)).await?;
    print(options, &summary, items.len());
    match summary.lake_errors.values().sum::<u64>() {
        0 => Ok(()),
        rows => Err(Error::Usage(format!(
            "{rows} rows could not be delivered to the lake; they are in {}, each with its reason",
            options.out.join("lake-errors").display()
        ))),
    }
}

fn print(options: &Replay, summary: &Summary, items: usize) {
    println!("{} records in {:.1} s", number(summary.events_in), summary.wall_ms as f64 / 1_000.0);
    for (name, function) in &summary.functions {
        let verdicts = function.verdicts.iter().filter(|(_, count)| **count > 0);
        let verdicts: Vec<_> =
            verdicts.map(|(verdict, count)| format!("{verdict} {}", number(*count))).collect();
        println!("{name:<10} {} in {} batches", verdicts.join(", "), number(function.batches));
    }
    if options.functions.is_some() {
        println!("verdicts   in the metrics lines that the functions print where they run");
    }
    let reasons: Vec<_> =
        summary.quarantine.iter().map(|(reason, count)| format!("{reason} {}", number(*count))).collect();
    let sizes = summary.item_bytes;
    println!(
        "table      {} items, median {} bytes, largest {}",
        number(items as u64),
        sizes.median,
        sizes.largest
    );
    println!("lake       {} rows in {} partitions", number(summary.rows()), summary.lake_rows.len());
    println!("quarantine {}", if reasons.is_empty() { "empty".to_owned() } else { reasons.join(", ") });
    println!("written to {}", options.out.display());
}
