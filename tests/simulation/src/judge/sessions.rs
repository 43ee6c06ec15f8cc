//! What `sessions` made of each user's events.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::session::SessionState;
use millrace_domain::{Reason, Verdict};
use serde_json::{Map, Value};

use super::book::{Book, Entry, Said};
use super::reference::{Expected, Reference, fold, number};
use crate::plan::{Consumer, EventSpec, Fate, Kind, Plan};
use crate::run::{Observed, Outcome};
use crate::world::Item;

/// Checks every user's item and verdicts.
pub(super) fn check(plan: &Plan, outcome: &Outcome, book: &Book, broken: &mut Vec<String>) {
    let services = outcome.world.services();
    let mut users: BTreeMap<String, Vec<(&Entry, &EventSpec)>> = BTreeMap::new();
    for entry in book.entries.iter().filter(|entry| entry.is_for(Consumer::Sessions)) {
        match entry.valid() {
            Some(spec) if spec.kind != Kind::Unknown => {
                users.entry(spec.key()).or_default().push((entry, spec));
            }
            _ => {}
        }
    }
    let items: BTreeMap<&str, &Item> = services.table.items().collect();
    broken
        .extend(items.keys().filter(|key| !users.contains_key(**key)).map(|key| format!("an item of {key}")));
    let writes = &services.table.writes;
    let mut versions: BTreeMap<(&str, u64), &str> = BTreeMap::new();
    for write in writes {
        let Some(version) = write.version else { continue };
        let before = versions.insert((&write.key, version), &write.ledger);
        // An item that was deleted and born again from the same record is the same item.
        if before.is_some_and(|before| before != write.ledger) {
            broken.push(format!("{} was written at version {version} again", write.key));
        }
    }
    let deleted: BTreeSet<&String> =
        writes.iter().filter(|write| write.version.is_none()).map(|write| &write.key).collect();
    let refused: BTreeSet<&String> = services.table.refused_keys.iter().collect();
    let zombies = outcome.fates.iter().any(|(_, fate)| matches!(fate, Fate::Abandoned(_)));
    for (key, events) in &users {
        let user = User { plan, book, zombies, key, events };
        let item = items.get(key.as_str()).map(|item| observed(item)).transpose();
        match item {
            Err(why) => broken.push(format!("the item of {key} cannot be read: {why}")),
            Ok(item) => {
                let (deleted, refused) = (deleted.contains(key), refused.contains(key));
                user.check(&item.unwrap_or_default(), deleted, refused, broken);
            }
        }
    }
}

struct User<'a> {
    plan: &'a Plan,
    book: &'a Book,
    zombies: bool,
    key: &'a str,
    events: &'a [(&'a Entry, &'a EventSpec)],
}

