//! JSON lines on their way to a sink, in one buffer.

use std::ops::Range;

use serde::Serialize;

/// JSON documents, each ended by a newline, each with the record that it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonLines {
    buffer: Vec<u8>,
    ends: Vec<usize>,
    records: Vec<usize>,
}

/// The line is longer than its sink takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the line has {bytes} bytes, and the limit is {limit_bytes}")]
pub struct LineTooLong {
    /// Its length.
    pub bytes: usize,
    /// The limit.
    pub limit_bytes: usize,
}

impl JsonLines {
    /// Writes a document as a line that came from this record of the batch.
    ///
    /// # Errors
    /// When the line, its newline included, would be longer than `limit_bytes`; nothing is added.
    pub fn push(
        &mut self,
        record: usize,
        document: &impl Serialize,
        limit_bytes: usize,
    ) -> Result<(), LineTooLong> {
        // A document whose writing panicked may have left its beginning.
        let start = self.ends.last().copied().unwrap_or_default();
        self.buffer.truncate(start);
        // A document of ours has only string keys, so writing it to memory does not fail; if one ever did, its
        // empty line would be rejected here and not lost.
        let written = serde_json::to_writer(&mut self.buffer, document).is_ok();
        self.buffer.push(b'\n');
        let bytes = self.buffer.len() - start;
        if !written || bytes > limit_bytes {
            self.buffer.truncate(start);
            return Err(LineTooLong { bytes, limit_bytes });
        }
        self.ends.push(self.buffer.len());
        self.records.push(record);
        Ok(())
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no lines.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The record that a line came from.
    pub fn record(&self, line: usize) -> Option<usize> {
        self.records.get(line).copied()
    }

    /// The bytes of consecutive lines; empty when the range reaches past the end.
    pub fn bytes(&self, lines: Range<usize>) -> &[u8] {
        let end_of = |line: usize| if line == 0 { Some(0) } else { self.ends.get(line - 1).copied() };
        match (end_of(lines.start), end_of(lines.end)) {
            (Some(start), Some(end)) => self.buffer.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_consecutive() {
        let mut lines = JsonLines::default();
        assert!(lines.is_empty());
        lines.push(3, &1, 10).unwrap();
        lines.push(4, &"two", 10).unwrap();
        assert_eq!((lines.len(), lines.is_empty()), (2, false));
        assert_eq!(lines.bytes(0..2), b"1\n\"two\"\n");
        assert_eq!(lines.bytes(1..2), b"\"two\"\n");
        assert_eq!((lines.bytes(1..3), lines.record(1)), (&b""[..], Some(4)));
    }

    #[test]
    fn a_line_whose_writing_panicked_leaves_nothing() {
        struct Panicking;
        impl Serialize for Panicking {
            fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
                panic!("half way")
            }
        }
        let mut lines = JsonLines::default();
        lines.push(0, &1, 10).unwrap();
        assert!(crate::isolate::isolated(|| lines.push(1, &("begun", Panicking), 10)).is_err());
        lines.push(2, &3, 10).unwrap();
        assert_eq!((lines.bytes(0..2), lines.record(1)), (&b"1\n3\n"[..], Some(2)));
    }

    #[test]
    fn a_line_ends_at_its_limit() {
        let mut lines = JsonLines::default();
        lines.push(0, &"abc", 6).unwrap();
        assert_eq!(lines.push(1, &"abcd", 6), Err(LineTooLong { bytes: 7, limit_bytes: 6 }));
        assert_eq!((lines.len(), lines.bytes(0..1)), (1, &b"\"abc\"\n"[..]));
    }
}
