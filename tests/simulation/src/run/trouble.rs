//! Faults and fates as the plan has them, and a record of those that struck.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use local_faults::{Call, Fault, Listed, Rates, Seeded, Source};

use crate::plan::{Consumer, Fate, Plan, Trouble};

/// What struck, as a script would list it.
pub type Struck = Vec<(Call, u64, Fault)>;

/// A source that records the faults that it gives out.
#[derive(Debug)]
pub(super) struct Recorder {
    source: Box<dyn Source>,
    calls: BTreeMap<Call, u64>,
    struck: Arc<Mutex<Struck>>,
}

impl Recorder {
    /// The faults of a plan, recorded in `struck`.
    pub(super) fn of(plan: &Plan, struck: Arc<Mutex<Struck>>) -> Self {
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
            Trouble::Listed { calls, .. } => {
                Box::new(Listed::new(calls.iter().copied(), plan.outages.clone()))
            }
        };
        Self { source, calls: BTreeMap::new(), struck }
    }
}

impl Source for Recorder {
    fn next(&mut self, call: Call, now_ms: u64) -> Option<Fault> {
        let nth = self.calls.entry(call).or_default();
        let fault = self.source.next(call, now_ms);
        if let (Some(fault), Ok(mut struck)) = (fault, self.struck.lock()) {
            struck.push((call, *nth, fault));
        }
        *nth += 1;
        fault
    }
}

/// How each invocation is to end, and which container takes it.
pub(super) struct Fates {
    seed: u64,
    trouble: Trouble,
    invocations: BTreeMap<Consumer, u64>,
    /// The fates that struck, as a script would list them.
    pub(super) struck: Vec<(Consumer, u64, Fate)>,
}

impl Fates {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            seed: plan.seed,
            trouble: plan.trouble.clone(),
            invocations: BTreeMap::new(),
            struck: Vec::new(),
        }
    }

    /// The fate of the next invocation of a function, and a number to draw its container from.
    pub(super) fn next(&mut self, consumer: Consumer, now_ms: u64) -> (Option<Fate>, Rng) {
        let nth = self.invocations.entry(consumer).or_default();
        let mut rng =
            Rng::with_seed(self.seed ^ (*nth << 8 | consumer as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Drawn in any case, so that a script chooses the same containers.
        let drawn = fate(&mut rng);
        let chance = rng.u32(0..1_000);
        let struck = match &self.trouble {
            Trouble::Drawn { fates_per_mille, until_ms, .. } => {
                (now_ms < *until_ms && chance < *fates_per_mille).then_some(drawn)
            }
            Trouble::Listed { fates, .. } => {
                fates.iter().find(|(of, at, _)| (*of, *at) == (consumer, *nth)).map(|(.., fate)| *fate)
            }
        };
        self.struck.extend(struck.map(|fate| (consumer, *nth, fate)));
        *nth += 1;
        (struck, rng)
    }
}

fn fate(rng: &mut Rng) -> Fate {
    let after_ms = rng.u64(0..10_000);
    match rng.u32(0..4) {
        0 => Fate::NotInvoked,
        1 => Fate::AnswerLost,
        _ => Fate::Abandoned(after_ms),
    }
}
