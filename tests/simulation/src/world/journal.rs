//! What happened, for the judge.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use event_source_mapping::Condition;
use millrace_lambda::Tally;

use super::RecordId;
use crate::plan::Consumer;

/// The facts of a run.
#[derive(Debug, Default)]
pub struct Journal {
    /// Invocations that ended and gave an answer, in order of their ends.
    pub runs: Vec<Run>,
    /// Batches that a mapping discarded.
    pub discards: Vec<Discard>,
    /// Records that were accepted, with an answer that came back, and were sent again by the same invocation: who did
    /// it, and to which stream.
    pub sent_again: Vec<(Option<u64>, String)>,
    /// Invocations that could not put everything at once, and the stream that rejected.
    pub put_in_trouble: BTreeSet<(Option<u64>, String)>,
    /// How often each record was handed to a function.
    pub delivered: BTreeMap<(Consumer, RecordId), u64>,
    /// What broke a rule on the way.
    pub broken: Vec<String>,
    /// How often each thing happened, by name.
    pub counts: BTreeMap<String, u64>,
}

/// One invocation that gave an answer.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its number.
    pub process: u64,
    /// The function.
    pub consumer: Consumer,
    /// Its records.
    pub records: Vec<RecordId>,
    /// How far it came, with the verdict of each event.
    pub tally: Tally,
    /// Whether the mapping took the answer.
    pub believed: bool,
    /// How often each of its records had been handed to the function by its end, this time included.
    pub deliveries: Vec<u64>,
}

/// A batch that a mapping discarded.
#[derive(Clone, Debug)]
pub struct Discard {
    /// The function.
    pub consumer: Consumer,
    /// Its records.
    pub records: Vec<RecordId>,
    /// Why.
    pub condition: Condition,
}

/// A change of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableWrite {
    /// The invocation that wrote it.
    pub process: Option<u64>,
    /// The key.
    pub key: String,
    /// The version written; `None` for a deletion.
    pub version: Option<u64>,
    /// A hash of the ledger written. The ledger itself would be kept once a write.
    pub ledger_hash: u64,
}

/// A record that a Firehose stream accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The invocation that put it.
    pub process: Option<u64>,
    /// The stream.
    pub stream: String,
    /// Its JSON lines.
    pub data: Bytes,
}

impl Journal {
    /// Notes that a record is handed to a function.
    pub fn deliver(&mut self, consumer: Consumer, record: RecordId) {
        *self.delivered.entry((consumer, record)).or_default() += 1;
    }

    /// How often each of these records was handed to a function.
    pub fn deliveries(&self, consumer: Consumer, records: &[RecordId]) -> Vec<u64> {
        let times = |record: &RecordId| self.delivered.get(&(consumer, *record)).copied();
        records.iter().map(|record| times(record).unwrap_or_default()).collect()
    }

    /// Counts a thing.
    pub fn count(&mut self, name: impl Into<String>) {
        *self.counts.entry(name.into()).or_default() += 1;
    }
}
