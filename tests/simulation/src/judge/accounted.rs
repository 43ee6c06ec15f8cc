//! Every event is accounted for: its record is done only with a verdict, or discarded.

use std::collections::BTreeMap;

use millrace_domain::Verdict;

use super::book::{Book, Said};
use crate::plan::Consumer;

/// Checks that nothing passed in silence, and that what is invalid is called so by everybody.
pub(super) fn check(book: &Book, broken: &mut Vec<String>) {
    for consumer in Consumer::ALL {
        for entry in book.entries.iter().filter(|entry| entry.is_read_by(consumer)) {
            let verdicts = book.verdicts(consumer, entry);
            let what = || format!("{} of {:?}", consumer.name(), entry);
            if !book.is_discarded(consumer, entry) && !verdicts.iter().any(|said| said.believed) {
                broken.push(format!("no verdict: {}", what()));
            }
            for Said { verdict, .. } in verdicts {
                if !entry.is_for(consumer) {
                    if *verdict != Verdict::Ignored {
                        broken.push(format!("{verdict:?} on what is for another function: {}", what()));
                    }
                    continue;
                }
                let rejected = match verdict {
                    Verdict::Rejected(reason) => Some(reason.code()),
                    _ => None,
                };
                match entry.invalid_reason() {
                    Some(reason) if rejected != Some(reason) => {
                        broken.push(format!("{verdict:?} is not {reason}: {}", what()));
                    }
                    None if verdict.name() == "invalid" => {
                        broken.push(format!("{verdict:?} on a valid event: {}", what()));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Checks that whatever a mapping discarded came back, but for what no invocation can take.
pub(super) fn check_brought_back(book: &Book, broken: &mut Vec<String>) {
    for consumer in Consumer::ALL {
        let mut open = BTreeMap::new();
        for entry in book.entries.iter().filter(|entry| entry.is_for(consumer)) {
            match book.is_discarded(consumer, entry) {
                true => open.insert(&entry.first, entry),
                false => open.remove(&entry.first),
            };
        }
        let lost = open.into_values().filter(|entry| !book.is_too_large(entry));
        broken.extend(
            lost.map(|entry| format!("discarded by {} and never brought back: {entry:?}", consumer.name())),
        );
    }
}
