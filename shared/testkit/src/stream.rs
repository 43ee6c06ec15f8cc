//! A stream in memory.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use millrace_lambda::Deadline;
use millrace_lambda::record_stream::{OutgoingRecord, Put, RecordStream};

use crate::batch::BatchBuilder;

/// A stream that keeps what it accepts; clones are the same stream.
#[derive(Clone, Debug, Default)]
pub struct MemoryStream(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    accepted: Vec<OutgoingRecord>,
    failures: VecDeque<Option<usize>>,
    rejected_keys: BTreeSet<String>,
    calls: usize,
}

impl MemoryStream {
    /// Each call to come fails at the record of this index, and with it at those behind it of the same key; `None` is
    /// a call that succeeds.
    pub fn script(&self, failures: impl IntoIterator<Item = Option<usize>>) {
        self.lock().failures.extend(failures);
    }

    /// Records of this key are rejected for good.
    pub fn reject(&self, partition_key: &str) {
        self.lock().rejected_keys.insert(partition_key.to_owned());
    }

    /// Every record that was accepted, in order, repeats included.
    pub fn accepted(&self) -> Vec<OutgoingRecord> {
        self.lock().accepted.clone()
    }

    /// How often something was put.
    pub fn calls(&self) -> usize {
        self.lock().calls
    }

    /// Adds everything that was accepted to a batch, and forgets it.
    pub fn drain_into(&self, batch: BatchBuilder) -> BatchBuilder {
        let records = std::mem::take(&mut self.lock().accepted);
        records.into_iter().fold(batch, |batch, record| batch.raw(&record.partition_key, record.data))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no call panics while it holds the stream")
    }
}

impl RecordStream for MemoryStream {
    async fn put(&self, records: &[OutgoingRecord], _deadline: Deadline) -> Vec<Put> {
        let mut state = self.lock();
        state.calls += 1;
        let fails_at = state.failures.pop_front().flatten();
        let mut ended = BTreeSet::new();
        let mut answers = Vec::new();
        for (index, record) in records.iter().enumerate() {
            let key = &record.partition_key;
            let answer = if ended.contains(key) {
                Put::NotAccepted("it waits behind one of its key".to_owned())
            } else if state.rejected_keys.contains(key) {
                Put::Rejected("the script rejects it".to_owned())
            } else if fails_at == Some(index) {
                Put::NotAccepted("the script fails it".to_owned())
            } else {
                state.accepted.push(record.clone());
                Put::Accepted
            };
            if answer != Put::Accepted {
                ended.insert(key.clone());
            }
            answers.push(answer);
        }
        answers
    }
}
