//! `redrive`: dead letters of a replay, back through the stream.

mod options;
mod report;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use millrace_aws::KinesisStream;
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};
use millrace_lambda::{Deadline, Meter};
pub(crate) use options::Redrive;
use redrive::{Answer, Config, Mode, Request};

use super::pipeline::{Consuming, save};
use super::schedule::Schedule;
use crate::cli::Ports;
use crate::error::Error;
use crate::mapping::Functions;
use crate::objects::{FolderObjects, Held};
use crate::options::{EVENTS_STREAM, Limits, TABLES};
use crate::output::{Course, Entry, FunctionSummary, load_table, read_course, reasons};
use crate::world::World;

/// What a redrive came to.
#[derive(Debug, serde::Serialize)]
struct Redriven {
    #[serde(flatten)]
    answer: Answer,
    /// What the functions did with what came back.
    functions: BTreeMap<String, FunctionSummary>,
    /// Entries that were added to the quarantine, by reason.
    quarantined: BTreeMap<String, u64>,
    /// Late events that were added to `late.jsonl`.
    late: u64,
}

pub(crate) async fn run(options: &Redrive) -> Result<(), Error> {
    let request = options.request()?;
    let config = config()?;
    let redriven = match request.mode {
        Mode::List | Mode::DryRun => {
            read_course(&options.dir)?;
            let objects = FolderObjects::new(&options.dir);
            let answer = redrive::run(&objects, &NoStream, &config, &request, Deadline::NONE).await;
            Redriven { answer, functions: BTreeMap::new(), quarantined: BTreeMap::new(), late: 0 }
        }
        Mode::Run => bring_back(&options.dir, &config, &request).await?,
    };
    report::print(options, &redriven)
}

/// Redrives, lets the functions do it all, and writes what they did before any mark: were the process to die in
/// between, the next run would send the same again, which changes nothing twice.
async fn bring_back(out: &Path, config: &Config, request: &Request) -> Result<Redriven, Error> {
    let Course { settings: tuning, largest_event_time_ms } = read_course(out)?;
    let world = World::start(out, tuning.shards, Ports::ANY).await?;
    for table in TABLES {
        load_table(&world.clients.dynamodb, out, table).await?;
    }
    let before = reasons(&Entry::all(out)?);
    let marks = Held::new(FolderObjects::new(out));
    let kinesis = world.clients.kinesis.clone();
    let meter = Arc::new(Meter::default());
    let stream = KinesisStream::new(kinesis, EVENTS_STREAM.to_owned(), config.record_limit_bytes, meter);
    let answer = redrive::run(&marks, &stream, config, request, Deadline::NONE).await;
    let schedule = Schedule::of(largest_event_time_ms, &tuning, true);
    let functions = Arc::new(Functions::linked(&tuning, &world.clients.endpoints, schedule.clock(), None)?);
    if answer.counts.sent > 0 {
        let (limits, ending) = (Limits::default(), Some(schedule));
        let total = answer.counts.sent;
        Consuming { tuning: &tuning, limits, out, ending, total }.run(&world, &functions).await?;
        save(&world, &functions, out).await?;
    }
    marks.release().await.map_err(Error::output(out))?;
    let mut quarantined = reasons(&Entry::all(out)?);
    for (reason, count) in &mut quarantined {
        *count = count.saturating_sub(before.get(reason).copied().unwrap_or_default());
    }
    quarantined.retain(|_, count| *count > 0);
    Ok(Redriven {
        answer,
        functions: FunctionSummary::all(functions.metrics()),
        quarantined,
        late: functions.late().len() as u64,
    })
}

/// The settings of the function, with the names that functions have here.
fn config() -> Result<Config, Error> {
    let variables = [
        ("DEAD_LETTER_BUCKET", "local"),
        ("EVENTS_STREAM", EVENTS_STREAM),
        ("SESSIONS_FUNCTION_NAME", "sessions"),
        ("ARCHIVE_FUNCTION_NAME", "archive"),
        ("FRAUD_FUNCTION_NAME", "fraud"),
        ("INVENTORY_FUNCTION_NAME", "inventory"),
    ];
    let look_up =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Config::read(look_up).map_err(|error| Error::Usage(error.to_string()))
}

/// A stream for modes that send nothing.
struct NoStream;

impl RecordStream for NoStream {
    async fn put(&self, records: &[OutgoingRecord], _deadline: Deadline) -> Vec<Put> {
        records.iter().map(|_| Put::NotAccepted("there is no stream".to_owned())).collect()
    }
}
