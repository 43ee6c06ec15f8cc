//! The table of timers: an item a timer, and one that says how far they were taken.

mod due;
mod write;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use millrace_domain::timer::{Minute, StoredTimer, TimeBucket, Timer};
use millrace_lambda::ports::NotAccepted;
use millrace_lambda::timers::{DuePage, DueTimers, TableError, TimerSink};
use millrace_lambda::{Clock, Deadline, Meter};

use super::error_class::ErrorClass;

/// The table's partition key, a text: a minute and a suffix.
pub const TIME_BUCKET: &str = "time_bucket";
/// The table's sort key, a text: due time and key.
pub const TIMER: &str = "timer";
/// Partition and sort key of the item that says how far timers were taken.
pub const CURSOR: &str = "cursor";
/// The attribute of that item that holds the minute.
pub const MINUTE: &str = "minute";

/// A table of timers. It has no time to live: a timer that expires is a session that stays open.
#[derive(Clone, Debug)]
pub struct DynamoTimers {
    client: Client,
    table: String,
    clock: Clock,
    meter: Arc<Meter>,
}

impl DynamoTimers {
    /// Timers in this table, placed by this clock: the wall clock when live, the time of the events in a replay.
    pub fn new(client: Client, table: String, clock: Clock, meter: Arc<Meter>) -> Self {
        Self { client, table, clock, meter }
    }
}

impl TimerSink for DynamoTimers {
    /// Timers behind one that was not accepted may be set, too: which does no harm.
    async fn set(&self, timers: &[Timer], deadline: Deadline) -> Result<(), NotAccepted> {
        let now_ms = self.clock.now_ms();
        let stored: Vec<_> = timers.iter().map(|timer| StoredTimer::new(timer.clone(), now_ms)).collect();
        let answers = self.write_all(&stored, write::Change::Put, deadline).await;
        let failed = answers.into_iter().enumerate().find_map(|(first, answer)| Some((first, answer.err()?)));
        match failed {
            Some((first, error)) => Err(NotAccepted { first, why: error.to_string() }),
            None => Ok(()),
        }
    }
}

impl DueTimers for DynamoTimers {
    async fn read_due(
        &self,
        time_bucket: TimeBucket,
        until_ms: i64,
        limit: usize,
        from: Option<&str>,
        deadline: Deadline,
    ) -> Result<DuePage, TableError> {
        self.query(time_bucket, until_ms, limit, from, deadline).await
    }

    async fn delete(&self, timers: &[StoredTimer], deadline: Deadline) -> Vec<Result<(), TableError>> {
        self.write_all(timers, write::Change::Delete, deadline).await
    }

    async fn cursor(&self, deadline: Deadline) -> Result<Option<Minute>, TableError> {
        self.read_cursor(deadline).await
    }

    async fn oldest(&self, deadline: Deadline) -> Result<Option<Minute>, TableError> {
        self.scan_oldest(deadline).await
    }

    async fn move_cursor(&self, to: Minute, deadline: Deadline) -> Result<(), TableError> {
        self.write_cursor(to, deadline).await
    }
}

impl From<ErrorClass> for TableError {
    fn from(class: ErrorClass) -> Self {
        Self(class.into_why())
    }
}
