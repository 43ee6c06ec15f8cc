//! Every event was told of: its record is done only with a verdict, or given up.

use millrace_domain::Verdict;

use super::book::Book;
use crate::plan::Consumer;

/// Checks that nothing passed in silence, and that what is invalid is called so by everybody.
pub(super) fn check(book: &Book, broken: &mut Vec<String>) {
    for consumer in Consumer::ALL {
        for entry in &book.entries {
            let verdicts = book.verdicts(consumer, entry);
            let what = || format!("{} of {:?}", consumer.name(), entry);
            if !book.is_given_up(consumer, entry) && !verdicts.iter().any(|(believed, _)| *believed) {
                broken.push(format!("no verdict: {}", what()));
            }
            for (_, verdict) in verdicts {
                let refused = match verdict {
                    Verdict::Refused(reason) => Some(reason.code()),
                    _ => None,
                };
                match entry.invalid_reason() {
                    Some(reason) if refused != Some(reason) => {
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
