//! What a consumer with a state by key made of each key's events.

use std::collections::{BTreeMap, BTreeSet};

use millrace_domain::fold::KeyState;
use millrace_domain::signal::Signal;
use millrace_domain::{Reason, Verdict};
use serde::de::DeserializeOwned;

use super::book::{Book, Entry, Held, Said};
use super::item;
use super::reference::{Expected, Happening, Reference};
use crate::plan::{Consumer, EventSpec, Kind, Plan};
use crate::run::{Observed, Outcome};
use crate::world::Table;

/// One of these consumers.
pub(super) struct Keyed<'a, S: KeyState> {
    pub(super) plan: &'a Plan,
    pub(super) book: &'a Book,
    pub(super) consumer: Consumer,
    pub(super) table: &'static str,
    /// The stream whose events change its state.
    pub(super) stream: &'static str,
    pub(super) own: S::Settings,
    /// The type of the producers' events that it has a use for.
    pub(super) handles: fn(Kind) -> bool,
    /// Whether timers wake it.
    pub(super) is_woken: bool,
}

/// What came of one key.
pub(super) struct Came<'a, S> {
    pub(super) key: String,
    /// Its events, in order of their stream.
    pub(super) events: Vec<(&'a Entry, Happening<'a>)>,
    /// Its item, or that of a key without one.
    pub(super) item: Observed<S>,
    /// What the events of the item's list emitted.
    pub(super) emitted: Vec<Signal>,
    /// Each event with what must have become of it; as far as that can be known.
    pub(super) expected: Vec<(&'a Entry, Happening<'a>, Expected)>,
    /// Whether an item was deleted or rejected, so that only what it says itself can be held against it.
    pub(super) loose: bool,
    /// Whether the table rejected the item for its size.
    pub(super) rejected: bool,
    /// Whether some of its records were discarded, and came again behind others.
    pub(super) discarded: bool,
}

