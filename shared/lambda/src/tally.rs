//! What an invocation did, for its metrics.

use std::collections::BTreeMap;

use millrace_domain::Verdict;

use crate::checkpoint::Checkpoint;

/// Verdicts of a batch, and how far it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The first record that could not be done.
    pub checkpoint: Checkpoint,
    /// Record and verdict of each event, in order; `None` where none was reached.
    pub verdicts: Vec<(usize, Option<Verdict>)>,
    /// Why the batch ended early, in words; empty when it did not.
    pub why: String,
    /// Signals of the commits, by type. What was put and not committed is put again, and counted then.
    pub signals: BTreeMap<&'static str, u64>,
    /// The newest event time in the batch, in epoch milliseconds; `None` where nothing in it is an event.
    pub newest_event_ms: Option<i64>,
    /// Whether events were held against a state, for which they can be too late.
    pub judges_lateness: bool,
}

impl Tally {
    /// Counts by verdict name.
    ///
    /// They are counted at the checkpoint, so that a retry does not count again what it repeats. What was applied
    /// behind the checkpoint is counted now, because the retry will meet it as a redelivery.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts: BTreeMap<_, _> = Verdict::COUNTED.into_iter().map(|name| (name, 0)).collect();
        for (record, verdict) in &self.verdicts {
            let Some(verdict) = verdict else { continue };
            if self.checkpoint.allows(*record) || *verdict == Verdict::Applied {
                *counts.entry(verdict.name()).or_default() += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_ends_at_the_checkpoint_but_for_what_was_applied() {
        let tally = Tally {
            checkpoint: Checkpoint::at(1),
            verdicts: vec![
                (0, Some(Verdict::Duplicate)),
                (1, None),
                (2, Some(Verdict::Duplicate)),
                (3, Some(Verdict::Applied)),
            ],
            ..Tally::default()
        };
        let counts = tally.counts();
        assert_eq!((counts["duplicate"], counts["applied"], counts["late"]), (1, 1, 0));
    }
}
