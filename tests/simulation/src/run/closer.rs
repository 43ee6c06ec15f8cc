//! The real function `close` over the model's tables and stream.

use std::sync::Arc;
use std::time::Duration;

use close::{Answer, Close, CloseError, Config, Request};
use local_faults::run_process;
use millrace_aws::{DynamoOpenSessions, DynamoTimers, KinesisStream};
use millrace_domain::timer::{Minute, StoredTimer, TimeBucket};
use millrace_lambda::timers::{DuePage, DueTimers, TableError};
use millrace_lambda::{Clock, Deadline};

use crate::world::World;

/// How long an invocation of `close` may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a run of `close` needs.
#[derive(Clone)]
pub(super) struct Closer {
    function: Arc<Close<PassingEmptyTimeBuckets, DynamoOpenSessions, KinesisStream>>,
}

impl Closer {
    pub(super) fn new(
        world: &Arc<World>,
        config: &Config,
        (timers, sessions, stream): (DynamoTimers, DynamoOpenSessions, KinesisStream),
        clock: Clock,
    ) -> Self {
        let timers = PassingEmptyTimeBuckets { timers, world: Arc::clone(world) };
        Self { function: Arc::new(Close::new(config, timers, sessions, stream, clock)) }
    }

    /// Closes or sweeps, as far as it goes; nothing is answered where the process died or was killed.
    pub(super) async fn call(
        self,
        process: u64,
        request: Request,
        killed_after_ms: Option<u64>,
    ) -> Option<Result<Answer, CloseError>> {
        let time_left = killed_after_ms.map_or(TIMEOUT, Duration::from_millis);
        let call = self.function.call(&request, Deadline::after(TIMEOUT));
        run_process(process, tokio::time::timeout(time_left, call)).await.ok()?.ok()
    }
}

/// Answers for empty time buckets without a call: a day has thousands of them, and the SDK takes its time.
struct PassingEmptyTimeBuckets {
    timers: DynamoTimers,
    world: Arc<World>,
}

impl DueTimers for PassingEmptyTimeBuckets {
    async fn read_due(
        &self,
        time_bucket: TimeBucket,
        until_ms: i64,
        limit: usize,
        from: Option<&str>,
        deadline: Deadline,
    ) -> Result<DuePage, TableError> {
        if self.world.services().timers.is_empty(&time_bucket.to_string()) {
            return Ok(DuePage::default());
        }
        self.timers.read_due(time_bucket, until_ms, limit, from, deadline).await
    }

    async fn delete(&self, timers: &[StoredTimer], deadline: Deadline) -> Vec<Result<(), TableError>> {
        self.timers.delete(timers, deadline).await
    }

    async fn cursor(&self, deadline: Deadline) -> Result<Option<Minute>, TableError> {
        self.timers.cursor(deadline).await
    }

    async fn oldest(&self, deadline: Deadline) -> Result<Option<Minute>, TableError> {
        self.timers.oldest(deadline).await
    }

    async fn move_cursor(&self, to: Minute, deadline: Deadline) -> Result<(), TableError> {
        self.timers.move_cursor(to, deadline).await
    }
}
