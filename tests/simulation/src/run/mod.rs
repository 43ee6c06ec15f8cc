//! Runs a plan: one task, no threads, no network, and a clock that moves only when nothing else can.

mod closer;
mod ending;
mod environment;
mod feed;
mod happenings;
mod invocation;
mod mappings;
mod observed;
mod operator;
mod producer;
mod trouble;
mod tuning;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use local_faults::Strike;

use closer::Closer;
use ending::Ending;
use environment::{Environment, Image};
use feed::Feed;
pub(crate) use feed::reads;
use invocation::{End, InvocationSource};
pub use observed::{Observed, POISON, code, wake_code};
use operator::Operator;
pub use producer::{ProducerRecord, Truths};
use redrive::DeadLetters;
use trouble::{Fates, Recorder};
pub(crate) use tuning::{fraud_settings, reorder_points, session_settings};

use crate::plan::{Consumer, Fate, Move, Plan, Put, Settings, Trouble};
use crate::world::World;

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
    /// Users whose timers were lost.
    pub lost: BTreeSet<String>,
}

/// How long after the last trouble everything must be done, in milliseconds.
const PATIENCE_MS: u64 = 90 * 60_000;

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
    Invocation(InvocationSource, Option<Fate>, End),
    /// With how many batches had been discarded when it began.
    Redrive(DeadLetters, usize, Option<redrive::Answer>),
    Close(Option<Result<close::Answer, close::CloseError>>),
}

type InFlight = FuturesUnordered<Pin<Box<dyn Future<Output = Event>>>>;

struct Simulation {
    world: Arc<World>,
    image: Image,
    feeds: Vec<Feed>,
    idle: BTreeMap<Consumer, Vec<Environment>>,
    fates: Fates,
    struck: Arc<Mutex<Vec<Strike>>>,
    puts: VecDeque<Put>,
    moves: VecDeque<Move>,
    truths: Truths,
    in_flight: InFlight,
    timeout: Duration,
    settings: Arc<Settings>,
    cold_percent: u32,
    calm_from_ms: u64,
    operator: Operator,
    closer: Closer,
    /// Runs of `close` that are under way.
    closing: usize,
    /// Operators' invocations so far, which their processes are numbered by.
    operations: u64,
    lost: BTreeSet<String>,
    ending: Ending,
}

impl Simulation {
    fn new(plan: &Plan) -> Result<Self, String> {
        let world = World::new(&plan.settings, plan.seed);
        let struck = Arc::new(Mutex::new(Vec::new()));
        let faults = Arc::new(Mutex::new(Recorder::of(plan, Arc::clone(&struck))));
        let ends = plan.outages.iter().map(|outage| outage.time_ms.end);
        let drawn = match plan.trouble {
            Trouble::Drawn { until_ms, .. } => until_ms,
            Trouble::Listed { .. } => 120_000,
        };
        let image = Image::new(&world, faults, &plan.settings);
        Ok(Self {
            operator: image.operator(),
            closer: image.closer(),
            closing: 0,
            operations: 0,
            lost: BTreeSet::new(),
            ending: Ending::new(plan.settings.sweeps_at_end),
            image,
            world,
            feeds: Feed::all(&plan.settings)?,
            idle: BTreeMap::new(),
            fates: Fates::of(plan),
            struck,
            puts: plan.puts.iter().cloned().collect(),
            moves: plan.moves.iter().cloned().collect(),
            truths: Truths::new(),
            in_flight: InFlight::new(),
            timeout: Duration::from_millis(plan.settings.timeout_ms),
            settings: Arc::new(plan.settings.clone()),
            cold_percent: plan.settings.cold_percent,
            calm_from_ms: ends.fold(drawn, u64::max),
        })
    }

    async fn run(mut self) -> Result<Outcome, String> {
        loop {
            self.happen();
            let wake_ms = self.consume()?;
            let next_ms = self.next_happening_ms().into_iter().chain(wake_ms).min();
            if self.in_flight.is_empty() && next_ms.is_none() && !self.wind_up() {
                break;
            }
            if self.world.elapsed_ms() > self.calm_from_ms + PATIENCE_MS {
                self.broken("long after the last trouble, not everything was done");
                break;
            }
            self.wait(next_ms).await?;
        }
        let struck = self.struck.lock().map(|struck| struck.clone()).unwrap_or_default();
        let (truths, fates, lost) = (self.truths, self.fates.struck, self.lost);
        Ok(Outcome { world: self.world, truths, struck, fates, lost })
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
                Event::Invocation(source, fate, end) => self.end(&source, fate, end),
                Event::Redrive(dead_letters, discards, answer) => {
                    self.redriven(dead_letters, discards, answer.as_ref());
                    Ok(())
                }
                Event::Close(answer) => {
                    self.closed(answer);
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
