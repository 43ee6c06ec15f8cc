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
    /// Read capacity units that the store reported.
    pub read_capacity_units: u64,
    /// Requests that wrote items.
    pub write_requests: u64,
    /// Write capacity units that the store reported, each one 1 KB of the larger of old and new item.
    pub write_capacity_units: u64,
    /// Conditions that failed because another writer was faster, or a cached item was old.
    pub conflicts: u64,
    /// Requests or parts of requests that were sent again.
    pub request_retries: u64,
    /// Put requests, to Firehose and Kinesis.
    pub put_requests: u64,
    /// Records that these accepted.
    pub put_records: u64,
    /// Bytes of these records.
    pub put_bytes: u64,
    /// The same bytes as Firehose bills them: each record rounded up to 5 KiB.
    pub put_billed_bytes: u64,
    /// Time spent waiting for the store, in microseconds.
    pub store_wait_us: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.read_requests += other.read_requests;
        self.read_capacity_units += other.read_capacity_units;
        self.write_requests += other.write_requests;
        self.write_capacity_units += other.write_capacity_units;
        self.conflicts += other.conflicts;
        self.request_retries += other.request_retries;
        self.put_requests += other.put_requests;
        self.put_records += other.put_records;
        self.put_bytes += other.put_bytes;
        self.put_billed_bytes += other.put_billed_bytes;
        self.store_wait_us += other.store_wait_us;
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
            put_requests: 7 * times,
            put_records: 8 * times,
            put_bytes: 9 * times,
            put_billed_bytes: 10 * times,
            store_wait_us: 11 * times,
        };
        let meter = Meter::default();
        meter.add(&all(1));
        meter.add(&all(2));
        assert_eq!(meter.take(), all(3));
        assert_eq!(meter.take(), Usage::default());
    }
}
