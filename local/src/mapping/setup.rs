//! How a mapping is set up.

use std::time::Duration;

use event_source_mapping::{MappingInfo, Settings};

use super::clock::MappingClock;
use crate::options::{EVENTS_STREAM, Limits, SIGNALS_STREAM, Tuning};

/// Pause after the first failure in a row, and the longest one.
const BACKOFF_INITIAL: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Most signals of one batch: an order makes one for each of its lines.
const SIGNALS_BATCH_SIZE: usize = 1_000;

/// A stream, and a function that consumes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MappingOf {
    pub(crate) stream: &'static str,
    pub(crate) function: &'static str,
}

/// Every mapping of the template.
pub(crate) const MAPPINGS: [MappingOf; 6] = [
    MappingOf { stream: EVENTS_STREAM, function: "sessions" },
    MappingOf { stream: EVENTS_STREAM, function: "archive" },
    MappingOf { stream: EVENTS_STREAM, function: "fraud" },
    MappingOf { stream: EVENTS_STREAM, function: "inventory" },
    MappingOf { stream: SIGNALS_STREAM, function: "archive" },
    MappingOf { stream: SIGNALS_STREAM, function: "inventory" },
];

/// As the template sets it up, but for what the options say. Every time is counted by the mapping's clock.
///
/// Signals are never discarded: one that went past its shard's position could not be judged later.
pub(super) fn settings(of: MappingOf, tuning: &Tuning, limits: &Limits, clock: MappingClock) -> Settings {
    let limits = if of.stream == SIGNALS_STREAM { &Limits::default() } else { limits };
    let emits = of.function != "archive";
    Settings {
        batch_size: if of.stream == SIGNALS_STREAM { SIGNALS_BATCH_SIZE } else { tuning.batch_size },
        batching_window_ms: clock.span_ms(tuning.batching_window),
        parallelization_factor: if emits { 1 } else { tuning.parallelization_factor },
        maximum_retry_attempts: limits.maximum_retry_attempts,
        maximum_record_age_ms: limits.maximum_record_age.map(|limit| clock.span_ms(limit)),
        bisect_batch_on_function_error: true,
        report_batch_item_failures: true,
        backoff_initial_ms: clock.span_ms(BACKOFF_INITIAL),
        backoff_max_ms: clock.span_ms(BACKOFF_MAX),
        ..Settings::default()
    }
}

/// What the mapping says of itself in events and on-failure objects; redrive knows the function by its ARN.
pub(super) fn info(MappingOf { stream, function }: MappingOf) -> MappingInfo {
    MappingInfo {
        mapping_uuid: format!("local-{function}-{stream}"),
        stream_arn: format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"),
        aws_region: "us-east-1".to_owned(),
        function_arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{function}"),
        executed_version: "$LATEST".to_owned(),
        invoke_identity_arn: "arn:aws:iam::000000000000:role/local".to_owned(),
    }
}
