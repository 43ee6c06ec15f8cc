//! Runs a plan: one task, no threads, no network, and a clock that moves only when nothing else can.

mod container;
mod feed;
mod invocation;
mod observed;
mod operator;
mod producer;
mod trouble;

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_source_mapping::{Action as MappingAction, Invocation, Outcome as MappingOutcome};
use futures::stream::{FuturesUnordered, StreamExt};
use local_faults::Strike;

pub(crate) use container::session_settings;
use container::{Container, Image};
use feed::Feed;
use invocation::{End, Invoking, Place};
pub use observed::{Observed, POISON, code};
use operator::Operator;
pub use producer::{Truths, Unit};
use trouble::{Fates, Recorder};

use redrive::Source;

use crate::plan::{Action, Consumer, Fate, Move, Plan, Put, Trouble, user_key};
use crate::world::{Discard, World};

/// What a run left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Everything in the world, and the journal.
    pub world: Arc<World>,
    /// What each record held.
    pub truths: Truths,
    /// The faults that struck.
    pub struck: Vec<Strike>,
    /// The fates that struck.
    pub fates: Vec<(u64, Fate)>,
}

/// How long after the last trouble everything must be done, in milliseconds.
const PATIENCE_MS: u64 = 60 * 60_000;

/// Most redrives of a run: each is tried again until nothing is left to send.
const REDRIVES_LIMIT: u64 = 100;

/// Runs a plan to its end.
///
/// # Errors
/// When no runtime could be made.
pub fn run(plan: &Plan) -> Result<Outcome, String> {
    // Jitter is drawn from the thread's generator.
    fastrand::seed(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async { Simulation::new(plan)?.run().await })
}

/// What came to an end.
enum Event {
    Invocation(Place, Option<Fate>, End),
    Redrive(Source, Option<redrive::Answer>),
}

type InFlight = FuturesUnordered<Pin<Box<dyn Future<Output = Event>>>>;

struct Simulation {
    world: Arc<World>,
    image: Image,
    feeds: Vec<Feed>,
    idle: BTreeMap<Consumer, Vec<Container>>,
    fates: Fates,
    struck: Arc<Mutex<Vec<Strike>>>,
    puts: VecDeque<Put>,
    moves: VecDeque<Move>,
    truths: Truths,
    in_flight: InFlight,
    timeout: Duration,
    cold_percent: u32,
    calm_from_ms: u64,
    operator: Operator,
    redrives: u64,
    all_redriven: bool,
}

impl Simulation {
    fn new(plan: &Plan) -> Result<Self, String> {
        let world = World::new(&plan.settings, plan.seed);
        let struck = Arc::new(Mutex::new(Vec::new()));
        let faults = Arc::new(Mutex::new(Recorder::of(plan, Arc::clone(&struck))));
        let feeds = Consumer::ALL.map(|consumer| Feed::new(consumer, &plan.settings));
        let ends = plan.outages.iter().map(|outage| outage.time_ms.end);
        let drawn = match plan.trouble {
            Trouble::Drawn { until_ms, .. } => until_ms,
            Trouble::Listed { .. } => 120_000,
        };
        let image = Image::new(&world, faults, &plan.settings);
        Ok(Self {
            operator: Operator::new(&world, image.stream()),
            redrives: 0,
            all_redriven: false,
            image,
            world,
            feeds: feeds.into_iter().collect::<Result<_, _>>()?,
            idle: BTreeMap::new(),
            fates: Fates::of(plan),
            struck,
            puts: plan.puts.iter().cloned().collect(),
            moves: plan.moves.iter().cloned().collect(),
            truths: Truths::new(),
            in_flight: InFlight::new(),
            timeout: Duration::from_millis(plan.settings.timeout_ms),
            cold_percent: plan.settings.cold_percent,
            calm_from_ms: ends.fold(drawn, u64::max),
        })
    }

    async fn run(mut self) -> Result<Outcome, String> {
        loop {
            self.happen();
            let wake_ms = self.consume()?;
            let next_ms = self.next_happening_ms().into_iter().chain(wake_ms).min();
            if self.in_flight.is_empty() && next_ms.is_none() {
                if self.all_redriven {
                    break;
                }
                if self.redrives > REDRIVES_LIMIT {
                    self.broken("redriving goes on without an end");
                    break;
                }
                self.redrive(Source::OnFailure);
            }
            if self.world.elapsed_ms() > self.calm_from_ms + PATIENCE_MS {
                self.broken("an hour after the last trouble, not everything was done");
                break;
            }
            self.wait(next_ms).await?;
        }
        let struck = self.struck.lock().map(|struck| struck.clone()).unwrap_or_default();
        Ok(Outcome { world: self.world, truths: self.truths, struck, fates: self.fates.struck })
    }

