//! What a number of runs met, and how often it must have been met for them to prove anything.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::{CellAlignment, Table, presets};
use millrace_domain::Verdict;
use millrace_domain::verdict::LateReason;

use crate::judge::events_of;
use crate::run::Outcome;
use crate::world::{Stream, names};

/// How often each thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Runs counted.
    pub runs: u64,
    counts: BTreeMap<String, u64>,
}

/// How often each thing must happen in 10,000 runs.
const MINIMUMS: &[(&str, u64)] = &include!("coverage_minimums.in");

/// Runs from which on the minimums are asked: what they are taken from.
pub const ASKED_FROM_RUNS: u64 = 2_000;

/// How often a thing must be expected in fewer runs before it is a fault that they never meet it.
const EXPECTED_TIMES: u64 = 20;

impl Coverage {
    /// What one run met.
    pub fn of(outcome: &Outcome) -> Self {
        let services = outcome.world.services();
        let mut coverage = Self { runs: 1, counts: services.journal.counts.clone() };
        for strike in &outcome.struck {
            coverage.add(format!("{} call: {}", strike.call.name(), strike.fault.name()), 1);
        }
        for run in &services.journal.runs {
            for (name, count) in run.tally.counts() {
                coverage.add(format!("{} verdict: {name}", run.consumer.name()), count);
            }
            let undecidable = Some(Verdict::Late(LateReason::Undecidable));
            let undecidable = run.tally.verdicts.iter().filter(|(_, verdict)| *verdict == undecidable);
            coverage.add(format!("{} late: undecidable", run.consumer.name()), undecidable.count() as u64);
            if run.tally.checkpoint.record().is_some() {
                coverage.add(format!("{} batch: ended early", run.consumer.name()), 1);
            }
        }
        coverage.add_signals(&services.streams[names::SIGNALS]);
        for (name, table) in &services.tables {
            coverage.add(format!("table {name}: conflict"), table.conflicts);
            coverage.add(format!("table {name}: item too large"), table.rejected_keys.len() as u64);
        }
        coverage
    }

    /// Signals by type, and how often a key met a second shard of one source.
    fn add_signals(&mut self, stream: &Stream) {
        let mut shards: BTreeMap<(String, String), BTreeSet<(String, String)>> = BTreeMap::new();
        for record in stream.shards().iter().flat_map(|shard| &shard.records) {
            for (_, event) in events_of(record) {
                let field = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
                self.add(format!("signals: {}", field("type")), 1);
                let (stream, shard_id) = (field("originstream"), field("originshardid"));
                if !shard_id.is_empty() {
                    shards
                        .entry((field("source"), record.partition_key.clone()))
                        .or_default()
                        .insert((stream, shard_id));
                }
            }
        }
        let resharded = shards.values().map(|shards| shards.len() as u64 - 1);
        self.add("signals: of a second shard for a key", resharded.sum());
    }

    fn add(&mut self, name: impl Into<String>, count: u64) {
        *self.counts.entry(name.into()).or_default() += count;
    }

    /// Adds what other runs met.
    pub fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        for (name, count) in other.counts {
            self.add(name, count);
        }
    }

    /// How often a thing must have happened in these runs. Nothing is asked of a few: a run of its own meets little.
    fn minimum(&self, per_10_000: u64) -> u64 {
        match self.runs >= ASKED_FROM_RUNS {
            true => per_10_000 * self.runs / 10_000,
            false => 0,
        }
    }

    /// The things that were not met often enough.
    pub fn missing(&self) -> Vec<String> {
        let count = |name: &str| self.counts.get(name).copied().unwrap_or_default();
        let short = MINIMUMS.iter().filter(|(name, least)| count(name) < self.minimum(*least));
        short.map(|(name, least)| format!("{name}: {} of {}", count(name), self.minimum(*least))).collect()
    }

    /// The things that even a few hundred runs meet, and these did not.
    pub fn never_met(&self) -> Vec<&'static str> {
        let is_expected = |per_10_000: u64| per_10_000 * self.runs / 10_000 >= EXPECTED_TIMES;
        let is_met = |name: &str| self.counts.get(name).is_some_and(|count| *count > 0);
        let never = MINIMUMS.iter().filter(|(name, least)| is_expected(*least) && !is_met(name));
        never.map(|(name, _)| *name).collect()
    }

    /// Counts beside what is asked, as a table.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["what happened", "times", "at least"]);
        for (name, count) in &self.counts {
            let least = MINIMUMS.iter().find(|(known, _)| known == name).map(|(_, least)| *least);
            let least = least.map(|least| self.minimum(least).to_string()).unwrap_or_default();
            table.add_row([name.clone(), count.to_string(), least]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimums_are_asked_of_many_runs_only() {
        let empty = |runs| Coverage { runs, ..Coverage::default() }.missing().len();
        assert_eq!([1, ASKED_FROM_RUNS - 1].map(empty), [0, 0]);
        assert_eq!(empty(ASKED_FROM_RUNS), MINIMUMS.len());
    }

    #[test]
    fn what_a_few_hundred_runs_must_meet_is_most_of_it() {
        let never = |runs| Coverage { runs, ..Coverage::default() }.never_met().len();
        assert_eq!(never(1), MINIMUMS.iter().filter(|(_, least)| *least >= 200_000).count());
        assert!(never(300) > MINIMUMS.len() / 2 && never(100_000) == MINIMUMS.len());
    }
}
