//! Which records go into the next call: each key at most once, in order.

use std::collections::{HashMap, VecDeque};

use millrace_lambda::record_stream::{OutgoingRecord, Put};

/// Most records of one call.
pub const CALL_LIMIT_RECORDS: usize = 500;
/// Largest call in bytes, partition keys included: 10 MiB.
pub const CALL_LIMIT_BYTES: usize = 10 * 1024 * 1024;

/// Records on their way. Those of one call that fail are put again behind others that were accepted, so two records
/// of one key in one call could change their order.
pub(super) struct Queue<'r> {
    records: &'r [OutgoingRecord],
    waiting: HashMap<&'r str, VecDeque<usize>>,
    /// Keys with records that wait, of which none is on its way.
    ready: VecDeque<&'r str>,
    answers: Vec<Option<Put>>,
}

/// What a record counts against the limits of the stream.
pub(super) fn size_bytes(record: &OutgoingRecord) -> usize {
    record.partition_key.len() + record.data.len()
}

impl<'r> Queue<'r> {
    pub(super) fn new(records: &'r [OutgoingRecord]) -> Self {
        let mut queue = Self {
            records,
            waiting: HashMap::new(),
            ready: VecDeque::new(),
            answers: records.iter().map(|_| None).collect(),
        };
        for (index, record) in records.iter().enumerate() {
            let key = record.partition_key.as_str();
            let waiting = queue.waiting.entry(key).or_default();
            if waiting.is_empty() {
                queue.ready.push_back(key);
            }
            waiting.push_back(index);
        }
        queue
    }

    /// Takes out the records of the next call, at most so many; none when all have their answer.
    pub(super) fn next_call(&mut self, limit_records: usize, record_limit_bytes: usize) -> Vec<usize> {
        let (mut call, mut call_bytes) = (Vec::new(), 0);
        while call.len() < limit_records.min(CALL_LIMIT_RECORDS) {
            let Some(key) = self.ready.pop_front() else { break };
            let Some(index) = self.waiting.get_mut(key).and_then(VecDeque::pop_front) else { continue };
            let bytes = self.records.get(index).map_or(0, size_bytes);
            if bytes > record_limit_bytes {
                self.reject(index, format!("it has {bytes} bytes, and the limit is {record_limit_bytes}"));
                continue;
            }
            if call_bytes + bytes > CALL_LIMIT_BYTES && !call.is_empty() {
                self.put_back(key, index);
                break;
            }
            call_bytes += bytes;
            call.push(index);
        }
        call
    }

    pub(super) fn accepted(&mut self, index: usize) {
        self.answer(index, Put::Accepted);
        let Some(key) = self.key(index) else { return };
        if self.waiting.get(key).is_some_and(|waiting| !waiting.is_empty()) {
            self.ready.push_back(key);
        }
    }

    /// Lets a record wait for another call, before everything else of its key.
    pub(super) fn failed(&mut self, index: usize) {
        if let Some(key) = self.key(index) {
            self.put_back(key, index);
        }
    }

    /// Answers for a rejected record, and for what waits behind it under its key.
    pub(super) fn reject(&mut self, index: usize, why: String) {
        self.answer(index, Put::Rejected(why));
        let waiting = self.key(index).and_then(|key| self.waiting.remove(key)).unwrap_or_default();
        for behind in waiting {
            self.answer(behind, Put::NotAccepted("a record before it under its key was rejected".to_owned()));
        }
    }

    /// The answers; what still waits was not accepted for this reason.
    pub(super) fn finish(self, why: &str) -> Vec<Put> {
        let answer = |answer: Option<Put>| answer.unwrap_or_else(|| Put::NotAccepted(why.to_owned()));
        self.answers.into_iter().map(answer).collect()
    }

    fn key(&self, index: usize) -> Option<&'r str> {
        self.records.get(index).map(|record| record.partition_key.as_str())
    }

    fn put_back(&mut self, key: &'r str, index: usize) {
        self.waiting.entry(key).or_default().push_front(index);
        self.ready.push_front(key);
    }

    fn answer(&mut self, index: usize, put: Put) {
        if let Some(answer) = self.answers.get_mut(index) {
            *answer = Some(put);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD_LIMIT_BYTES: usize = 1024 * 1024;

    fn records(keys: &[&str], bytes: usize) -> Vec<OutgoingRecord> {
        let record =
            |key: &&str| OutgoingRecord { partition_key: (*key).to_owned(), data: vec![0; bytes].into() };
        keys.iter().map(record).collect()
    }

    #[test]
    fn a_call_holds_a_key_once_and_a_key_waits_behind_its_own_failure() {
        let records = records(&["a", "a", "b", "a"], 1);
        let mut queue = Queue::new(&records);
        let next = |queue: &mut Queue<'_>| queue.next_call(500, RECORD_LIMIT_BYTES);
        assert_eq!(next(&mut queue), [0, 2]);
        queue.failed(0);
        queue.accepted(2);
        assert_eq!(next(&mut queue), [0]);
        queue.accepted(0);
        assert_eq!(next(&mut queue), [1]);
        queue.accepted(1);
        let late = Put::NotAccepted("late".to_owned());
        assert_eq!(queue.finish("late"), [Put::Accepted, Put::Accepted, Put::Accepted, late]);
    }

    #[test]
    fn calls_keep_their_limits() {
        let keys: Vec<String> = (0..501).map(|key| format!("{key:08}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let small = records(&keys, 1);
        assert_eq!(Queue::new(&small).next_call(500, RECORD_LIMIT_BYTES).len(), 500);
        let exact = records(&keys[..11], CALL_LIMIT_BYTES / 10 - 8);
        let mut queue = Queue::new(&exact);
        assert_eq!(queue.next_call(500, RECORD_LIMIT_BYTES), (0..10).collect::<Vec<_>>());
        assert_eq!(queue.next_call(500, RECORD_LIMIT_BYTES), [10]);
    }

    #[test]
    fn a_rejected_record_ends_its_key_and_no_other() {
        let mut records = records(&["a", "b", "a"], 1);
        records[0].data = vec![0; RECORD_LIMIT_BYTES].into();
        let mut queue = Queue::new(&records);
        assert_eq!(queue.next_call(500, RECORD_LIMIT_BYTES), [1]);
        queue.accepted(1);
        assert!(queue.next_call(500, RECORD_LIMIT_BYTES).is_empty());
        let answers = queue.finish("");
        assert!(matches!(answers[..], [Put::Rejected(_), Put::Accepted, Put::NotAccepted(_)]), "{answers:?}");
    }
}
