//! What the caller gets back.

use std::fmt;

use millrace_lambda::emf::Counted;
use serde::{Deserialize, Serialize};

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Timers that were due and that the run put or tried to.
    pub due: u64,
    /// Of these, timers that the stream accepted.
    pub put: u64,
    /// Of these, timers that were deleted. What is not comes again, which changes nothing.
    pub deleted: u64,
    /// Items that are no timers. They stay where they are.
    pub corrupt: u64,
    /// Whether everything that was due was taken.
    pub complete: bool,
    /// The minute up to which everything was taken, such as `2026-11-21T12:34`.
    pub cursor: Option<String>,
    /// Why the run ended before its time, in words; empty when it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Users with open windows that were looked at.
    pub users_with_open_sessions: u64,
    /// Of these, users whose timer is missing.
    pub users_without_timer: u64,
    /// Of these, users for whom the stream accepted one.
    pub put: u64,
    /// Items that cannot be read.
    pub items_corrupt: u64,
    /// Items of a format that only a newer release reads. They may hold open windows.
    pub items_newer_format: u64,
    /// Whether the whole table was looked at.
    pub complete: bool,
    /// Where to go on, for the next request; `None` for the start of the table, or when it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_start_after: Option<String>,
    /// Why the sweep ended before its time, in words; empty when it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a schedule.
    Taken(Taken),
    /// To a request for a sweep.
    Swept(Swept),
}

impl Counted for Taken {
    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("timers_due", self.due),
            ("timers_put", self.put),
            ("timers_deleted", self.deleted),
            ("timers_corrupt", self.corrupt),
            ("runs_incomplete", (!self.complete).into()),
        ]
    }
}

impl Counted for Swept {
    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("users_with_open_sessions", self.users_with_open_sessions),
            ("users_without_timer", self.users_without_timer),
            ("timers_put", self.put),
            ("items_corrupt", self.items_corrupt),
            ("items_newer_format", self.items_newer_format),
        ]
    }
}

impl Counted for Answer {
    fn counts(&self) -> Vec<(&'static str, u64)> {
        match self {
            Self::Taken(taken) => taken.counts(),
            Self::Swept(swept) => swept.counts(),
        }
    }
}

impl Counted for CloseError {
    fn counts(&self) -> Vec<(&'static str, u64)> {
        match self {
            Self::Run(failed) => failed.done.counts(),
            Self::Sweep(failed) => failed.done.counts(),
            Self::AheadOfTheClock { .. } => Vec::new(),
        }
    }
}

/// A run that met trouble, and what it did all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed<A> {
    /// The first trouble, in words.
    pub why: String,
    /// What was done.
    pub done: A,
}

impl<A: Serialize> fmt::Display for Failed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = serde_json::to_string(&self.done).map_err(|_| fmt::Error)?;
        write!(f, "{}; done all the same: {done}", self.why)
    }
}

impl<A: Serialize + fmt::Debug> std::error::Error for Failed<A> {}

/// Why an invocation fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// A run met trouble.
    #[error(transparent)]
    Run(#[from] Failed<Taken>),
    /// A sweep met trouble.
    #[error(transparent)]
    Sweep(#[from] Failed<Swept>),
    /// The request's time is still to come: the cursor would pass time buckets that are yet to be filled.
    #[error("now_at_ms is {now_at_ms}, and it is only {clock_ms}")]
    AheadOfTheClock {
        /// The request's time, in epoch milliseconds.
        now_at_ms: i64,
        /// The clock's, in epoch milliseconds.
        clock_ms: i64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_was_done() {
        let error = CloseError::from(Failed { why: "the stream is down".to_owned(), done: Swept::default() });
        let expected = concat!(
            r#"the stream is down; done all the same: {"users_with_open_sessions":0,"users_without_timer":0,"#,
            r#""put":0,"items_corrupt":0,"items_newer_format":0,"complete":false}"#
        );
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn what_a_run_did_is_counted_in_trouble_too() {
        let done = Taken { put: 900, ..Taken::default() };
        let error = CloseError::from(Failed { why: "the stream is down".to_owned(), done: done.clone() });
        assert_eq!(error.counts(), Answer::Taken(done).counts());
        assert!(
            error.counts().contains(&("timers_put", 900)) && error.counts().contains(&("runs_incomplete", 1))
        );
    }
}
