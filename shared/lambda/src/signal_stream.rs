//! Signals as records of the stream of signals.

use std::collections::HashMap;

use bytes::Bytes;
use millrace_domain::signal::Signal;

use crate::batch::RECORD_LIMIT_EVENTS;
use crate::deadline::Deadline;
use crate::ports::{NotAccepted, SignalFailure, SignalSink};
use crate::record_stream::{OutgoingRecord, Put, RecordStream};

/// Longest partition key in characters.
const KEY_LIMIT_CHARS: usize = 256;

/// Puts a function's signals into a stream. Those of one call for one key share a record, in order of cause: alone as a
/// CloudEvent, together as a CloudEvents batch, split where a record would be too large.
#[derive(Clone, Debug)]
pub struct SignalStream<R> {
    stream: R,
    function: &'static str,
    record_limit_bytes: usize,
}

/// A record that is being filled.
struct Filling<'s> {
    key: &'s str,
    /// CloudEvents as JSON text, with commas between them.
    text: String,
    /// Indexes of the signals in it.
    signals: Vec<usize>,
}

impl<R> SignalStream<R> {
    /// The signals of this function into a stream whose records hold so many bytes, partition key included.
    pub fn new(stream: R, function: &'static str, record_limit_bytes: usize) -> Self {
        Self { stream, function, record_limit_bytes }
    }

    /// Packs signals into records. What can never be put is found here, before anything is sent.
    fn pack<'s>(&self, signals: &'s [Signal]) -> Result<Vec<Filling<'s>>, SignalFailure> {
        let mut records: Vec<Filling<'s>> = Vec::new();
        let mut filling: HashMap<&str, usize> = HashMap::new();
        for (index, signal) in signals.iter().enumerate() {
            let key = signal.key.as_str();
            let refused = |why: String| SignalFailure::Refused { index, why };
            let text = signal.event_text(self.function).map_err(|error| refused(error.to_string()))?;
            if key.is_empty() || key.chars().count() > KEY_LIMIT_CHARS {
                return Err(refused(format!("a key must have 1 to {KEY_LIMIT_CHARS} characters")));
            }
            // The brackets of a batch, and a comma.
            let size_bytes = |before: usize| key.len() + before + text.len() + 3;
            if size_bytes(0) > self.record_limit_bytes {
                return Err(refused(format!("it is larger than the {} bytes of a record", self.record_limit_bytes)));
            }
            let fits = |record: &&mut Filling<'s>| {
                size_bytes(record.text.len()) <= self.record_limit_bytes
                    && record.signals.len() < RECORD_LIMIT_EVENTS
            };
            match filling.get(key).and_then(|place| records.get_mut(*place)).filter(fits) {
                Some(record) => {
                    record.text.push(',');
                    record.text.push_str(&text);
                    record.signals.push(index);
                }
                None => {
                    filling.insert(key, records.len());
                    records.push(Filling { key, text, signals: vec![index] });
                }
            }
        }
        Ok(records)
    }
}

impl Filling<'_> {
    fn finish(&self) -> OutgoingRecord {
        let data = match self.signals.len() {
            1 => Bytes::copy_from_slice(self.text.as_bytes()),
            _ => Bytes::from(format!("[{}]", self.text)),
        };
        OutgoingRecord { partition_key: self.key.to_owned(), data }
    }
}

impl<R: RecordStream> SignalSink for SignalStream<R> {
    async fn put(&self, signals: &[Signal], deadline: Deadline) -> Result<(), SignalFailure> {
        let filled = self.pack(signals)?;
        let records: Vec<_> = filled.iter().map(Filling::finish).collect();
        let answers = self.stream.put(&records, deadline).await;
        let failures = filled.iter().zip(answers).filter_map(|(record, answer)| {
            let first = *record.signals.first()?;
            match answer {
                Put::Accepted => None,
                Put::NotAccepted(why) => Some((first, SignalFailure::NotAccepted(NotAccepted { first, why }))),
                Put::Refused(why) => Some((first, SignalFailure::Refused { index: first, why })),
            }
        });
        match failures.min_by_key(|(first, _)| *first) {
            Some((_, failure)) => Err(failure),
            None => Ok(()),
        }
    }
}
