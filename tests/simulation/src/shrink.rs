//! Makes the plan of a failing run as short as it gets, as a script that lists what goes wrong.

use local_faults::Strike;

use crate::judge::judge;
use crate::plan::{Content, Fate, Plan, Trouble};
use crate::run::{Outcome, run};

/// Most runs of one shrinking.
const RUNS_LIMIT: usize = 6_000;

/// What is wrong with a plan's run, if anything is.
pub fn first_problem(plan: &Plan) -> Option<String> {
    match run(plan) {
        Ok(outcome) => judge(plan, &outcome).into_iter().next(),
        Err(why) => Some(why),
    }
}

/// The same run, with what went wrong listed instead of drawn.
pub fn scripted(plan: &Plan, outcome: &Outcome) -> Plan {
    let (calls, fates) = (outcome.struck.clone(), outcome.fates.clone());
    Plan { trouble: Trouble::Listed { calls, fates }, ..plan.clone() }
}

/// A shorter plan that fails as well. The problem may be another one: any will do to begin with.
pub fn shrink(plan: &Plan) -> Plan {
    let mut shrinker = Shrinker { best: plan.clone(), runs: 0 };
    loop {
        let before = shrinker.size();
        // First what goes wrong: the fewer faults there are, the more events can go without moving one.
        shrinker.shorten(|plan| &mut plan.outages);
        shrinker.shorten(calls);
        shrinker.shorten(fates);
        shrinker.shorten(|plan| &mut plan.moves);
        shrinker.shorten(|plan| &mut plan.puts);
        shrinker.unpack();
        if shrinker.size() == before || shrinker.runs >= RUNS_LIMIT {
            return shrinker.best;
        }
    }
}

struct Shrinker {
    best: Plan,
    runs: usize,
}

impl Shrinker {
    fn size(&self) -> usize {
        serde_json::to_string(&self.best).map_or(0, |text| text.len())
    }

    fn keep(&mut self, plan: Plan) -> bool {
        self.runs += 1;
        let fails = self.runs < RUNS_LIMIT && first_problem(&plan).is_some();
        if fails {
            self.best = plan;
        }
        fails
    }

    /// Leaves out parts of a list, large ones first.
    fn shorten<T>(&mut self, list: impl Fn(&mut Plan) -> &mut Vec<T>) {
        let mut size = list(&mut self.best).len();
        while size > 0 {
            let mut start = 0;
            while start < list(&mut self.best).len() {
                let mut plan = self.best.clone();
                let end = (start + size).min(list(&mut plan).len());
                list(&mut plan).drain(start..end);
                if !self.keep(plan) {
                    start += size;
                }
            }
            size /= 2;
        }
    }

    /// Makes plain records of packed ones.
    fn unpack(&mut self) {
        for index in 0..self.best.puts.len() {
            let mut plan = self.best.clone();
            let Some(put) = plan.puts.get_mut(index) else { return };
            let (Content::Batch(events) | Content::Aggregate(events)) = &put.content else { continue };
            let Some(first) = events.first() else { continue };
            put.content = Content::Plain(first.clone());
            self.keep(plan);
        }
    }
}

fn calls(plan: &mut Plan) -> &mut Vec<Strike> {
    listed(plan).0
}

fn fates(plan: &mut Plan) -> &mut Vec<(u64, Fate)> {
    listed(plan).1
}

type Listed<'p> = (&'p mut Vec<Strike>, &'p mut Vec<(u64, Fate)>);

fn listed(plan: &mut Plan) -> Listed<'_> {
    if matches!(plan.trouble, Trouble::Drawn { .. }) {
        plan.trouble = Trouble::Listed { calls: Vec::new(), fates: Vec::new() };
    }
    match &mut plan.trouble {
        Trouble::Listed { calls, fates } => (calls, fates),
        // It was made a list above.
        Trouble::Drawn { .. } => unreachable!("drawn trouble was replaced by a list"),
    }
}
