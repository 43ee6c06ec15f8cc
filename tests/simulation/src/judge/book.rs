//! The streams in their order, with what each record held and what became of it, as far as is known.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_source_mapping::{Condition, Record};
use local_faults::Call;
use millrace_domain::Verdict;
use serde_json::Value;

use super::sent::{Sent, events_of};
use crate::plan::{Consumer, EventSpec, Fate};
use crate::run::{Outcome, ProducerRecord, reads};
use crate::world::{RecordId, Services, names};

/// Record, position within an aggregate, position within a batch.
pub(super) type EventPosition = (RecordId, u64, u64);

type Verdicts = BTreeMap<(Consumer, RecordId, usize), Vec<Said>>;

/// What one event's position in a record holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// What a producer put.
    Put(ProducerRecord),
    /// A timer that is due, with its key and its time.
    Timer(String, i64),
    /// A signal.
    Signal(Box<Sent>),
}

/// One event's position in a stream.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The stream.
    pub stream: &'static str,
    /// The record.
    pub record: RecordId,
    /// Index among the events of its record.
    pub index: usize,
    /// Where the event stood when it came first. Rows and quarantine lines know it by this name.
    pub first: EventPosition,
    /// When it came first, in epoch milliseconds.
    pub arrived_at_ms: i64,
    /// What it holds.
    pub held: Held,
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

/// All events in the order in which their stream took them, a stream after the other.
#[derive(Debug)]
pub struct Book {
    /// The events.
    pub entries: Vec<Entry>,
    /// Verdicts of each event by function, each with whether the mapping took the answer.
    verdicts: Verdicts,
    discarded: BTreeSet<(Consumer, RecordId)>,
    /// Whether invocations went on after their mappings had abandoned them.
    pub zombies: bool,
    too_large: BTreeSet<RecordId>,
}

impl Entry {
    /// The producer's event, where it is one that functions can take.
    pub fn valid(&self) -> Option<&EventSpec> {
        match &self.held {
            Held::Put(ProducerRecord::Event(spec)) if spec.invalid_reason(self.arrived_at_ms).is_none() => {
                Some(spec)
            }
            _ => None,
        }
    }

    /// The reason for which no function can take it.
    pub fn invalid_reason(&self) -> Option<&'static str> {
        match &self.held {
            Held::Put(ProducerRecord::Garbage(reason)) => Some(reason),
            Held::Put(ProducerRecord::Event(spec)) => spec.invalid_reason(self.arrived_at_ms),
            Held::Timer(..) | Held::Signal(_) => None,
        }
    }

    /// Whether a function reads it.
    pub fn is_read_by(&self, consumer: Consumer) -> bool {
        reads(consumer, self.stream)
    }

    /// Whether a function has to deal with it.
    pub fn is_for(&self, consumer: Consumer) -> bool {
        self.is_read_by(consumer) && self.addressed.is_none_or(|addressed| addressed == consumer)
    }
}

impl Book {
    /// Reads a run.
    ///
    /// # Errors
    /// When a function counted other events in a record than it holds.
    pub fn of(outcome: &Outcome) -> Result<Self, String> {
        let services = outcome.world.services();
        let entries = entries(outcome, &services)?;
        let mut book = Self {
            entries,
            verdicts: BTreeMap::new(),
            discarded: BTreeSet::new(),
            zombies: outcome.fates.iter().any(|(_, fate)| matches!(fate, Fate::Abandoned(_))),
            too_large: BTreeSet::new(),
        };
        for discard in &services.journal.discards {
            book.discarded.extend(discard.records.iter().map(|record| (discard.consumer, *record)));
            if discard.condition == Condition::PayloadSizeExceeded {
                book.too_large.extend(&discard.records);
            }
        }
        book.verdicts = verdicts(outcome, &services, &book.entries)?;
        Ok(book)
    }

    /// One entry of each event, by where it stood when it came first.
    pub fn by_first(&self) -> BTreeMap<EventPosition, &Entry> {
        self.entries.iter().map(|entry| (entry.first, entry)).collect()
    }

