//! The ports to the table of timers, as a consumer sees it and as `close` does, and to the sessions that miss one.

use std::future::Future;

use millrace_domain::session::OpenSession;
use millrace_domain::signal::Signal;
use millrace_domain::timer::{Minute, StoredTimer, TimeBucket, Timer};

use crate::deadline::Deadline;
use crate::ports::{NotAccepted, SignalFailure, SignalSink};

/// Takes timers, at least once.
pub trait TimerSink: Send + Sync {
    /// Sets timers. One that is set already stays as it is.
    ///
    /// # Errors
    /// The first timer that was not accepted within the deadline.
    fn set(
        &self,
        timers: &[Timer],
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), NotAccepted>> + Send;
}

/// A table that could not do what it was asked, why in words; nothing is known of the effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TableError(pub String);

/// Some of a time bucket's timers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DuePage {
    /// The timers, in order of their sort keys, and so of time.
    pub timers: Vec<Timer>,
    /// Items that are no timers. They stay where they are.
    pub corrupt: usize,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<String>,
}

/// Timers by time bucket, and how far they were taken.
pub trait DueTimers: Send + Sync {
    /// Reads timers of a time bucket that are due at `until_ms` (epoch milliseconds) or before: at most `limit`, from
    /// the start or from the `next` of a page. Strongly consistent.
    ///
    /// # Errors
    /// When they could not be read within the deadline.
    fn read_due(
        &self,
        time_bucket: TimeBucket,
        until_ms: i64,
        limit: usize,
        from: Option<&str>,
        deadline: Deadline,
    ) -> impl Future<Output = Result<DuePage, TableError>> + Send;

    /// Deletes exactly these; one answer a timer, in order. Deleting one that is not there succeeds.
    fn delete(
        &self,
        timers: &[StoredTimer],
        deadline: Deadline,
    ) -> impl Future<Output = Vec<Result<(), TableError>>> + Send;

    /// The minute up to which all time buckets were taken whole; `None` before the first run.
    ///
    /// # Errors
    /// When it could not be read within the deadline.
    fn cursor(&self, deadline: Deadline) -> impl Future<Output = Result<Option<Minute>, TableError>> + Send;

    /// The minute of the oldest time bucket that holds a timer; looks at the whole table.
    ///
    /// # Errors
    /// When it could not be read within the deadline.
    fn oldest(&self, deadline: Deadline) -> impl Future<Output = Result<Option<Minute>, TableError>> + Send;

    /// Moves the cursor forward; one that is as far already stays.
    ///
    /// # Errors
    /// When it could not be written within the deadline.
    fn move_cursor(
        &self,
        to: Minute,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), TableError>> + Send;
}

/// Some of the users with open windows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenSessionsPage {
    /// The sessions, in an order of the table's own.
    pub sessions: Vec<OpenSession>,
    /// Items that cannot be read.
    pub corrupt: usize,
    /// Items of a format that only a newer release reads.
    pub newer_format: usize,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<String>,
}

/// All users with open windows.
pub trait OpenSessions: Send + Sync {
    /// Reads on from the start or from the `next` of a page, over at most `limit` items. May miss what was written a
    /// moment ago.
    ///
    /// # Errors
    /// When they could not be read within the deadline.
    fn read_open(
        &self,
        limit: usize,
        from: Option<&str>,
        deadline: Deadline,
    ) -> impl Future<Output = Result<OpenSessionsPage, TableError>> + Send;
}

/// The sink of a consumer that emits signals and sets timers.
#[derive(Clone, Debug)]
pub struct SignalsAndTimers<G, M> {
    /// Where signals go.
    pub signals: G,
    /// Where timers are.
    pub timers: M,
}

impl<G: SignalSink, M: TimerSink> SignalSink for SignalsAndTimers<G, M> {
    fn put(
        &self,
        signals: &[Signal],
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), SignalFailure>> + Send {
        self.signals.put(signals, deadline)
    }

    fn set(
        &self,
        timers: &[Timer],
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), NotAccepted>> + Send {
        self.timers.set(timers, deadline)
    }
}
