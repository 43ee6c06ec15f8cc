//! What a shard asks its caller to do, and the outcome that the caller reports.

use std::{fmt, sync::Arc};

use crate::{Discarded, EventFrame, Records};

/// What is to be done next; the answer of `poll`.
///
/// The three waiting actions name what the decision depends on. A push, a completion and the end of the shard can
/// change it too, so the caller polls again after each.
#[derive(Clone, Debug)]
pub enum Action {
    /// Invoke the function, then report the outcome under the invocation's token.
    Invoke(Invocation),
    /// Write the failure record of these records to the on-failure destination.
    Discard(Discarded),
    /// Nothing to do before this time, in milliseconds since the Unix epoch.
    WaitUntil(u64),
    /// Nothing to do before an invocation in flight completes or records for another lane arrive.
    WaitForInvocations,
    /// Nothing to do before records arrive or the shard ends.
    WaitForRecords,
    /// The shard of this id has ended and all its records are done.
    Finished(Arc<str>),
}

/// Names one invocation of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub(crate) u64);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A batch to be sent to the function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// To be handed back with the outcome.
    pub token: Token,
    /// Lane of the batch, from 0.
    pub lane: usize,
    /// Number of this attempt, from 1; every earlier invocation with these records counts.
    pub attempt: u32,
    /// Request id that a failure record of this batch will name; a UUID derived from the batch and the time.
    pub request_id: Arc<str>,
    /// The records, in order, of one shard and one lane.
    pub records: Records,
    pub(crate) frame: Arc<EventFrame>,
}

impl Invocation {
    /// The shard of the batch.
    pub fn shard_id(&self) -> &Arc<str> {
        self.frame.shard_id()
    }

    /// The payload of the invocation, in UTF-8 JSON.
    pub fn event(&self) -> Vec<u8> {
        self.frame.event(&self.records)
    }
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The function returned this body.
    Returned(&'a [u8]),
    /// The function failed: an error, a timeout, a crash. The attempt counts.
    FunctionError,
    /// The function did not run: throttled, or not there. The attempt does not count [L-OF].
    NotInvoked,
}

/// What an outcome meant for the records of its batch; the three counts add up to the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Records that are done.
    pub succeeded: usize,
    /// Records that will be sent again.
    pub retried: usize,
    /// Records that are discarded; a [`Action::Discard`] with them follows.
    pub discarded: usize,
}
