//! The stream in its order, with what each record held and what became of it, as far as anybody told.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_source_mapping::{Condition, Record};
use local_faults::Call;
use millrace_domain::Verdict;
use serde_json::Value;

use crate::plan::{Consumer, EventSpec};
use crate::run::{Outcome, Unit};

/// Record, place within an aggregate, place within a batch.
pub(super) type Origin = (String, u64, u64);

/// One event's place in the stream.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The record.
    pub sequence_number: String,
    /// Index among the events of its record.
    pub index: usize,
    /// Where the event stood when it came first. Rows and quarantine lines know it by this name.
    pub origin: Origin,
    /// When it came first, in epoch milliseconds.
    pub arrived_at_ms: i64,
    /// What it holds.
    pub unit: Unit,
    /// The only function that it comes back for, where it is redriven for one.
    pub addressed: Option<Consumer>,
}

/// What a function said of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// Whether the mapping took the answer.
    pub(super) believed: bool,
    /// Whether the event may have been applied before it was judged: its record was handed to the function more than
    /// once by then, or a write of this invocation met a fault, and may have taken effect without its knowing.
    pub(super) repeated: bool,
    /// What it said.
    pub(super) verdict: Verdict,
}

/// All events in the order in which the stream took them.
#[derive(Debug)]
pub struct Book {
    /// The events.
    pub entries: Vec<Entry>,
    /// Verdicts of each event by function.
    verdicts: BTreeMap<(Consumer, String, usize), Vec<Said>>,
    given_up: BTreeSet<(Consumer, String)>,
    too_large: BTreeSet<String>,
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

    /// Whether a function has to deal with it.
    pub fn is_for(&self, consumer: Consumer) -> bool {
        self.addressed.is_none_or(|addressed| addressed == consumer)
    }
}

impl Book {
    /// Reads a run.
    ///
    /// # Errors
    /// When a function counted other events in a record than it holds.
    pub fn of(outcome: &Outcome) -> Result<Self, String> {
        let services = outcome.world.services();
        let mut records: Vec<_> = services.stream.shards().iter().flat_map(|shard| &shard.records).collect();
        records.sort_by_key(|record| services.stream.order(&record.sequence_number));
        let mut first: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        let mut entries = Vec::new();
        for record in records {
            let held = match outcome.truths.get(&record.sequence_number) {
                Some(units) => {
                    let held = put_first(record, units);
                    first.insert(record.sequence_number.clone(), held.clone());
                    held
                }
                None => carried(record, &first)?,
            };
            entries.extend(held);
        }
        let mut book = Self {
            entries,
            verdicts: BTreeMap::new(),
            given_up: BTreeSet::new(),
            too_large: BTreeSet::new(),
        };
        for discard in &services.journal.discards {
            book.given_up.extend(discard.records.iter().map(|record| (discard.consumer, record.clone())));
            if discard.condition == Condition::PayloadSizeExceeded {
                book.too_large.extend(discard.records.iter().cloned());
            }
        }
        let mut verdicts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let writes = outcome.struck.iter().filter(|strike| strike.call == Call::Write);
        let struck: BTreeSet<u64> = writes.map(|strike| strike.process).collect();
        let mut held: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &book.entries {
            *held.entry(&entry.sequence_number).or_default() += 1;
        }
        for run in &services.journal.runs {
            let mut counts = vec![0; run.records.len()];
            for (record, verdict) in &run.tally.verdicts {
                let (Some(count), Some(name)) = (counts.get_mut(*record), run.records.get(*record)) else {
                    return Err("a verdict is about a record outside of its batch".to_owned());
                };
                if let Some(verdict) = verdict.filter(|_| run.tally.cut.allows(*record)) {
                    let place = (run.consumer, name.clone(), *count);
                    let delivered_again = run.deliveries.get(*record).is_some_and(|times| *times > 1);
                    let repeated = delivered_again || struck.contains(&run.process);
                    let said = Said { believed: run.believed, repeated, verdict };
                    verdicts.entry(place).or_default().push(said);
                }
                *count += 1;
            }
            for (record, (name, count)) in run.records.iter().zip(counts).enumerate() {
                let held = held.get(name.as_str()).copied().unwrap_or_default();
                if run.tally.cut.allows(record) && held != count {
                    return Err(format!("record {name} holds {held} events and {count} were judged"));
                }
            }
        }
        book.verdicts = verdicts;
        Ok(book)
    }

    /// One entry of each event, by where it stood when it came first.
    pub fn by_origin(&self) -> BTreeMap<Origin, &Entry> {
        self.entries.iter().map(|entry| (entry.origin.clone(), entry)).collect()
    }

    /// The verdicts on an event by a function.
    pub(super) fn verdicts(&self, consumer: Consumer, entry: &Entry) -> &[Said] {
        let place = (consumer, entry.sequence_number.clone(), entry.index);
        self.verdicts.get(&place).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the event's record is larger than an invocation takes, so that only a description of it is left.
    pub fn is_too_large(&self, entry: &Entry) -> bool {
        self.too_large.contains(&entry.sequence_number)
    }

    /// Whether a function's mapping gave the event's record up.
    pub fn is_given_up(&self, consumer: Consumer, entry: &Entry) -> bool {
        self.given_up.contains(&(consumer, entry.sequence_number.clone()))
    }
}

/// The events of a record that a producer put.
fn put_first(record: &Record, units: &[Unit]) -> Vec<Entry> {
    let aggregated = record.partition_key == "a";
    let entry = |(index, unit): (usize, &Unit)| {
        let place = index as u64;
        let (sub_sequence, batch_index) = if aggregated { (place, 0) } else { (0, place) };
        Entry {
            sequence_number: record.sequence_number.clone(),
            index,
            origin: (record.sequence_number.clone(), sub_sequence, batch_index),
            arrived_at_ms: i64::try_from(record.approximate_arrival_ms).unwrap_or(i64::MAX),
            unit: unit.clone(),
            addressed: None,
        }
    };
    units.iter().enumerate().map(entry).collect()
}

/// The events that a record brings back, told from the bytes that it carries.
fn carried(record: &Record, first: &BTreeMap<String, Vec<Entry>>) -> Result<Vec<Entry>, String> {
    let carrier: Value = serde_json::from_slice(&record.data).unwrap_or_default();
    let data = &carrier["data"];
    let payload = STANDARD.decode(data["payload"].as_str().unwrap_or_default()).unwrap_or_default();
    let whole = payload.starts_with(b"[");
    let (sub_sequence, index) = (data["sub_sequence"].as_u64(), data["index"].as_u64());
    let origins = data["sequence_number"].as_str().and_then(|name| first.get(name));
    let found = origins.into_iter().flatten().filter(|entry| {
        let (_, of_sub_sequence, of_index) = entry.origin;
        Some(of_sub_sequence) == sub_sequence && (whole || Some(of_index) == index)
    });
    let addressed = data["function"].as_str();
    let addressed =
        addressed.and_then(|name| Consumer::ALL.into_iter().find(|consumer| consumer.name() == name));
    let again = |(index, entry): (usize, &Entry)| Entry {
        sequence_number: record.sequence_number.clone(),
        index,
        addressed,
        ..entry.clone()
    };
    let entries: Vec<_> = found.enumerate().map(again).collect();
    match entries.is_empty() {
        true => Err(format!("record {} brings back what never was", record.sequence_number)),
        false => Ok(entries),
    }
}
