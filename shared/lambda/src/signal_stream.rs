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
    /// A bracket, and CloudEvents as JSON text with commas between them.
    text: String,
    /// Index of the first signal in it.
    first: usize,
    /// How many signals it holds.
    count: usize,
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
            let rejected = |why: String| SignalFailure::Rejected { index, why };
            let text = signal.event_text(self.function).map_err(|error| rejected(error.to_string()))?;
            if key.is_empty() || key.chars().count() > KEY_LIMIT_CHARS {
                return Err(rejected(format!("a key must have 1 to {KEY_LIMIT_CHARS} characters")));
            }
            // The closing bracket of a batch, and a comma.
            let size_bytes = |before: usize| key.len() + before + text.len() + 2;
            if size_bytes(1) > self.record_limit_bytes {
                return Err(rejected(format!(
                    "it is larger than the {} bytes of a record",
                    self.record_limit_bytes
                )));
            }
            let fits = |record: &&mut Filling<'s>| {
                size_bytes(record.text.len()) <= self.record_limit_bytes && record.count < RECORD_LIMIT_EVENTS
            };
            match filling.get(key).and_then(|index| records.get_mut(*index)).filter(fits) {
                Some(record) => {
                    record.text.push(',');
                    record.text.push_str(&text);
                    record.count += 1;
                }
                None => {
                    filling.insert(key, records.len());
                    records.push(Filling { key, text: format!("[{text}"), first: index, count: 1 });
                }
            }
        }
        Ok(records)
    }
}

impl Filling<'_> {
    /// A signal alone is an event, and no batch of one.
    fn finish(mut self) -> OutgoingRecord {
        let data = match self.count {
            1 => Bytes::from(self.text).slice(1..),
            _ => {
                self.text.push(']');
                Bytes::from(self.text)
            }
        };
        OutgoingRecord { partition_key: self.key.to_owned(), data }
    }
}

