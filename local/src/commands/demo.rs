//! The demo: fixtures and made-up users through both functions, and what came of it.

mod report;

use std::path::Path;
use std::sync::Arc;

use millrace_lambda::KinesisBatch;

use super::pipeline::{Consuming, feed, finish};
use super::schedule::Schedule;
use crate::cli::Ports;
use crate::clock::now_ms;
use crate::error::Error;
use crate::input::{Input, Repeated};
use crate::made_up_users::MadeUpUsers;
use crate::mapping::Functions;
use crate::options::{Limits, Tuning};
use crate::output::{Run, claim};
use crate::say::say;
use crate::trouble::Trouble;
use crate::world::World;

/// Where the demo writes; nothing else does, so it may be replaced.
const OUT: &str = "out/demo";
/// Events of made-up users.
const EVENTS: usize = 5_000;
/// The made-up users.
const USERS: usize = 200;
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
    ("ignored", include_str!("../../../events/sessions/ignored.json")),
];

pub(crate) async fn run() -> Result<(), Error> {
    let out = Path::new(OUT);
    let claimed = claim(out, true)?;
    let tuning = Tuning { shards: 2, batch_size: 500, ..Tuning::usual() };
    say!("Starting Kinesis, DynamoDB and Firehose on loopback.")?;
    let world = World::start(out, tuning.shards, Ports::ANY).await?;
    claimed.keep();
    let trouble = Trouble::throttled_writes(THROTTLED_WRITES);
    let started_ms = now_ms();
    let fixtures = fixtures()?;
    report::intro(FIXTURES.len(), fixtures.len(), EVENTS, THROTTLED_WRITES)?;
    let made_up = MadeUpUsers::new(USERS, 1, FROM_MS).take(EVENTS).map(Ok);
    let inputs = fixtures.into_iter().map(Ok).chain(Repeated::new(made_up, 50, 1));
    let fed = feed(&world, inputs).await?;
    let schedule = Schedule::of(fed.largest_event_time_ms, &tuning, true);
    let functions =
        Arc::new(Functions::linked(&tuning, &world.clients.endpoints, schedule.clock(), Some(trouble))?);
    let (limits, ending) = (Limits::default(), Some(schedule));
    let consuming = Consuming { tuning: &tuning, limits, out, ending, total: fed.records };
    let discarded = consuming.run(&world, &functions).await?;
    let run = Run { settings: &tuning, fed, started_ms, discarded };
    let (summary, saved, entries) = finish(&world, &functions, out, run).await?;
    report::print(&summary, &saved, &entries, out)
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
