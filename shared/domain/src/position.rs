//! Where in a stream a record stands.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::identity::names_hash;

/// Longest sequence number in digits, by the pattern `0|[1-9]\d{0,128}` of the Kinesis API.
pub const SEQUENCE_LIMIT_DIGITS: usize = 129;

/// Largest number that a position counts to: an Integer of CloudEvents has 32 bits with a sign, and so has an `int` of the
/// lake's table.
pub const INDEX_LIMIT: u32 = i32::MAX.unsigned_abs();

/// A Kinesis sequence number: decimal text, today of 56 digits, which neither a `u128` nor a DynamoDB number
/// holds. It orders records within one shard only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SequenceNumber(Arc<str>);

/// A text that is no sequence number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "sequence number {0:?} is not a decimal number of 1 to {SEQUENCE_LIMIT_DIGITS} digits without leading zeros"
)]
pub struct NotASequenceNumber(pub String);

impl SequenceNumber {
    /// Reads a sequence number.
    ///
    /// # Errors
    /// When the text does not match `0|[1-9]\d{0,128}`.
    pub fn parse(text: &str) -> Result<Self, NotASequenceNumber> {
        let digits = (1..=SEQUENCE_LIMIT_DIGITS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (text == "0" || !text.starts_with('0')) {
            return Ok(Self(text.into()));
        }
        Err(NotASequenceNumber(text.chars().take(SEQUENCE_LIMIT_DIGITS + 1).collect()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A shard of a stream, which sequence numbers order records within. Shards of two streams may have one id, so a shard
/// is named with its stream's name, as the record's ARN has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard {
    stream: Arc<str>,
    id: Arc<str>,
}

impl Shard {
    /// The shard of this id in the stream of this name.
    pub fn new(stream: &str, id: &str) -> Self {
        Self { stream: stream.into(), id: id.into() }
    }

    /// The stream's name; empty where a batch does not tell it.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The shard's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// 64 bits that name it in a ledger.
    pub fn hash64(&self) -> u64 {
        names_hash(&[&self.stream, &self.id])
    }
}

/// The position of one event within its shard: the record, the sub-record of a KPL aggregate, and the element of a
/// CloudEvents batch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The record's sequence number; the sub-records of an aggregate share it.
    pub sequence: SequenceNumber,
    /// Index within a KPL aggregate; 0 in a plain record. Written as `sub_sequence_number`.
    pub sub_sequence: u32,
    /// Index within a CloudEvents batch; 0 for a single event.
    pub element: u32,
}

/// A position in a stream, and when something came there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamPosition {
    /// The shard.
    pub shard: Shard,
    /// The position within it.
    pub position: Position,
    /// When the stream took it, in epoch milliseconds.
    pub arrived_at_ms: i64,
}

impl fmt::Display for StreamPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { sequence, sub_sequence, element } = &self.position;
        write!(f, "{}/{}/{sequence}/{sub_sequence}/{element}", self.shard.stream(), self.shard.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> SequenceNumber {
        SequenceNumber::parse(text).unwrap()
    }

    #[test]
    fn order_is_numeric_beyond_128_bits() {
        let large = "49590338271490256608559692538361571095921575989136588898";
        assert!(number("9") < number("10"));
        assert!(number(large) < number(&format!("{large}0")));
        assert!(number("100") > number("99"));
        assert_eq!(number("7").cmp(&number("7")), Ordering::Equal);
    }

    #[test]
    fn what_kinesis_would_not_send_is_refused() {
        for text in ["", "01", "1a", "-1", " 1", &"1".repeat(130)] {
            assert!(SequenceNumber::parse(text).is_err(), "{text}");
        }
        let NotASequenceNumber(quoted) = SequenceNumber::parse(&"1".repeat(1_000)).unwrap_err();
        assert_eq!(quoted.len(), 130, "one digit more than fits shows that it is too long");
        assert!(SequenceNumber::parse("0").is_ok());
        assert!(SequenceNumber::parse(&"1".repeat(129)).is_ok());
    }

    #[test]
    fn sub_records_follow_their_container() {
        let at = |sub_sequence, element| Position { sequence: number("5"), sub_sequence, element };
        assert!(at(0, 1) < at(1, 0));
        assert!(at(1, 0) < at(1, 1));
    }
}
