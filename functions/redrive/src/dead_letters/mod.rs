//! Objects of dead letters, as records.

mod join;
mod on_failure;
mod quarantine;

use bytes::Bytes;
use millrace_lambda::kpl::deaggregate_up_to;
use millrace_lambda::redrive_envelope::{RedriveEnvelopeReader, Redriven};
use millrace_lambda::schema_registry::{INFLATED_LIMIT_BYTES, strip_header};

pub(crate) use join::Joiner;
pub(crate) use on_failure::{first_sequence_number, read_on_failure, second_of};
pub(crate) use quarantine::read_quarantine;

/// Most records that an object may come to by taking aggregates apart: each is a kilobyte of memory with its redrive
/// envelope, and two bytes of an aggregate make a record. A consumer rejects an aggregate of more than 10,000 as a
/// whole; its records come back one by one.
pub(crate) const TAKEN_APART_LIMIT_RECORDS: usize = 100_000;

/// A record of a dead letter: the bytes of one payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Where it stood first, and whom it comes back for.
    pub(crate) redriven: Redriven,
    pub(crate) partition_key: String,
    pub(crate) bytes: Bytes,
    /// The consumer that failed on it or rejected it.
    pub(crate) rejected_by: String,
    /// The code of the reason for which it was rejected.
    pub(crate) reason: Option<String>,
}

/// What an object holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) records: Vec<Record>,
    /// Redrive envelopes that were addressed to another function than the one that failed.
    pub(crate) not_needed: u64,
    /// Earlier objects, by their number, that hold parts of these records.
    pub(crate) shared_with: Vec<usize>,
    /// What cannot be read, in words.
    pub(crate) problem: Option<String>,
}

impl Contents {
    fn unusable(why: impl Into<String>) -> Self {
        Self { problem: Some(why.into()), ..Self::default() }
    }

    /// Adds all that a whole record of the stream holds, or nothing of it.
    fn add_whole(&mut self, record: Record) {
        let limit_records = TAKEN_APART_LIMIT_RECORDS.saturating_sub(self.records.len());
        match deaggregate_up_to(limit_records, &record.bytes) {
            None => self.add(record),
            Some(sub_records) if sub_records.len() > limit_records => {
                let sequence = &record.redriven.first.position.sequence;
                self.problem.get_or_insert_with(|| {
                    format!("comes to more than {TAKEN_APART_LIMIT_RECORDS} records with those of {sequence}")
                });
            }
            Some(sub_records) => {
                for (sub_sequence, sub_record) in (0..).zip(sub_records) {
                    let mut redriven = record.redriven.clone();
                    redriven.first.position.sub_sequence = sub_sequence;
                    let (partition_key, bytes) =
                        (sub_record.partition_key.as_ref().to_owned(), sub_record.data);
                    self.add(Record { redriven, partition_key, bytes, ..record.clone() });
                }
            }
        }
    }

    /// Adds one payload. A redrive envelope is not wrapped again, but what it holds.
    fn add(&mut self, mut record: Record) {
        let Some((inner, bytes)) = opened(&record) else {
            self.records.push(record);
            return;
        };
        let target_function = match (inner.target_function, record.redriven.target_function.take()) {
            // The function that failed ignored it.
            (Some(only), Some(failed)) if only != failed => {
                self.not_needed += 1;
                return;
            }
            (only, failed) => only.or(failed),
        };
        record.redriven = Redriven { first: inner.first, target_function };
        record.bytes = bytes;
        self.records.push(record);
    }
}

/// What a redrive envelope holds; `None` when the record is none, or one that cannot be opened.
fn opened(record: &Record) -> Option<(Redriven, Bytes)> {
    let mut budget_bytes = INFLATED_LIMIT_BYTES;
    let payload = strip_header(&record.bytes, &mut budget_bytes).ok()?;
    let arrived_at_ms = record.redriven.first.arrived_at_ms;
    RedriveEnvelopeReader::default()
        .open(&payload, &record.partition_key, arrived_at_ms, &mut budget_bytes)?
        .ok()
}

#[cfg(test)]
mod tests {
    use millrace_domain::{Position, SequenceNumber, Shard, StreamPosition};
    use millrace_lambda::kpl::{SubRecord, aggregate};
    use millrace_lambda::redrive_envelope::wrap;

    use super::*;

    fn redriven(sequence: &str, function: Option<&str>) -> Redriven {
        let sequence = SequenceNumber::parse(sequence).unwrap();
        let position = Position { sequence, sub_sequence: 0, element: 0 };
        let first = StreamPosition { shard: Shard::new("events", "shard"), position, arrived_at_ms: 5 };
        Redriven { first, target_function: function.map(str::to_owned) }
    }

    fn record(function: Option<&str>, bytes: impl Into<Bytes>) -> Record {
        Record {
            redriven: redriven("9", function),
            partition_key: "u".to_owned(),
            bytes: bytes.into(),
            rejected_by: "sessions".to_owned(),
            reason: None,
        }
    }

    #[test]
    fn aggregates_are_taken_apart_and_keep_their_positions() {
        let sub_records = ["u", "v"].map(|key| SubRecord { partition_key: key, data: "{}".into() });
        let mut contents = Contents::default();
        contents.add_whole(record(Some("archive"), aggregate(&sub_records)));
        let positions: Vec<_> =
            contents.records.iter().map(|it| it.redriven.first.position.sub_sequence).collect();
        let keys: Vec<_> = contents.records.iter().map(|it| it.partition_key.as_str()).collect();
        assert_eq!((positions, keys), (vec![0, 1], vec!["u", "v"]));
    }

    #[test]
    fn an_aggregate_comes_back_as_a_whole_or_not_at_all() {
        let taken = |counts: &[usize]| {
            let mut contents = Contents::default();
            for count in counts {
                let empty = SubRecord { partition_key: "u", data: Bytes::new() };
                contents.add_whole(record(Some("archive"), aggregate(&vec![empty; *count])));
            }
            (contents.records.len(), contents.problem.is_some())
        };
        // More than a consumer takes.
        assert_eq!(taken(&[20_000]), (20_000, false));
        assert_eq!(taken(&[TAKEN_APART_LIMIT_RECORDS]), (TAKEN_APART_LIMIT_RECORDS, false));
        assert_eq!(taken(&[TAKEN_APART_LIMIT_RECORDS + 1, 5]), (5, true));
        assert_eq!(taken(&[5, TAKEN_APART_LIMIT_RECORDS - 4, 2]), (7, true));
    }

    #[test]
    fn a_redrive_envelope_is_not_wrapped_again() {
        // Whom the redrive envelope was for, which function failed, and whom what it holds comes back for.
        let cases = [
            (None, None, Some(None)),
            (None, Some("sessions"), Some(Some("sessions"))),
            (Some("sessions"), Some("sessions"), Some(Some("sessions"))),
            (Some("sessions"), None, Some(Some("sessions"))),
            (Some("archive"), Some("sessions"), None),
        ];
        for (only, failed, expected) in cases {
            let mut contents = Contents::default();
            contents.add_whole(record(failed, wrap(&redriven("5", only), "u", b"first")));
            let added = contents.records.first().map(|it| (it.redriven.clone(), it.bytes.clone()));
            assert_eq!(added, expected.map(|function| (redriven("5", function), "first".into())));
            assert_eq!(contents.not_needed, u64::from(expected.is_none()));
        }
    }
}
