//! A batch of records as events, each with its position.

use millrace_domain::decode::{Arrival, decode};
use millrace_domain::{Invalid, Position, Reason};

use crate::batch_event::BatchEvent;
use crate::isolate::add_or_reject;
use crate::kinesis_event::{KinesisBatch, KinesisRecord};
use crate::payload::{Payload, open_record};
use crate::redrive_envelope::RedriveEnvelopeReader;
use crate::schema_registry::INFLATED_LIMIT_BYTES;

/// Most events of one record, whatever it packs into one another.
pub const RECORD_LIMIT_EVENTS: usize = 10_000;
/// Events of a batch after which no further record is begun; the last one may bring [`RECORD_LIMIT_EVENTS`] more.
///
/// Two bytes of a payload make an event, and on its way into the quarantine it takes up to seven kilobytes of memory.
pub const BATCH_LIMIT_EVENTS: usize = 20_000;
/// Most bytes that a batch may inflate to. What lies behind is left to the next batch.
const BATCH_INFLATED_LIMIT_BYTES: u64 = 3 * INFLATED_LIMIT_BYTES;

const INFLATES_TOO_FAR: &str = "the batch inflates to more than fits into memory";
const TOO_MANY_EVENTS: &str = "the batch holds more events than fit into memory";

/// The payloads of a batch: aggregates taken apart, headers taken off.
#[derive(Debug)]
pub struct Batch<'b> {
    /// The batch as it came.
    pub source: &'b KinesisBatch,
    payloads: Vec<Payload<'b>>,
    end: Option<End>,
}

/// The events of a batch, as far as it goes.
#[derive(Debug, PartialEq)]
pub struct BatchEvents<'p> {
    /// In order; each record before the end has at least one.
    pub list: Vec<BatchEvent<'p>>,
    /// Where the batch must end early, if it must.
    pub end: Option<End>,
}

/// Where a batch must end early, so that it fits into memory. Never its first record, or it would not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The first record that was left out.
    pub record: usize,
    /// Why, in words.
    pub why: &'static str,
}

impl<'b> Batch<'b> {
    /// Opens the payloads of a batch.
    pub fn open(source: &'b KinesisBatch) -> Self {
        let mut payloads = Vec::with_capacity(source.records.len());
        let (mut end, mut inflated_bytes, opener) = (None, 0, RedriveEnvelopeReader::default());
        for (record, kinesis) in source.records.iter().enumerate() {
            // Each payload makes one event or more.
            if payloads.len() >= BATCH_LIMIT_EVENTS {
                end = Some(End { record, why: TOO_MANY_EVENTS });
                break;
            }
            if inflated_bytes > BATCH_INFLATED_LIMIT_BYTES {
                end = Some(End { record, why: INFLATES_TOO_FAR });
                break;
            }
            inflated_bytes += open_record(record, kinesis, &opener, &mut payloads);
        }
        Self { source, payloads, end }
    }

    /// The keys of its payloads, in order; one comes as often as it is there.
    pub fn partition_keys(&self) -> impl Iterator<Item = &str> {
        self.payloads.iter().map(|payload| payload.partition_key.as_str())
    }

    /// Decodes the events of every record that fits, in order.
    pub fn events(&self) -> BatchEvents<'_> {
        let mut list = Vec::with_capacity(self.payloads.len());
        for payloads in self.payloads.chunk_by(|payload, next| payload.record == next.record) {
            let Some(record) = payloads.first().map(|payload| payload.record) else { continue };
            let Some(kinesis) = self.source.records.get(record) else { continue };
            if list.len() >= BATCH_LIMIT_EVENTS {
                return BatchEvents { list, end: Some(End { record, why: TOO_MANY_EVENTS }) };
            }
            let decode = |list: &mut Vec<_>| decode_record(record, kinesis, payloads, list);
            add_or_reject(&mut list, decode, |invalid| rejected(record, kinesis, invalid));
        }
        BatchEvents { list, end: self.end }
    }
}

fn decode_record<'p>(
    record: usize,
    kinesis: &'p KinesisRecord,
    payloads: &'p [Payload<'_>],
    events: &mut Vec<BatchEvent<'p>>,
) {
    let first = events.len();
    for payload in payloads {
        decode_payload(kinesis, payload, events);
        if events.len() - first > RECORD_LIMIT_EVENTS {
            let rule = format!("is a record of more than {RECORD_LIMIT_EVENTS} events");
            events.truncate(first);
            events.push(rejected(record, kinesis, Invalid::whole(Reason::TooManyEvents, rule)));
            break;
        }
    }
}

