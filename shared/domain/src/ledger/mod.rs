//! The proof of what was applied to one key, kept inside the key's own item.

mod origins;
mod packed;
mod seen;
mod signals;
mod version;

pub use origins::{ORIGIN_MEMORY_MS, OriginMark, Origins};
pub use packed::{FORMAT, LedgerUnreadable};
pub use seen::{Known, Seen, SeenSet};
pub use signals::{SignalJudgement, SignalSeen, SignalsSeen};

use crate::event::Class;
use crate::position::Position;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::verdict::LateReason;

/// Most shards whose positions are kept.
const SHARDS_LIMIT: usize = 2;

/// Dedup windows and limits of the two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// How far event time may go back for money events, in milliseconds.
    pub money_dedup_window_ms: i64,
    /// The same for activity.
    pub activity_dedup_window_ms: i64,
    /// Most entries of `seen`, for each class. An entry takes about 15 bytes of the item.
    pub seen_limit: usize,
    /// How far back signals are known by their ids, in milliseconds.
    pub signals_window_ms: i64,
    /// Most signals that are. One takes about 12 bytes of the item.
    pub signals_limit: usize,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self {
            money_dedup_window_ms: 48 * HOUR_MS,
            activity_dedup_window_ms: 10 * MINUTE_MS,
            seen_limit: 512,
            // As long as a mapping may try a batch before it discards it, and money counts.
            signals_window_ms: 8 * DAY_MS,
            signals_limit: 128,
        }
    }
}

impl LedgerSettings {
    /// The dedup window of a class in milliseconds.
    pub const fn dedup_window_ms(&self, class: Class) -> i64 {
        match class {
            Class::Money => self.money_dedup_window_ms,
            Class::Activity => self.activity_dedup_window_ms,
        }
    }
}

/// What is known of an event when it is held against the ledger.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its class.
    pub class: Class,
    /// Its event time in epoch milliseconds.
    pub time_ms: i64,
    /// Hash of its identity.
    pub identity: u64,
    /// Hash of its payload.
    pub payload: u32,
    /// The shard that it was read from, as [`crate::Shard::hash64`].
    pub shard: u64,
    /// Its position in the shard.
    pub position: &'a Position,
}

/// What the ledger says of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Never applied, and not late: apply it.
    New,
    /// Applied before; the machinery brought the record again.
    Redelivery,
    /// Applied before; the producer sent it again.
    Duplicate,
    /// The identity was applied before with another payload.
    Collision,
    /// Below the watermark of its class.
    Late(LateReason),
}

/// Watermarks, `seen` and positions of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    largest_event_time_ms: Option<i64>,
    money: SeenSet,
    activity: SeenSet,
    /// By shard, the newest shard last.
    positions: Vec<(u64, Position)>,
    origins: Origins,
    signals: SignalsSeen,
}

impl Ledger {
    /// The largest event time applied, in epoch milliseconds.
    pub fn largest_event_time_ms(&self) -> Option<i64> {
        self.largest_event_time_ms
    }

    /// Watermark and entries of one class.
    pub fn class(&self, class: Class) -> &SeenSet {
        match class {
            Class::Money => &self.money,
            Class::Activity => &self.activity,
        }
    }

    /// The position of the last record of a shard that was applied.
    pub fn position(&self, shard: u64) -> Option<&Position> {
        self.positions.iter().find(|(known, _)| *known == shard).map(|(_, position)| position)
    }

    /// The last origin applied of each shard that signals came from.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The newest signals that were applied.
    pub fn signals(&self) -> &SignalsSeen {
        &self.signals
    }

    /// Moves the event time on to a timer's due time, which is no event of the key: nothing is noted as seen. Whether
    /// that changed anything.
    pub fn wake(&mut self, due_at_ms: i64, settings: &LedgerSettings) -> bool {
        if self.largest_event_time_ms.is_some_and(|largest_ms| largest_ms >= due_at_ms) {
            return false;
        }
        self.raise_to(due_at_ms, settings);
        true
    }

    /// Judges an event without changing anything.
    ///
    /// Below the watermark an event never touches state, whatever it is; at or above, it is new exactly when its
    /// identity is not in `seen`. The position gives only the name of the thing.
    pub fn judge(&self, candidate: &Candidate<'_>, settings: &LedgerSettings) -> Judgement {
        let seen = self.class(candidate.class);
        if candidate.time_ms < seen.watermark_ms() {
            return match self.is_behind(candidate) {
                true => Judgement::Redelivery,
                false => Judgement::Late(self.late_reason(candidate, settings)),
            };
        }
        match seen.find(candidate.identity, candidate.payload) {
            Known::Not => Judgement::New,
            Known::OtherPayload => Judgement::Collision,
            Known::SamePayload if self.is_behind(candidate) => Judgement::Redelivery,
            Known::SamePayload => Judgement::Duplicate,
        }
    }

    /// Notes an event that [`Self::judge`] found new as applied.
    pub fn record(&mut self, candidate: &Candidate<'_>, settings: &LedgerSettings) {
        let largest_ms =
            self.largest_event_time_ms.map_or(candidate.time_ms, |largest| largest.max(candidate.time_ms));
        self.insert(candidate);
        self.raise_to(largest_ms, settings);
        self.money.shrink_to(settings.seen_limit);
        self.activity.shrink_to(settings.seen_limit);
        self.advance(candidate);
    }