    async fn wait(&mut self, next_ms: Option<u64>) -> Result<(), String> {
        let world = Arc::clone(&self.world);
        let next = async {
            match next_ms {
                Some(at_ms) => world.sleep_until(at_ms).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(event) = self.in_flight.next(), if !self.in_flight.is_empty() => match event {
                Event::Invocation(place, fate, end) => self.end(&place, fate, end),
                Event::Redrive(source, answer) => {
                    self.redriven(source, answer.as_ref());
                    Ok(())
                }
            },
            () = next => Ok(()),
        }
    }

    fn next_happening_ms(&self) -> Option<u64> {
        let put = self.puts.front().map(|put| put.at_ms);
        let action = self.moves.front().map(|action| action.at_ms);
        put.into_iter().chain(action).min()
    }

    /// Does what producers and operators have come to do by now.
    fn happen(&mut self) {
        let (elapsed_ms, now_ms) = (self.world.elapsed_ms(), self.epoch_ms());
        let mut redrives = Vec::new();
        let mut services = self.world.services();
        while let Some(put) = self.puts.pop_front_if(|put| put.at_ms <= elapsed_ms) {
            producer::put(&mut services.stream, &mut self.truths, &put.content, now_ms);
        }
        while let Some(done) = self.moves.pop_front_if(|action| action.at_ms <= elapsed_ms) {
            let (name, changed) = match done.action {
                Action::Split(nth) => ("split", services.stream.split(nth)),
                Action::Merge(nth) => ("merge", services.stream.merge(nth)),
                Action::Delete(user) => ("delete", services.table.delete(&user_key(user), elapsed_ms)),
                Action::RedriveFailures | Action::RedriveQuarantine => {
                    redrives.push(match done.action {
                        Action::RedriveFailures => Source::OnFailure,
                        _ => Source::Quarantine,
                    });
                    continue;
                }
            };
            if changed {
                services.journal.count(format!("stream and table: {name}"));
            }
        }
        drop(services);
        redrives.into_iter().for_each(|source| self.redrive(source));
    }

    fn redrive(&mut self, source: Source) {
        self.redrives += 1;
        self.count(format!("redrive: of {}", source.root()));
        // Far from the numbers of invocations.
        let redriving = self.operator.clone().redrive(u64::MAX - self.redrives, source);
        self.in_flight.push(Box::pin(async move { Event::Redrive(source, redriving.await) }));
    }

    fn redriven(&mut self, source: Source, answer: Option<&redrive::Answer>) {
        let Some(answer) = answer else { return self.count("redrive: died") };
        let sent = answer.counts.sent;
        if sent > 0 {
            self.count("redrive: sent something");
        }
        let finished = sent == 0 && answer.complete && answer.why.is_empty();
        self.all_redriven = source == Source::OnFailure && finished;
    }

    /// Lets every mapping go on as far as it can; gives back when to look again, since the run began.
    fn consume(&mut self) -> Result<Option<u64>, String> {
        let now_ms = self.epoch_ms();
        let mut wake_ms: Option<u64> = None;
        for index in 0..self.feeds.len() {
            self.feeds[index].read(&self.world.services().stream, now_ms)?;
            loop {
                match self.feeds[index].poll(now_ms) {
                    MappingAction::Invoke(invocation) => self.invoke(index, &invocation)?,
                    MappingAction::Discard(discarded) => {
                        let records =
                            discarded.records.iter().map(|record| record.sequence_number.clone()).collect();
                        let (consumer, condition) = (self.feeds[index].consumer, discarded.condition);
                        let object = discarded.failure_record(now_ms).map_err(|error| error.to_string())?;
                        self.all_redriven = false;
                        let mut services = self.world.services();
                        services.objects.insert(object.key, object.body.into());
                        services.journal.count(format!("given up: {condition}"));
                        services.journal.discards.push(Discard { consumer, records, condition });
                    }
                    MappingAction::Finished(_) => {
                        self.feeds[index].read(&self.world.services().stream, now_ms)?;
                    }
                    MappingAction::WaitUntil(at_ms) => {
                        let elapsed_ms = at_ms.saturating_sub(now_ms) + self.world.elapsed_ms();
                        wake_ms = Some(wake_ms.map_or(elapsed_ms, |first| first.min(elapsed_ms)));
                        break;
                    }
                    MappingAction::WaitForInvocations | MappingAction::WaitForRecords => break,
                }
            }
        }
        Ok(wake_ms)
    }

    fn invoke(&mut self, feed: usize, invocation: &Invocation) -> Result<(), String> {
        let consumer = self.feeds[feed].consumer;
        let place = Place { consumer, shard_id: Arc::clone(invocation.shard_id()), token: invocation.token };
        let process = self.fates.process(consumer, invocation);
        let (fate, mut rng) = self.fates.next(process, self.world.elapsed_ms());
        if let Some(fate) = fate {
            self.count(format!("invocation: {}", fate.name()));
        }
        if invocation.attempt > 1 {
            self.count("invocation: attempt after the first");
        }
        if fate == Some(Fate::NotInvoked) {
            return self.complete(&place, MappingOutcome::NotInvoked);
        }
        for record in invocation.records.iter() {
            self.world.services().journal.deliver(consumer, &record.sequence_number);
        }
        let container = self.container(consumer, &mut rng);
        if let Some(Fate::Abandoned(after_ms)) = fate {
            let place = place.clone();
            self.in_flight.push(Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                Event::Invocation(place, fate, End::GivenUp)
            }));
        }
        let invoking = Invoking { process, place, event: invocation.event(), fate, timeout: self.timeout };
        self.in_flight.push(Box::pin(async move {
            let (place, fate, end) = invoking.run(container).await;
            Event::Invocation(place, fate, end)
        }));
        Ok(())
    }

    /// An idle container, or a new one where none is idle or chance has it.
    fn container(&mut self, consumer: Consumer, rng: &mut fastrand::Rng) -> Container {
        let idle = self.idle.entry(consumer).or_default();
        if !idle.is_empty() && rng.u32(0..100) >= self.cold_percent {
            let chosen = rng.usize(0..idle.len());
            return idle.swap_remove(chosen);
        }
        self.count("container: new");
        self.image.start(consumer)
    }

    fn end(&mut self, place: &Place, fate: Option<Fate>, end: End) -> Result<(), String> {
        match end {
            End::GivenUp => self.complete(place, MappingOutcome::FunctionError),
            End::Died { why } => {
                match why.strip_prefix("broken: ") {
                    Some(why) => self.broken(why),
                    None => self.count(format!("invocation: {why}")),
                }
                self.complete_unless_given_up(place, fate, MappingOutcome::FunctionError)
            }
            End::Answered { body, mut run, container } => {
                self.check_answer(&body, &run.records);
                let outcome = match fate {
                    None => MappingOutcome::Returned(&body),
                    Some(_) => MappingOutcome::FunctionError,
                };
                self.complete_unless_given_up(place, fate, outcome)?;
                let journal = &mut self.world.services().journal;
                run.deliveries = journal.deliveries(run.consumer, &run.records);
                journal.runs.push(run);
                self.idle.entry(place.consumer).or_default().push(container);
                Ok(())
            }
        }
    }

    /// An abandoned invocation was completed when it was given up.
    fn complete_unless_given_up(
        &mut self,
        place: &Place,
        fate: Option<Fate>,
        outcome: MappingOutcome<'_>,
    ) -> Result<(), String> {
        match fate {
            Some(Fate::Abandoned(_)) => Ok(()),
            _ => self.complete(place, outcome),
        }
    }

    fn complete(&mut self, place: &Place, outcome: MappingOutcome<'_>) -> Result<(), String> {
        let now_ms = self.epoch_ms();
        let feed = self.feeds.iter_mut().find(|feed| feed.consumer == place.consumer);
        let shard = feed.ok_or("no mapping")?.mapping.shard_mut(&place.shard_id);
        let shard = shard.map_err(|error| error.to_string())?;
        shard.complete(place.token, outcome, now_ms).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// An answer names no record, or one of its batch.
    fn check_answer(&self, body: &[u8], records: &[String]) {
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let failures = answer["batchItemFailures"].as_array().map(Vec::as_slice).unwrap_or_default();
        let known = |failure: &serde_json::Value| {
            failure["itemIdentifier"].as_str().is_some_and(|name| records.iter().any(|record| record == name))
        };
        if failures.len() > 1 || !failures.iter().all(known) || !answer["batchItemFailures"].is_array() {
            self.broken("an answer names something that is not in its batch");
        }
    }

    fn epoch_ms(&self) -> u64 {
        u64::try_from(self.world.now_ms()).unwrap_or_default()
    }

    fn count(&self, name: impl Into<String>) {
        self.world.services().journal.count(name);
    }

    fn broken(&self, what: &str) {
        self.world.services().journal.broken.push(what.to_owned());
    }
}
