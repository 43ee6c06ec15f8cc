//! Which record: its sequence number, taken apart.

use std::fmt;

/// A sequence number of the model's streams in sixteen bytes, where its text takes eighty and is kept in many
/// places. They compare as the positions of records in their stream do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordId {
    /// The stream's number: a digit.
    pub(super) stream: u8,
    /// The position among all records that the stream took.
    pub(super) order: u64,
    /// The two digits that sequence numbers of its shard begin with.
    pub(super) prefix: u32,
}

/// As long as real ones, so that no machine number holds them.
const DIGITS: usize = 56;

impl RecordId {
    /// The record of this sequence number; `None` where no stream of the model gave it.
    pub fn of(sequence_number: &str) -> Option<Self> {
        let is_number = sequence_number.bytes().all(|byte| byte.is_ascii_digit());
        if sequence_number.len() != DIGITS || !is_number {
            return None;
        }
        let (prefix, rest) = sequence_number.split_at(2);
        let (stream, order) = rest.split_at(1);
        Some(Self { stream: stream.parse().ok()?, order: order.parse().ok()?, prefix: prefix.parse().ok()? })
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, order, prefix } = self;
        write!(f, "{prefix:02}{stream}{order:053}")
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_number_is_taken_apart_and_put_together_again() {
        let text = format!("421{:053}", 7);
        let id = RecordId { stream: 1, order: 7, prefix: 42 };
        assert_eq!((RecordId::of(&text), id.to_string()), (Some(id), text.clone()));
        let (none, signed) = (&text[1..], format!("421+{:052}", 7));
        let huge = format!("421{}", "9".repeat(53));
        assert_eq!([none, &signed, &huge, ""].map(RecordId::of), [None; 4]);
    }

    #[test]
    fn records_compare_by_stream_and_position_whatever_their_shard() {
        let id = |stream, order, prefix| RecordId { stream, order, prefix };
        assert!(id(0, 9, 10) < id(1, 0, 10) && id(0, 1, 99) < id(0, 2, 10));
    }
}
