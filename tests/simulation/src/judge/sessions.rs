//! What `sessions` made of each user's events.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::session::SessionState;
use millrace_domain::{Reason, Verdict};
use serde_json::{Map, Value};

use super::book::{Book, Entry};
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
    let touched = writes.iter().filter(|write| write.version.is_none()).map(|write| &write.key);
    let loose: BTreeSet<&String> = touched.chain(&services.table.refused_keys).collect();
    let zombies = outcome.fates.iter().any(|(_, fate)| matches!(fate, Fate::Abandoned(_)));
    for (key, events) in &users {
        let user = User { plan, book, zombies, key, events };
        let item = items.get(key.as_str()).map(|item| observed(item)).transpose();
        match item {
            Err(why) => broken.push(format!("the item of {key} cannot be read: {why}")),
            Ok(item) => user.check(&item.unwrap_or_default(), loose.contains(key), broken),
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
    fn check(&self, item: &Observed, loose: bool, broken: &mut Vec<String>) {
        let mut problems = Vec::new();
        self.check_fold(item, &mut problems);
        let given_up = |entry: &Entry| self.book.is_given_up(Consumer::Sessions, entry);
        let some_given_up = self.events.iter().any(|(entry, _)| given_up(entry));
        // An abandoned invocation whose batch was given up may come to its end at any time, before its redrive or after.
        let any_order = some_given_up && self.zombies;
        if !loose && !any_order {
            self.check_order(item, some_given_up, &mut problems);
        }
        broken.extend(problems.into_iter().map(|problem| format!("{}: {problem}", self.key)));
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

    /// What was applied is what had to be, in the order of the stream; so are the verdicts.
    fn check_order(&self, item: &Observed, some_given_up: bool, problems: &mut Vec<String>) {
        let mut reference = Reference::new(&self.plan.settings);
        let mut applied = item.applied.iter().peekable();
        for (entry, spec) in self.events {
            let number = number(spec);
            let expected = reference.expect(spec, number);
            let given_up = self.book.is_given_up(Consumer::Sessions, entry);
            match expected {
                Expected::Applied => {
                    if applied.next_if(|next| **next == number).is_some() {
                        reference.apply(spec, number);
                    } else if !given_up {
                        problems.push(format!("e{} in {} was not applied", spec.id, entry.sequence_number));
                        return;
                    }
                }
                Expected::Collision if given_up => return,
                Expected::Collision => reference.set_aside(spec, number),
                Expected::Duplicate | Expected::Late | Expected::Poisoned => {}
            }
            if !some_given_up {
                self.check_verdicts(entry, spec, expected, problems);
            }
        }
        if let Some(code) = applied.next() {
            problems.push(format!("{code:x} was applied and must not have been, or not there"));
        } else if !some_given_up && reference.state != item.state {
            problems.push("the state is not what it must be".to_owned());
        }
    }

    fn check_verdicts(
        &self,
        entry: &Entry,
        spec: &EventSpec,
        expected: Expected,
        problems: &mut Vec<String>,
    ) {
        for (_, verdict) in self.book.verdicts(Consumer::Sessions, entry) {
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
