//! One event source mapping: reads the stream, invokes a function, writes what it discards.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use event_source_mapping::{Action, Discarded, Invocation, Mapping, Outcome, Token};
use futures::stream::{FuturesUnordered, StreamExt};
use indicatif::ProgressBar;

use serde::Serialize;

use super::clock::MappingClock;
use super::ending::{Ending, Idle};
use super::functions::{Functions, Invoked};
use super::reader::Reader;
use super::setup::{MappingOf, info, settings};
use crate::clock::now_ms;
use crate::error::Error;
use crate::options::{Limits, Tuning};
use crate::output::write_whole;
use crate::world::Clients;

/// Most attempts in a row that nobody answers before a run ends with an error.
const NOT_INVOKED_LIMIT: u32 = 30;

/// Pause after a page at the tip of a shard, in milliseconds: Lambda polls once a second. Who waits for the end of a
/// run does not want to wait for that. The pause doubles with each empty page, up to the last one, since a run with remote
/// functions waits for minutes until its timers are due.
const IDLE_MS: RangeInclusive<u64> = 1_000..=1_000;
const IDLE_BEFORE_THE_END_MS: RangeInclusive<u64> = 20..=160;

/// What a mapping discarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DiscardedCounts {
    /// Objects under `on-failure`.
    pub(crate) objects: u64,
    /// Records in them.
    pub(crate) records: u64,
}

impl DiscardedCounts {
    /// Adds what another mapping discarded.
    pub(crate) fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.records += other.records;
    }
}

/// What is around a mapping.
pub(crate) struct Around {
    /// The folder of the on-failure destination.
    pub(crate) failures: PathBuf,
    pub(crate) ending: Option<Ending>,
    pub(crate) clock: MappingClock,
    pub(crate) progress: ProgressBar,
}

/// A mapping and its surroundings.
pub(crate) struct Driver {
    of: MappingOf,
    mapping: Mapping,
    reader: Reader,
    functions: Arc<Functions>,
    around: Around,
    read_ahead: usize,
    not_invoked: u32,
    discarded: DiscardedCounts,
}

/// An invocation under way: the shard, its token, and how it ended.
type Invoking = Pin<Box<dyn Future<Output = (Arc<str>, Token, Invoked)> + Send>>;
type InFlight = FuturesUnordered<Invoking>;

impl Driver {
    /// A mapping of a stream to a function, set up as the template sets it up.
    pub(crate) fn new(
        of: MappingOf,
        functions: Arc<Functions>,
        clients: &Clients,
        (tuning, limits): (&Tuning, &Limits),
        around: Around,
    ) -> Result<Self, Error> {
        let settings = settings(of, tuning, limits, around.clock);
        let read_ahead = settings.batch_size.saturating_mul(settings.parallelization_factor).max(1_000);
        let mapping =
            Mapping::new(settings, Arc::new(info(of))).map_err(|error| Error::Usage(error.to_string()))?;
        let idle_ms = if around.ending.is_some() { IDLE_BEFORE_THE_END_MS } else { IDLE_MS };
        let reader = Reader::new(clients.kinesis.clone(), of.stream, idle_ms);
        let discarded = DiscardedCounts::default();
        Ok(Self { of, mapping, reader, functions, around, read_ahead, not_invoked: 0, discarded })
    }

    /// Runs until it is done; gives back what it discarded.
    pub(crate) async fn run(mut self) -> Result<DiscardedCounts, Error> {
        let mut in_flight = InFlight::new();
        self.list_shards().await?;
        loop {
            while let Some(shard_id) = self.mapping.start_next() {
                self.reader.start(shard_id).await?;
            }
            self.read().await?;
            let wait = match self.act(&mut in_flight).await? {
                Some(wait) => wait,
                None if self.around.ending.is_some() => return Ok(self.discarded),
                None => now_ms() + 1_000,
            };
            if let Some(ending) = &self.around.ending {
                let nothing_waits = in_flight.is_empty() && self.mapping.buffered() == 0;
                let (records, empty_pages) = (self.reader.records(), self.reader.empty_pages());
                ending.stands(nothing_waits.then_some(Idle { records, empty_pages }));
            }
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
            for mut record in page.records {
                record.approximate_arrival_ms = self.around.clock.at(record.approximate_arrival_ms);
                shard
                    .push(record, self.around.clock.at(now))
                    .map_err(|error| Error::Usage(error.to_string()))?;
            }
            let drained = page.at_tip && self.around.ending.as_ref().is_some_and(Ending::has_come);
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
            let mapping_now = self.around.clock.at(now);
            match self.mapping.poll(mapping_now) {
                None => return Ok(None),
                Some(Action::Invoke(invocation)) => in_flight.push(self.invoke(invocation)),
                Some(Action::Discard(discarded)) => self.discard(&discarded, mapping_now)?,
                Some(Action::Finished(shard_id)) => {
                    self.reader.stop(&shard_id);
                    if self.around.ending.is_none() {
                        self.list_shards().await?;
                    }
                    return Ok(Some(now));
                }
                Some(Action::WaitUntil(at)) => return Ok(Some(self.around.clock.wall(at).min(idle))),
                Some(Action::WaitForInvocations | Action::WaitForRecords) => return Ok(Some(idle)),
            }
        }
    }

    fn discard(&mut self, discarded: &Discarded, mapping_now: u64) -> Result<(), Error> {
        let record = discarded.failure_record(mapping_now);
        let record = record.map_err(|error| Error::Usage(error.to_string()))?;
        write_whole(&self.around.failures.join(record.key), &record.body)?;
        let records = discarded.records.len() as u64;
        self.discarded.objects += 1;
        self.discarded.records += records;
        self.around.progress.inc(records);
        Ok(())
    }

    fn invoke(&self, invocation: Invocation) -> Invoking {
        let (functions, function) = (Arc::clone(&self.functions), self.of.function);
        Box::pin(async move {
            let invoked = functions.invoke(function, &invocation).await;
            (Arc::clone(invocation.shard_id()), invocation.token, invoked)
        })
    }

    fn complete(&mut self, shard_id: &str, token: Token, invoked: &Invoked) -> Result<(), Error> {
        let outcome = match invoked {
            Invoked::Returned(body) => Outcome::Returned(body),
            Invoked::Failed(why) => {
                tracing::warn!(function = self.of.function, error = why, "an invocation failed");
                Outcome::FunctionError
            }
            Invoked::NotAtAll(_) => Outcome::NotInvoked,
        };
        self.not_invoked = if outcome == Outcome::NotInvoked { self.not_invoked + 1 } else { 0 };
        if let (Invoked::NotAtAll(why), true) =
            (invoked, self.not_invoked > NOT_INVOKED_LIMIT && self.around.ending.is_some())
        {
            return Err(Error::Usage(format!(
                "{} was not invoked {NOT_INVOKED_LIMIT} times in a row: {why}; is the server at --functions-url running?",
                self.of.function
            )));
        }
        let shard = self.mapping.shard_mut(shard_id).map_err(|error| Error::Usage(error.to_string()))?;
        let now = self.around.clock.at(now_ms());
        let done = shard.complete(token, outcome, now).map_err(|error| Error::Usage(error.to_string()))?;
        self.around.progress.inc(done.succeeded as u64);
        Ok(())
    }
}
