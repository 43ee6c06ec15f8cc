//! Records that are sent together, with what they have used of their retry budget.

use std::sync::Arc;

use crate::{Records, Settings};

/// A batch, or what is left of one; the parts of a batch inherit its history.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) records: Records,
    pub(crate) history: History,
    /// The budget is used up: the records are to be discarded.
    pub(crate) is_exhausted: bool,
}

/// What happened to a batch so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Times that the function ran with these records.
    pub(crate) invocations: u32,
    /// Failed invocations that count against the retry budget.
    pub(crate) counted_failures: u32,
    /// Whether the last invocation ended in a function error.
    pub(crate) ended_in_function_error: bool,
    /// Request id of the last invocation.
    pub(crate) request_id: Option<Arc<str>>,
}

impl Batch {
    pub(crate) fn new(records: Records) -> Self {
        Self { records, history: History::default(), is_exhausted: false }
    }

    /// Splits the batch; both parts carry its history.
    pub(crate) fn split_at(self, index: usize) -> (Self, Self) {
        let (first, second) = self.records.split_at(index);
        (Self { records: first, ..self.clone() }, Self { records: second, ..self })
    }

    /// Counts a failure against the budget: `maximum_retry_attempts` retries follow the first invocation.
    pub(crate) fn count_failure(&mut self, settings: &Settings) {
        self.history.counted_failures = self.history.counted_failures.saturating_add(1);
        self.is_exhausted =
            settings.maximum_retry_attempts.is_some_and(|retries| self.history.counted_failures > retries);
    }
}
