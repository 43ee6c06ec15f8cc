//! How an invocation ends that does not end well.

use std::collections::BTreeSet;

use event_source_mapping::Invocation;
use fastrand::Rng;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// What becomes of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It does not begin: no execution is free.
    NotInvoked,
    /// The mapping abandons it after this many milliseconds, while it goes on to its end.
    Abandoned(u64),
    /// It ends, and its answer is lost.
    AnswerLost,
    /// It is killed after this many milliseconds, wherever it is then.
    Killed(u64),
}

impl Fate {
    /// The name in the summary.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NotInvoked => "not_invoked",
            Self::Abandoned(_) => "abandoned",
            Self::AnswerLost => "answer_lost",
            Self::Killed(_) => "killed",
        }
    }

    fn draw(rng: &mut Rng) -> Self {
        // An invocation takes some milliseconds on one machine.
        let after_ms = rng.u64(0..100);
        match rng.u32(0..6) {
            0 => Self::NotInvoked,
            1 => Self::AnswerLost,
            2 | 3 => Self::Killed(after_ms / 4),
            _ => Self::Abandoned(after_ms),
        }
    }
}

/// Numbers processes, and draws their fates.
#[derive(Debug)]
pub(super) struct Fates {
    seed: u64,
    per_mille: u32,
    processes: BTreeSet<u64>,
}

impl Fates {
    /// Fates of this seed, for so many of a thousand invocations.
    pub(super) fn new(seed: u64, per_mille: u32) -> Self {
        Self { seed, per_mille, processes: BTreeSet::new() }
    }

    /// A number for the process of an invocation. It follows from what the batch begins with and how often that was
    /// tried, so that a seed hits the same batches in every run as far as the runs are alike.
    pub(super) fn process(&mut self, function: &str, invocation: &Invocation) -> u64 {
        let first = invocation.records.first().map(|record| record.data.as_ref()).unwrap_or_default();
        let seed = xxh3_64(function.as_bytes()) ^ u64::from(invocation.attempt);
        let mut number = xxh3_64_with_seed(first, seed) >> 16;
        while !self.processes.insert(number) {
            number += 1;
        }
        number
    }

    /// The fate of a process; `None` for one that runs undisturbed.
    pub(super) fn of(&self, process: u64) -> Option<Fate> {
        let mut rng = Rng::with_seed(self.seed ^ process);
        (rng.u32(0..1_000) < self.per_mille).then(|| Fate::draw(&mut rng))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_fate_and_a_share_of_them_ends_badly() {
        let fates = Fates::new(7, 100);
        let drawn = (0..10_000).filter(|process| fates.of(*process).is_some()).count();
        assert!((800..1_200).contains(&drawn), "{drawn}");
        assert!((0..100).all(|process| fates.of(process) == fates.of(process)));
        assert_eq!(Fates::new(7, 0).of(1), None);
    }
}
