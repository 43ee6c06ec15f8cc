//! The demo: fixtures and made-up shoppers through both functions, and what came of it.

mod report;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use millrace_lambda::KinesisBatch;

use super::pipeline::{Consuming, feed, finish};
use crate::cli::Ports;
use crate::clock::now_ms;
use crate::error::Error;
use crate::input::{Input, Repeated};
use crate::mapping::{Functions, Until};
use crate::options::{Limits, Tuning};
use crate::output::{Run, claim};
use crate::shoppers::Shoppers;
use crate::trouble::Trouble;
use crate::world::World;

/// Where the demo writes; nothing else does, so it may be replaced.
const OUT: &str = "out/demo";
/// Events of made-up shoppers.
const EVENTS: usize = 5_000;
/// The made-up shoppers.
const SHOPPERS: usize = 200;
/// The first of them starts at 2025-11-03T08:00:00Z.
const FROM_MS: i64 = 1_762_156_800_000;
/// Write requests that DynamoDB throttles.
const THROTTLED_WRITES: u64 = 3;

/// The fixtures that are put into the stream, by name.
const FIXTURES: [(&str, &str); 10] = [
    ("visit", include_str!("../../../events/sessions/visit.json")),
    ("duplicate", include_str!("../../../events/sessions/duplicate.json")),
    ("late", include_str!("../../../events/sessions/late.json")),
    ("out-of-order", include_str!("../../../events/sessions/out-of-order.json")),
    ("invalid", include_str!("../../../events/sessions/invalid.json")),
    ("collision", include_str!("../../../events/sessions/collision.json")),
    ("kpl-aggregate", include_str!("../../../events/sessions/kpl-aggregate.json")),
    ("cloudevents-batch", include_str!("../../../events/sessions/cloudevents-batch.json")),
    ("return", include_str!("../../../events/sessions/return.json")),
    ("passed-over", include_str!("../../../events/sessions/passed-over.json")),
];

pub(crate) async fn run() -> Result<(), Error> {
    let out = Path::new(OUT);
    claim(out, true)?;
    let tuning = tuning();
    println!("Starting Kinesis, DynamoDB and Firehose on loopback.");
    let world = World::start(out, tuning.shards, Ports::ANY).await?;
    let trouble = Trouble::throttled_writes(THROTTLED_WRITES);
    let functions = Arc::new(Functions::linked(&tuning, &world.clients.endpoints, Some(trouble))?);
    let fixtures = fixtures()?;
    report::intro(FIXTURES.len(), fixtures.len(), EVENTS, THROTTLED_WRITES);
    let shoppers = Shoppers::new(SHOPPERS, 1, FROM_MS).take(EVENTS).map(Ok);
    let inputs = fixtures.into_iter().map(Ok).chain(Repeated::new(shoppers, 50, 1));
    let started_ms = now_ms();
    let events_in = feed(&world, inputs).await?;
    let (limits, until) = (Limits::default(), Until::Drained);
    let consuming = Consuming { tuning: &tuning, limits, out, until, total: events_in };
    let given_up = consuming.run(&world, &functions).await?;
    let run = Run { settings: &tuning, events_in, started_ms, given_up };
    let (summary, items, entries) = finish(&world, &functions, out, run).await?;
    report::print(&summary, &items, &entries, out);
    Ok(())
}

fn tuning() -> Tuning {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    Tuning {
        shards: 2,
        batch_size: 500,
        batch_window: Duration::ZERO,
        parallelization_factor: 1,
        gap: minutes(30),
        lateness: minutes(10),
        money_horizon: minutes(48 * 60),
        activity_horizon: minutes(10),
    }
}

fn fixtures() -> Result<Vec<Input>, Error> {
    let mut inputs = Vec::new();
    for (name, text) in FIXTURES {
        let batch: KinesisBatch = serde_json::from_str(text)
            .map_err(|error| Error::Input { path: name.into(), why: error.to_string() })?;
        let records = batch.records.into_iter();
        inputs.extend(records.map(|record| Input { partition_key: record.partition_key, data: record.data }));
    }
    Ok(inputs)
}
