//! Windows: at the end none is open, and each was closed once.

use std::collections::BTreeSet;

use millrace_domain::session::{SessionState, Window};
use millrace_domain::signal::SESSION_CLOSED;

use super::keyed::Came;
use crate::plan::Plan;
use crate::run::Outcome;

/// Checks every user's windows.
pub(super) fn check(
    plan: &Plan,
    outcome: &Outcome,
    all: &[Came<'_, SessionState>],
    broken: &mut Vec<String>,
) {
    for came in all {
        let open = came.item.state.windows.open();
        // Nothing rings for a timer that was lost, until somebody looks for it.
        let is_missed = outcome.lost.contains(&came.key) && !plan.settings.sweeps_at_end;
        // The result of a timer may be larger than the table takes, since items carry lists of what was applied.
        if !open.is_empty() && !is_missed && !came.rejected {
            let emitted = &came.item.state.emitted;
            broken.push(format!("{}: windows stay open: {emitted:?} {open:?}", came.key));
        }
        let mut closed = BTreeSet::new();
        for signal in came.emitted.iter().filter(|signal| signal.signal_type == SESSION_CLOSED) {
            let window: Result<Window, _> = serde_json::from_str(&signal.data);
            match window {
                Ok(window) if closed.insert(window.id.clone()) => {}
                Ok(window) => broken.push(format!("{}: {} was closed twice", came.key, window.id)),
                Err(why) => broken.push(format!("{}: what was closed cannot be read: {why}", came.key)),
            }
        }
    }
}
