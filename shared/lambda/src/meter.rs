//! What adapters use up, counted where it happens and read once an invocation.

use std::ops::AddAssign;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Counters shared by the adapters of one function.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Usage>);

impl Meter {
    /// Adds to the counters.
    pub fn add(&self, usage: &Usage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += *usage;
    }

    /// Reads the counters and sets them back.
    pub fn take(&self) -> Usage {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What was used up since the meter was read last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Requests that read items.
    pub read_requests: u64,
    /// Read capacity units that DynamoDB reported.
    pub read_capacity_units: u64,
    /// Requests that wrote items.
    pub write_requests: u64,
    /// Write capacity units that DynamoDB reported, each one 1 KB of the larger of old and new item.
    pub write_capacity_units: u64,
    /// Conditions that failed because another writer was faster, or a cached item was old.
    pub conflicts: u64,
    /// Requests or parts of requests that were sent again.
    pub request_retries: u64,
    /// Put requests to Kinesis.
    pub kinesis_put_requests: u64,
    /// Records that Kinesis accepted.
    pub kinesis_put_records: u64,
    /// Bytes of these records, with their keys.
    pub kinesis_put_bytes: u64,
    /// Put requests to Firehose.
    pub firehose_put_requests: u64,
    /// Records that Firehose accepted.
    pub firehose_put_records: u64,
    /// Bytes of these records.
    pub firehose_put_bytes: u64,
    /// The same bytes as Firehose bills them: each record rounded up to 5 KiB.
    pub firehose_put_billed_bytes: u64,
    /// Time spent waiting for the table, in microseconds.
    pub table_wait_us: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.read_requests += other.read_requests;
        self.read_capacity_units += other.read_capacity_units;
        self.write_requests += other.write_requests;
        self.write_capacity_units += other.write_capacity_units;
        self.conflicts += other.conflicts;
        self.request_retries += other.request_retries;
        self.kinesis_put_requests += other.kinesis_put_requests;
        self.kinesis_put_records += other.kinesis_put_records;
        self.kinesis_put_bytes += other.kinesis_put_bytes;
        self.firehose_put_requests += other.firehose_put_requests;
        self.firehose_put_records += other.firehose_put_records;
        self.firehose_put_bytes += other.firehose_put_bytes;
        self.firehose_put_billed_bytes += other.firehose_put_billed_bytes;
        self.table_wait_us += other.table_wait_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_reads_and_sets_back() {
        let all = |times: u64| Usage {
            read_requests: times,
            read_capacity_units: 2 * times,
            write_requests: 3 * times,
            write_capacity_units: 4 * times,
            conflicts: 5 * times,
            request_retries: 6 * times,
            kinesis_put_requests: 7 * times,
            kinesis_put_records: 8 * times,
            kinesis_put_bytes: 9 * times,
            firehose_put_requests: 10 * times,
            firehose_put_records: 11 * times,
            firehose_put_bytes: 12 * times,
            firehose_put_billed_bytes: 13 * times,
            table_wait_us: 14 * times,
        };
        let meter = Meter::default();
        meter.add(&all(1));
        meter.add(&all(2));
        assert_eq!(meter.take(), all(3));
        assert_eq!(meter.take(), Usage::default());
    }
}