    /// The verdicts on an event by a function.
    pub(super) fn verdicts(&self, consumer: Consumer, entry: &Entry) -> &[Said] {
        let position = (consumer, entry.record, entry.index);
        self.verdicts.get(&position).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the event's record is larger than an invocation takes, so that only a description of it is left.
    pub fn is_too_large(&self, entry: &Entry) -> bool {
        self.too_large.contains(&entry.record)
    }

    /// Whether a function's mapping discarded the event's record.
    pub fn is_discarded(&self, consumer: Consumer, entry: &Entry) -> bool {
        self.discarded.contains(&(consumer, entry.record))
    }
}

/// The verdicts on each event by function.
fn verdicts(outcome: &Outcome, services: &Services, entries: &[Entry]) -> Result<Verdicts, String> {
    let writes = outcome.struck.iter().filter(|strike| strike.call == Call::Write);
    let struck: BTreeSet<u64> = writes.map(|strike| strike.process).collect();
    let mut verdicts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut held: BTreeMap<RecordId, usize> = BTreeMap::new();
    for entry in entries {
        *held.entry(entry.record).or_default() += 1;
    }
    for run in &services.journal.runs {
        let mut counts = vec![0; run.records.len()];
        for (record, verdict) in &run.tally.verdicts {
            let (Some(count), Some(name)) = (counts.get_mut(*record), run.records.get(*record)) else {
                return Err("a verdict is about a record outside of its batch".to_owned());
            };
            if let Some(verdict) = verdict.filter(|_| run.tally.checkpoint.allows(*record)) {
                let position = (run.consumer, *name, *count);
                let delivered_again = run.deliveries.get(*record).is_some_and(|times| *times > 1);
                let repeated = delivered_again || struck.contains(&run.process);
                let said = Said { believed: run.believed, repeated, verdict };
                verdicts.entry(position).or_default().push(said);
            }
            *count += 1;
        }
        for (record, (name, count)) in run.records.iter().zip(counts).enumerate() {
            let held = held.get(name).copied().unwrap_or_default();
            if run.tally.checkpoint.allows(record) && held != count {
                return Err(format!("record {name} holds {held} events and {count} were judged"));
            }
        }
    }
    Ok(verdicts)
}

/// All events of all streams.
fn entries(outcome: &Outcome, services: &Services) -> Result<Vec<Entry>, String> {
    let mut specs: BTreeMap<String, &EventSpec> = BTreeMap::new();
    for one in outcome.truths.values().flatten() {
        if let ProducerRecord::Event(spec) = one {
            specs.insert(spec.text(), spec);
        }
    }
    let mut entries = Vec::new();
    let mut redrive_envelopes = Vec::new();
    for name in [names::EVENTS, names::SIGNALS] {
        for record in services.streams[name].shards().iter().flat_map(|shard| &shard.records) {
            let id = RecordId::of(&record.sequence_number).ok_or("a record of no stream")?;
            let put = outcome.truths.get(&id);
            let held = put.map(|records| put_first((name, id), record, records));
            match held.or_else(|| made_by_functions((name, id), record, &specs)) {
                Some(held) => entries.extend(held),
                None => redrive_envelopes.push(((name, id), record)),
            }
        }
    }
    // Redrive may bring back from one stream into the other, so what came first is known before.
    entries.sort_by_key(|entry: &Entry| entry.record);
    let mut brought_back = Vec::new();
    for (at, redrive_envelope) in redrive_envelopes {
        brought_back.extend(unwrapped(at, redrive_envelope, &entries)?);
    }
    entries.append(&mut brought_back);
    entries.sort_by_key(|entry| entry.record);
    Ok(entries)
}

/// A stream, and a record of it.
type OfStream = (&'static str, RecordId);

/// The events of a record that a producer put.
fn put_first(at: OfStream, record: &Record, records: &[ProducerRecord]) -> Vec<Entry> {
    let aggregated = record.partition_key == "a";
    let positions = (0..).map(|position| if aggregated { (position, 0) } else { (0, position) });
    records
        .iter()
        .zip(positions)
        .map(|(one, position)| entry(at, record, position, Held::Put(one.clone())))
        .collect()
}

/// The events of a record that functions put, signals and timers and what they pass on; `None` where it is a redrive
/// envelope.
fn made_by_functions(
    at: OfStream,
    record: &Record,
    specs: &BTreeMap<String, &EventSpec>,
) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    for ((text, event), position) in events_of(record).into_iter().zip(0..) {
        let held = match event["type"].as_str()? {
            "record.redriven" => return None,
            "timer.due" => Held::Timer(record.partition_key.clone(), event["data"]["due_at_ms"].as_i64()?),
            _ => match specs.get(&text) {
                Some(spec) => Held::Put(ProducerRecord::Event((*spec).clone())),
                None => Held::Signal(Box::new(Sent::read(&event, &text)?)),
            },
        };
        entries.push(entry(at, record, (0, position), held));
    }
    Some(entries)
}

fn entry((stream, id): OfStream, record: &Record, (sub_sequence, element): (u64, u64), held: Held) -> Entry {
    Entry {
        stream,
        record: id,
        // Of the two, one is 0.
        index: usize::try_from(sub_sequence + element).unwrap_or_default(),
        first: (id, sub_sequence, element),
        arrived_at_ms: i64::try_from(record.approximate_arrival_ms).unwrap_or(i64::MAX),
        held,
        addressed: None,
    }
}

/// The events that a record brings back, read from the bytes that it wraps.
fn unwrapped((stream, id): OfStream, record: &Record, first: &[Entry]) -> Result<Vec<Entry>, String> {
    let redrive_envelope: Value = serde_json::from_slice(&record.data).unwrap_or_default();
    let data = &redrive_envelope["data"];
    let payload = STANDARD.decode(data["data_base64"].as_str().unwrap_or_default()).unwrap_or_default();
    let whole = payload.starts_with(b"[");
    let (sub_sequence, element) = (data["sub_sequence_number"].as_u64(), data["element"].as_u64());
    let of_record = data["sequence_number"].as_str().and_then(RecordId::of);
    let from = first.partition_point(|entry| Some(entry.record) < of_record);
    let of_first = first[from..].iter().take_while(|entry| Some(entry.record) == of_record);
    let found = of_first.filter(|entry| {
        let (_, of_sub_sequence, of_element) = entry.first;
        Some(of_sub_sequence) == sub_sequence && (whole || Some(of_element) == element)
    });
    let addressed = data["target_function"].as_str();
    let addressed =
        addressed.and_then(|name| Consumer::ALL.into_iter().find(|consumer| consumer.name() == name));
    let again =
        |(index, entry): (usize, &Entry)| Entry { stream, record: id, index, addressed, ..entry.clone() };
    let entries: Vec<_> = found.enumerate().map(again).collect();
    match entries.is_empty() {
        true => Err(format!(
            "record {id} brings back what never was, or holds signals that do not say where they come from"
        )),
        false => Ok(entries),
    }
}
