//! One invocation, from the event to its end.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use event_source_mapping::Token;
use futures::FutureExt;
use local_faults::run_process;
use millrace_lambda::answer::answer;
use millrace_lambda::{Deadline, KinesisBatch};

use super::environment::Environment;
use crate::plan::{Consumer, Fate, Settings};
use crate::world::{RecordId, Run};

/// Names an invocation to its mapping.
#[derive(Clone, Debug)]
pub(super) struct InvocationSource {
    /// Which mapping.
    pub(super) feed: usize,
    pub(super) consumer: Consumer,
    pub(super) shard_id: Arc<str>,
    pub(super) token: Token,
}

/// How an invocation ended.
pub(super) enum End {
    /// With an answer.
    Answered { body: Vec<u8>, run: Run, environment: Environment },
    /// By a crash, its time limit, or a panic; the execution environment is gone.
    Died { why: &'static str },
    /// The mapping abandoned it; it goes on.
    Abandoned,
}

/// An invocation to be run.
pub(super) struct Invoking {
    pub(super) process: u64,
    pub(super) source: InvocationSource,
    pub(super) event: Vec<u8>,
    pub(super) fate: Option<Fate>,
    pub(super) timeout: Duration,
}

impl Invoking {
    /// Runs it in an execution environment.
    pub(super) async fn run(
        self,
        environment: Environment,
        settings: &Settings,
    ) -> (InvocationSource, Option<Fate>, End) {
        let end = self.end(environment, settings).await;
        (self.source, self.fate, end)
    }

    async fn end(&self, environment: Environment, settings: &Settings) -> End {
        let batch: KinesisBatch = match serde_json::from_slice(&self.event) {
            Ok(batch) => batch,
            Err(_) => return End::Died { why: "broken: the event cannot be read" },
        };
        let deadline = Deadline::after(self.timeout);
        let work = AssertUnwindSafe(environment.process(&batch, settings, deadline)).catch_unwind();
        let time_left = match self.fate {
            Some(Fate::Killed(after_ms)) => Duration::from_millis(after_ms),
            _ => self.timeout,
        };
        let limited = tokio::time::timeout(time_left, work);
        let tally = match run_process(self.process, limited).await {
            Err(_) => return End::Died { why: "crashed" },
            Ok(Err(_)) => return End::Died { why: "timed_out" },
            Ok(Ok(Err(_))) => return End::Died { why: "broken: the handler panicked" },
            Ok(Ok(Ok(tally))) => tally,
        };
        let Ok(body) = serde_json::to_vec(&answer(&batch, tally.checkpoint)) else {
            return End::Died { why: "broken: the answer cannot be written" };
        };
        let ids = batch.records.iter().map(|record| RecordId::of(record.sequence_number.as_str()));
        let Some(records) = ids.collect() else {
            return End::Died { why: "broken: the event names a record that no stream holds" };
        };
        let run = Run {
            process: self.process,
            consumer: self.source.consumer,
            records,
            tally,
            believed: self.fate.is_none(),
            deliveries: Vec::new(),
        };
        End::Answered { body, run, environment }
    }
}