fn decode_payload<'p>(
    kinesis: &'p KinesisRecord,
    payload: &'p Payload<'_>,
    events: &mut Vec<BatchEvent<'p>>,
) {
    let partition_key = payload.partition_key.as_str();
    let batch_event = |element, bytes, event| BatchEvent {
        record: payload.record,
        position: Position {
            sequence: kinesis.sequence_number.clone(),
            sub_sequence: payload.sub_sequence,
            element,
        },
        partition_key,
        arrived_at_ms: kinesis.arrived_at_ms,
        bytes,
        event,
        redriven: payload.redriven.clone().map(|mut redriven| {
            let first = &mut redriven.first.position.element;
            *first = first.saturating_add(element);
            redriven
        }),
    };
    match &payload.opened {
        Err(invalid) => events.push(batch_event(0, &payload.with_header[..], Err(invalid.clone()))),
        Ok(opened) => {
            // A clock is judged by when the event came first: a redrive envelope would make every wrong one right.
            let first = payload.redriven.as_ref().map(|redriven| redriven.first.arrived_at_ms);
            let arrival = Arrival { partition_key, arrived_at_ms: first.unwrap_or(kinesis.arrived_at_ms) };
            decode(opened, &arrival, |decoded| {
                events.push(batch_event(decoded.element, decoded.bytes, decoded.event))
            });
        }
    }
}