    /// Records an event that [`Self::judge`] found to be a collision as decided. The event that it collided with may
    /// fall below the watermark. Without this entry, a collision that came again would then be new and would be
    /// applied, although it is quarantined.
    pub fn record_collision(&mut self, candidate: &Candidate<'_>, settings: &LedgerSettings) {
        self.insert(candidate);
        self.money.shrink_to(settings.seen_limit);
        self.activity.shrink_to(settings.seen_limit);
        self.advance(candidate);
    }

    fn raise_to(&mut self, largest_ms: i64, settings: &LedgerSettings) {
        self.largest_event_time_ms = Some(largest_ms);
        self.money.raise_watermark(largest_ms.saturating_sub(settings.money_dedup_window_ms));
        self.activity.raise_watermark(largest_ms.saturating_sub(settings.activity_dedup_window_ms));
    }

    fn insert(&mut self, candidate: &Candidate<'_>) {
        let entry =
            Seen { time_ms: candidate.time_ms, identity: candidate.identity, payload: candidate.payload };
        match candidate.class {
            Class::Money => self.money.insert(entry),
            Class::Activity => self.activity.insert(entry),
        }
    }

    /// A key lives in one shard at a time and a parent is read to its end before its children. The shard before the
    /// newest is kept for an abandoned invocation that ends after the child's first records: it would otherwise call
    /// late what was applied.
    fn advance(&mut self, candidate: &Candidate<'_>) {
        match self.positions.iter_mut().find(|(shard, _)| *shard == candidate.shard) {
            Some((_, last)) if candidate.position > last => *last = candidate.position.clone(),
            Some(_) => {}
            None => {
                let surplus = (self.positions.len() + 1).saturating_sub(SHARDS_LIMIT);
                self.positions.drain(..surplus);
                self.positions.push((candidate.shard, candidate.position.clone()));
            }
        }
    }

    fn is_behind(&self, candidate: &Candidate<'_>) -> bool {
        self.position(candidate.shard).is_some_and(|last| candidate.position <= last)
    }

