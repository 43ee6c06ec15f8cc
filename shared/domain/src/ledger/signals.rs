//! Whether a signal was applied: what the last origin of its shard says, and for a while its id.
//!
//! Origins are a complete answer to whatever is delivered again. Not to a signal that is emitted again from another
//! position: a batch that emitted its signals, could not commit and was discarded by its mapping emits them once
//! more when its events come back, from its producer or by redrive. The ids of the newest signals know those.

use super::{Ledger, LedgerSettings};
use crate::event::Event;
use crate::signal::Origin;

/// One applied signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignalSeen {
    /// Event time in epoch milliseconds.
    pub time_ms: i64,
    /// Hash of its identity.
    pub identity: u64,
}

/// The newest signals that were applied, oldest first. Which they are depends on times and identities only, whatever
/// order they came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalsSeen(Vec<SignalSeen>);

/// What the ledger says of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalJudgement {
    /// Never applied: apply it.
    New,
    /// Applied before under another origin: its function emitted it again from another position.
    EmittedAgain,
    /// Applied before.
    Redelivery,
    /// At or below the last origin of its shard, and its id is not known. Either it was applied and its id is evicted,
    /// or it was quarantined and others of its shard have been applied since.
    Overtaken,
}

impl SignalSeen {
    fn of(event: &Event<'_>) -> Self {
        Self { time_ms: event.time_ms, identity: event.identity() }
    }
}

impl SignalsSeen {
    /// Signals as they were stored; `None` when one is there twice, or they are not in order.
    pub(super) fn from_parts(signals: Vec<SignalSeen>) -> Option<Self> {
        signals.is_sorted_by(|signal, next| signal < next).then_some(Self(signals))
    }

    /// The signals, oldest first.
    pub fn signals(&self) -> &[SignalSeen] {
        &self.0
    }

    /// Adds a signal, and evicts those that are older than the window or above the limit.
    fn record(&mut self, signal: SignalSeen, settings: &LedgerSettings) {
        let Err(index) = self.0.binary_search(&signal) else { return };
        self.0.insert(index, signal);
        let newest_ms = self.0.last().map_or(signal.time_ms, |newest| newest.time_ms);
        let oldest_ms = newest_ms.saturating_sub(settings.signals_window_ms);
        let too_old = self.0.partition_point(|known| known.time_ms < oldest_ms);
        let too_many = self.0.len().saturating_sub(settings.signals_limit);
        self.0.drain(..too_old.max(too_many));
    }
}

impl Ledger {
    /// Judges a signal with its origin, without changing anything.
    pub fn judge_signal(&self, signal: &Event<'_>, origin: &Origin) -> SignalJudgement {
        let is_above = self.origins.is_above(&signal.source, origin);
        let is_known = self.signals.0.binary_search(&SignalSeen::of(signal)).is_ok();
        match (is_above, is_known) {
            (true, false) => SignalJudgement::New,
            (true, true) => SignalJudgement::EmittedAgain,
            (false, true) => SignalJudgement::Redelivery,
            (false, false) => SignalJudgement::Overtaken,
        }
    }

    /// Notes a signal that [`Self::judge_signal`] found above the last origin of its shard.
    pub fn record_signal(
        &mut self,
        signal: &Event<'_>,
        origin: &Origin,
        arrived_at_ms: i64,
        settings: &LedgerSettings,
    ) {
        self.origins.record(&signal.source, origin, arrived_at_ms);
        self.signals.record(SignalSeen::of(signal), settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: LedgerSettings = LedgerSettings {
        money_dedup_window_ms: 0,
        activity_dedup_window_ms: 0,
        seen_limit: 0,
        signals_window_ms: 100,
        signals_limit: 3,
    };

    fn seen(signals: &[(i64, u64)]) -> Vec<(i64, u64)> {
        let mut seen = SignalsSeen::default();
        for (time_ms, identity) in signals {
            seen.record(SignalSeen { time_ms: *time_ms, identity: *identity }, &SETTINGS);
        }
        seen.signals().iter().map(|signal| (signal.time_ms, signal.identity)).collect()
    }

    #[test]
    fn the_newest_are_kept_in_order_whatever_order_they_came_in() {
        assert_eq!(seen(&[(5, 2), (5, 1), (4, 9)]), [(4, 9), (5, 1), (5, 2)]);
        for signals in [[(5, 2), (7, 0), (5, 1), (4, 9)], [(4, 9), (5, 1), (7, 0), (5, 2)]] {
            assert_eq!(seen(&signals), [(5, 1), (5, 2), (7, 0)]);
        }
        assert_eq!(seen(&[(5, 2), (5, 2)]), [(5, 2)]);
    }

    #[test]
    fn older_than_the_window_is_let_go() {
        assert_eq!(seen(&[(5, 1), (105, 2)]), [(5, 1), (105, 2)]);
        assert_eq!(seen(&[(5, 1), (106, 2)]), [(106, 2)]);
        assert_eq!(seen(&[(106, 2), (5, 1)]), [(106, 2)]);
    }

    #[test]
    fn stored_signals_stand_once_and_in_order() {
        let sound = |times: &[i64]| {
            let signals = times.iter().map(|time_ms| SignalSeen { time_ms: *time_ms, identity: 1 });
            SignalsSeen::from_parts(signals.collect()).is_some()
        };
        assert!(sound(&[]) && sound(&[1, 2]));
        assert!(!sound(&[1, 1]) && !sound(&[2, 1]));
    }
}
