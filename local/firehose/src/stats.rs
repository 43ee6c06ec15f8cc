//! Counters for the host.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// What has happened since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Put calls, the refused and throttled ones included.
    pub requests: u64,
    /// Put calls answered with an error and not taken.
    pub refused_requests: u64,
    /// Records taken.
    pub records: u64,
    /// Records refused one by one by an injected fault.
    pub failed_records: u64,
    /// Bytes of the records taken.
    pub bytes: u64,
    /// The same with each record rounded up to the billing step.
    pub billed_bytes: u64,
    /// Rows of the records taken: documents of a Parquet stream, records of a JSON-lines one.
    pub rows_received: u64,
    /// Rows in delivered files, by `<stream>/<partition>`, or `<stream>` where there are no partitions.
    pub rows_delivered: BTreeMap<String, u64>,
    /// Rows in the error output, by error type.
    pub error_rows: BTreeMap<String, u64>,
    /// Files written, the error output's included.
    pub files_written: u64,
}

impl Stats {
    /// Rows in delivered files.
    #[must_use]
    pub fn rows_delivered_total(&self) -> u64 {
        self.rows_delivered.values().sum()
    }

    /// Rows in the error output.
    #[must_use]
    pub fn error_rows_total(&self) -> u64 {
        self.error_rows.values().sum()
    }

    /// Rows that are neither delivered nor in the error output yet.
    #[must_use]
    pub fn rows_buffered(&self) -> u64 {
        self.rows_received.saturating_sub(self.rows_delivered_total() + self.error_rows_total())
    }
}

/// The counters behind a lock of their own: a progress bar must not wait for a file to be written.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Stats>);

impl Tally {
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Stats) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