impl<R: RecordStream> SignalSink for SignalStream<R> {
    async fn put(&self, signals: &[Signal], deadline: Deadline) -> Result<(), SignalFailure> {
        let filled = self.pack(signals)?.into_iter().map(|record| (record.first, record.finish()));
        let (firsts, records): (Vec<_>, Vec<_>) = filled.unzip();
        let answers = self.stream.put(&records, deadline).await;
        let failures = firsts.into_iter().zip(answers).filter_map(|(first, answer)| match answer {
            Put::Accepted => None,
            Put::NotAccepted(why) => Some((first, SignalFailure::NotAccepted(NotAccepted { first, why }))),
            Put::Rejected(why) => Some((first, SignalFailure::Rejected { index: first, why })),
        });
        match failures.min_by_key(|(first, _)| *first) {
            Some((_, failure)) => Err(failure),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use memchr::memmem;
    use millrace_domain::signal::{Origin, REFRESH_REQUESTED};
    use millrace_domain::{Position, SequenceNumber, Shard};

    use super::*;

    /// Takes records, but for the one of this index.
    #[derive(Default)]
    struct Stream {
        taken: Mutex<Vec<OutgoingRecord>>,
        fails: Option<(usize, Put)>,
    }

    impl RecordStream for Stream {
        async fn put(&self, records: &[OutgoingRecord], _deadline: Deadline) -> Vec<Put> {
            let answer = |index| match &self.fails {
                Some((fails, put)) if *fails == index => put.clone(),
                _ => Put::Accepted,
            };
            self.taken.lock().unwrap().extend_from_slice(records);
            (0..records.len()).map(answer).collect()
        }
    }

    fn signal(key: &str, index: u32, padding: usize) -> Signal {
        let sequence = SequenceNumber::parse("5").unwrap();
        let position = Position { sequence, sub_sequence: 0, element: 0 };
        Signal {
            key: key.to_owned(),
            signal_type: REFRESH_REQUESTED,
            id: index.to_string(),
            time_ms: 0,
            origin: Origin { shard: Shard::new("events", "a"), position, index },
            data: format!("\"{}\"", "p".repeat(padding)),
        }
    }

    fn run(stream: Stream, signals: &[Signal]) -> (Result<(), SignalFailure>, Vec<OutgoingRecord>) {
        run_with(stream, 1_100, signals)
    }

    fn run_with(
        stream: Stream,
        record_limit_bytes: usize,
        signals: &[Signal],
    ) -> (Result<(), SignalFailure>, Vec<OutgoingRecord>) {
        let sink = SignalStream::new(stream, "sessions", record_limit_bytes);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let put = runtime.block_on(sink.put(signals, Deadline::NONE));
        (put, sink.stream.taken.into_inner().unwrap())
    }

    fn ids(record: &OutgoingRecord) -> Vec<String> {
        let value: serde_json::Value = serde_json::from_slice(&record.data).unwrap();
        let events = value.as_array().cloned().unwrap_or_else(|| vec![value]);
        events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn signals_of_a_key_share_a_record_in_order_as_far_as_it_goes() {
        let signals: Vec<_> =
            (0..7).map(|index| signal(if index == 1 { "b" } else { "a" }, index, 100)).collect();
        let (put, records) = run(Stream::default(), &signals);
        assert_eq!(put, Ok(()));
        let put: Vec<_> = records.iter().map(|record| (record.partition_key.as_str(), ids(record))).collect();
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(put, [("a", ids(&["0", "2", "3"])), ("b", ids(&["1"])), ("a", ids(&["4", "5", "6"]))]);
        assert!(records.iter().all(|record| record.data.len() + record.partition_key.len() <= 1_100));
        assert!(records[1].data.starts_with(b"{"), "alone it is an event, and no batch of one");
    }

    #[test]
    fn the_first_signal_that_failed_is_named() {
        let signals = [signal("a", 0, 0), signal("b", 1, 0), signal("a", 2, 0), signal("c", 3, 0)];
        let not = Put::NotAccepted("throttled".to_owned());
        let (put, _) = run(Stream { fails: Some((1, not)), ..Stream::default() }, &signals);
        let first = NotAccepted { first: 1, why: "throttled".to_owned() };
        assert_eq!(put, Err(SignalFailure::NotAccepted(first)));
        let rejected = Put::Rejected("no".to_owned());
        let (put, _) = run(Stream { fails: Some((2, rejected)), ..Stream::default() }, &signals);
        assert_eq!(put, Err(SignalFailure::Rejected { index: 3, why: "no".to_owned() }));
    }

    #[test]
    fn a_record_is_filled_to_its_last_byte() {
        let sizes = |limit, signals: &[Signal]| {
            let (put, records) = run_with(Stream::default(), limit, signals);
            put.map(|()| records.iter().map(|it| it.partition_key.len() + it.data.len()).collect::<Vec<_>>())
        };
        let two = [signal("key", 0, 5), signal("key", 1, 7)];
        let together = sizes(1_000, &two).unwrap();
        let [both] = together[..] else { panic!("{together:?}") };
        assert_eq!(sizes(both, &two), Ok(vec![both]));
        assert_eq!(sizes(both - 1, &two).unwrap().len(), 2);
        // One alone has room for the brackets and the comma that it might need.
        let one = sizes(1_000, &two[..1]).unwrap()[0];
        assert_eq!(sizes(one + 3, &two[..1]), Ok(vec![one]));
        assert!(sizes(one + 2, &two[..1]).is_err());
    }

    #[test]
    fn a_record_holds_no_more_signals_than_a_reader_takes() {
        let signals = vec![signal("a", 0, 0); RECORD_LIMIT_EVENTS + 1];
        let (put, records) = run_with(Stream::default(), usize::MAX, &signals);
        assert_eq!(put, Ok(()));
        let events = |record: &OutgoingRecord| memmem::find_iter(&record.data, "specversion").count();
        let counts: Vec<_> = records.iter().map(events).collect();
        assert_eq!(counts, [RECORD_LIMIT_EVENTS, 1]);
    }

    #[test]
    fn the_longest_key_is_one_that_kinesis_takes() {
        let (put, records) = run_with(Stream::default(), 2_000, &[signal(&"é".repeat(256), 1, 0)]);
        assert_eq!((put, records.len()), (Ok(()), 1));
    }

    #[test]
    fn what_no_record_holds_is_rejected_before_anything_is_sent() {
        for bad in [signal("a", 1, 1_000), signal("", 1, 0), signal(&"k".repeat(257), 1, 0)] {
            let (put, records) = run(Stream::default(), &[signal("a", 0, 0), bad]);
            assert!(matches!(put, Err(SignalFailure::Rejected { index: 1, .. })), "{put:?}");
            assert_eq!(records, []);
        }
    }
}
