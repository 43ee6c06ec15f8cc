//! What a host declares: streams, destinations, buffering, clock and faults.

use std::path::PathBuf;
use std::sync::Arc;

use crate::faults::{Faults, NoFaults};
use crate::limits::{
    ACTIVE_PARTITIONS_DEFAULT, BUFFER_DEFAULT_BYTES, BUFFER_DEFAULT_INTERVAL_MS, BUFFERED_TOTAL_DEFAULT_BYTES,
};

/// The current time in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// One delivery stream.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// Name that calls carry.
    pub name: String,
    /// Where and how its records are delivered.
    pub destination: Destination,
    /// When they are delivered.
    pub buffering: Buffering,
}

/// Where and how a stream delivers.
#[derive(Debug, Clone)]
pub enum Destination {
    /// De-aggregated, dynamically partitioned and converted to Parquet.
    Parquet(ParquetDestination),
    /// The record's bytes, one line each.
    JsonLines(JsonLinesDestination),
}

/// A destination with record de-aggregation, dynamic partitioning and format conversion.
#[derive(Debug, Clone)]
pub struct ParquetDestination {
    /// Root of the partition directories.
    pub dir: PathBuf,
    /// Root of the error output; one directory per error type.
    pub error_dir: PathBuf,
    /// Top-level string fields that name the partition, in the order of the path. Matched exactly, as a jq
    /// query would; they are not columns.
    pub partition_keys: Vec<String>,
    /// Column names with their Glue types. Matched to JSON keys without regard to case.
    pub columns: Vec<(String, String)>,
    /// Most partitions with undelivered rows.
    pub active_partitions_max: usize,
}

impl ParquetDestination {
    /// A destination with Firehose's default quota of active partitions.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, error_dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            error_dir: error_dir.into(),
            partition_keys: Vec::new(),
            columns: Vec::new(),
            active_partitions_max: ACTIVE_PARTITIONS_DEFAULT,
        }
    }

    /// Sets the fields that name the partition.
    #[must_use]
    pub fn partitioned_by<S: Into<String>>(mut self, keys: impl IntoIterator<Item = S>) -> Self {
        self.partition_keys = keys.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the columns, as (name, Glue type).
    #[must_use]
    pub fn with_columns<S: Into<String>>(mut self, columns: impl IntoIterator<Item = (S, S)>) -> Self {
        self.columns = columns.into_iter().map(|(name, glue)| (name.into(), glue.into())).collect();
        self
    }
}

/// A destination that appends records as lines.
#[derive(Debug, Clone)]
pub struct JsonLinesDestination {
    /// Directory of the files.
    pub dir: PathBuf,
}

/// When a buffer is delivered: at whichever limit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffering {
    /// Bytes of buffered rows. Checked at the end of a call, so a file may exceed it by one call.
    pub bytes: usize,
    /// Time since the buffer's first row. Checked by `tick`.
    pub interval_ms: i64,
}

impl Default for Buffering {
    fn default() -> Self {
        Self { bytes: BUFFER_DEFAULT_BYTES, interval_ms: BUFFER_DEFAULT_INTERVAL_MS }
    }
}

/// What all streams share.
#[derive(Clone)]
pub struct Options {
    /// Source of arrival times.
    pub clock: Clock,
    /// Faults to inject.
    pub faults: Arc<dyn Faults>,
    /// Bytes buffered by all streams before the largest buffers are delivered early.
    pub buffered_max_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            faults: Arc::new(NoFaults),
            buffered_max_bytes: BUFFERED_TOTAL_DEFAULT_BYTES,
        }
    }
}

/// The machine's clock.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        #[expect(clippy::disallowed_methods, reason = "the one adapter that needs the machine's clock")]
        let now = std::time::SystemTime::now();
        let since_epoch = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    })
}
