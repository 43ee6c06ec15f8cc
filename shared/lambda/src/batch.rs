//! A batch of records as events, each with its place.

use bytes::Bytes;
use millrace_domain::decode::{Arrival, decode};
use millrace_domain::{Event, Invalid, Position};

use crate::deaggregate::deaggregate;
use crate::frame::unframe;
use crate::kinesis_event::{KinesisBatch, KinesisRecord};

/// The payloads of a batch: aggregates taken apart, headers taken off.
#[derive(Debug)]
pub struct Batch<'b> {
    /// The batch as it came.
    pub source: &'b KinesisBatch,
    payloads: Vec<Payload<'b>>,
}

#[derive(Debug)]
struct Payload<'b> {
    record: usize,
    sub_sequence: u32,
    partition_key: Key<'b>,
    framed: Bytes,
    opened: Result<Bytes, Invalid>,
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

/// One event of a batch, or what could not be read as one.
#[derive(Debug, PartialEq)]
pub struct Unit<'p> {
    /// Index of its record in the batch.
    pub record: usize,
    /// Its place in the shard.
    pub position: Position,
    /// The key that it was put under.
    pub partition_key: &'p str,
    /// When the stream took it, in epoch milliseconds.
    pub arrived_at_ms: i64,
    /// The bytes that it came in.
    pub bytes: &'p [u8],
    /// The event, or its refusal.
    pub event: Result<Event<'p>, Invalid>,
}

impl<'b> Batch<'b> {
    /// Opens the payloads of a batch.
    pub fn open(source: &'b KinesisBatch) -> Self {
        let mut payloads = Vec::with_capacity(source.records.len());
        for (record, kinesis) in source.records.iter().enumerate() {
            open_record(record, kinesis, &mut payloads);
        }
        Self { source, payloads }
    }

    /// Decodes every event, in order. Each record gives at least one unit.
    pub fn units(&self) -> Vec<Unit<'_>> {
        let mut units = Vec::with_capacity(self.payloads.len());
        for payload in &self.payloads {
            let Some(kinesis) = self.source.records.get(payload.record) else { continue };
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
            };
            match &payload.opened {
                Err(invalid) => units.push(unit(0, &payload.framed[..], Err(invalid.clone()))),
                Ok(opened) => {
                    let arrival = Arrival { partition_key, arrived_at_ms: kinesis.arrived_at_ms };
                    decode(opened, &arrival, |decoded| {
                        units.push(unit(decoded.index, decoded.bytes, decoded.event));
                    });
                }
            }
        }
        units
    }
}

fn open_record<'b>(record: usize, kinesis: &'b KinesisRecord, payloads: &mut Vec<Payload<'b>>) {
    let mut push = |sub_sequence, partition_key, framed: Bytes| {
        let opened = unframe(&framed);
        payloads.push(Payload { record, sub_sequence, partition_key, framed, opened });
    };
    match deaggregate(&kinesis.data) {
        None => push(0, Key::OfRecord(&kinesis.partition_key), kinesis.data.clone()),
        Some(sub_records) => {
            for (sub_sequence, sub_record) in (0..).zip(sub_records) {
                push(sub_sequence, Key::OfSubRecord(sub_record.partition_key), sub_record.data);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use millrace_domain::{Reason, SequenceNumber};

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
}