impl User<'_> {
    fn check(&self, item: &Observed, deleted: bool, refused: bool, broken: &mut Vec<String>) {
        let mut problems = Vec::new();
        self.check_fold(item, &mut problems);
        if !deleted {
            self.check_applied(item, &mut problems);
        }
        self.check_redeliveries(&mut problems);
        let given_up = |entry: &Entry| self.book.is_given_up(Consumer::Sessions, entry);
        let some_given_up = self.events.iter().any(|(entry, _)| given_up(entry));
        // An abandoned invocation whose batch was given up may come to its end at any time, before its redrive or after.
        let any_order = some_given_up && self.zombies;
        if !deleted && !refused && !any_order {
            let reference = Reference::new(&self.plan.settings);
            problems.extend(self.check_order(item, some_given_up, (reference, self.events, &item.applied)));
        }
        broken.extend(problems.into_iter().map(|problem| format!("{}: {problem}", self.key)));
    }

    /// What was called applied is in the item, whoever said so and whatever became of the answer: it is said behind
    /// the commit.
    fn check_applied(&self, item: &Observed, problems: &mut Vec<String>) {
        for (entry, spec) in self.events {
            let mut said = self.book.verdicts(Consumer::Sessions, entry).iter();
            if said.any(|said| said.verdict == Verdict::Applied) && !item.applied.contains(&number(spec)) {
                let at = &entry.sequence_number;
                problems.push(format!("e{} in {at} was called applied and is not in the item", spec.id));
            }
        }
    }

    /// A redelivery is of a record that was delivered before.
    fn check_redeliveries(&self, problems: &mut Vec<String>) {
        for (entry, spec) in self.events {
            let mut said = self.book.verdicts(Consumer::Sessions, entry).iter();
            if said.any(|said| said.verdict == Verdict::Redelivery && !said.repeated) {
                let at = &entry.sequence_number;
                problems.push(format!("e{} in {at} was delivered once and called a redelivery", spec.id));
            }
        }
    }

    /// The state is the fold of what was applied, and nothing was applied twice.
    fn check_fold(&self, item: &Observed, problems: &mut Vec<String>) {
        let specs: BTreeMap<u64, &EventSpec> =
            self.events.iter().map(|(_, spec)| (number(spec), *spec)).collect();
        let mut state = SessionState::default();
        let mut largest_ms = i64::MIN;
        let mut applied = BTreeSet::new();
        for code in &item.applied {
            let Some(spec) = specs.get(code) else {
                problems.push(format!("{code:x} was applied and is no event of this user"));
                return;
            };
            if !applied.insert(*code) {
                problems.push(format!("e{} was applied twice", spec.id));
            }
            largest_ms = largest_ms.max(spec.time_ms);
            fold(&mut state, spec, largest_ms, &self.plan.settings);
        }
        if state != item.state {
            problems.push("the state is not the fold of what was applied".to_owned());
        }
    }

    /// What was applied is what had to be, in the order of the stream; so are the verdicts. From these events on.
    fn check_order<'e>(
        &self,
        item: &Observed,
        some_given_up: bool,
        (mut reference, mut events, mut applied): (Reference<'_>, &'e [(&'e Entry, &'e EventSpec)], &[u64]),
    ) -> Vec<String> {
        let mut problems = Vec::new();
        while let Some(((entry, spec), later)) = events.split_first() {
            events = later;
            let number = number(spec);
            let expected = reference.expect(spec, number);
            let given_up = self.book.is_given_up(Consumer::Sessions, entry);
            match expected {
                Expected::Applied => match applied.split_first() {
                    Some((next, behind)) if *next == number => {
                        applied = behind;
                        reference.apply(spec, number);
                    }
                    _ if given_up => {}
                    _ => {
                        problems.push(format!("e{} in {} was not applied", spec.id, entry.sequence_number));
                        return problems;
                    }
                },
                // Nobody tells whether it was noted before its batch was given up: either must fit what follows.
                Expected::Collision if given_up => {
                    let mut noted = reference.clone();
                    noted.set_aside(spec, number);
                    if self.check_order(item, some_given_up, (noted, events, applied)).is_empty() {
                        return problems;
                    }
                }
                Expected::Collision => reference.set_aside(spec, number),
                Expected::Duplicate | Expected::Late | Expected::Poisoned => {}
            }
            if !some_given_up {
                self.check_verdicts(entry, spec, expected, &mut problems);
            }
        }
        if let Some(code) = applied.first() {
            problems.push(format!("{code:x} was applied and must not have been, or not there"));
        } else if !some_given_up && reference.state != item.state {
            problems.push("the state is not what it must be".to_owned());
        }
        problems
    }

    fn check_verdicts(
        &self,
        entry: &Entry,
        spec: &EventSpec,
        expected: Expected,
        problems: &mut Vec<String>,
    ) {
        for Said { verdict, .. } in self.book.verdicts(Consumer::Sessions, entry) {
            let fits = match (expected, verdict) {
                (_, Verdict::Redelivery)
                | (Expected::Applied, Verdict::Applied)
                | (Expected::Duplicate, Verdict::Duplicate)
                | (Expected::Late, Verdict::Late(_))
                | (Expected::Collision, Verdict::Refused(Reason::Collision))
                | (Expected::Poisoned, Verdict::Refused(Reason::Poisoned)) => true,
                // Repeats do not move the position. An abandoned invocation that comes to one of them after its key has
                // gone on in another lane can only see that it lies below the floor.
                (Expected::Duplicate, Verdict::Late(_)) => self.zombies,
                _ => false,
            };
            if !fits {
                let at = &entry.sequence_number;
                problems.push(format!("e{} in {at} must be {expected:?} and was {verdict:?}", spec.id));
            }
        }
    }
}

/// An item as the consumer's own code reads it.
fn observed(item: &Item) -> Result<Observed, serde_json::Error> {
    let plain: Map<String, Value> = item.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    serde_json::from_value(Value::Object(plain))
}

/// DynamoDB's JSON without its types.
fn plain(typed: &Value) -> Value {
    let Some((kind, value)) = typed.as_object().and_then(|typed| typed.iter().next()) else {
        return Value::Null;
    };
    match (kind.as_str(), value) {
        ("N", Value::String(text)) => text.parse::<i64>().map(Value::from).unwrap_or_default(),
        ("L", Value::Array(values)) => values.iter().map(plain).collect(),
        ("M", Value::Object(values)) => {
            Value::Object(values.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        ("B", Value::String(text)) => STANDARD.decode(text).unwrap_or_default().into(),
        ("NULL", _) => Value::Null,
        (_, value) => value.clone(),
    }
}
