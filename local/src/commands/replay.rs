//! `replay`: files of events through the whole system, until everything is done.

use std::sync::Arc;

use super::pipeline::{Consuming, feed, finish};
use crate::cli::{Ports, Replay};
use crate::clock::now_ms;
use crate::error::Error;
use crate::input::{self, Repeated};
use crate::mapping::{Functions, Until};
use crate::output::{Run, Summary, TroubleSummary, claim, number};
use crate::trouble::Trouble;
use crate::world::World;

pub(crate) async fn run(options: &Replay) -> Result<(), Error> {
    let (out, tuning) = (options.out.as_path(), &options.tuning);
    options.check()?;
    tuning.sessions_config()?;
    let inputs = input::read(&options.files)?;
    claim(out, false)?;
    let ports = if options.functions.is_some() { options.ports } else { Ports::ANY };
    let world = World::start(out, tuning.shards, ports).await?;
    let started_ms = now_ms();
    let events_in = match options.duplicates_within {
        None => feed(&world, inputs).await?,
        Some(within) => feed(&world, Repeated::new(inputs, within, options.seed)).await?,
    };
    let functions = Arc::new(match &options.functions {
        // Trouble counts its time from here.
        None => {
            let trouble = options.faults.map(|seed| Trouble::drawn(seed, options.limits.age_limit));
            Functions::linked(tuning, &world.clients.endpoints, trouble)?
        }
        Some(url) => Functions::remote(url),
    });
    let (limits, until) = (options.limits.clone(), Until::Drained);
    let consuming = Consuming { tuning, limits, out, until, total: events_in };
    let given_up = consuming.run(&world, &functions).await?;
    let run = Run { settings: tuning, events_in, started_ms, given_up };
    let (summary, items, _) = finish(&world, &functions, out, run).await?;
    print(options, &summary, items.len());
    match summary.lake_errors.values().sum::<u64>() {
        0 => Ok(()),
        rows => Err(Error::Usage(format!(
            "{rows} rows could not be delivered to the lake; they are in {}, each with its reason",
            out.join("lake-errors").display()
        ))),
    }
}

fn print(options: &Replay, summary: &Summary, items: usize) {
    println!("{} records in {:.1} s", number(summary.events_in), summary.wall_ms as f64 / 1_000.0);
    for (name, function) in &summary.functions {
        println!("{name:<10} {} in {} batches", function.verdicts_text(), number(function.batches));
    }
    if options.functions.is_some() {
        println!("verdicts   in the metrics lines that the functions print where they run");
    }
    if let Some(trouble) = &summary.trouble {
        print_trouble(trouble);
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
    let mut any = false;
    for (function, given_up) in summary.given_up.iter().filter(|(_, given_up)| given_up.records > 0) {
        any = true;
        let (records, objects) = (number(given_up.records), number(given_up.objects));
        println!("given up   {records} records of {function} in {objects} objects under on-failure");
    }
    println!("written to {}", options.out.display());
    if any {
        println!(
            "next:      cargo run --release -- redrive {} --source on-failure --mode dry-run",
            options.out.display()
        );
    }
}

fn print_trouble(trouble: &TroubleSummary) {
    for outage in &trouble.outages {
        println!(
            "outage     of {} from {:.1} s to {:.1} s",
            outage.call,
            outage.from_ms as f64 / 1_000.0,
            outage.to_ms as f64 / 1_000.0
        );
    }
    for (of, kinds) in &trouble.struck {
        let kinds: Vec<_> = kinds
            .iter()
            .map(|(kind, count)| format!("{} {}", kind.replace('_', " "), number(*count)))
            .collect();
        println!("faults     {of}: {}", kinds.join(", "));
    }
}
