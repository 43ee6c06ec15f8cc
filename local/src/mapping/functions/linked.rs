//! The handlers linked into this program, each as one process that may die and start anew.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archive::Archive;
use aws_lambda_events::event::streams::KinesisEventResponse;
use close::{Answer, Close, Request};
use event_source_mapping::Invocation;
use fraud::Fraud;
use futures::future::BoxFuture;
use inventory::Inventory;
use local_faults::run_process;
use millrace_aws::{DynamoOpenSessions, DynamoTimers, KinesisStream};
use millrace_lambda::function::invoke;
use millrace_lambda::{Clock, Deadline, Function, KinesisBatch, Meter, Tally};
use serde_json::Value;
use sessions::Sessions;
use tokio::task::JoinSet;

use super::reports::FunctionReports;
use super::{Closed, Invoked, TIMEOUT};
use crate::error::Error;
use crate::options::Tuning;
use crate::trouble::{Fate, Trouble};
use crate::world::{Clients, Endpoints};

/// The handlers, and the trouble that they are in.
pub(crate) struct Linked {
    hosts: BTreeMap<&'static str, Host>,
    close: Close<DynamoTimers, DynamoOpenSessions, KinesisStream>,
    /// The clock of `close`, in epoch milliseconds.
    close_clock_ms: Arc<AtomicI64>,
    trouble: Option<Trouble>,
    reports: Mutex<FunctionReports>,
    /// Invocations that go on though their mapping gave them up.
    abandoned: Mutex<JoinSet<()>>,
}

/// A handler, and how to start it anew. What it remembered is gone then.
struct Host {
    start: Box<dyn Fn() -> Arc<dyn Handler> + Send + Sync>,
    running: Mutex<Arc<dyn Handler>>,
}

/// What an invocation came to: the answer, the line of metrics, the verdicts.
type Answered = (KinesisEventResponse, Value, Tally);

/// Any function.
trait Handler: Send + Sync {
    fn handle<'h>(&'h self, batch: &'h KinesisBatch) -> BoxFuture<'h, Answered>;
}

impl<F: Function> Handler for F {
    fn handle<'h>(&'h self, batch: &'h KinesisBatch) -> BoxFuture<'h, Answered> {
        Box::pin(invoke(self, batch, Deadline::after(TIMEOUT)))
    }
}

impl Host {
    fn new<F: Function + 'static>(start: impl Fn() -> F + Send + Sync + 'static) -> Self {
        let start = Box::new(move || Arc::new(start()) as Arc<dyn Handler>);
        Self { running: Mutex::new(start()), start }
    }

    fn running(&self) -> Arc<dyn Handler> {
        Arc::clone(&self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn restart(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = (self.start)();
    }
}

impl Linked {
    pub(super) fn new(
        tuning: &Tuning,
        endpoints: &Endpoints,
        clock: Clock,
        trouble: Option<Trouble>,
    ) -> Result<Self, Error> {
        let Clients { dynamodb, firehose, kinesis, .. } = Clients::of(endpoints.clone(), trouble.as_ref());
        let settings = tuning.functions()?;
        let meter = || Arc::new(Meter::default());
        let all = (dynamodb.clone(), firehose.clone(), kinesis.clone());
        let close_clock_ms = Arc::new(AtomicI64::new(0));
        let close_clock = Arc::clone(&close_clock_ms);
        let close_clock = Clock::new(move || close_clock.load(Ordering::Relaxed));
        let close = Close::on_aws(&settings.close, dynamodb, kinesis, close_clock);
        let (sessions, fraud, inventory) = (all.clone(), all.clone(), all);
        let sessions =
            Host::new(move || Sessions::on_aws(&settings.sessions, sessions.clone(), clock.clone(), meter()));
        let archive = Host::new(move || Archive::on_aws(&settings.archive, &firehose, meter()));
        let fraud = Host::new(move || {
            let (dynamodb, firehose, kinesis) = fraud.clone();
            Fraud::on_aws(&settings.fraud, dynamodb, firehose, kinesis, meter())
        });
        let inventory = Host::new(move || {
            let (dynamodb, firehose, kinesis) = inventory.clone();
            Inventory::on_aws(&settings.inventory, dynamodb, firehose, kinesis, meter())
        });
        let hosts =
            [("sessions", sessions), ("archive", archive), ("fraud", fraud), ("inventory", inventory)];
        Ok(Self {
            hosts: hosts.into(),
            close,
            close_clock_ms,
            trouble,
            reports: Mutex::default(),
            abandoned: Mutex::default(),
        })
    }

    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    pub(super) fn reports(&self) -> MutexGuard<'_, FunctionReports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Invokes a function; where there is trouble, as a process that may end badly.
    pub(super) async fn invoke(self: &Arc<Self>, function: &str, invocation: &Invocation) -> Invoked {
        let event = invocation.event();
        let Some(trouble) = &self.trouble else { return self.call(function, &event).await };
        let (process, fate) = trouble.begin(function, invocation);
        let time_left = match fate {
            Some(Fate::NotInvoked) => return Invoked::NotAtAll("no execution was free".to_owned()),
            Some(Fate::Abandoned(after_ms)) => {
                self.abandon(process, function.to_owned(), event);
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                return Invoked::Failed("it took too long and was abandoned".to_owned());
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

    /// Runs `close` once, by this clock in epoch milliseconds.
    pub(super) async fn close(&self, now_ms: i64) -> Result<Closed, String> {
        self.close_clock_ms.store(now_ms, Ordering::Relaxed);
        match self.close.call(&Request::default(), Deadline::after(TIMEOUT)).await {
            Ok(Answer::Taken(taken)) => Ok(Closed { put: taken.put, complete: taken.complete }),
            Ok(Answer::Swept(_)) => Err("it swept, and was not asked to".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Waits for the abandoned invocations, which go on.
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
        if let Some(host) = self.hosts.get(function) {
            host.restart();
        }
        None
    }

    async fn call(&self, function: &str, event: &[u8]) -> Invoked {
        let Some((name, host)) = self.hosts.get_key_value(function) else {
            return Invoked::NotAtAll(format!("there is no function {function}"));
        };
        let batch: KinesisBatch = match serde_json::from_slice(event) {
            Ok(batch) => batch,
            Err(error) => return Invoked::Failed(error.to_string()),
        };
        let (response, line, tally) = host.running().handle(&batch).await;
        self.reports().add(name, &batch, &line, &tally);
        serde_json::to_vec(&response)
            .map_or_else(|error| Invoked::Failed(error.to_string()), Invoked::Returned)
    }
}
