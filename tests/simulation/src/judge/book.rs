//! The stream in its order, with what each record held and what became of it, as far as anybody told.

use std::collections::{BTreeMap, BTreeSet};

use millrace_domain::Verdict;

use crate::plan::{Consumer, EventSpec};
use crate::run::{Outcome, Unit};

/// One event's place in the stream.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The record.
    pub sequence_number: String,
    /// Index among the events of its record.
    pub index: usize,
    /// Place within an aggregate.
    pub sub_sequence: u64,
    /// Place within a CloudEvents batch.
    pub batch_index: u64,
    /// When the stream took it, in epoch milliseconds.
    pub arrived_at_ms: i64,
    /// What it holds.
    pub unit: Unit,
}

/// All events in the order in which the stream took them.
#[derive(Debug)]
pub struct Book {
    /// The events.
    pub entries: Vec<Entry>,
    /// Verdicts of each event by function, each with whether the mapping took the answer.
    verdicts: BTreeMap<(Consumer, String, usize), Vec<(bool, Verdict)>>,
    given_up: BTreeSet<(Consumer, String)>,
}

impl Entry {
    /// The event, where it is one that functions can take.
    pub fn valid(&self) -> Option<&EventSpec> {
        match &self.unit {
            Unit::Event(spec) if spec.invalid_reason(self.arrived_at_ms).is_none() => Some(spec),
            _ => None,
        }
    }

    /// The reason for which no function can take it.
    pub fn invalid_reason(&self) -> Option<&'static str> {
        match &self.unit {
            Unit::Garbage(reason) => Some(reason),
            Unit::Event(spec) => spec.invalid_reason(self.arrived_at_ms),
        }
    }

    /// The name under which rows and quarantine lines know it.
    pub fn name(&self) -> (String, u64, u64) {
        (self.sequence_number.clone(), self.sub_sequence, self.batch_index)
    }
}

impl Book {
    /// Reads a run.
    ///
    /// # Errors
    /// When a function counted other events in a record than it holds.
    pub fn of(outcome: &Outcome) -> Result<Self, String> {
        let services = outcome.world.services();
        let mut entries = Vec::new();
        for shard in services.stream.shards() {
            for record in &shard.records {
                let units =
                    outcome.truths.get(&record.sequence_number).map(Vec::as_slice).unwrap_or_default();
                let aggregated = record.partition_key == "a";
                for (index, unit) in units.iter().enumerate() {
                    let place = index as u64;
                    entries.push(Entry {
                        sequence_number: record.sequence_number.clone(),
                        index,
                        sub_sequence: if aggregated { place } else { 0 },
                        batch_index: if aggregated { 0 } else { place },
                        arrived_at_ms: i64::try_from(record.approximate_arrival_ms).unwrap_or(i64::MAX),
                        unit: unit.clone(),
                    });
                }
            }
        }
        entries.sort_by_key(|entry| services.stream.order(&entry.sequence_number));
        let mut book = Self { entries, verdicts: BTreeMap::new(), given_up: BTreeSet::new() };
        for discard in &services.journal.discards {
            book.given_up.extend(discard.records.iter().map(|record| (discard.consumer, record.clone())));
        }
        for run in &services.journal.runs {
            let mut counts = vec![0; run.records.len()];
            for (record, verdict) in &run.tally.verdicts {
                let (Some(count), Some(name)) = (counts.get_mut(*record), run.records.get(*record)) else {
                    return Err("a verdict is about a record outside of its batch".to_owned());
                };
                if let Some(verdict) = verdict.filter(|_| run.tally.cut.allows(*record)) {
                    let place = (run.consumer, name.clone(), *count);
                    book.verdicts.entry(place).or_default().push((run.believed, verdict));
                }
                *count += 1;
            }
            for (record, (name, count)) in run.records.iter().zip(counts).enumerate() {
                let held = outcome.truths.get(name).map(Vec::len).unwrap_or_default();
                if run.tally.cut.allows(record) && held != count {
                    return Err(format!("record {name} holds {held} events and {count} were judged"));
                }
            }
        }
        Ok(book)
    }

    /// The verdicts on an event by a function, each with whether the mapping took the answer.
    pub fn verdicts(&self, consumer: Consumer, entry: &Entry) -> &[(bool, Verdict)] {
        let place = (consumer, entry.sequence_number.clone(), entry.index);
        self.verdicts.get(&place).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a function's mapping gave the event's record up.
    pub fn is_given_up(&self, consumer: Consumer, entry: &Entry) -> bool {
        self.given_up.contains(&(consumer, entry.sequence_number.clone()))
    }
}