    fn late_reason(&self, candidate: &Candidate<'_>, settings: &LedgerSettings) -> LateReason {
        let window_ms = settings.dedup_window_ms(candidate.class);
        match self.largest_event_time_ms {
            Some(largest_ms) if candidate.time_ms >= largest_ms.saturating_sub(window_ms) => {
                LateReason::Evicted
            }
            _ => LateReason::BelowWatermark,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::SequenceNumber;

    const TOO_OLD: Judgement = Judgement::Late(LateReason::BelowWatermark);
    const EVICTED: Judgement = Judgement::Late(LateReason::Evicted);
    const SETTINGS: LedgerSettings = LedgerSettings {
        money_dedup_window_ms: 1_000,
        activity_dedup_window_ms: 100,
        seen_limit: 3,
        signals_window_ms: 0,
        signals_limit: 0,
    };

    fn position(sequence: u32) -> Position {
        let sequence = SequenceNumber::parse(&sequence.to_string()).unwrap();
        Position { sequence, sub_sequence: 0, element: 0 }
    }

    fn step(ledger: &mut Ledger, class: Class, time_ms: i64, identity: u64, sequence: u32) -> Judgement {
        let position = position(sequence);
        let candidate = Candidate { class, time_ms, identity, payload: 7, shard: 1, position: &position };
        let judgement = ledger.judge(&candidate, &SETTINGS);
        if judgement == Judgement::New {
            ledger.record(&candidate, &SETTINGS);
        }
        judgement
    }

    #[test]
    fn an_identity_is_new_once() {
        let mut ledger = Ledger::default();
        assert_eq!(step(&mut ledger, Class::Money, 50, 1, 10), Judgement::New);
        assert_eq!(step(&mut ledger, Class::Money, 50, 1, 10), Judgement::Redelivery);
        assert_eq!(step(&mut ledger, Class::Money, 50, 1, 11), Judgement::Duplicate);
    }

    #[test]
    fn a_reused_identity_is_a_collision() {
        let mut ledger = Ledger::default();
        step(&mut ledger, Class::Money, 50, 1, 10);
        let other = position(11);
        let candidate = Candidate {
            class: Class::Money,
            time_ms: 50,
            identity: 1,
            payload: 8,
            shard: 1,
            position: &other,
        };
        assert_eq!(ledger.judge(&candidate, &SETTINGS), Judgement::Collision);
    }

    #[test]
    fn a_collision_stays_decided_when_what_it_collided_with_is_forgotten() {
        let mut ledger = Ledger::default();
        step(&mut ledger, Class::Activity, 50, 1, 10);
        let at = position(11);
        let class = Class::Activity;
        let other = Candidate { class, time_ms: 51, identity: 1, payload: 8, shard: 1, position: &at };
        assert_eq!(ledger.judge(&other, &SETTINGS), Judgement::Collision);
        ledger.record_collision(&other, &SETTINGS);
        step(&mut ledger, Class::Activity, 151, 2, 12);
        assert_eq!(ledger.class(class).watermark_ms(), 51);
        assert_eq!(ledger.judge(&other, &SETTINGS), Judgement::Redelivery);
        let again = position(13);
        assert_eq!(ledger.judge(&Candidate { position: &again, ..other }, &SETTINGS), Judgement::Duplicate);
    }

    #[test]
    fn what_is_quarantined_counts_towards_the_limit() {
        let mut ledger = Ledger::default();
        let at = position(10);
        for (identity, class) in (0..).zip([Class::Activity, Class::Money].repeat(4)) {
            let time_ms = 50 + i64::try_from(identity).unwrap();
            let candidate = Candidate { class, time_ms, identity, payload: 8, shard: 1, position: &at };
            ledger.record_collision(&candidate, &SETTINGS);
        }
        assert_eq!(Class::ALL.map(|class| ledger.class(class).len()), [3, 3]);
    }

    #[test]
    fn a_position_never_goes_back() {
        let mut ledger = Ledger::default();
        for (identity, sequence) in (0..).zip([11, 10]) {
            assert_eq!(step(&mut ledger, Class::Money, 50, identity, sequence), Judgement::New);
            assert_eq!(ledger.position(1), Some(&position(11)));
        }
    }

    #[test]
    fn waking_moves_event_time_and_both_watermarks_forward_only() {
        let mut ledger = Ledger::default();
        let watermarks = |ledger: &Ledger| Class::ALL.map(|class| ledger.class(class).watermark_ms());
        for (due_at_ms, moved) in [(2_000, true), (2_000, false), (1_999, false), (2_001, true)] {
            assert_eq!(ledger.wake(due_at_ms, &SETTINGS), moved, "{due_at_ms}");
        }
        assert_eq!(ledger.largest_event_time_ms(), Some(2_001));
        assert_eq!(watermarks(&ledger), [1_001, 1_901]);
    }

    #[test]
    fn dedup_windows_are_two_days_for_money_and_ten_minutes_for_the_rest() {
        let settings = LedgerSettings::default();
        let dedup_windows_ms = Class::ALL.map(|class| settings.dedup_window_ms(class));
        assert_eq!(dedup_windows_ms, [172_800_000, 600_000]);
    }

    #[test]
    fn each_class_has_its_own_watermark() {
        let mut ledger = Ledger::default();
        step(&mut ledger, Class::Activity, 2_000, 1, 10);
        assert_eq!(step(&mut ledger, Class::Activity, 1_900, 2, 11), Judgement::New);
        assert_eq!(step(&mut ledger, Class::Activity, 1_899, 3, 12), TOO_OLD);
        assert_eq!(step(&mut ledger, Class::Money, 1_000, 4, 13), Judgement::New);
        assert_eq!(step(&mut ledger, Class::Money, 999, 5, 14), TOO_OLD);
    }

    #[test]
    fn below_the_watermark_a_known_position_is_a_redelivery() {
        let mut ledger = Ledger::default();
        step(&mut ledger, Class::Activity, 1_000, 1, 10);
        step(&mut ledger, Class::Activity, 5_000, 2, 11);
        assert_eq!(step(&mut ledger, Class::Activity, 1_000, 1, 10), Judgement::Redelivery);
        assert_eq!(step(&mut ledger, Class::Activity, 1_000, 1, 12), TOO_OLD);
    }

    #[test]
    fn what_a_full_seen_evicts_is_late_as_evicted() {
        let mut ledger = Ledger::default();
        for (identity, time_ms) in (0..4).zip([50, 51, 52, 53]) {
            assert_eq!(step(&mut ledger, Class::Activity, time_ms, identity, 10), Judgement::New);
        }
        assert_eq!(ledger.class(Class::Activity).watermark_ms(), 51);
        assert_eq!(step(&mut ledger, Class::Activity, 50, 9, 11), EVICTED);
        assert_eq!(step(&mut ledger, Class::Activity, 51, 1, 12), Judgement::Duplicate);
    }

    #[test]
    fn a_crowded_millisecond_goes_as_a_whole() {
        let mut ledger = Ledger::default();
        for identity in 0..4 {
            assert_eq!(step(&mut ledger, Class::Activity, 50, identity, 10), Judgement::New);
        }
        assert_eq!(ledger.class(Class::Activity).len(), 0);
        for identity in 0..5 {
            assert_eq!(step(&mut ledger, Class::Activity, 50, identity, 11), EVICTED);
        }
    }

    #[test]
    fn the_two_newest_shards_are_kept() {
        let mut ledger = Ledger::default();
        for (identity, shard) in (0..).zip([1, 2, 3, 2]) {
            let position = position(10 + u32::try_from(identity).unwrap());
            let candidate = Candidate {
                class: Class::Money,
                time_ms: 50,
                identity,
                payload: 7,
                shard,
                position: &position,
            };
            ledger.record(&candidate, &SETTINGS);
        }
        assert_eq!(ledger.position(1), None);
        assert_eq!((ledger.position(2), ledger.position(3)), (Some(&position(13)), Some(&position(12))));
    }
}
