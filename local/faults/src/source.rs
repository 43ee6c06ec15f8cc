//! Which fault a call meets.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Call, Fault};

/// Says which fault the next call of a kind meets.
pub trait Source: Debug + Send {
    /// The fault of the next call of this kind that a process makes, at `now_ms` milliseconds since the run began.
    fn next(&mut self, process: u64, call: Call, now_ms: u64) -> Option<Fault>;
}

/// Which call met which fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// The process.
    pub process: u64,
    /// The kind of its call.
    pub call: Call,
    /// Number of the call among those of its kind and process, from 0.
    pub nth: u64,
    /// The fault.
    pub fault: Fault,
}

/// A time in which every call of a kind is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The calls that are refused.
    pub call: Call,
    /// Milliseconds since the run began.
    pub time_ms: Range<u64>,
}

impl Outage {
    fn covers(&self, call: Call, now_ms: u64) -> bool {
        self.call == call && self.time_ms.contains(&now_ms)
    }
}

/// How often what goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Faults a thousand calls.
    pub per_mille: u32,
    /// How the faults share that, in the order of [`Fault::NAMES`].
    pub weights: [u32; Fault::NAMES.len()],
    /// Longest slowness in milliseconds.
    pub slow_limit_ms: u64,
    /// Nothing goes wrong from this time on, in milliseconds since the run began.
    pub until_ms: u64,
}

/// Faults drawn by lot. The nth call of a kind in a process meets the same fault whatever happens beside it.
#[derive(Clone, Debug)]
pub struct Seeded {
    seed: u64,
    rates: Rates,
    outages: Vec<Outage>,
    calls: Calls,
}

impl Seeded {
    /// Faults of this seed.
    pub fn new(seed: u64, rates: Rates, outages: Vec<Outage>) -> Self {
        Self { seed, rates, outages, calls: Calls::default() }
    }
}

impl Source for Seeded {
    fn next(&mut self, process: u64, call: Call, now_ms: u64) -> Option<Fault> {
        let nth = self.calls.count(process, call);
        if self.outages.iter().any(|outage| outage.covers(call, now_ms)) {
            return Some(Fault::Throttled);
        }
        if now_ms >= self.rates.until_ms {
            return None;
        }
        let seed = mix(self.seed ^ mix(process ^ mix(nth ^ mix(call as u64))));
        let mut rng = fastrand::Rng::with_seed(seed);
        if rng.u32(0..1_000) >= self.rates.per_mille {
            return None;
        }
        let total: u32 = self.rates.weights.iter().sum();
        let mut left = rng.u32(0..total.max(1));
        for (index, weight) in self.rates.weights.iter().enumerate() {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return Some(Fault::draw(index, &mut rng, self.rates.slow_limit_ms)),
            }
        }
        None
    }
}

/// Spreads a number over all bits (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Faults of a script.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    faults: BTreeMap<(u64, Call, u64), Fault>,
    outages: Vec<Outage>,
    calls: Calls,
}

impl Listed {
    /// These faults and outages, and no others.
    pub fn new(strikes: &[Strike], outages: Vec<Outage>) -> Self {
        let fault = |strike: &Strike| ((strike.process, strike.call, strike.nth), strike.fault);
        Self { faults: strikes.iter().map(fault).collect(), outages, calls: Calls::default() }
    }
}

impl Source for Listed {
    fn next(&mut self, process: u64, call: Call, now_ms: u64) -> Option<Fault> {
        let nth = self.calls.count(process, call);
        if self.outages.iter().any(|outage| outage.covers(call, now_ms)) {
            return Some(Fault::Throttled);
        }
        self.faults.get(&(process, call, nth)).copied()
    }
}

/// Counts the calls of each kind in each process.
#[derive(Clone, Debug, Default)]
pub struct Calls(BTreeMap<(u64, Call), u64>);

impl Calls {
    /// The number of the next call, from 0.
    pub fn count(&mut self, process: u64, call: Call) -> u64 {
        let next = self.0.entry((process, call)).or_default();
        *next += 1;
        *next - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(per_mille: u32) -> Rates {
        Rates { per_mille, weights: [1; 11], slow_limit_ms: 5, until_ms: 100 }
    }

    #[test]
    fn a_seed_draws_the_same_whatever_is_called_in_between() {
        let mut plain = Seeded::new(7, rates(500), Vec::new());
        let mut mixed = plain.clone();
        let faults: Vec<_> = (0..200).map(|_| plain.next(1, Call::Write, 0)).collect();
        let others: Vec<_> = (0..200)
            .map(|_| {
                mixed.next(2, Call::Write, 0);
                mixed.next(1, Call::Write, 0)
            })
            .collect();
        assert_eq!(faults, others);
        let drawn = faults.iter().flatten().map(|fault| fault.name());
        assert_eq!(drawn.collect::<std::collections::BTreeSet<_>>().len(), Fault::NAMES.len());
    }

    #[test]
    fn nothing_goes_wrong_after_the_end_but_in_an_outage() {
        let outage = Outage { call: Call::Write, time_ms: 150..160 };
        let mut seeded = Seeded::new(7, rates(1_000), vec![outage]);
        assert!(seeded.next(1, Call::Write, 99).is_some());
        assert_eq!(seeded.next(1, Call::Write, 100), None);
        assert_eq!(seeded.next(1, Call::Write, 155), Some(Fault::Throttled));
        assert_eq!(seeded.next(1, Call::Read, 155), None);
    }

    #[test]
    fn a_script_counts_the_calls_of_each_kind_and_process() {
        let strike = Strike { process: 7, call: Call::Write, nth: 1, fault: Fault::AnswerLost };
        let mut listed = Listed::new(&[strike], Vec::new());
        assert_eq!(listed.next(7, Call::Write, 0), None);
        assert_eq!(listed.next(7, Call::Read, 0), None);
        assert_eq!(listed.next(8, Call::Write, 0), None);
        assert_eq!(listed.next(7, Call::Write, 0), Some(Fault::AnswerLost));
        assert_eq!(listed.next(7, Call::Write, 0), None);
    }
}
