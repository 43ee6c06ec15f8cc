//! The checkpoint of a shard whose lanes advance independently.

use std::collections::VecDeque;

use crate::compare_sequence_numbers;

/// Sequence numbers in the order of the shard, from the checkpoint on.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    checkpoint: Option<String>,
    above: VecDeque<String>,
}

impl Progress {
    /// The highest sequence number at or below which every record is done.
    pub(crate) fn checkpoint(&self) -> Option<&str> {
        self.checkpoint.as_deref()
    }

    /// The sequence number that was pushed last.
    pub(crate) fn last_pushed(&self) -> Option<&str> {
        self.above.back().or(self.checkpoint.as_ref()).map(String::as_str)
    }

    pub(crate) fn push(&mut self, sequence_number: &str) {
        self.above.push_back(sequence_number.to_owned());
    }

    /// Moves the checkpoint to just below the lowest undone sequence number, or to the end if none is undone.
    ///
    /// Records that share the lowest undone number (sub-records of an aggregate) stay above the checkpoint.
    pub(crate) fn advance(&mut self, lowest_undone: Option<&str>) {
        while let Some(next) = self.above.front() {
            if lowest_undone.is_some_and(|lowest| compare_sequence_numbers(next, lowest).is_ge()) {
                return;
            }
            self.checkpoint = self.above.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoint_stays_below_the_lowest_undone_record() {
        let mut progress = Progress::default();
        for number in ["98", "99", "99", "100"] {
            progress.push(number);
        }
        progress.advance(Some("98"));
        assert_eq!(progress.checkpoint(), None);
        progress.advance(Some("99"));
        assert_eq!(progress.checkpoint(), Some("98"));
        progress.advance(Some("100"));
        assert_eq!(progress.checkpoint(), Some("99"));
        progress.advance(None);
        assert_eq!(progress.checkpoint(), Some("100"));
        assert_eq!(progress.last_pushed(), Some("100"));
    }
}