/// A record as one rejection of all its bytes.
fn rejected(record: usize, kinesis: &KinesisRecord, invalid: Invalid) -> BatchEvent<'_> {
    BatchEvent {
        record,
        position: Position { sequence: kinesis.sequence_number.clone(), sub_sequence: 0, element: 0 },
        partition_key: &kinesis.partition_key,
        arrived_at_ms: kinesis.arrived_at_ms,
        bytes: &kinesis.data,
        event: Err(invalid),
        redriven: None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millrace_domain::{SequenceNumber, Shard};

    use super::*;
    use crate::kpl::{SubRecord, aggregate};

    fn login(subject: &str, id: u32) -> String {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"s","type":"user.logged_in","subject":"{subject}","time":"2010-12-01T08:26:00Z"}}"#
        )
    }

    fn record(sequence: u32, partition_key: &str, data: impl Into<Bytes>) -> KinesisRecord {
        KinesisRecord {
            sequence_number: SequenceNumber::parse(&sequence.to_string()).unwrap(),
            partition_key: partition_key.to_owned(),
            arrived_at_ms: 1_291_191_960_000,
            data: data.into(),
        }
    }

    fn batch(records: Vec<KinesisRecord>) -> KinesisBatch {
        KinesisBatch { shard: Shard::new("events", "shard"), records }
    }

    #[test]
    fn every_stage_gives_its_position() {
        let sub_records = ["u", "v"].map(|key| SubRecord { partition_key: key, data: login(key, 2).into() });
        let source = batch(vec![
            record(1, "u", login("u", 1)),
            record(2, "a", aggregate(&sub_records)),
            record(3, "u", format!("[{},{}]", login("u", 3), login("u", 4))),
            record(4, "u", "?"),
        ]);
        let opened = Batch::open(&source);
        let events = opened.events().list;
        assert_eq!(opened.partition_keys().collect::<Vec<_>>(), ["u", "u", "v", "u", "u"]);
        let positions: Vec<_> = events
            .iter()
            .map(|batch_event| {
                (
                    batch_event.record,
                    batch_event.position.sub_sequence,
                    batch_event.position.element,
                    batch_event.partition_key,
                    batch_event.event.is_ok(),
                )
            })
            .collect();
        let expected = [
            (0, 0, 0, "u", true),
            (1, 0, 0, "u", true),
            (1, 1, 0, "v", true),
            (2, 0, 0, "u", true),
            (2, 0, 1, "u", true),
            (3, 0, 0, "u", false),
        ];
        assert_eq!(positions, expected);
    }

    #[test]
    fn a_broken_header_keeps_its_bytes() {
        let source = batch(vec![record(1, "u", Bytes::from_static(&[3, 9]))]);
        let opened = Batch::open(&source);
        let events = opened.events().list;
        let batch_event = events.first().unwrap();
        assert_eq!(
            (batch_event.bytes, batch_event.event.as_ref().unwrap_err().reason),
            (&[3, 9][..], Reason::SchemaRegistryHeader)
        );
    }

    #[test]
    fn a_record_of_too_many_events_is_rejected_as_a_whole() {
        let sub_record = SubRecord { partition_key: "u", data: format!("[{}1]", "1,".repeat(4_999)).into() };
        let source = |count| {
            batch(vec![
                record(1, "a", aggregate(&vec![sub_record.clone(); count])),
                record(2, "u", login("u", 1)),
            ])
        };
        assert_eq!(Batch::open(&source(2)).events().list.len(), RECORD_LIMIT_EVENTS + 1);
        let many = source(3);
        let opened = Batch::open(&many);
        let events = opened.events().list;
        assert_eq!(
            (events.len(), events[0].bytes, events[1].event.is_ok()),
            (2, &many.records[0].data[..], true)
        );
        assert_eq!(events[0].event.as_ref().unwrap_err().reason, Reason::TooManyEvents);
    }

    #[test]
    fn what_inflates_too_far_is_rejected_and_a_batch_of_it_ends_early() {
        let spaces = vec![b' '; usize::try_from(INFLATED_LIMIT_BYTES).unwrap()];
        let with_header: Bytes = [&[3, 5][..], &[0; 16], &zlib(&spaces)].concat().into();
        let sub_record = SubRecord { partition_key: "u", data: with_header.clone() };
        let bomb = aggregate(&vec![sub_record; 97]);
        let mut records = vec![record(1, "a", bomb)];
        records.extend((2..9).map(|sequence| record(sequence, "u", with_header.clone())));
        let source = batch(records);
        let opened = Batch::open(&source);
        let BatchEvents { list: events, end } = opened.events();
        let headers = events.iter().filter(|batch_event| {
            batch_event.record == 0
                && batch_event.event.as_ref().unwrap_err().reason == Reason::SchemaRegistryHeader
        });
        assert_eq!(headers.count(), 96);
        assert_eq!((end, events.last().unwrap().record), (Some(End { record: 4, why: INFLATES_TOO_FAR }), 3));
    }

    /// Record and reason of the end, and the record of the last event.
    fn ends(records: Vec<KinesisRecord>) -> (Option<End>, usize) {
        let source = batch(records);
        let opened = Batch::open(&source);
        let BatchEvents { list, end } = opened.events();
        assert!(opened.payloads.len() < BATCH_LIMIT_EVENTS + RECORD_LIMIT_EVENTS);
        assert!(list.len() < BATCH_LIMIT_EVENTS + RECORD_LIMIT_EVENTS, "{} events", list.len());
        (end, list.last().unwrap().record)
    }

    #[test]
    fn a_batch_ends_before_the_record_that_finds_it_full_of_events() {
        let array = |sequence, count: usize| record(sequence, "u", format!("[{}1]", "1,".repeat(count - 1)));
        let full = u32::try_from(BATCH_LIMIT_EVENTS / 5_000).unwrap();
        let filled =
            |last| (1..full).map(|it| array(it, 5_000)).chain([array(full, last), array(full + 1, 5_000)]);
        let end = |record| Some(End { record, why: TOO_MANY_EVENTS });
        let at = full as usize;
        assert_eq!(ends(filled(4_999).chain([array(90, 1), array(91, 1)]).collect()), (end(at + 1), at));
        assert_eq!(ends(filled(5_000).collect()), (end(at), at - 1));
        assert_eq!(ends(filled(4_999).collect()), (None, at));
    }

    #[test]
    fn empty_records_of_aggregates_end_a_batch_before_they_are_taken_apart() {
        let aggregate = |sequence, count| {
            record(
                sequence,
                "a",
                aggregate(&vec![SubRecord { partition_key: "u", data: Bytes::new() }; count]),
            )
        };
        let records = [(1, 10_000), (2, 9_999), (3, 10_000), (4, 1)].map(|(at, count)| aggregate(at, count));
        assert_eq!(ends(records.into()), (Some(End { record: 3, why: TOO_MANY_EVENTS }), 2));
        let records = [(1, 10_000), (2, 10_000), (3, 1)].map(|(at, count)| aggregate(at, count));
        assert_eq!(ends(records.into()), (Some(End { record: 2, why: TOO_MANY_EVENTS }), 1));
    }

    fn zlib(payload: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, payload).unwrap();
        encoder.finish().unwrap()
    }
}
