//! What the caller gets back.

use std::collections::BTreeMap;

use millrace_lambda::emf::Counted;
use serde::{Deserialize, Serialize};

use crate::request::{DeadLetters, Mode, Request};

/// Most bytes of an answer's results as JSON: Lambda gives back 6 MB, and refuses a longer answer as a whole.
pub const RESULTS_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// Longest error of a result in bytes.
const ERROR_LIMIT_BYTES: usize = 500;

/// What is known of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not marked done, and not read.
    Unmarked,
    /// Marked done.
    Done,
    /// A run would send all of it and mark it done.
    Ready,
    /// Something stands in the way of marking it done.
    NotDone,
}

/// What was counted, in one object or in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records that were read, those of aggregates one by one.
    pub records: u64,
    /// Records that the request's filters kept back.
    pub filtered: u64,
    /// Records that need not be sent: redrive envelopes for another function than the one that failed, and repeats
    /// within an object.
    pub not_needed: u64,
    /// Records that are to be sent.
    pub to_send: u64,
    /// Records that the stream accepted.
    pub sent: u64,
    /// Events of the records to be sent, as they decode now: `valid`, or the code of a reason.
    pub events: BTreeMap<String, u64>,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.filtered += other.filtered;
        self.not_needed += other.not_needed;
        self.to_send += other.to_send;
        self.sent += other.sent;
        for (name, count) in &other.events {
            *self.events.entry(name.clone()).or_default() += count;
        }
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectResult {
    /// Its key.
    pub key: String,
    /// What is known of it.
    pub status: Status,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What was counted in it.
    #[serde(flatten)]
    pub counts: Counts,
    /// What stands in the way of it, in words; empty when nothing does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The kind of dead letters.
    pub dead_letters: DeadLetters,
    /// What was done with them.
    pub mode: Mode,
    /// Objects that were taken: those of the results, and of the results that are omitted.
    pub objects: u64,
    /// Objects that were skipped because they were marked done before.
    pub done_before: u64,
    /// Objects that this run marked done.
    pub done: u64,
    /// Objects that something stands in the way of marking done.
    pub not_done: u64,
    /// Objects known to be there that were not come to.
    pub remaining: u64,
    /// Whether every object was listed; otherwise there may be more than `remaining`.
    pub complete: bool,
    /// The last key up to which every object was come to; a request with it as `start_after` goes on there. None at the
    /// end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_start_after: Option<String>,
    /// What was counted in all objects.
    #[serde(flatten)]
    pub counts: Counts,
    /// Why the run ended before its time, in words; empty when it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// The objects in the order in which they were taken.
    pub results: Vec<ObjectResult>,
    /// Results omitted so that the answer stays below what Lambda gives back.
    pub results_omitted: u64,
    #[serde(skip)]
    results_bytes: usize,
}

impl Answer {
    /// An answer that nothing was counted for.
    pub(crate) fn to(request: &Request) -> Self {
        Self {
            dead_letters: request.dead_letters,
            mode: request.mode,
            objects: 0,
            done_before: 0,
            done: 0,
            not_done: 0,
            remaining: 0,
            complete: false,
            next_start_after: request.start_after.clone(),
            counts: Counts::default(),
            error: String::new(),
            results: Vec::new(),
            results_omitted: 0,
            results_bytes: 0,
        }
    }

    /// Counts an object and adds its result, while there is room.
    pub(crate) fn push(&mut self, mut result: ObjectResult) {
        result.error.truncate(result.error.floor_char_boundary(ERROR_LIMIT_BYTES));
        self.objects += 1;
        self.done += u64::from(self.mode == Mode::Run && result.status == Status::Done);
        self.not_done += u64::from(result.status == Status::NotDone);
        self.counts.add(&result.counts);
        // Each result with its comma.
        let bytes = serde_json::to_vec(&result).map_or(0, |text| text.len() + 1);
        if self.results_bytes + bytes > RESULTS_LIMIT_BYTES {
            self.results_omitted += 1;
        } else {
            self.results_bytes += bytes;
            self.results.push(result);
        }
    }
}

impl Counted for Answer {
    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("objects", self.objects),
            ("objects_done", self.done),
            ("objects_not_done", self.not_done),
            ("objects_remaining", self.remaining),
            ("records_to_send", self.counts.to_send),
            ("records_sent", self.counts.sent),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(key: String, error: String) -> ObjectResult {
        ObjectResult {
            key,
            status: Status::NotDone,
            size_bytes: 1,
            counts: Counts { sent: 1, ..Counts::default() },
            error,
        }
    }

    #[test]
    fn an_answer_stays_below_what_lambda_gives_back() {
        let mut answer = Answer::to(&Request::new(DeadLetters::Quarantine, Mode::Run));
        for number in 0..10_000 {
            answer.push(result(format!("{number}{}", "\u{1}".repeat(1_000)), "é".repeat(1_000)));
        }
        assert_eq!((answer.objects, answer.not_done, answer.counts.sent), (10_000, 10_000, 10_000));
        assert_eq!(answer.results.len() as u64 + answer.results_omitted, 10_000);
        assert!(
            answer.results.len() > 500
                && answer.results.iter().all(|result| result.error.len() <= ERROR_LIMIT_BYTES)
        );
        assert!(serde_json::to_vec(&answer).unwrap().len() < 6_000_000);
    }
}
