//! Declarations that cannot work.

use std::collections::BTreeSet;

use crate::config::{Destination, ParquetDestination, StreamConfig};
use crate::glue::GlueTypeError;

/// Longest name of a delivery stream, in characters (`DeliveryStreamName` in the service model).
const STREAM_NAME_MAX_CHARS: usize = 64;

/// A declaration that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The name is empty, too long or has other characters.
    #[error("delivery stream name {0:?} is not valid: use 1 to 64 of a-z, A-Z, 0-9, `_`, `.` and `-`")]
    StreamName(String),
    /// Two streams share a name.
    #[error("delivery stream {0} is declared twice: give each stream its own name")]
    DuplicateStream(String),
    /// Dynamic partitioning needs at least one key.
    #[error("delivery stream {0} has no partition key: name at least one top-level string field")]
    NoPartitionKey(String),
    /// A column's type cannot be read.
    #[error("column {column} of delivery stream {stream} has a type that cannot be read")]
    ColumnType {
        /// The stream.
        stream: String,
        /// The column.
        column: String,
        /// What is wrong with the type.
        #[source]
        source: GlueTypeError,
    },
    /// A column's name is taken.
    #[error(
        "column {column} of delivery stream {stream} is declared twice or is a partition key: remove one"
    )]
    DuplicateColumn {
        /// The stream.
        stream: String,
        /// The column.
        column: String,
    },
    /// The columns make no Parquet schema.
    #[error("the columns of delivery stream {stream} make no Parquet schema: {why}")]
    Columns {
        /// The stream.
        stream: String,
        /// What the Parquet writer says.
        why: String,
    },
    /// Parquet needs a column.
    #[error("delivery stream {0} has no columns: declare those of its Glue table")]
    NoColumns(String),
}

impl StreamConfig {
    /// Checks what needs no parsing of types.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if self.name.is_empty() || self.name.len() > STREAM_NAME_MAX_CHARS || !self.name.chars().all(fits) {
            return Err(ConfigError::StreamName(self.name.clone()));
        }
        match &self.destination {
            Destination::Parquet(parquet) => parquet.check(&self.name),
            Destination::JsonLines(_) => Ok(()),
        }
    }
}

impl ParquetDestination {
    fn check(&self, stream: &str) -> Result<(), ConfigError> {
        if self.partition_keys.is_empty() {
            return Err(ConfigError::NoPartitionKey(stream.to_owned()));
        }
        if self.columns.is_empty() {
            return Err(ConfigError::NoColumns(stream.to_owned()));
        }
        let mut taken: BTreeSet<String> = self.partition_keys.iter().map(|key| key.to_lowercase()).collect();
        for (column, _) in &self.columns {
            if !taken.insert(column.to_lowercase()) {
                return Err(ConfigError::DuplicateColumn {
                    stream: stream.to_owned(),
                    column: column.clone(),
                });
            }
        }
        Ok(())
    }
}