impl<'a, S> Keyed<'a, S>
where
    S: KeyState + PartialEq + DeserializeOwned,
{
    /// Checks every key's item and verdicts.
    pub(super) fn check(&self, outcome: &Outcome, broken: &mut Vec<String>) -> Vec<Came<'a, S>> {
        let services = outcome.world.services();
        let table = &services.tables[self.table];
        let mut keys: BTreeMap<String, Vec<(&Entry, Happening<'_>)>> = BTreeMap::new();
        let of_stream = self.book.entries.iter().filter(|entry| entry.stream == self.stream);
        for entry in of_stream.filter(|entry| entry.is_for(self.consumer)) {
            if let Some((key, happening)) = self.happening(entry) {
                keys.entry(key).or_default().push((entry, happening));
            }
        }
        let strange = table.keys().filter(|key| !keys.contains_key(*key));
        broken.extend(strange.map(|key| format!("an item of {key}")));
        check_versions(table, broken);
        let touched = table.writes.iter().filter(|write| write.version.is_none()).map(|write| &write.key);
        let deleted: BTreeSet<&String> = touched.collect();
        let mut came = Vec::new();
        for (key, events) in keys {
            let item = table.item(&key).map(|item| item::read(&item)).transpose();
            let item: Observed<S> = match item {
                Ok(item) => item.unwrap_or_default(),
                Err(why) => {
                    broken.push(format!("the item of {key} in {} cannot be read: {why}", self.table));
                    continue;
                }
            };
            let rejected = table.rejected_keys.contains(&key);
            let loose = rejected || deleted.contains(&key);
            let mut of_key = Came {
                key,
                item,
                emitted: Vec::new(),
                expected: Vec::new(),
                loose,
                rejected,
                discarded: events.iter().any(|(entry, _)| self.book.is_discarded(self.consumer, entry)),
                events,
            };
            let mut problems = Vec::new();
            self.check_fold(&mut of_key, &mut problems);
            if !deleted.contains(&of_key.key) {
                self.check_applied(&of_key, &mut problems);
            }
            self.check_redeliveries(&of_key, &mut problems);
            // An abandoned invocation whose batch was discarded may come to its end at any time, before its redrive or
            // after.
            if !(loose || of_key.discarded && self.book.zombies) {
                self.check_order(&mut of_key, &mut problems);
            }
            let name = |problem| format!("{} of {}: {problem}", of_key.key, self.consumer.name());
            broken.extend(problems.into_iter().map(name));
            came.push(of_key);
        }
        came
    }

    fn happening(&self, entry: &'a Entry) -> Option<(String, Happening<'a>)> {
        match &entry.held {
            Held::Timer(key, due_at_ms) if self.is_woken => {
                Some((key.clone(), Happening::Timer(key, *due_at_ms)))
            }
            Held::Signal(sent) if self.consumer == Consumer::Inventory && sent.moves_stock() => {
                Some((sent.key.clone(), Happening::Signal(sent)))
            }
            Held::Put(_) => {
                let spec = entry.valid().filter(|spec| (self.handles)(spec.kind))?;
                Some((spec.key(), Happening::Event(spec)))
            }
            Held::Timer(..) | Held::Signal(_) => None,
        }
    }

    /// What was called applied is in the item, whoever said so and whatever became of the answer: it is said behind
    /// the commit.
    fn check_applied(&self, came: &Came<'a, S>, problems: &mut Vec<String>) {
        for (entry, happening) in &came.events {
            let mut said = self.book.verdicts(self.consumer, entry).iter();
            if said.any(|said| said.verdict == Verdict::Applied)
                && !came.item.applied.contains(&happening.number())
            {
                let at = &entry.record;
                problems.push(format!("{happening:?} in {at} was called applied and is not in the item"));
            }
        }
    }

    /// A redelivery is of a record that was delivered before, or of a signal that was emitted again. An abandoned
    /// invocation whose batch was discarded may end behind what came after it, which to the ledger is the same.
    fn check_redeliveries(&self, came: &Came<'a, S>, problems: &mut Vec<String>) {
        for (entry, happening) in &came.events {
            let abandoned = self.book.zombies && self.book.is_discarded(self.consumer, entry);
            let said = self.book.verdicts(self.consumer, entry).iter();
            let mut said = said.filter(|said| !said.repeated && (said.believed || !abandoned));
            let is_signal = matches!(happening, Happening::Signal(_));
            if said.any(|said| said.verdict == Verdict::Redelivery) && !is_signal {
                let at = &entry.record;
                problems.push(format!("{happening:?} in {at} was delivered once and called a redelivery"));
            }
        }
    }

    /// The state is the fold of what was applied, and nothing was applied twice.
    fn check_fold(&self, came: &mut Came<'a, S>, problems: &mut Vec<String>) {
        let known: BTreeMap<u64, &Happening<'_>> =
            came.events.iter().map(|(_, happening)| (happening.number(), happening)).collect();
        let mut reference = Reference::<S>::new(&self.plan.settings, &self.own);
        let mut applied = BTreeSet::new();
        for code in &came.item.applied {
            let Some(happening) = known.get(code) else {
                problems.push(format!("{code:x} was applied and is no event of this key"));
                return;
            };
            // Also behind the deletion of an item that it was set for.
            if applied.is_empty() && matches!(happening, Happening::Timer(..)) {
                problems.push(format!("{happening:?} made an item where there was none"));
            }
            if !applied.insert(*code) && !matches!(happening, Happening::Timer(..)) {
                problems.push(format!("{happening:?} was applied twice"));
            }
            reference.apply(happening, *code);
        }
        if reference.state != came.item.state {
            problems.push("the state is not the fold of what was applied".to_owned());
        }
        came.emitted = reference.signals;
    }

    /// What was applied is what had to be, in the order of the stream; so are the verdicts.
    fn check_order(&self, came: &mut Came<'a, S>, problems: &mut Vec<String>) {
        let mut reference = Reference::<S>::new(&self.plan.settings, &self.own);
        let mut applied = came.item.applied.iter().peekable();
        let mut woken = false;
        for (entry, happening) in &came.events {
            let number = happening.number();
            let expected = reference.expect(happening, number);
            let discarded = self.book.is_discarded(self.consumer, entry);
            let is_timer = matches!(happening, Happening::Timer(..));
            woken |= is_timer;
            match expected {
                Expected::Applied => {
                    if applied.next_if(|next| **next == number).is_some() {
                        reference.apply(happening, number);
                    // What was discarded may have been applied here, or behind this timer, which then found no item or
                    // another one.
                    } else if !(discarded || is_timer && came.discarded) {
                        problems.push(format!("{happening:?} in {} was not applied", entry.record));
                        return;
                    }
                }
                Expected::Collision if discarded => return,
                Expected::Collision => reference.record_collision(happening, number),
                Expected::Duplicate | Expected::Late | Expected::Poisoned => {}
            }
            if !came.discarded {
                came.expected.push((*entry, *happening, expected));
            }
        }
        for (entry, happening, expected) in &came.expected {
            self.check_verdicts(entry, happening, (*expected, woken), problems);
        }
        if let Some(code) = applied.next() {
            problems.push(format!("{code:x} was applied and must not have been, or not there"));
        } else if !came.discarded && reference.state != came.item.state {
            problems.push("the state is not what it must be".to_owned());
        }
    }

    fn check_verdicts(
        &self,
        entry: &Entry,
        happening: &Happening<'_>,
        (expected, woken): (Expected, bool),
        problems: &mut Vec<String>,
    ) {
        for Said { verdict, believed, .. } in self.book.verdicts(self.consumer, entry) {
            let fits = match (expected, verdict) {
                (_, Verdict::Redelivery)
                | (Expected::Applied, Verdict::Applied)
                | (Expected::Duplicate, Verdict::Duplicate)
                | (Expected::Late, Verdict::Late(_))
                | (Expected::Collision, Verdict::Rejected(Reason::Collision))
                | (Expected::Poisoned, Verdict::Rejected(Reason::FunctionFailed)) => true,
                // A timer is not known again, and finds its work done.
                // Nor does an abandoned invocation know its record again once its key is two shards further.
                (Expected::Applied, Verdict::Duplicate) => {
                    matches!(happening, Happening::Timer(..)) || self.book.zombies && !believed
                }
                // Neither repeats nor poison nor timers move the position. Once a timer has moved the watermark, or an
                // abandoned invocation comes to one of them after its key has gone on in another shard, it can only be
                // seen that it lies below the watermark.
                (Expected::Duplicate | Expected::Poisoned, Verdict::Late(_)) => woken || self.book.zombies,
                _ => false,
            };
            if !fits {
                let at = &entry.record;
                problems.push(format!("{happening:?} in {at} must be {expected:?} and was {verdict:?}"));
            }
        }
    }
}

fn check_versions(table: &Table, broken: &mut Vec<String>) {
    let mut versions: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    for write in &table.writes {
        let Some(version) = write.version else { continue };
        let before = versions.insert((&write.key, version), write.ledger_hash);
        // An item that was deleted and born again from the same record is the same item.
        if before.is_some_and(|before| before != write.ledger_hash) {
            broken.push(format!("{} was written at version {version} again", write.key));
        }
    }
}

impl<S> Came<'_, S> {
    /// The events that the item lists, in the order in which they were applied.
    pub(super) fn applied(&self) -> Vec<&EventSpec> {
        let specs = self.events.iter().filter_map(|(_, happening)| match happening {
            Happening::Event(spec) => Some((happening.number(), *spec)),
            Happening::Timer(..) | Happening::Signal(_) => None,
        });
        let specs: BTreeMap<u64, &EventSpec> = specs.collect();
        self.item.applied.iter().filter_map(|code| specs.get(code).copied()).collect()
    }
}
