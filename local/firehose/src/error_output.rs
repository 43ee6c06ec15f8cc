//! Rows that cannot be delivered, as Firehose writes them under its error prefix.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// Why a row cannot be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    InvalidJson,
    NotAnObject,
    TooManySubRecords,
    PartitionKeyMissing,
    PartitionValueTooLong,
    ActivePartitionExceeded,
    ValueNotConvertible,
}

impl ErrorCode {
    /// The directory under the error prefix: Firehose sorts failures by error type.
    pub(crate) fn error_type(self) -> &'static str {
        match self {
            Self::InvalidJson
            | Self::NotAnObject
            | Self::TooManySubRecords
            | Self::PartitionKeyMissing
            | Self::PartitionValueTooLong => "processing-failed",
            Self::ActivePartitionExceeded => "activePartitionExceeded",
            Self::ValueNotConvertible => "format-conversion-failed",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::InvalidJson => "InvalidJson",
            Self::NotAnObject => "NotAnObject",
            Self::TooManySubRecords => "TooManySubRecords",
            Self::PartitionKeyMissing => "PartitionKeyMissing",
            Self::PartitionValueTooLong => "PartitionValueTooLong",
            Self::ActivePartitionExceeded => "ActivePartitionExceeded",
            Self::ValueNotConvertible => "ValueNotConvertible",
        }
    }
}

/// A row's failure. The codes are ours: AWS publishes the fields of the line but no complete list of codes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RowError {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl RowError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorLine<'a> {
    attempts_made: u32,
    arrival_timestamp: i64,
    error_code: &'static str,
    error_message: &'a str,
    attempt_ending_timestamp: i64,
    raw_data: String,
}

/// One line of the error output.
pub(crate) fn render(error: &RowError, raw: &[u8], arrival_ms: i64, now_ms: i64) -> Vec<u8> {
    let line = ErrorLine {
        attempts_made: 1,
        arrival_timestamp: arrival_ms,
        error_code: error.code.name(),
        error_message: &error.message,
        attempt_ending_timestamp: now_ms,
        raw_data: STANDARD.encode(raw),
    };
    // Serializing numbers and strings into memory cannot fail; should it ever, the raw bytes still get out.
    serde_json::to_vec(&line).unwrap_or_else(|_| line.raw_data.into_bytes())
}
