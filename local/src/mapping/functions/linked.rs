//! The handlers linked into this program, each as one process that may die and start anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archive::Archive;
use event_source_mapping::Invocation;
use local_faults::run_process;
use millrace_aws::{DynamoStore, FirehoseSink};
use millrace_domain::session::SessionState;
use millrace_lambda::function::invoke;
use millrace_lambda::{Deadline, Function, KinesisBatch, Meter};
use sessions::Sessions;
use tokio::task::JoinSet;

use super::told::Told;
use super::{Invoked, TIMEOUT};
use crate::error::Error;
use crate::options::Tuning;
use crate::trouble::{Fate, Trouble};
use crate::world::{Clients, Endpoints};

/// Both handlers, and the trouble that they are in.
pub(crate) struct Linked {
    sessions: Host<Sessions<DynamoStore<SessionState>, FirehoseSink>>,
    archive: Host<Archive<FirehoseSink, FirehoseSink>>,
    trouble: Option<Trouble>,
    told: Mutex<Told>,
    /// Invocations that go on though their mapping gave them up.
    abandoned: Mutex<JoinSet<()>>,
}

/// A handler, and how to start it anew. What it remembered is gone then.
struct Host<F> {
    start: Box<dyn Fn() -> F + Send + Sync>,
    running: Mutex<Arc<F>>,
}

impl<F> Host<F> {
    fn new(start: impl Fn() -> F + Send + Sync + 'static) -> Self {
        let running = Mutex::new(Arc::new(start()));
        Self { start: Box::new(start), running }
    }

    fn running(&self) -> Arc<F> {
        Arc::clone(&self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn restart(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new((self.start)());
    }
}

impl Linked {
    pub(super) fn new(
        tuning: &Tuning,
        endpoints: &Endpoints,
        trouble: Option<Trouble>,
    ) -> Result<Self, Error> {
        let clients = Clients::of(endpoints.clone(), trouble.as_ref());
        let (sessions_config, archive_config) = (tuning.sessions_config()?, Tuning::archive_config()?);
        let meter = || Arc::new(Meter::default());
        let (dynamodb, firehose) = (clients.dynamodb, clients.firehose.clone());
        Ok(Self {
            sessions: Host::new(move || {
                Sessions::on_aws(&sessions_config, dynamodb.clone(), firehose.clone(), meter())
            }),
            archive: Host::new(move || Archive::on_aws(&archive_config, &clients.firehose, meter())),
            trouble,
            told: Mutex::default(),
            abandoned: Mutex::default(),
        })
    }

    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Invokes a function; where there is trouble, as a process that may end badly.
    pub(super) async fn invoke(self: &Arc<Self>, function: &str, invocation: &Invocation) -> Invoked {
        let event = invocation.event();
        let Some(trouble) = &self.trouble else { return self.call(function, &event).await };
        let (process, fate) = trouble.begin(function, invocation);
        let time_left = match fate {
            Some(Fate::NotInvoked) => return Invoked::Refused("no place was free".to_owned()),
            Some(Fate::Abandoned(after_ms)) => {
                self.abandon(process, function.to_owned(), event);
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                return Invoked::Failed("it took too long and was given up".to_owned());
            }
            Some(Fate::Killed(after_ms)) => Duration::from_millis(after_ms),
            Some(Fate::AnswerLost) | None => TIMEOUT,
        };
        let invoked = match self.run(process, function, &event, time_left).await {
            Some(invoked) => invoked,
            None => return Invoked::Failed("its process died".to_owned()),
        };
        match fate {
            Some(Fate::AnswerLost) => Invoked::Failed("its answer was lost".to_owned()),
            _ => invoked,
        }
    }

    /// Waits for what was given up and goes on.
    pub(super) async fn settle(&self) {
        let mut abandoned = std::mem::take(&mut *self.zombies());
        while abandoned.join_next().await.is_some() {}
    }

    fn abandon(self: &Arc<Self>, process: u64, function: String, event: Vec<u8>) {
        let linked = Arc::clone(self);
        let run = async move {
            linked.run(process, &function, &event, TIMEOUT).await;
        };
        let mut zombies = self.zombies();
        while zombies.try_join_next().is_some() {}
        zombies.spawn(run);
    }

    fn zombies(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an invocation as a process; `None` when it died.
    async fn run(&self, process: u64, function: &str, event: &[u8], time_left: Duration) -> Option<Invoked> {
        let limited = tokio::time::timeout(time_left, self.call(function, event));
        if let Ok(Ok(invoked)) = run_process(process, limited).await {
            return Some(invoked);
        }
        match function {
            "sessions" => self.sessions.restart(),
            _ => self.archive.restart(),
        }
        None
    }

    async fn call(&self, function: &str, event: &[u8]) -> Invoked {
        match function {
            "sessions" => self.call_handler(&*self.sessions.running(), event).await,
            _ => self.call_handler(&*self.archive.running(), event).await,
        }
    }

    async fn call_handler<F: Function>(&self, function: &F, event: &[u8]) -> Invoked {
        let batch: KinesisBatch = match serde_json::from_slice(event) {
            Ok(batch) => batch,
            Err(error) => return Invoked::Failed(error.to_string()),
        };
        let (response, line, tally) = invoke(function, &batch, Deadline::after(TIMEOUT)).await;
        self.told().add(F::NAME, &batch, &line, &tally);
        serde_json::to_vec(&response)
            .map_or_else(|error| Invoked::Failed(error.to_string()), Invoked::Returned)
    }
}
