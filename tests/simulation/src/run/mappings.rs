//! The mappings' work: batches to functions, and what became of them back to the mappings.

use std::sync::Arc;
use std::time::Duration;

use event_source_mapping::{Action, Invocation, Outcome, Record};

use super::environment::Environment;
use super::invocation::{End, InvocationSource, Invoking};
use super::{Event, Simulation};
use crate::plan::{Consumer, Fate};
use crate::world::{Discard, RecordId};

impl Simulation {
    /// Lets every mapping go on as far as it can; gives back when to look again, since the run began.
    pub(super) fn consume(&mut self) -> Result<Option<u64>, String> {
        let now_ms = self.epoch_ms();
        let mut wake_ms: Option<u64> = None;
        for index in 0..self.feeds.len() {
            self.read(index, now_ms)?;
            loop {
                match self.feeds[index].poll(now_ms) {
                    Action::Invoke(invocation) => self.invoke(index, &invocation)?,
                    Action::Discard(discarded) => {
                        let records = ids(&discarded.records);
                        let (consumer, condition) = (self.feeds[index].consumer, discarded.condition);
                        let object = discarded.failure_record(now_ms).map_err(|error| error.to_string())?;
                        self.ending.all_redriven = false;
                        let mut services = self.world.services();
                        services.objects.insert(object.key, object.body.into());
                        services.journal.count(format!("discarded: {condition}"));
                        services.journal.discards.push(Discard { consumer, records, condition });
                    }
                    Action::Finished(_) => {
                        self.read(index, now_ms)?;
                    }
                    Action::WaitUntil(at_ms) => {
                        let elapsed_ms = at_ms.saturating_sub(now_ms) + self.world.elapsed_ms();
                        wake_ms = Some(wake_ms.map_or(elapsed_ms, |first| first.min(elapsed_ms)));
                        break;
                    }
                    Action::WaitForInvocations | Action::WaitForRecords => break,
                }
            }
        }
        Ok(wake_ms)
    }

    fn read(&mut self, index: usize, now_ms: u64) -> Result<(), String> {
        let (feed, services) = (&mut self.feeds[index], self.world.services());
        feed.read(&services.streams[feed.stream], now_ms)
    }

    fn invoke(&mut self, feed: usize, invocation: &Invocation) -> Result<(), String> {
        let consumer = self.feeds[feed].consumer;
        let shard_id = Arc::clone(invocation.shard_id());
        let source = InvocationSource { feed, consumer, shard_id, token: invocation.token };
        let process = self.fates.process(consumer, invocation);
        let (fate, mut rng) = self.fates.next(process, self.world.elapsed_ms());
        if let Some(fate) = fate {
            self.count(format!("invocation: {}", fate.name()));
        }
        if invocation.attempt > 1 {
            self.count("invocation: attempt after the first");
        }
        if fate == Some(Fate::NotInvoked) {
            return self.complete(&source, Outcome::NotInvoked);
        }
        for record in ids(&invocation.records) {
            self.world.services().journal.deliver(consumer, record);
        }
        let environment = self.environment(consumer, &mut rng);
        if let Some(Fate::Abandoned(after_ms)) = fate {
            let source = source.clone();
            self.in_flight.push(Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                Event::Invocation(source, fate, End::Abandoned)
            }));
        }
        let invoking = Invoking { process, source, event: invocation.event(), fate, timeout: self.timeout };
        let settings = self.settings.clone();
        self.in_flight.push(Box::pin(async move {
            let (source, fate, end) = invoking.run(environment, &settings).await;
            Event::Invocation(source, fate, end)
        }));
        Ok(())
    }

    /// An idle execution environment, or a new one where none is idle or chance has it.
    fn environment(&mut self, consumer: Consumer, rng: &mut fastrand::Rng) -> Environment {
        let idle = self.idle.entry(consumer).or_default();
        if !idle.is_empty() && rng.u32(0..100) >= self.cold_percent {
            let chosen = rng.usize(0..idle.len());
            return idle.swap_remove(chosen);
        }
        self.count("execution environment: new");
        self.image.start(consumer)
    }

    pub(super) fn end(
        &mut self,
        source: &InvocationSource,
        fate: Option<Fate>,
        end: End,
    ) -> Result<(), String> {
        match end {
            End::Abandoned => self.complete(source, Outcome::FunctionError),
            End::Died { why } => {
                match why.strip_prefix("broken: ") {
                    Some(why) => self.broken(why),
                    None => self.count(format!("invocation: {why}")),
                }
                self.complete_unless_abandoned(source, fate, Outcome::FunctionError)
            }
            End::Answered { body, mut run, environment } => {
                self.check_answer(&body, &run.records);
                let outcome = match fate {
                    None => Outcome::Returned(&body),
                    Some(_) => Outcome::FunctionError,
                };
                self.complete_unless_abandoned(source, fate, outcome)?;
                let journal = &mut self.world.services().journal;
                run.deliveries = journal.deliveries(run.consumer, &run.records);
                journal.runs.push(run);
                self.idle.entry(source.consumer).or_default().push(environment);
                Ok(())
            }
        }
    }

    /// The mapping completed an abandoned invocation when it abandoned it.
    fn complete_unless_abandoned(
        &mut self,
        source: &InvocationSource,
        fate: Option<Fate>,
        outcome: Outcome<'_>,
    ) -> Result<(), String> {
        match fate {
            Some(Fate::Abandoned(_)) => Ok(()),
            _ => self.complete(source, outcome),
        }
    }

    fn complete(&mut self, source: &InvocationSource, outcome: Outcome<'_>) -> Result<(), String> {
        let now_ms = self.epoch_ms();
        let feed = self.feeds.get_mut(source.feed).ok_or("no mapping")?;
        let shard = feed.mapping.shard_mut(&source.shard_id);
        let shard = shard.map_err(|error| error.to_string())?;
        shard.complete(source.token, outcome, now_ms).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// An answer names no record, or one of its batch.
    fn check_answer(&self, body: &[u8], records: &[RecordId]) {
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let failures = answer["batchItemFailures"].as_array().map(Vec::as_slice).unwrap_or_default();
        let known = |failure: &serde_json::Value| {
            failure["itemIdentifier"]
                .as_str()
                .and_then(RecordId::of)
                .is_some_and(|record| records.contains(&record))
        };
        if failures.len() > 1 || !failures.iter().all(known) || !answer["batchItemFailures"].is_array() {
            self.broken("an answer names something that is not in its batch");
        }
    }
}

fn ids(records: &[Record]) -> Vec<RecordId> {
    records.iter().filter_map(|record| RecordId::of(&record.sequence_number)).collect()
}
