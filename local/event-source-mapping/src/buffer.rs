//! Records of a lane that are not in a batch yet, and the rule by which a batch is taken.

use std::collections::VecDeque;

use crate::{EventFrame, Record, Records, Settings};

/// A record with what it costs and how long it has waited.
#[derive(Debug)]
struct Waiting {
    record: Record,
    size_bytes: usize,
    since_ms: u64,
}

/// The longest prefix that fits one batch, kept up to date so that a poll does not count again.
#[derive(Debug)]
struct Head {
    records: usize,
    bytes: usize,
    is_full: bool,
}

impl Head {
    fn empty() -> Self {
        Self { records: 0, bytes: EventFrame::empty_event_size(), is_full: false }
    }
}

/// The queue in front of a lane.
#[derive(Debug)]
pub(crate) struct Buffer {
    waiting: VecDeque<Waiting>,
    head: Head,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self { waiting: VecDeque::new(), head: Head::empty() }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn front(&self) -> Option<&Record> {
        self.waiting.front().map(|waiting| &waiting.record)
    }

    /// Appends a record that takes `size_bytes` of an event.
    pub(crate) fn push(&mut self, record: Record, size_bytes: usize, settings: &Settings, now_ms: u64) {
        self.waiting.push_back(Waiting { record, size_bytes, since_ms: now_ms });
        self.extend_head(settings);
    }

    /// When the batching window of the first record is over; `None` without records.
    pub(crate) fn window_end_ms(&self, settings: &Settings) -> Option<u64> {
        let first = self.waiting.front()?;
        Some(first.since_ms.saturating_add(settings.batching_window_ms))
    }

    /// Takes a batch if it is full (by count or payload), its window is over, or the shard has ended.
    pub(crate) fn take_batch(
        &mut self,
        settings: &Settings,
        is_closed: bool,
        now_ms: u64,
    ) -> Option<Records> {
        let window_end_ms = self.window_end_ms(settings)?;
        let is_due = self.head.is_full || is_closed || now_ms >= window_end_ms;
        (is_due && self.head.records > 0).then(|| self.take(self.head.records, settings))
    }

    /// Takes the first record if no event can hold it.
    pub(crate) fn take_oversized(&mut self, settings: &Settings) -> Option<Records> {
        (self.head.is_full && self.head.records == 0).then(|| self.take(1, settings))
    }

    /// Takes the records in front that are over age, at most one batch of them.
    pub(crate) fn take_over_age(&mut self, settings: &Settings, now_ms: u64) -> Option<Records> {
        let head = self.waiting.iter().take(self.head.records);
        let count = head.take_while(|waiting| waiting.record.is_over_age(settings, now_ms)).count();
        (count > 0).then(|| self.take(count, settings))
    }

    fn take(&mut self, count: usize, settings: &Settings) -> Records {
        let count = count.min(self.waiting.len());
        let records = self.waiting.drain(..count).map(|waiting| waiting.record).collect();
        self.head = Head::empty();
        self.extend_head(settings);
        records
    }

    fn extend_head(&mut self, settings: &Settings) {
        while !self.head.is_full
            && let Some(next) = self.waiting.get(self.head.records)
        {
            let comma = usize::from(self.head.records > 0);
            let bytes = self.head.bytes.saturating_add(comma).saturating_add(next.size_bytes);
            if bytes > settings.payload_limit_bytes {
                self.head.is_full = true;
            } else {
                self.head.bytes = bytes;
                self.head.records += 1;
                self.head.is_full = self.head.records >= settings.batch_size;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn buffer_of(sizes_bytes: &[usize], settings: &Settings) -> Buffer {
        let mut buffer = Buffer::new();
        for (index, size_bytes) in sizes_bytes.iter().enumerate() {
            let record = Record {
                sequence_number: (index + 1).to_string(),
                partition_key: "key".to_owned(),
                data: Bytes::new(),
                approximate_arrival_ms: 0,
            };
            buffer.push(record, *size_bytes, settings, 0);
        }
        buffer
    }

    #[test]
    fn the_comma_between_records_counts_towards_the_payload() {
        let frame = EventFrame::empty_event_size();
        let settings = |limit| Settings { payload_limit_bytes: limit, ..Settings::default() };
        let exact = settings(frame + 10 + 1 + 10);
        assert_eq!(buffer_of(&[10, 10], &exact).take_batch(&exact, false, 0).unwrap().len(), 2);
        let one_less = settings(frame + 10 + 10);
        assert_eq!(buffer_of(&[10, 10], &one_less).take_batch(&one_less, false, 0).unwrap().len(), 1);
    }

    #[test]
    fn an_oversized_record_ends_the_batch_before_it() {
        let settings = Settings { payload_limit_bytes: 100, batching_window_ms: 9, ..Settings::default() };
        let mut buffer = buffer_of(&[10, 101, 10], &settings);
        assert!(buffer.take_oversized(&settings).is_none());
        assert_eq!(buffer.take_batch(&settings, false, 0).unwrap().len(), 1);
        assert!(buffer.take_batch(&settings, true, 0).is_none());
        assert_eq!(buffer.take_oversized(&settings).unwrap().len(), 1);
        assert_eq!(buffer.front().unwrap().sequence_number, "3");
        assert!(buffer.take_oversized(&settings).is_none());
    }
}
