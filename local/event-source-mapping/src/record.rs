//! Records of a shard and the order of their sequence numbers.

use std::{cmp::Ordering, ops::Deref, ops::Range, sync::Arc};

use bytes::Bytes;

use crate::Settings;

/// Most digits of a sequence number: the API's pattern is `0|[1-9]\d{0,128}` [BC-KIN].
const SEQUENCE_NUMBER_DIGITS_MAX: usize = 129;

/// One record as `GetRecords` returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `SequenceNumber`: a decimal number of usually 56 digits, increasing within a shard.
    pub sequence_number: String,
    /// `PartitionKey`: 1 to 256 characters.
    pub partition_key: String,
    /// `Data`, not encoded.
    pub data: Bytes,
    /// `ApproximateArrivalTimestamp`, in milliseconds since the Unix epoch.
    pub approximate_arrival_ms: u64,
}

impl Record {
    /// The first millisecond at which the record is over age; `None` without a maximum record age.
    pub(crate) fn expiry_ms(&self, settings: &Settings) -> Option<u64> {
        let age_ms = settings.maximum_record_age_ms?;
        Some(self.approximate_arrival_ms.saturating_add(age_ms).saturating_add(1))
    }

    pub(crate) fn is_over_age(&self, settings: &Settings, now_ms: u64) -> bool {
        self.expiry_ms(settings).is_some_and(|expiry_ms| now_ms >= expiry_ms)
    }
}

/// Orders two sequence numbers as the integers they denote.
///
/// They have more digits than a `u128` holds, so they are compared as text: by length, then digit by digit. Both
/// must satisfy [`is_sequence_number`].
pub fn compare_sequence_numbers(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Whether `text` is a sequence number: decimal digits without a leading zero [BC-KIN].
pub fn is_sequence_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && text.len() <= SEQUENCE_NUMBER_DIGITS_MAX && (text == "0" || !text.starts_with('0'))
}

/// Records of one batch, in order; a clone or a part shares them with the batch that was taken.
#[derive(Clone, Debug)]
pub struct Records {
    shared: Arc<[Record]>,
    range: Range<usize>,
}

impl Records {
    /// Two parts, the second from `index` on; an index past the end leaves it empty.
    pub(crate) fn split_at(&self, index: usize) -> (Self, Self) {
        let middle = self.range.start.saturating_add(index).min(self.range.end);
        let first = Self { shared: Arc::clone(&self.shared), range: self.range.start..middle };
        let second = Self { shared: Arc::clone(&self.shared), range: middle..self.range.end };
        (first, second)
    }
}

impl Deref for Records {
    type Target = [Record];

    fn deref(&self) -> &[Record] {
        self.shared.get(self.range.clone()).unwrap_or_default()
    }
}

impl FromIterator<Record> for Records {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let shared: Arc<[Record]> = records.into_iter().collect();
        let range = 0..shared.len();
        Self { shared, range }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_of_56_digits_are_compared_as_integers() {
        let lower = "49601189658422359378836298521827638475320189012309704722";
        let higher = "49601189658422359378836298522902373528957594348623495186";
        assert_eq!(compare_sequence_numbers(lower, higher), Ordering::Less);
        assert_eq!(compare_sequence_numbers(higher, higher), Ordering::Equal);
    }

    #[test]
    fn a_longer_sequence_number_is_greater_whatever_its_digits() {
        assert_eq!(compare_sequence_numbers("99", "100"), Ordering::Less);
        assert_eq!(compare_sequence_numbers("100", "99"), Ordering::Greater);
    }

    #[test]
    fn only_canonical_decimal_numbers_are_sequence_numbers() {
        assert!(is_sequence_number("0"));
        assert!(is_sequence_number("10"));
        for text in ["", "01", "1a", "-1", " 1", &"9".repeat(130)] {
            assert!(!is_sequence_number(text), "{text:?}");
        }
    }

    #[test]
    fn a_split_keeps_order_and_shares_the_records() {
        let record = |number: u64| Record {
            sequence_number: number.to_string(),
            partition_key: "key".to_owned(),
            data: Bytes::new(),
            approximate_arrival_ms: 0,
        };
        let records: Records = (1..=3).map(record).collect();
        let (first, second) = records.split_at(1);
        assert_eq!((first.len(), second.len()), (1, 2));
        assert_eq!(second.first().map(|record| record.sequence_number.as_str()), Some("2"));
        assert_eq!(records.split_at(9).1.len(), 0);
    }
}
