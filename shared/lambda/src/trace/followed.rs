//! The events of an invocation that its trace follows.

use millrace_domain::identity::cause_hash;
use millrace_domain::{Event, Verdict};

use super::{TARGET, is_traced};
use crate::batch_event::BatchEvent;
use crate::clock::wall_ms;

/// Most events that an invocation follows: each takes four annotations of the fifty that X-Ray keeps of a trace.
const FOLLOWED_LIMIT: usize = 10;

/// Reports what became of a few of these events, if the invocation is traced. They are those of the smallest causes:
/// functions then prefer the same events among those that they both handle, and the signals of these. `verdicts` are
/// those of a [`Tally`](crate::Tally).
pub fn follow(events: &[BatchEvent<'_>], verdicts: &[(usize, Option<Verdict>)]) {
    if !is_traced() {
        return;
    }
    let decided = events.iter().zip(verdicts).filter_map(|(batch_event, (_, verdict))| {
        let event = batch_event.event.as_ref().ok()?;
        Some((cause(event), batch_event, event, (*verdict)?))
    });
    let mut decided: Vec<_> = decided.filter(|(_, _, _, verdict)| *verdict != Verdict::Ignored).collect();
    decided.sort_by_key(|(cause, ..)| *cause);
    let now_ms = i64::try_from(wall_ms()).unwrap_or(i64::MAX);
    for (cause, batch_event, event, verdict) in decided.into_iter().take(FOLLOWED_LIMIT) {
        tracing::trace!(
            target: TARGET,
            event_type = name(&event.event_type),
            event_id = &*event.id,
            causation_id = format!("{cause:032x}"),
            verdict = verdict.name(),
            arrival_lag_ms = now_ms.saturating_sub(batch_event.arrived_at_ms),
        );
    }
}

/// A type as X-Ray takes names; one that this code does not know may hold anything.
fn name(event_type: &str) -> String {
    let is_taken = |letter: char| letter.is_alphanumeric() || " _.:/%&#=+-@".contains(letter);
    event_type.chars().map(|letter| if is_taken(letter) { letter } else { '_' }).collect()
}

/// What an event and the signals that it causes have in common: the hash of its identity, which the ids of signals begin with.
fn cause(event: &Event<'_>) -> u128 {
    let causing_id = event.origin.as_ref().and_then(|_| event.id.split_once('-'));
    let causing_id = causing_id.and_then(|(cause, _)| u128::from_str_radix(cause, 16).ok());
    causing_id.unwrap_or_else(|| cause_hash(&event.source, &event.subject, &event.id))
}
