//! Firehose's limits, with their sources.

/// Most records of one PutRecordBatch call; not adjustable (API reference of PutRecordBatch).
pub const CALL_MAX_RECORDS: usize = 500;

/// Most bytes of one PutRecordBatch call, after base64 decoding: 4 MiB; not adjustable (API reference of
/// PutRecordBatch).
pub const CALL_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes of one record before base64 encoding: 1,000 KiB (`Data` in the service model).
pub const RECORD_MAX_BYTES: usize = 1_000 * 1024;

/// Most documents that record de-aggregation takes from one record. Above it the call succeeds and
/// de-aggregation "does not work as expected" (developer guide, dynamic partitioning).
pub const RECORD_MAX_SUB_RECORDS: usize = 500;

/// Active partitions of a stream unless a quota increase was granted (developer guide, quotas).
pub const ACTIVE_PARTITIONS_DEFAULT: usize = 500;

/// Step that each record is rounded up to on the bill: 5 KB, as 5,120 bytes (developer guide, quotas).
pub const BILLING_STEP_BYTES: u64 = 5 * 1024;

/// Smallest buffer with format conversion or dynamic partitioning: 64 MiB (`BufferingHints` of the API
/// reference); the default here.
pub const BUFFER_DEFAULT_BYTES: usize = 64 * 1024 * 1024;

/// Buffer interval unless set: 60 s, the smallest that Firehose allowed before zero buffering, which dynamic
/// partitioning excludes.
pub const BUFFER_DEFAULT_INTERVAL_MS: i64 = 60_000;

/// Bytes buffered by all streams together before the largest partitions are delivered early. Ours, not
/// Firehose's: 500 partitions of 64 MiB do not fit a developer's machine.
pub const BUFFERED_TOTAL_DEFAULT_BYTES: usize = 256 * 1024 * 1024;

/// Most bytes of an HTTP body: a full call in base64 takes 5.6 MB, so 16 MiB leaves room to answer an
/// oversized call with Firehose's own error.
pub const HTTP_BODY_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Most bytes of a partition directory's name: the limit of a path component on the usual file systems.
pub const PARTITION_COMPONENT_MAX_BYTES: usize = 255;

/// Bytes that a record of `len` bytes is billed as.
#[must_use]
pub fn billed_bytes(len: usize) -> u64 {
    (len as u64).div_ceil(BILLING_STEP_BYTES) * BILLING_STEP_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_billed_in_steps_of_5_kb() {
        assert_eq!(
            [1, 3 * 1024, 5_120, 5_121, 12 * 1024].map(billed_bytes),
            [5_120, 5_120, 5_120, 10_240, 15_360]
        );
    }
}
