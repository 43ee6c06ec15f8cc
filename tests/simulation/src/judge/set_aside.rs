//! What lies in the quarantine, by its content, and what of it `sessions` must have set aside.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_domain::{Reason, Verdict};

use super::archived::{lines_set_aside, name_of};
use super::book::Book;
use crate::plan::Consumer;
use crate::run::{Outcome, Unit};

/// The reasons that `sessions` alone finds: everything else is set aside by `archive`.
const OF_SESSIONS: [Reason; 3] = [Reason::Collision, Reason::Poisoned, Reason::StoreRefused];

/// Checks that every line holds its event's own bytes, and that what `sessions` refused is set aside.
pub(super) fn check(outcome: &Outcome, book: &Book, broken: &mut Vec<String>) {
    let services = outcome.world.services();
    let entries = book.by_origin();
    let mut by_sessions = BTreeSet::new();
    for (_, line) in lines_set_aside(&services) {
        let name = name_of(&line);
        let Some(entry) = entries.get(&name) else {
            broken.push(format!("set aside and never was: {name:?}"));
            continue;
        };
        let bytes = STANDARD.decode(line["bytes"].as_str().unwrap_or_default()).unwrap_or_default();
        if let Unit::Event(spec) = &entry.unit
            && bytes != spec.text().as_bytes()
        {
            broken.push(format!("set aside with other bytes than its own: {name:?}"));
        }
        if line["function"] == Consumer::Sessions.name() {
            // It may stand there without a verdict: entries are put before the commit, which may fail.
            let reason = OF_SESSIONS.into_iter().find(|reason| line["reason"] == reason.code());
            match reason.filter(|_| entry.valid().is_some()) {
                None => broken.push(format!("set aside by sessions for {}: {name:?}", line["reason"])),
                Some(reason) => {
                    by_sessions.insert((name, reason.code()));
                }
            }
        }
    }
    for entry in &book.entries {
        for said in book.verdicts(Consumer::Sessions, entry) {
            if let Verdict::Refused(reason) = said.verdict
                && OF_SESSIONS.contains(&reason)
                && !by_sessions.contains(&(entry.origin.clone(), reason.code()))
            {
                broken.push(format!("{} and not set aside by sessions: {entry:?}", reason.code()));
            }
        }
    }
}
