//! Rows that wait for delivery.

use crate::config::Buffering;

/// Rows of one partition, or lines of one file, in the order of arrival.
///
/// Rows are kept as the bytes that arrived and converted when they are delivered: a failed write then leaves
/// everything in place, and a row that cannot be converted goes to the error output unchanged.
#[derive(Default)]
pub(crate) struct Buffer {
    data: Vec<u8>,
    rows: Vec<Row>,
}

struct Row {
    end: usize,
    arrival_ms: i64,
}

impl Buffer {
    pub(crate) fn push(&mut self, row: &[u8], arrival_ms: i64) {
        self.data.extend_from_slice(row);
        self.rows.push(Row { end: self.data.len(), arrival_ms });
    }

    /// Appends a row and, where it lacks one, the newline that ends it.
    pub(crate) fn push_line(&mut self, line: &[u8], arrival_ms: i64) {
        self.data.extend_from_slice(line);
        if line.last() != Some(&b'\n') {
            self.data.push(b'\n');
        }
        self.rows.push(Row { end: self.data.len(), arrival_ms });
    }

    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }

    pub(crate) fn row_count(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(crate) fn first_arrival_ms(&self) -> i64 {
        self.rows.first().map_or(0, |row| row.arrival_ms)
    }

    /// Rows with their arrival times.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&[u8], i64)> + Clone {
        let starts = std::iter::once(0).chain(self.rows.iter().map(|row| row.end));
        starts.zip(&self.rows).map(|(start, row)| (&self.data[start..row.end], row.arrival_ms))
    }

    pub(crate) fn is_full(&self, limit: Buffering) -> bool {
        self.data.len() >= limit.bytes
    }

    pub(crate) fn is_due(&self, limit: Buffering, now_ms: i64) -> bool {
        self.is_full(limit) || now_ms.saturating_sub(self.first_arrival_ms()) >= limit.interval_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_pushed() {
        let mut buffer = Buffer::default();
        buffer.push(b"ab", 1);
        buffer.push(b"c", 2);
        assert_eq!(buffer.rows().collect::<Vec<_>>(), [(&b"ab"[..], 1), (&b"c"[..], 2)]);
        assert_eq!((buffer.row_count(), buffer.first_arrival_ms()), (2, 1));
    }

    #[test]
    fn a_line_gets_one_newline() {
        let mut buffer = Buffer::default();
        buffer.push_line(b"a", 0);
        buffer.push_line(b"b\n", 0);
        assert_eq!(buffer.data(), b"a\nb\n");
    }

    #[test]
    fn due_at_the_interval_and_at_the_size() {
        let mut buffer = Buffer::default();
        buffer.push(b"abc", 1_000);
        let limit = |bytes| Buffering { bytes, interval_ms: 60_000 };
        assert!(!buffer.is_due(limit(4), 60_999));
        assert!(buffer.is_due(limit(4), 61_000));
        assert!(buffer.is_due(limit(3), 1_000));
    }
}
