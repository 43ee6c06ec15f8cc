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
    let entries = book.by_origin();
    let rows = check_rows(&services, &entries, broken);
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
        |entry: &&Entry| entry.is_for(Consumer::Archive) && !book.is_given_up(Consumer::Archive, entry);
    let envelopes = book.entries.iter().filter(|entry| entry.record != entry.origin.0);
    let redriven: BTreeSet<&EventPosition> = envelopes.map(|entry| &entry.origin).collect();
    for entry in book.entries.iter().filter(done) {
        if entry.stream == names::SIGNALS && matches!(entry.held, Held::Put(_)) {
            // It was passed on from the stream of events, which has its row.
            // What redrive brought back by way of the stream of events has one under its first position again.
            let again = redriven.contains(&entry.origin);
            if entry.record == entry.origin.0 && rows.contains(&entry.origin) && !again {
                broken.push(format!("a second row: {entry:?}"));
            }
            continue;
        }
        let (wanted, what) = match (entry.invalid_reason(), row_of(entry)) {
            (Some(_), _) => (&by_archive, "not quarantined"),
            (None, Some(_)) => (&rows, "no row"),
            (None, None) => continue,
        };
        if !wanted.contains(&entry.origin) {
            broken.push(format!("{what}: {entry:?}"));
        }
    }
    // What was redriven twice makes the same rows twice.
    let mut times: BTreeMap<&EventPosition, usize> = BTreeMap::new();
    book.entries.iter().for_each(|entry| *times.entry(&entry.origin).or_default() += 1);
    let redriven_twice = times.values().any(|times| *times > 2);
    let sent_again = services.journal.sent_again.iter().filter(|(_, stream)| stream == names::LAKE);
    for (process, stream) in sent_again.filter(|_| !redriven_twice) {
        broken.push(format!("rows that {stream} had accepted were sent again by invocation {process:?}"));
    }
    let runs: BTreeMap<u64, &Run> = services.journal.runs.iter().map(|run| (run.process, run)).collect();
    for (process, line) in &quarantined {
        let run = process.and_then(|process| runs.get(&process));
        // Behind an entry that was refused, others of the same call may have been accepted.
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

/// Checks that every row of the lake is its event's own; which events have one.
fn check_rows(
    services: &Services,
    entries: &BTreeMap<EventPosition, &Entry>,
    broken: &mut Vec<String>,
) -> BTreeSet<EventPosition> {
    let mut rows = BTreeSet::new();
    for (_, line) in services.firehose.lines(names::LAKE) {
        let row = parse(line);
        let name = name_of(&row);
        match name.and_then(|name| row_of(entries.get(&name)?)) {
            None => broken.push(format!("a row of what is no valid event: {}", row["sequence_number"])),
            Some((id, data)) if row["data"] != data || row["id"] != id => {
                broken.push(format!("the row of {name:?} is another event's"));
            }
            Some(_) => {}
        }
        rows.extend(name);
    }
    rows
}

/// Id and data of the row that an event has: timers have none.
fn row_of(entry: &Entry) -> Option<(String, String)> {
    match &entry.held {
        Held::Put(_) => entry.valid().map(|spec| (format!("e{}", spec.id), spec.data().to_string())),
        Held::Signal(sent) => Some((sent.id.clone(), sent.data().to_owned())),
        Held::Timer(..) => None,
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
    Some((id_of(&line["sequence_number"])?, number("sub_sequence"), number("element")))
}

fn id_of(sequence_number: &Value) -> Option<RecordId> {
    RecordId::of(sequence_number.as_str()?)
}
