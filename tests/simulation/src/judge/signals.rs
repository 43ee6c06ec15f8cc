//! The stream of signals: what was committed was emitted, under one origin and in order, and nothing else was.

use std::collections::{BTreeMap, BTreeSet};

use millrace_domain::signal::Signal;
use millrace_domain::time::format_rfc3339_ms;

use super::book::{Book, Entry, Held};
use super::keyed::Came;
use super::reference::{Expected, Happening};
use super::sent::{Sent, SentOrigin, ShardName};
use crate::plan::Consumer;

/// A function's signals as they lie in the stream, in its order.
pub(super) struct Emitted<'a> {
    consumer: Consumer,
    /// By id.
    by_id: BTreeMap<&'a str, Vec<&'a Sent>>,
}

impl<'a> Emitted<'a> {
    pub(super) fn by(consumer: Consumer, book: &'a Book) -> Self {
        let mut by_id: BTreeMap<&str, Vec<&Sent>> = BTreeMap::new();
        for sent in sent(book).filter(|sent| sent.source == consumer.name()) {
            by_id.entry(&sent.id).or_default().push(sent);
        }
        Self { consumer, by_id }
    }

    /// Holds a function's signals against what its keys came to.
    pub(super) fn check<S>(&self, book: &Book, all: &[Came<'_, S>], broken: &mut Vec<String>) {
        let mut problems = Vec::new();
        let mut causes: BTreeMap<String, &Came<'_, S>> = BTreeMap::new();
        let mut wanted: BTreeMap<&str, &Signal> = BTreeMap::new();
        for came in all {
            for (_, happening) in &came.events {
                causes.insert(happening.cause(), came);
            }
            let reused = reused_ids(came);
            for signal in &came.emitted {
                let reused = signal.id.split_once('-').is_some_and(|(cause, _)| reused.contains(cause));
                let before = wanted.insert(&signal.id, signal);
                if before.is_some_and(|before| *before != *signal) && !reused {
                    problems.push(format!("one id for two signals: {}", signal.id));
                }
                self.check_emitted(signal, came, reused, &mut problems);
            }
            self.check_late(book, came, &mut problems);
        }
        for (id, all_sent) in &self.by_id {
            let Some(first) = all_sent.first() else { continue };
            let cause = id.split_once('-').map(|(cause, _)| cause).unwrap_or_default();
            let Some(came) = causes.get(cause) else {
                problems.push(format!("a signal of what never was: {first:?}"));
                continue;
            };
            if !(wanted.contains_key(id) || first.is_late() || came.loose || came.discarded) {
                problems.push(format!("a signal of what was not committed: {first:?}"));
            }
        }
        broken.extend(
            problems.into_iter().map(|problem| format!("signals of {}: {problem}", self.consumer.name())),
        );
    }

    /// What was committed was emitted before, always as the same and under one origin.
    fn check_emitted<S>(
        &self,
        signal: &Signal,
        came: &Came<'_, S>,
        reused: bool,
        problems: &mut Vec<String>,
    ) {
        let all_sent = self.by_id.get(signal.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let same = |sent: &&&Sent| {
            sent.key == signal.key
                && sent.signal_type == signal.signal_type
                && sent.time == format_rfc3339_ms(signal.time_ms)
                && sent.data() == signal.data
        };
        let alike = all_sent.iter().filter(same).count();
        if alike == 0 {
            problems.push(format!("{} was not emitted: {signal:?}; emitted was {all_sent:?}", came.key));
        }
        // What was discarded after it had emitted comes back behind others, emits again from its new position, and may
        // emit another thing. A state that was deleted or rejected does the same.
        if came.loose || came.discarded || reused {
            return;
        }
        if alike < all_sent.len() {
            problems.push(format!("{} emitted two things under one id: {all_sent:?}", came.key));
        }
        let origins: BTreeSet<&SentOrigin> = all_sent.iter().map(|sent| &sent.origin).collect();
        if origins.len() > 1 {
            problems.push(format!("{} emitted one thing under two origins: {all_sent:?}", came.key));
        }
    }

    /// What came too late was reported under its own position, and what was applied there was not.
    fn check_late<S>(&self, book: &Book, came: &Came<'_, S>, problems: &mut Vec<String>) {
        for (entry, happening, expected) in &came.expected {
            let id = format!("{}-late", happening.cause());
            let at = (entry.record, position_of(entry));
            let all_sent = self.by_id.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
            let mut emitted = all_sent.iter().filter(|sent| {
                let (record, sub_sequence, element, _) = sent.origin.position;
                (record, (sub_sequence, element)) == at
            });
            match (expected, emitted.next()) {
                (Expected::Late, None) => {
                    problems.push(format!("{happening:?} was late and not reported: {entry:?}"));
                }
                // A timer is never late, and a signal is only where it was redriven.
                (Expected::Applied | Expected::Collision, Some(sent)) if !book.zombies => {
                    problems.push(format!("{happening:?} is {expected:?} and reported as late: {sent:?}"));
                }
                (_, Some(sent)) if matches!(happening, Happening::Timer(..)) => {
                    problems.push(format!("a timer was late: {sent:?}"));
                }
                _ => {}
            }
        }
    }
}

/// Causes that were applied twice, the second time once the first was forgotten: two events of a producer under one id,
/// or a signal emitted again from another position.
fn reused_ids<S>(came: &Came<'_, S>) -> BTreeSet<String> {
    let events = came.events.iter().filter(|(_, happening)| !matches!(happening, Happening::Timer(..)));
    let causes: BTreeMap<u64, String> =
        events.map(|(_, happening)| (happening.number(), happening.cause())).collect();
    let mut known = BTreeSet::new();
    let causes = came.item.applied.iter().filter_map(|code| causes.get(code));
    causes.filter(|cause| !known.insert(*cause)).cloned().collect()
}

/// The position of an entry in its own record.
fn position_of(entry: &Entry) -> (u64, u64) {
    let own = entry.record == entry.first.0;
    // A redrive envelope is one event, whatever it brings back; of a batch in it, each has its index.
    if own { (entry.first.1, entry.first.2) } else { (0, entry.index as u64) }
}

fn sent(book: &Book) -> impl Iterator<Item = &Sent> {
    book.entries.iter().filter_map(|entry| match &entry.held {
        // Not what redrive brings back: it came at another position.
        Held::Signal(sent) if entry.record == entry.first.0 => Some(&**sent),
        _ => None,
    })
}

/// Causes of which a function may emit two things from one position, or out of order: those of keys whose item was
/// deleted or rejected, since what was judged late before may be new to the item that is born again; and those of keys
/// of which something was discarded after it had emitted.
pub(super) fn loose_causes<S>(all: &[Came<'_, S>]) -> BTreeSet<String> {
    let loose = all.iter().filter(|came| came.loose || came.discarded);
    loose.flat_map(|came| came.events.iter().map(|(_, happening)| happening.cause())).collect()
}

/// For each key, what a shard caused came in the order of its causes, and one origin always emitted the same.
pub(super) fn check_origins(book: &Book, loose: &BTreeSet<String>, broken: &mut Vec<String>) {
    let mut shards: BTreeMap<(&str, &ShardName, &str), Vec<&Sent>> = BTreeMap::new();
    for sent in sent(book) {
        shards.entry((&sent.source, &sent.origin.shard, &sent.key)).or_default().push(sent);
    }
    let is_loose = |sent: &Sent| sent.id.split_once('-').is_some_and(|(cause, _)| loose.contains(cause));
    for all_sent in shards.into_values() {
        let mut known: BTreeMap<&SentOrigin, &Sent> = BTreeMap::new();
        for sent in all_sent {
            let last = known.last_key_value().map(|(origin, _)| *origin);
            match known.get(&sent.origin) {
                Some(first) => {
                    // Why it is late may change, as the watermark moves on with timers.
                    let same = if sent.is_late() { first.id == sent.id } else { **first == *sent };
                    if !same && !is_loose(sent) {
                        broken.push(format!("one origin emitted two things: {first:?} and {sent:?}"));
                    }
                }
                None => {
                    // What was a repeat at first may be late once a timer has moved the watermark. Nobody goes by its
                    // origin.
                    let any_order = sent.is_late() || is_loose(sent);
                    if last.is_some_and(|last| *last > sent.origin) && !any_order {
                        broken.push(format!("overtaken in its shard: {sent:?}"));
                    }
                    known.insert(&sent.origin, sent);
                }
            }
        }
    }
}
