//! Lines into records, and records into calls, as full as the limits allow.

use std::ops::Range;

use millrace_lambda::JsonLines;

/// Most rows of a record that Firehose takes apart again.
pub const RECORD_LIMIT_ROWS: usize = 500;
/// Largest record in bytes: 1,000 KiB.
pub const RECORD_LIMIT_BYTES: usize = 1_024_000;
/// Most records of one call.
pub const CALL_LIMIT_RECORDS: usize = 500;
/// Largest call in bytes: 4 MiB.
pub const CALL_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// A record: consecutive lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) lines: Range<usize>,
    pub(super) bytes: usize,
}

/// A call: consecutive records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) records: Vec<Packed>,
    bytes: usize,
}

/// Packs lines, in order.
pub(super) fn pack(lines: &JsonLines, lines_per_record: usize) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut call = Call::default();
    for packed in records(lines, lines_per_record) {
        let full = call.records.len() >= CALL_LIMIT_RECORDS || call.bytes + packed.bytes > CALL_LIMIT_BYTES;
        if full && !call.records.is_empty() {
            calls.push(std::mem::take(&mut call));
        }
        call.bytes += packed.bytes;
        call.records.push(packed);
    }
    if !call.records.is_empty() {
        calls.push(call);
    }
    calls
}

fn records(lines: &JsonLines, lines_per_record: usize) -> Vec<Packed> {
    let mut records: Vec<Packed> = Vec::new();
    for line in 0..lines.len() {
        let bytes = lines.bytes(line..line + 1).len();
        match records.last_mut() {
            Some(open) if open.lines.len() < lines_per_record && open.bytes + bytes <= RECORD_LIMIT_BYTES => {
                open.lines.end += 1;
                open.bytes += bytes;
            }
            _ => records.push(Packed { lines: line..line + 1, bytes }),
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lengths: &[usize]) -> JsonLines {
        let mut lines = JsonLines::default();
        for (record, length) in lengths.iter().enumerate() {
            // Quotes and newline make up the rest of the length.
            lines.push(record, &"x".repeat(length - 3), RECORD_LIMIT_BYTES).unwrap();
        }
        lines
    }

    fn counts(lengths: &[usize], lines_per_record: usize) -> Vec<Vec<usize>> {
        let calls = pack(&lines(lengths), lines_per_record);
        calls.iter().map(|call| call.records.iter().map(|packed| packed.lines.len()).collect()).collect()
    }

    #[test]
    fn records_are_filled_to_their_limits() {
        assert_eq!(counts(&[10; 501], 500), [[500, 1]]);
        assert_eq!(counts(&[RECORD_LIMIT_BYTES / 2; 2], 500), [[2]]);
        assert_eq!(counts(&[RECORD_LIMIT_BYTES / 2, RECORD_LIMIT_BYTES / 2 + 1], 500), [[1, 1]]);
    }

    #[test]
    fn calls_are_filled_to_their_limits() {
        assert_eq!(counts(&[10; 501], 1).iter().map(Vec::len).collect::<Vec<_>>(), [500, 1]);
        assert_eq!(counts(&[RECORD_LIMIT_BYTES; 5], 500).iter().map(Vec::len).collect::<Vec<_>>(), [4, 1]);
    }

    #[test]
    fn every_line_is_packed_once_and_in_order() {
        let calls = pack(&lines(&[400_000; 37]), 3);
        let packed: Vec<_> =
            calls.iter().flat_map(|call| &call.records).flat_map(|packed| packed.lines.clone()).collect();
        assert_eq!(packed, (0..37).collect::<Vec<_>>());
    }
}
