//! What lies in the quarantine, by its content, and what of it the consumers with a state must have rejected.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::{Reason, Verdict};

use super::archived::{name_of, quarantined_lines};
use super::book::{Book, Held};
use crate::plan::Consumer;
use crate::run::{Outcome, ProducerRecord};

/// The reasons that only those who keep a state find: `archive` quarantines everything else.
const OF_STATE: [Reason; 3] = [Reason::Collision, Reason::FunctionFailed, Reason::TableRejected];
const WITH_STATE: [Consumer; 3] = [Consumer::Sessions, Consumer::Fraud, Consumer::Inventory];

/// Checks that every line holds its event's own bytes, and that what consumers with a state rejected is quarantined.
pub(super) fn check(outcome: &Outcome, book: &Book, broken: &mut Vec<String>) {
    let services = outcome.world.services();
    let entries = book.by_first();
    let mut rejected = BTreeSet::new();
    for (_, line) in quarantined_lines(&services) {
        let name = name_of(&line);
        let Some((name, entry)) = name.and_then(|name| Some((name, entries.get(&name)?))) else {
            broken.push(format!("quarantined and never was: {}", line["sequence_number"]));
            continue;
        };
        let bytes = STANDARD.decode(line["data_base64"].as_str().unwrap_or_default()).unwrap_or_default();
        if let Held::Put(ProducerRecord::Event(spec)) = &entry.held
            && bytes != spec.text().as_bytes()
        {
            broken.push(format!("quarantined with other bytes than its own: {name:?}"));
        }
        let consumer = WITH_STATE.into_iter().find(|consumer| line["function"] == consumer.name());
        if let Some(consumer) = consumer {
            // It may stand there without a verdict: entries are put before the commit, which may fail.
            let reason = OF_STATE.into_iter().find(|reason| line["reason"] == reason.code());
            match reason.filter(|_| entry.invalid_reason().is_none()) {
                None => broken.push(format!(
                    "quarantined by {} for {}: {name:?}",
                    consumer.name(),
                    line["reason"]
                )),
                Some(reason) => {
                    rejected.insert((consumer, name, reason.code()));
                }
            }
        }
    }
    for entry in &book.entries {
        for consumer in WITH_STATE {
            for said in book.verdicts(consumer, entry) {
                if let Verdict::Rejected(reason) = said.verdict
                    && OF_STATE.contains(&reason)
                    && !rejected.contains(&(consumer, entry.first, reason.code()))
                {
                    let what = (reason.code(), consumer.name());
                    broken.push(format!("{} and not quarantined by {}: {entry:?}", what.0, what.1));
                }
            }
        }
    }
}
