//! What lies in the lake and in the quarantine.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::book::{Book, Entry, EventPosition, Held};
use crate::plan::Consumer;
use crate::run::Outcome;
use crate::world::{RecordId, Run, Services, names};

/// Checks that the lake holds every valid event and the quarantine every other one, and nothing else.
pub(super) fn check(outcome: &Outcome, book: &Book, broken: &mut Vec<String>) {
    let services = outcome.world.services();
    let quarantined = quarantined_lines(&services);
    let entries = book.by_first();
    let redrive_envelopes = book.entries.iter().filter(|entry| entry.record != entry.first.0);
    let redrive_envelopes: BTreeMap<(RecordId, EventPosition), &Entry> =
        redrive_envelopes.map(|entry| ((entry.record, entry.first), entry)).collect();
    let Rows { events: rows, brought_back } = check_rows(&services, book, &redrive_envelopes, broken);
    for (position, entry) in &redrive_envelopes {
        let is_valid = entry.invalid_reason().is_none() && row_of(entry).is_some();
        let wants_row = entry.is_read_by(Consumer::Archive) && is_valid;
        if wants_row && !book.is_discarded(Consumer::Archive, entry) && !brought_back.contains(position) {
            broken.push(format!("no row says that it was brought back: {entry:?}"));
        }
    }
    let mut by_archive = BTreeSet::new();
    for (_, line) in quarantined.iter().filter(|(_, line)| line["function"] == "archive") {
        let name = name_of(line);
        let entry = name.and_then(|name| entries.get(&name));
        let reason = entry.and_then(|entry| entry.invalid_reason());
        if reason.is_none_or(|reason| line["reason"] != reason) {
            broken.push(format!("quarantined for {} and must not be: {name:?}", line["reason"]));
        }
        by_archive.extend(name);
    }
    let done =
        |entry: &&Entry| entry.is_for(Consumer::Archive) && !book.is_discarded(Consumer::Archive, entry);
    let redriven: BTreeSet<&EventPosition> = redrive_envelopes.keys().map(|(_, first)| first).collect();
    for entry in book.entries.iter().filter(done) {
        if entry.stream == names::SIGNALS && matches!(entry.held, Held::Put(_)) {
            // It was relayed from the stream of events, which has its row.
            // What redrive brought back by way of the stream of events has one under its first position again.
            let again = redriven.contains(&entry.first);
            if entry.record == entry.first.0 && rows.contains(&entry.first) && !again {
                broken.push(format!("a second row: {entry:?}"));
            }
            continue;
        }
        let (wanted, what) = match (entry.invalid_reason(), row_of(entry)) {
            (Some(_), _) => (&by_archive, "not quarantined"),
            (None, Some(_)) => (&rows, "no row"),
            (None, None) => continue,
        };
        if !wanted.contains(&entry.first) {
            broken.push(format!("{what}: {entry:?}"));
        }
    }
    // What was redriven twice makes the same rows twice.
    let mut times: BTreeMap<&EventPosition, usize> = BTreeMap::new();
    book.entries.iter().for_each(|entry| *times.entry(&entry.first).or_default() += 1);
    let redriven_twice = times.values().any(|times| *times > 2);
    let sent_again = services.journal.sent_again.iter().filter(|(_, stream)| stream == names::LAKE);
    for (process, stream) in sent_again.filter(|_| !redriven_twice) {
        broken.push(format!("rows that {stream} had accepted were sent again by invocation {process:?}"));
    }
    let runs: BTreeMap<u64, &Run> = services.journal.runs.iter().map(|run| (run.process, run)).collect();
    for (process, line) in &quarantined {
        let run = process.and_then(|process| runs.get(&process));
        // Behind an entry that was rejected, others of the same call may have been accepted.
        let troubled = services.journal.put_in_trouble.contains(&(*process, names::QUARANTINE.to_owned()));
        if let Some(run) = run.filter(|run| run.consumer == Consumer::Archive && !troubled) {
            let name = line.get("redrive_sequence_number").unwrap_or(&line["sequence_number"]);
            let record = run.records.iter().position(|record| Some(*record) == id_of(name));
            if record.is_none_or(|record| !run.tally.checkpoint.allows(record)) {
                broken.push(format!("quarantined behind the checkpoint: {}", line["sequence_number"]));
            }
        }
    }
}

