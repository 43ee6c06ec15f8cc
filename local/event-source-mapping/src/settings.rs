//! The parameters of an event source mapping and their limits.

use std::fmt;

/// Largest `BatchSize`, in records [BC-LAMBDA].
pub const BATCH_SIZE_MAX: usize = 10_000;
/// Largest `MaximumBatchingWindowInSeconds` (300 s) [BC-LAMBDA].
pub const BATCHING_WINDOW_MAX_MS: u64 = 300_000;
/// Largest `ParallelizationFactor`, in lanes of a shard [BC-LAMBDA].
pub const PARALLELIZATION_FACTOR_MAX: usize = 10;
/// Largest finite `MaximumRetryAttempts` [BC-LAMBDA].
pub const RETRY_ATTEMPTS_MAX: u32 = 10_000;
/// Smallest finite `MaximumRecordAgeInSeconds` (60 s); the announcement of 2019 and the API reference agree.
pub const RECORD_AGE_MIN_MS: u64 = 60_000;
/// Largest finite `MaximumRecordAgeInSeconds` (7 d) [BC-LAMBDA].
pub const RECORD_AGE_MAX_MS: u64 = 604_800_000;
/// Largest payload of a synchronous invocation (6 MiB), counted with base64 and metadata [K-LARGE].
pub const PAYLOAD_LIMIT_BYTES: usize = 6 * 1024 * 1024;

/// Longest pause that may be set between two attempts (1 h). AWS publishes no figure; this keeps a typo visible.
const BACKOFF_LIMIT_MS: u64 = 3_600_000;

/// Parameters of an event source mapping for Kinesis [L-PAR].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `BatchSize`: most records of one invocation, 1 to 10,000.
    pub batch_size: usize,
    /// `MaximumBatchingWindowInSeconds`, in milliseconds: how long the first record of a batch waits for others,
    /// 0 to 300,000. Zero sends whatever is there.
    pub batching_window_ms: u64,
    /// `ParallelizationFactor`: batches of one shard that may be in flight at once, 1 to 10.
    pub parallelization_factor: usize,
    /// `MaximumRetryAttempts`: failed invocations of a batch beyond the first, 0 to 10,000; `None` is unlimited
    /// (-1 at AWS).
    pub maximum_retry_attempts: Option<u32>,
    /// `MaximumRecordAgeInSeconds`, in milliseconds: 60,000 to 604,800,000; `None` is unlimited (-1 at AWS).
    pub maximum_record_age_ms: Option<u64>,
    /// `BisectBatchOnFunctionError`: halve a batch that failed.
    pub bisect_batch_on_function_error: bool,
    /// Whether `FunctionResponseTypes` holds `ReportBatchItemFailures`; otherwise a response is not read.
    pub report_batch_item_failures: bool,
    /// Largest event in bytes, as encoded; at most 6 MiB.
    pub payload_limit_bytes: usize,
    /// Pause after the first failure in a row of a lane, at least 1.
    pub backoff_initial_ms: u64,
    /// Longest pause; it doubles from the initial one up to here.
    pub backoff_max_ms: u64,
}

impl Default for Settings {
    /// The defaults of AWS [L-PAR]. AWS does not publish its backoff: 1 s to 60 s is this crate's choice.
    fn default() -> Self {
        Self {
            batch_size: 100,
            batching_window_ms: 0,
            parallelization_factor: 1,
            maximum_retry_attempts: None,
            maximum_record_age_ms: None,
            bisect_batch_on_function_error: false,
            report_batch_item_failures: false,
            payload_limit_bytes: PAYLOAD_LIMIT_BYTES,
            backoff_initial_ms: 1_000,
            backoff_max_ms: 60_000,
        }
    }
}

