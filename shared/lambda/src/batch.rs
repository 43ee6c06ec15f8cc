//! A batch of records as events, each with its place.

use bytes::Bytes;
use millrace_domain::decode::{Arrival, decode};
use millrace_domain::{Invalid, Position, Reason};

use crate::carrier::{Opener, Redriven};
use crate::cut::Cut;
use crate::deaggregate::deaggregate;
use crate::frame::{INFLATED_LIMIT_BYTES, unframe};
use crate::kinesis_event::{KinesisBatch, KinesisRecord};
use crate::unit::Unit;

/// Most events of one record, whatever it packs into one another.
pub const RECORD_LIMIT_EVENTS: usize = 10_000;
/// Most bytes that a batch may inflate to. What lies behind is left to the next batch.
const BATCH_INFLATED_LIMIT_BYTES: u64 = 3 * INFLATED_LIMIT_BYTES;

/// The payloads of a batch: aggregates taken apart, headers taken off.
#[derive(Debug)]
pub struct Batch<'b> {
    /// The batch as it came.
    pub source: &'b KinesisBatch,
    payloads: Vec<Payload<'b>>,
    end: Cut,
}

#[derive(Debug)]
struct Payload<'b> {
    record: usize,
    sub_sequence: u32,
    partition_key: Key<'b>,
    framed: Bytes,
    opened: Result<Bytes, Invalid>,
    redriven: Option<Box<Redriven>>,
}

#[derive(Debug)]
enum Key<'b> {
    OfRecord(&'b str),
    OfSubRecord(String),
}

impl Key<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::OfRecord(key) => key,
            Self::OfSubRecord(key) => key,
        }
    }
}

impl<'b> Batch<'b> {
    /// Opens the payloads of a batch.
    pub fn open(source: &'b KinesisBatch) -> Self {
        let mut payloads = Vec::with_capacity(source.records.len());
        let (mut end, mut inflated_bytes, opener) = (Cut::default(), 0, Opener::default());
        for (record, kinesis) in source.records.iter().enumerate() {
            if inflated_bytes > BATCH_INFLATED_LIMIT_BYTES {
                end.lower(record);
                break;
            }
            inflated_bytes += open_record(record, kinesis, &opener, &mut payloads);
        }
        Self { source, payloads, end }
    }

    /// Where the batch must end early, so that its payloads fit into memory.
    pub fn end(&self) -> Cut {
        self.end
    }

    /// Decodes every event, in order. Each record gives at least one unit.
    pub fn units(&self) -> Vec<Unit<'_>> {
        let mut units = Vec::with_capacity(self.payloads.len());
        for payloads in self.payloads.chunk_by(|payload, next| payload.record == next.record) {
            let first = units.len();
            for payload in payloads {
                self.decode(payload, &mut units);
                if units.len() - first > RECORD_LIMIT_EVENTS {
                    units.truncate(first);
                    units.extend(self.too_many(payload.record));
                    break;
                }
            }
        }
        units
    }

    fn decode<'p>(&'p self, payload: &'p Payload<'b>, units: &mut Vec<Unit<'p>>) {
        let Some(kinesis) = self.source.records.get(payload.record) else { return };
        let partition_key = payload.partition_key.as_str();
        let unit = |index, bytes, event| Unit {
            record: payload.record,
            position: Position {
                sequence: kinesis.sequence_number.clone(),
                sub_sequence: payload.sub_sequence,
                index,
            },
            partition_key,
            arrived_at_ms: kinesis.arrived_at_ms,
            bytes,
            event,
            redriven: payload.redriven.clone().map(|mut redriven| {
                let first = &mut redriven.place.position.index;
                *first = first.saturating_add(index);
                redriven
            }),
        };
        match &payload.opened {
            Err(invalid) => units.push(unit(0, &payload.framed[..], Err(invalid.clone()))),
            Ok(opened) => {
                // A clock is judged by when the event came first: a carrier would make every wrong one right.
                let first = payload.redriven.as_ref().map(|redriven| redriven.place.arrived_at_ms);
                let arrival =
                    Arrival { partition_key, arrived_at_ms: first.unwrap_or(kinesis.arrived_at_ms) };
                decode(opened, &arrival, |decoded| {
                    units.push(unit(decoded.index, decoded.bytes, decoded.event))
                });
            }
        }
    }

    /// A record that holds too many events, as one refusal of all its bytes.
    fn too_many(&self, record: usize) -> Option<Unit<'_>> {
        let kinesis = self.source.records.get(record)?;
        let rule = format!("is a record of more than {RECORD_LIMIT_EVENTS} events");
        Some(Unit {
            record,
            position: Position { sequence: kinesis.sequence_number.clone(), sub_sequence: 0, index: 0 },
            partition_key: &kinesis.partition_key,
            arrived_at_ms: kinesis.arrived_at_ms,
            bytes: &kinesis.data,
            event: Err(Invalid::whole(Reason::TooManyEvents, rule)),
            redriven: None,
        })
    }
}