/// What the rows of the lake are about.
#[derive(Default)]
struct Rows {
    /// Events, by where they were first.
    events: BTreeSet<EventPosition>,
    /// What was brought back, by its redrive envelope and by where it was first.
    brought_back: BTreeSet<(RecordId, EventPosition)>,
}

/// Checks that every row of the lake is its event's own, and names the redrive envelope that brought it back; what has
/// one.
fn check_rows(
    services: &Services,
    book: &Book,
    redrive_envelopes: &BTreeMap<(RecordId, EventPosition), &Entry>,
    broken: &mut Vec<String>,
) -> Rows {
    let mut rows = Rows::default();
    let first = book.entries.iter().filter(|entry| entry.record == entry.first.0);
    let first: BTreeMap<EventPosition, &Entry> = first.map(|entry| (entry.first, entry)).collect();
    for (_, line) in services.firehose.lines(names::LAKE) {
        let row = parse(line);
        let name = name_of(&row);
        let redrive_envelope = id_of(&row["redrive_sequence_number"]).zip(name);
        let entry = redrive_envelope.and_then(|redrive_envelope| redrive_envelopes.get(&redrive_envelope));
        if row.get("redrive_sequence_number").is_some() && entry.is_none() {
            broken.push(format!("a row names a redrive envelope that did not bring {name:?} back"));
        }
        if row["type"] == "record.redriven" {
            let addressed = entry.and_then(|entry| entry.addressed);
            if addressed.is_none_or(|addressed| row["target_function"] != addressed.name()) {
                broken.push(format!("{name:?} was not brought back for {}", row["target_function"]));
            }
        }
        rows.brought_back.extend(redrive_envelope);
        if let Some(entry) = name.and_then(|name| first.get(&name))
            && (row["stream"] != entry.stream || !says_its_origin(&row, &entry.held))
        {
            broken.push(format!("the row of {name:?} names another stream or origin"));
        }
        if row["type"] == "record.redriven" {
            continue;
        }
        match name.and_then(|name| row_of(first.get(&name)?)) {
            None => broken.push(format!("a row of what is no valid event: {}", row["sequence_number"])),
            Some((id, data)) if row["data"] != data || row["id"] != id => {
                broken.push(format!("the row of {name:?} is another event's"));
            }
            Some(_) => {}
        }
        rows.events.extend(name);
    }
    rows
}

/// Whether a row has the origin that its signal says, and what is no signal has none.
fn says_its_origin(row: &Value, held: &Held) -> bool {
    match held {
        Held::Signal(sent) if row["type"] != "record.redriven" => {
            let number = |field: &str| row[field].as_u64().unwrap_or_default();
            let (record, sub_sequence, element, index) = sent.origin.position;
            let shard = (row["origin_stream"].as_str(), row["origin_shard_id"].as_str());
            id_of(&row["origin_sequence_number"]) == Some(record)
                && shard == (Some(&sent.origin.shard.0), Some(&sent.origin.shard.1))
                && (number("origin_sub_sequence_number"), number("origin_element")) == (sub_sequence, element)
                && number("origin_index") == index
        }
        _ => row.get("origin_sequence_number").is_none(),
    }
}

/// Id and data of the row that an event has.
fn row_of(entry: &Entry) -> Option<(String, String)> {
    match &entry.held {
        Held::Put(_) => entry.valid().map(|spec| (format!("e{}", spec.id), spec.data().to_string())),
        Held::Signal(sent) => Some((sent.id.clone(), sent.data().to_owned())),
        Held::Timer(_, due_at_ms) => {
            Some((format!("due/{due_at_ms}"), format!(r#"{{"due_at_ms":{due_at_ms}}}"#)))
        }
    }
}

/// The lines of the quarantine, each with the process that put it.
pub(super) fn quarantined_lines(services: &Services) -> Vec<(Option<u64>, Value)> {
    services.firehose.lines(names::QUARANTINE).map(|(process, line)| (process, parse(line))).collect()
}

fn parse(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap_or_default()
}

/// Where the event of a row or a line stood when it came first; `None` where no stream of the model has the record.
pub(super) fn name_of(line: &Value) -> Option<EventPosition> {
    let number = |field: &str| line[field].as_u64().unwrap_or_default();
    Some((id_of(&line["sequence_number"])?, number("sub_sequence_number"), number("element")))
}

fn id_of(sequence_number: &Value) -> Option<RecordId> {
    RecordId::of(sequence_number.as_str()?)
}
