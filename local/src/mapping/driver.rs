//! One event source mapping: reads the stream, invokes a function, writes what is given up.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use event_source_mapping::{Action, Invocation, Mapping, MappingInfo, Outcome, Settings, Token};
use futures::stream::{FuturesUnordered, StreamExt};
use indicatif::ProgressBar;

use super::functions::{Functions, Invoked};
use super::reader::Reader;
use crate::clock::now_ms;
use crate::error::Error;
use crate::options::{EVENTS_STREAM, Tuning};
use crate::world::Clients;

/// Most attempts in a row that nobody answers before a run gives up.
const REFUSED_LIMIT: u32 = 30;

/// When the mapping is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// When everything in the stream is done.
    Drained,
    /// Never.
    Stopped,
}

/// A mapping and its surroundings.
pub(crate) struct Driver {
    function: &'static str,
    mapping: Mapping,
    reader: Reader,
    functions: Arc<Functions>,
    failures: PathBuf,
    until: Until,
    read_ahead: usize,
    refused: u32,
    progress: ProgressBar,
}

/// An invocation under way: the shard, its token, and how it ended.
type Invoking = Pin<Box<dyn Future<Output = (Arc<str>, Token, Invoked)> + Send>>;
type InFlight = FuturesUnordered<Invoking>;

impl Driver {
    /// A mapping of the stream of events to `function`, set up as the template sets it up.
    pub(crate) fn new(
        function: &'static str,
        functions: Arc<Functions>,
        clients: &Clients,
        tuning: &Tuning,
        (failures, until, progress): (PathBuf, Until, ProgressBar),
    ) -> Result<Self, Error> {
        let settings = Settings {
            batch_size: tuning.batch_size,
            batching_window_ms: u64::try_from(tuning.batch_window.as_millis()).unwrap_or(u64::MAX),
            parallelization_factor: tuning.parallelization_factor,
            bisect_batch_on_function_error: true,
            report_batch_item_failures: true,
            backoff_initial_ms: 100,
            backoff_max_ms: 5_000,
            ..Settings::default()
        };
        let read_ahead = settings.batch_size.saturating_mul(settings.parallelization_factor).max(1_000);
        let mapping = Mapping::new(settings, Arc::new(info(function)))
            .map_err(|error| Error::Usage(error.to_string()))?;
        let reader = Reader::new(clients.kinesis.clone());
        Ok(Self { function, mapping, reader, functions, failures, until, read_ahead, refused: 0, progress })
    }

    /// Runs until it is done.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let mut in_flight = InFlight::new();
        self.list_shards().await?;
        loop {
            while let Some(shard_id) = self.mapping.start_next() {
                self.reader.start(shard_id).await?;
            }
            self.read().await?;
            let wait = match self.act(&mut in_flight).await? {
                Some(wait) => wait,
                None if self.until == Until::Drained => return Ok(()),
                None => now_ms() + 1_000,
            };
            let sleep = Duration::from_millis(wait.saturating_sub(now_ms()).min(1_000));
            tokio::select! {
                Some((shard_id, token, invoked)) = in_flight.next() => self.complete(&shard_id, token, &invoked)?,
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    async fn list_shards(&mut self) -> Result<(), Error> {
        for shard in self.reader.list_shards().await? {
            self.mapping.add_shard(shard);
        }
        Ok(())
    }

    /// Reads every shard that is due and has room.
    async fn read(&mut self) -> Result<(), Error> {
        let now = now_ms();
        for shard_id in self.reader.due(now) {
            let Ok(shard) = self.mapping.shard_mut(&shard_id) else {
                self.reader.stop(&shard_id);
                continue;
            };
            if shard.buffered() >= self.read_ahead {
                continue;
            }
            let page = self.reader.read(&shard_id, now).await?;
            for record in page.records {
                shard.push(record, now).map_err(|error| Error::Usage(error.to_string()))?;
            }
            let drained = page.at_tip && self.until == Until::Drained;
            if page.ended || drained {
                shard.close();
                self.reader.stop(&shard_id);
            }
        }
        Ok(())
    }

    /// Does what the mapping asks for; gives back until when there is nothing to do, `None` when there are no
    /// shards left.
    async fn act(&mut self, in_flight: &mut InFlight) -> Result<Option<u64>, Error> {
        loop {
            let now = now_ms();
            let idle = self.reader.next_due_ms().unwrap_or(u64::MAX).max(now + 1);
            match self.mapping.poll(now) {
                None => return Ok(None),
                Some(Action::Invoke(invocation)) => in_flight.push(self.invoke(invocation)),
                Some(Action::Discard(discarded)) => {
                    let record =
                        discarded.failure_record(now).map_err(|error| Error::Usage(error.to_string()))?;
                    let path = self.failures.join(record.key);
                    if let Some(folder) = path.parent() {
                        std::fs::create_dir_all(folder).map_err(Error::output(folder))?;
                    }
                    std::fs::write(&path, record.body).map_err(Error::output(&path))?;
                }
                Some(Action::Finished(shard_id)) => {
                    self.reader.stop(&shard_id);
                    if self.until == Until::Stopped {
                        self.list_shards().await?;
                    }
                    return Ok(Some(now));
                }
                Some(Action::WaitUntil(at)) => return Ok(Some(at.min(idle))),
                Some(Action::WaitForInvocations | Action::WaitForRecords) => return Ok(Some(idle)),
            }
        }
    }

    fn invoke(&self, invocation: Invocation) -> Invoking {
        let (functions, function) = (Arc::clone(&self.functions), self.function);
        Box::pin(async move {
            let invoked = functions.invoke(function, invocation.event()).await;
            (Arc::clone(invocation.shard_id()), invocation.token, invoked)
        })
    }

    fn complete(&mut self, shard_id: &str, token: Token, invoked: &Invoked) -> Result<(), Error> {
        let outcome = match invoked {
            Invoked::Returned(body) => Outcome::Returned(body),
            Invoked::Failed(why) => {
                tracing::warn!(function = self.function, why, "an invocation failed");
                Outcome::FunctionError
            }
            Invoked::Refused(_) => Outcome::NotInvoked,
        };
        self.refused = if outcome == Outcome::NotInvoked { self.refused + 1 } else { 0 };
        if let (Invoked::Refused(why), true) =
            (invoked, self.refused > REFUSED_LIMIT && self.until == Until::Drained)
        {
            return Err(Error::Usage(format!(
                "{} was not invoked {REFUSED_LIMIT} times in a row: {why}; is the server at --functions running?",
                self.function
            )));
        }
        let shard = self.mapping.shard_mut(shard_id).map_err(|error| Error::Usage(error.to_string()))?;
        let done =
            shard.complete(token, outcome, now_ms()).map_err(|error| Error::Usage(error.to_string()))?;
        self.progress.inc(done.succeeded as u64);
        Ok(())
    }
}

fn info(function: &str) -> MappingInfo {
    MappingInfo {
        mapping_uuid: format!("local-{function}"),
        stream_arn: format!("arn:aws:kinesis:us-east-1:000000000000:stream/{EVENTS_STREAM}"),
        aws_region: "us-east-1".to_owned(),
        function_arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{function}"),
        executed_version: "$LATEST".to_owned(),
        invoke_identity_arn: "arn:aws:iam::000000000000:role/local".to_owned(),
    }
}
