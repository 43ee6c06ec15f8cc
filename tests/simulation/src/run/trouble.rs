//! Faults and fates as the plan has them, and a record of those that struck.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use event_source_mapping::Invocation;
use fastrand::Rng;
use local_faults::{Call, Calls, Fault, Listed, Rates, Seeded, Source, Strike};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::plan::{Consumer, Fate, Plan, Trouble};

/// A source that records the faults that it gives out.
#[derive(Debug)]
pub(super) struct Recorder {
    source: Box<dyn Source>,
    calls: Calls,
    struck: Arc<Mutex<Vec<Strike>>>,
}

impl Recorder {
    /// The faults of a plan, recorded in `struck`.
    pub(super) fn of(plan: &Plan, struck: Arc<Mutex<Vec<Strike>>>) -> Self {
        let source: Box<dyn Source> = match &plan.trouble {
            Trouble::Drawn { calls_per_mille, until_ms, .. } => {
                let rates = Rates {
                    per_mille: *calls_per_mille,
                    weights: [20, 25, 3, 8, 12, 6, 8, 6, 10, 6, 8],
                    slow_limit_ms: 20_000,
                    until_ms: *until_ms,
                };
                Box::new(Seeded::new(plan.seed, rates, plan.outages.clone()))
            }
            Trouble::Listed { calls, .. } => Box::new(Listed::new(calls, plan.outages.clone())),
        };
        Self { source, calls: Calls::default(), struck }
    }
}

impl Source for Recorder {
    fn next(&mut self, process: u64, call: Call, now_ms: u64) -> Option<Fault> {
        let nth = self.calls.count(process, call);
        let fault = self.source.next(process, call, now_ms);
        if let (Some(fault), Ok(mut struck)) = (fault, self.struck.lock()) {
            struck.push(Strike { process, call, nth, fault });
        }
        fault
    }
}

/// How each invocation is to end, and which execution environment takes it.
pub(super) struct Fates {
    seed: u64,
    trouble: Trouble,
    processes: BTreeSet<u64>,
    /// The fates that struck, as a script would list them.
    pub(super) struck: Vec<(u64, Fate)>,
}

impl Fates {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            seed: plan.seed,
            trouble: plan.trouble.clone(),
            processes: BTreeSet::new(),
            struck: Vec::new(),
        }
    }

    /// A number for the process of an invocation. It follows from what the batch begins with and how often that was
    /// tried, so that it stays the same where a script leaves out other events.
    pub(super) fn process(&mut self, consumer: Consumer, invocation: &Invocation) -> u64 {
        let first = invocation.records.first().map(|record| record.data.as_ref()).unwrap_or_default();
        let mut number = xxh3_64_with_seed(first, u64::from(invocation.attempt) << 8 | consumer as u64) >> 16;
        while !self.processes.insert(number) {
            number += 1;
        }
        number
    }

    /// The fate of a process, and a generator to draw its execution environment from.
    pub(super) fn next(&mut self, process: u64, now_ms: u64) -> (Option<Fate>, Rng) {
        let mut rng = Rng::with_seed(self.seed ^ process);
        // Drawn in any case, so that a script chooses the same execution environments.
        let drawn = fate(&mut rng);
        let chance = rng.u32(0..1_000);
        let fate = match &self.trouble {
            Trouble::Drawn { fates_per_mille, until_ms, .. } => {
                (now_ms < *until_ms && chance < *fates_per_mille).then_some(drawn)
            }
            Trouble::Listed { fates, .. } => {
                fates.iter().find(|(of, _)| *of == process).map(|(_, fate)| *fate)
            }
        };
        self.struck.extend(fate.map(|fate| (process, fate)));
        (fate, rng)
    }
}

fn fate(rng: &mut Rng) -> Fate {
    let after_ms = rng.u64(0..10_000);
    match rng.u32(0..6) {
        0 => Fate::NotInvoked,
        1 => Fate::AnswerLost,
        2 => Fate::Killed(after_ms / 20),
        _ => Fate::Abandoned(after_ms),
    }
}