/// Opens a record; gives back how many bytes it was inflated by.
fn open_record<'b>(
    record: usize,
    kinesis: &'b KinesisRecord,
    opener: &Opener,
    payloads: &mut Vec<Payload<'b>>,
) -> u64 {
    let mut budget_bytes = INFLATED_LIMIT_BYTES;
    let mut push = |sub_sequence, partition_key: Key<'b>, mut framed: Bytes| {
        let mut opened = unframe(&framed, &mut budget_bytes);
        let key = partition_key.as_str();
        let carrier = opened
            .as_ref()
            .ok()
            .and_then(|payload| opener.open(payload, key, kinesis.arrived_at_ms, &mut budget_bytes));
        let redriven = match carrier {
            None => None,
            Some(Err(invalid)) => {
                opened = Err(invalid);
                None
            }
            // Aggregates were taken apart before they were carried, and a carrier in a carrier is no event.
            Some(Ok((redriven, first))) => {
                opened = unframe(&first, &mut budget_bytes);
                framed = first;
                Some(Box::new(redriven))
            }
        };
        payloads.push(Payload { record, sub_sequence, partition_key, framed, opened, redriven });
    };
    match deaggregate(&kinesis.data) {
        None => push(0, Key::OfRecord(&kinesis.partition_key), kinesis.data.clone()),
        Some(sub_records) => {
            for (sub_sequence, sub_record) in (0..).zip(sub_records) {
                push(sub_sequence, Key::OfSubRecord(sub_record.partition_key), sub_record.data);
            }
        }
    }
    INFLATED_LIMIT_BYTES - budget_bytes
}

#[cfg(test)]
mod tests {
    use millrace_domain::SequenceNumber;

    use super::*;
    use crate::deaggregate::{SubRecord, aggregate};

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

    #[test]
    fn every_stage_gives_its_place() {
        let sub_records =
            ["u", "v"].map(|key| SubRecord { partition_key: key.to_owned(), data: login(key, 2).into() });
        let source = KinesisBatch {
            shard_id: "shard".to_owned(),
            records: vec![
                record(1, "u", login("u", 1)),
                record(2, "a", aggregate(&sub_records)),
                record(3, "u", format!("[{},{}]", login("u", 3), login("u", 4))),
                record(4, "u", "?"),
            ],
        };
        let batch = Batch::open(&source);
        let units = batch.units();
        let places: Vec<_> = units
            .iter()
            .map(|unit| {
                (
                    unit.record,
                    unit.position.sub_sequence,
                    unit.position.index,
                    unit.partition_key,
                    unit.event.is_ok(),
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
        assert_eq!(places, expected);
    }

    #[test]
    fn a_broken_frame_keeps_its_bytes() {
        let source = KinesisBatch {
            shard_id: "shard".to_owned(),
            records: vec![record(1, "u", Bytes::from_static(&[3, 9]))],
        };
        let batch = Batch::open(&source);
        let units = batch.units();
        let unit = units.first().unwrap();
        assert_eq!((unit.bytes, unit.event.as_ref().unwrap_err().reason), (&[3, 9][..], Reason::Frame));
    }

    #[test]
    fn a_record_of_too_many_events_is_refused_as_a_whole() {
        let sub_record =
            SubRecord { partition_key: "u".to_owned(), data: format!("[{}1]", "1,".repeat(4_999)).into() };
        let source = |count| KinesisBatch {
            shard_id: "shard".to_owned(),
            records: vec![
                record(1, "a", aggregate(&vec![sub_record.clone(); count])),
                record(2, "u", login("u", 1)),
            ],
        };
        assert_eq!(Batch::open(&source(2)).units().len(), RECORD_LIMIT_EVENTS + 1);
        let many = source(3);
        let batch = Batch::open(&many);
        let units = batch.units();
        assert_eq!(
            (units.len(), units[0].bytes, units[1].event.is_ok()),
            (2, &many.records[0].data[..], true)
        );
        assert_eq!(units[0].event.as_ref().unwrap_err().reason, Reason::TooManyEvents);
    }

    #[test]
    fn what_inflates_too_far_is_refused_and_a_batch_of_it_ends_early() {
        let spaces = vec![b' '; usize::try_from(INFLATED_LIMIT_BYTES).unwrap()];
        let framed: Bytes = [&[3, 5][..], &[0; 16], &zlib(&spaces)].concat().into();
        let sub_record = SubRecord { partition_key: "u".to_owned(), data: framed.clone() };
        let bomb = aggregate(&vec![sub_record; 97]);
        let mut records = vec![record(1, "a", bomb)];
        records.extend((2..9).map(|sequence| record(sequence, "u", framed.clone())));
        let source = KinesisBatch { shard_id: "shard".to_owned(), records };
        let batch = Batch::open(&source);
        let units = batch.units();
        let frames = units
            .iter()
            .filter(|unit| unit.record == 0 && unit.event.as_ref().unwrap_err().reason == Reason::Frame);
        assert_eq!(frames.count(), 96);
        assert_eq!((batch.end(), units.last().unwrap().record), (Cut::at(4), 3));
    }

    fn zlib(payload: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, payload).unwrap();
        encoder.finish().unwrap()
    }
}
