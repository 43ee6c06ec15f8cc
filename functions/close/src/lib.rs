//! Timers that are due, back through the stream: a session that nobody touches must still close.
//!
//! A run every minute puts what is due as `timer.due` events under the users' own keys, and deletes what the stream has
//! accepted. Everything in it may happen twice, in a crash or in runs that overlap: a timer that rings again finds its
//! work done, and deleting what is gone succeeds.

pub mod answer;
pub mod config;
mod record;
pub mod request;
mod run;
mod sweep;

use std::sync::Arc;

pub use answer::{Answer, CloseError, Failed, Swept, Taken};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_kinesis::Client as Kinesis;
pub use config::Config;
use millrace_aws::kinesis::RECORD_LIMIT_BYTES;
use millrace_aws::{DynamoOpenSessions, DynamoTimers, KinesisStream};
use millrace_lambda::record_stream::RecordStream;
use millrace_lambda::timers::{DueTimers, OpenSessions};
use millrace_lambda::{Clock, Deadline, Meter};
pub use request::Request;
pub use run::run;
pub use sweep::sweep;

/// The function's name, in metrics.
pub const NAME: &str = "close";

/// The function, over any tables and stream.
#[derive(Clone, Debug)]
pub struct Close<T, S, R> {
    timers: T,
    sessions: S,
    stream: R,
    config: Config,
    clock: Clock,
}

impl Close<DynamoTimers, DynamoOpenSessions, KinesisStream> {
    /// The function over DynamoDB and Kinesis. The clients decide which endpoints those are, and the clock what is due:
    /// the wall clock when live, the time of the events in a replay.
    pub fn on_aws(config: &Config, dynamodb: DynamoDb, kinesis: Kinesis, clock: Clock) -> Self {
        let meter = Arc::new(Meter::default());
        let timers = config.timers_table.clone();
        let timers = DynamoTimers::new(dynamodb.clone(), timers, clock.clone(), Arc::clone(&meter));
        let sessions = DynamoOpenSessions::new(dynamodb, config.sessions_table.clone(), Arc::clone(&meter));
        let stream = KinesisStream::new(kinesis, config.events_stream.clone(), RECORD_LIMIT_BYTES, meter);
        Self::new(config, timers, sessions, stream, clock)
    }
}

impl<T: DueTimers, S: OpenSessions, R: RecordStream> Close<T, S, R> {
    /// The function over these adapters.
    pub fn new(config: &Config, timers: T, sessions: S, stream: R, clock: Clock) -> Self {
        Self { timers, sessions, stream, config: config.clone(), clock }
    }

    /// Does what the request asks for, as far as limit and deadline allow.
    ///
    /// # Errors
    /// When a table or the stream did not take its part, after everything else was done. Unlike `redrive` this fails the
    /// invocation: nobody reads the answer to a schedule, but Lambda counts failures, and tries again.
    pub async fn call(&self, request: &Request, deadline: Deadline) -> Result<Answer, CloseError> {
        let clock_ms = self.clock.now_ms();
        let now_ms = request.now_at_ms.unwrap_or(clock_ms);
        if now_ms > clock_ms {
            return Err(CloseError::AheadOfTheClock { now_at_ms: now_ms, clock_ms });
        }
        let limit = self.config.run_limit_timers;
        if request.sweep {
            let (settings, from) = (&self.config.session, request.start_after.as_deref());
            let swept = sweep(&self.sessions, &self.stream, settings, limit, from, now_ms, deadline).await?;
            tracing::info!(
                swept.users_with_open_sessions,
                swept.users_without_timer,
                swept.complete,
                swept.error,
                "swept"
            );
            return Ok(Answer::Swept(swept));
        }
        let taken = run(&self.timers, &self.stream, limit, now_ms, deadline).await?;
        tracing::info!(taken.due, taken.put, taken.deleted, taken.complete, taken.error, "closed");
        Ok(Answer::Taken(taken))
    }
}
