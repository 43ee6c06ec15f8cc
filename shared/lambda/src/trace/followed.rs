//! The events of an invocation that its trace follows.

use millrace_domain::identity::cause_hash;
use millrace_domain::{Event, Verdict};
use tracing::Span;

use super::TARGET;
use crate::clock::wall_ms;
use crate::unit::Unit;

/// Most events that an invocation follows: each takes four annotations of the fifty that X-Ray keeps of a trace.
const FOLLOWED_LIMIT: usize = 10;

/// Tells what became of a few of these events, if the invocation is traced: those of the smallest causes, so that functions
/// which meet the same events follow the same ones, and their signals. `verdicts` are those of a [`Tally`](crate::Tally).
pub fn follow(units: &[Unit<'_>], verdicts: &[(usize, Option<Verdict>)]) {
    // The span of a sampled invocation is the only one of these that work goes on in.
    if Span::current().metadata().is_none_or(|metadata| metadata.target() != TARGET) {
        return;
    }
    let decided = units.iter().zip(verdicts).filter_map(|(unit, (_, verdict))| {
        let event = unit.event.as_ref().ok()?;
        Some((cause(event), unit, event, (*verdict)?))
    });
    let mut decided: Vec<_> = decided.filter(|(_, _, _, verdict)| *verdict != Verdict::PassedOver).collect();
    decided.sort_by_key(|(cause, ..)| *cause);
    let now_ms = i64::try_from(wall_ms()).unwrap_or(i64::MAX);
    for (cause, unit, event, verdict) in decided.into_iter().take(FOLLOWED_LIMIT) {
        tracing::trace!(
            target: TARGET,
            event_type = &*event.event_type,
            event_id = &*event.id,
            cause = format!("{cause:032x}"),
            verdict = verdict.name(),
            since_arrival_ms = now_ms.saturating_sub(unit.arrived_at_ms),
        );
    }
}

/// What an event and all signals of it have in common: the hash of its identity, which the ids of signals begin with.
fn cause(event: &Event<'_>) -> u128 {
    let told = event.origin.as_ref().and_then(|_| event.id.split_once('-'));
    let told = told.and_then(|(cause, _)| u128::from_str_radix(cause, 16).ok());
    told.unwrap_or_else(|| cause_hash(&event.source, &event.subject, &event.id))
}
