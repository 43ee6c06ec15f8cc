//! What a consumer needs of the outside, in the domain's own types.

use std::future::Future;

use millrace_domain::Ledger;
use millrace_domain::signal::Signal;
use millrace_domain::timer::Timer;

use crate::deadline::Deadline;
use crate::json_lines::JsonLines;

/// A key's item as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<S> {
    /// Condition of the next write.
    pub version: u64,
    /// The proof of what was applied.
    pub ledger: Ledger,
    /// The consumer's state.
    pub state: S,
}

/// What reading one key gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Read<S> {
    /// The item, strongly consistent.
    Found(Stored<S>),
    /// There is no item.
    Absent,
    /// The table did not answer in time, or the item was written by a newer release: try again later.
    Unavailable,
    /// The item cannot be understood, now or later.
    Corrupt(String),
}

/// One conditional write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write<'a, S> {
    /// The key.
    pub key: &'a str,
    /// The version that must be there; `None` when there must be no item.
    pub expected: Option<u64>,
    /// The version to write.
    pub version: u64,
    /// The proof of what was applied.
    pub ledger: &'a Ledger,
    /// The consumer's state.
    pub state: &'a S,
}

/// What became of one conditional write.
#[derive(Clone, Debug, PartialEq)]
pub enum Commit<S> {
    /// Written.
    Committed,
    /// The condition failed; this is what is there now.
    Conflict(Read<S>),
    /// The answer was lost: it may be written or not.
    Unknown,
    /// Not written, and worth another try later.
    Unavailable,
    /// Not written, and never will be: the table rejects this item.
    Rejected(String),
}

/// State by key, with conditional writes.
pub trait Store<S>: Send + Sync {
    /// Reads keys strongly consistent; one answer a key, in order.
    fn read(&self, keys: &[&str], deadline: Deadline) -> impl Future<Output = Vec<Read<S>>> + Send;

    /// Writes keys, each on its own condition; one answer a write, in order. Keys are distinct.
    fn commit(
        &self,
        writes: &[Write<'_, S>],
        deadline: Deadline,
    ) -> impl Future<Output = Vec<Commit<S>>> + Send;
}

/// What a sink did not take. Everything before it was accepted, nothing behind it was sent on purpose.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("number {first} of what was put was not accepted: {why}")]
pub struct NotAccepted {
    /// Index of the first one that was not accepted.
    pub first: usize,
    /// Why, in words.
    pub why: String,
}

/// Takes JSON lines, in order, at least once.
pub trait JsonLineSink: Send + Sync {
    /// Longest line that the sink takes, newline included, in bytes.
    const LINE_LIMIT_BYTES: usize;

    /// Puts lines.
    ///
    /// # Errors
    /// The first line that was not accepted within the deadline.
    fn put(
        &self,
        lines: &JsonLines,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), NotAccepted>> + Send;
}

/// Why signals were not all accepted. Everything before the first one named was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalFailure {
    /// Not accepted within the deadline: it may be later.
    #[error(transparent)]
    NotAccepted(NotAccepted),
    /// It never will be.
    #[error("number {index} of the signals is rejected: {why}")]
    Rejected {
        /// Index of the first signal rejected.
        index: usize,
        /// Why, in words.
        why: String,
    },
}

/// Takes signals, in order for each key, at least once.
pub trait SignalSink: Send + Sync {
    /// Puts signals.
    ///
    /// # Errors
    /// The first signal that is rejected, or was not accepted within the deadline.
    fn put(
        &self,
        signals: &[Signal],
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), SignalFailure>> + Send;

    /// Sets timers.
    ///
    /// # Errors
    /// The first timer that was not accepted within the deadline; any, where the function has none.
    fn set(
        &self,
        timers: &[Timer],
        _deadline: Deadline,
    ) -> impl Future<Output = Result<(), NotAccepted>> + Send {
        let answer = match timers.is_empty() {
            true => Ok(()),
            false => Err(NotAccepted { first: 0, why: "this function has no timers".to_owned() }),
        };
        std::future::ready(answer)
    }
}

/// The sink of a consumer whose state emits no signals. One that is emitted all the same is not accepted, so that
/// its state is never committed without it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSignals;

impl SignalSink for NoSignals {
    async fn put(&self, signals: &[Signal], _deadline: Deadline) -> Result<(), SignalFailure> {
        match signals.is_empty() {
            true => Ok(()),
            false => Err(SignalFailure::NotAccepted(NotAccepted {
                first: 0,
                why: "this function has no stream for signals".to_owned(),
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use millrace_domain::signal::{Origin, REFRESH_REQUESTED};
    use millrace_domain::{Position, SequenceNumber, Shard};

    use super::*;

    #[tokio::test]
    async fn without_a_sink_no_signal_and_no_timer_is_lost() {
        let position =
            Position { sequence: SequenceNumber::parse("5").unwrap(), sub_sequence: 0, element: 0 };
        let signal = Signal {
            key: "u".to_owned(),
            signal_type: REFRESH_REQUESTED,
            id: "1".to_owned(),
            time_ms: 0,
            origin: Origin { shard: Shard::new("events", "a"), position, index: 0 },
            data: "{}".to_owned(),
        };
        let timer = Timer { key: "u".to_owned(), due_at_ms: 0 };
        assert_eq!(NoSignals.put(&[], Deadline::NONE).await, Ok(()));
        assert_eq!(NoSignals.set(&[], Deadline::NONE).await, Ok(()));
        let failure = NoSignals.put(&[signal], Deadline::NONE).await.unwrap_err();
        assert!(matches!(failure, SignalFailure::NotAccepted(NotAccepted { first: 0, .. })));
        assert_eq!(NoSignals.set(&[timer], Deadline::NONE).await.unwrap_err().first, 0);
    }
}
