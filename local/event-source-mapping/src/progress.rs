//! How far a shard is done whose lanes advance independently.
//!
//! This is not the checkpoint of a batch, which is the first record that Lambda retries. It is what the Kinesis Client
//! Library calls a checkpoint: the last sequence number that is done.

use std::collections::VecDeque;

use crate::compare_sequence_numbers;

/// Sequence numbers in the order of the shard, from the last one that is done.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    done_through: Option<String>,
    above: VecDeque<String>,
}

impl Progress {
    /// The highest sequence number at or below which every record is done.
    pub(crate) fn done_through(&self) -> Option<&str> {
        self.done_through.as_deref()
    }

    /// The sequence number that was pushed last.
    pub(crate) fn last_pushed(&self) -> Option<&str> {
        self.above.back().or(self.done_through.as_ref()).map(String::as_str)
    }

    pub(crate) fn push(&mut self, sequence_number: &str) {
        self.above.push_back(sequence_number.to_owned());
    }

    /// Moves to just below the lowest undone sequence number, or to the end if none is undone.
    ///
    /// Records that share the lowest undone number (sub-records of an aggregate) stay undone.
    pub(crate) fn advance(&mut self, lowest_undone: Option<&str>) {
        while let Some(next) = self.above.front() {
            if lowest_undone.is_some_and(|lowest| compare_sequence_numbers(next, lowest).is_ge()) {
                return;
            }
            self.done_through = self.above.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_below_the_lowest_undone_record() {
        let mut progress = Progress::default();
        for number in ["98", "99", "99", "100"] {
            progress.push(number);
        }
        progress.advance(Some("98"));
        assert_eq!(progress.done_through(), None);
        progress.advance(Some("99"));
        assert_eq!(progress.done_through(), Some("98"));
        progress.advance(Some("100"));
        assert_eq!(progress.done_through(), Some("99"));
        progress.advance(None);
        assert_eq!(progress.done_through(), Some("100"));
        assert_eq!(progress.last_pushed(), Some("100"));
    }
}