impl Settings {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// All fields out of range, not only the first.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        let mut checks = vec![
            OutOfRange::check("batch_size", self.batch_size as u64, 1, BATCH_SIZE_MAX as u64),
            OutOfRange::check("batching_window_ms", self.batching_window_ms, 0, BATCHING_WINDOW_MAX_MS),
            OutOfRange::check(
                "parallelization_factor",
                self.parallelization_factor as u64,
                1,
                PARALLELIZATION_FACTOR_MAX as u64,
            ),
            OutOfRange::check(
                "payload_limit_bytes",
                self.payload_limit_bytes as u64,
                1,
                PAYLOAD_LIMIT_BYTES as u64,
            ),
            OutOfRange::check("backoff_initial_ms", self.backoff_initial_ms, 1, BACKOFF_LIMIT_MS),
            OutOfRange::check(
                "backoff_max_ms",
                self.backoff_max_ms,
                self.backoff_initial_ms,
                BACKOFF_LIMIT_MS,
            ),
        ];
        if let Some(attempts) = self.maximum_retry_attempts {
            checks.push(OutOfRange::check(
                "maximum_retry_attempts",
                u64::from(attempts),
                0,
                u64::from(RETRY_ATTEMPTS_MAX),
            ));
        }
        if let Some(age_ms) = self.maximum_record_age_ms {
            let (min, max) = (RECORD_AGE_MIN_MS, RECORD_AGE_MAX_MS);
            checks.push(OutOfRange::check("maximum_record_age_ms", age_ms, min, max));
        }
        let violations: Vec<_> = checks.into_iter().flatten().collect();
        if violations.is_empty() { Ok(()) } else { Err(InvalidSettings { violations }) }
    }

    /// Pause before the next attempt of a lane that has failed `failures_in_a_row` times, in milliseconds.
    pub(crate) fn backoff_ms(&self, failures_in_a_row: u32) -> u64 {
        let factor = 1_u64.checked_shl(failures_in_a_row.saturating_sub(1)).unwrap_or(u64::MAX);
        self.backoff_initial_ms.saturating_mul(factor).min(self.backoff_max_ms)
    }
}

/// A field outside its range; the range includes both ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}, allowed is {min} to {max}")]
pub struct OutOfRange {
    /// Name of the field of [`Settings`].
    pub field: &'static str,
    /// The value given, in the field's unit.
    pub value: u64,
    /// Smallest allowed value.
    pub min: u64,
    /// Largest allowed value.
    pub max: u64,
}

impl OutOfRange {
    fn check(field: &'static str, value: u64, min: u64, max: u64) -> Option<Self> {
        (value < min || value > max).then_some(Self { field, value, min, max })
    }
}

/// Everything that is wrong with a [`Settings`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidSettings {
    /// One entry for each field out of range, never empty.
    pub violations: Vec<OutOfRange>,
}

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid settings: ")?;
        for (index, violation) in self.violations.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_aws_and_valid() {
        let settings = Settings::default();
        assert_eq!(settings.validate(), Ok(()));
        assert_eq!(settings.batch_size, 100);
        assert_eq!(settings.batching_window_ms, 0);
        assert_eq!(settings.parallelization_factor, 1);
        assert_eq!(settings.maximum_retry_attempts, None);
        assert_eq!(settings.maximum_record_age_ms, None);
    }

    #[test]
    fn every_violation_is_named_with_value_and_range() {
        let settings = Settings {
            batch_size: 10_001,
            parallelization_factor: 0,
            maximum_record_age_ms: Some(59_999),
            ..Settings::default()
        };
        let error = settings.validate().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid settings: batch_size is 10001, allowed is 1 to 10000; \
             parallelization_factor is 0, allowed is 1 to 10; \
             maximum_record_age_ms is 59999, allowed is 60000 to 604800000"
        );
    }

    #[test]
    fn backoff_must_not_end_below_its_start() {
        let settings = Settings { backoff_initial_ms: 10, backoff_max_ms: 9, ..Settings::default() };
        let error = settings.validate().unwrap_err();
        assert_eq!(error.violations.first().map(|violation| violation.field), Some("backoff_max_ms"));
    }

    #[test]
    fn backoff_doubles_up_to_its_bound() {
        let settings = Settings { backoff_initial_ms: 100, backoff_max_ms: 500, ..Settings::default() };
        let pauses: Vec<_> = (1..=5).map(|failures| settings.backoff_ms(failures)).collect();
        assert_eq!(pauses, [100, 200, 400, 500, 500]);
        assert_eq!(settings.backoff_ms(u32::MAX), 500);
    }
}
