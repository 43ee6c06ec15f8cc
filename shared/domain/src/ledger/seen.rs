//! The identities of one class at or above its watermark that were applied, or that collided.

/// One event that was applied, or that collided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Event time in epoch milliseconds.
    pub time_ms: i64,
    /// Hash of its identity.
    pub identity: u64,
    /// Hash of its payload.
    pub payload: u32,
}

/// What is known of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Not,
    /// It was decided with this payload.
    SamePayload,
    /// It was decided, but with other payloads only.
    OtherPayload,
}

/// Entries in order of event time, none below the watermark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSet {
    watermark_ms: i64,
    entries: Vec<Seen>,
}

impl Default for SeenSet {
    fn default() -> Self {
        Self { watermark_ms: i64::MIN, entries: Vec::new() }
    }
}

impl SeenSet {
    /// A set of these entries; `None` when they are not in order or lie below the watermark.
    pub(super) fn from_parts(watermark_ms: i64, entries: Vec<Seen>) -> Option<Self> {
        let sound = entries.is_sorted() && entries.first().is_none_or(|first| first.time_ms >= watermark_ms);
        sound.then_some(Self { watermark_ms, entries })
    }

    /// Event times below it are late, in epoch milliseconds; `i64::MIN` before anything was applied.
    pub fn watermark_ms(&self) -> i64 {
        self.watermark_ms
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> &[Seen] {
        &self.entries
    }

    /// What is known of an identity. It may be here with several payloads, of which all but one were collisions.
    pub fn find(&self, identity: u64, payload: u32) -> Known {
        // Repeats mostly follow soon, so the newest are looked at first.
        let mut known = Known::Not;
        for entry in self.entries.iter().rev().filter(|entry| entry.identity == identity) {
            match entry.payload == payload {
                true => return Known::SamePayload,
                false => known = Known::OtherPayload,
            }
        }
        known
    }

    /// Adds an entry in order of time.
    pub(super) fn insert(&mut self, entry: Seen) {
        let index = self.entries.partition_point(|present| *present <= entry);
        self.entries.insert(index, entry);
    }

    /// Raises the watermark and lets go of what is below it. A watermark never goes down: what was below it is no
    /// longer known.
    pub(super) fn raise_watermark(&mut self, watermark_ms: i64) {
        if watermark_ms > self.watermark_ms {
            self.watermark_ms = watermark_ms;
            let below = self.entries.partition_point(|entry| entry.time_ms < watermark_ms);
            self.entries.drain(..below);
        }
    }

    /// Evicts the oldest until at most `limit` are left, together with all of their millisecond. A watermark raised to
    /// the time itself would let in again what was just evicted.
    pub(super) fn shrink_to(&mut self, limit: usize) {
        // No watermark is above the last millisecond of all, which only a corrupt item can hold: what is there stays.
        while self.entries.len() > limit && self.watermark_ms < i64::MAX {
            let newest_to_go = self.entries.len() - limit - 1;
            let Some(time_ms) = self.entries.get(newest_to_go).map(|entry| entry.time_ms) else { return };
            self.raise_watermark(time_ms.saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time_ms: i64, identity: u64) -> Seen {
        Seen { time_ms, identity, payload: 0 }
    }

    #[test]
    fn entries_stay_in_order_of_time() {
        let mut set = SeenSet::default();
        for (time_ms, identity) in [(5, 1), (3, 2), (5, 0), (4, 9)] {
            set.insert(entry(time_ms, identity));
        }
        assert_eq!(set.entries(), [entry(3, 2), entry(4, 9), entry(5, 0), entry(5, 1)]);
        assert_eq!(set.find(9, 0), Known::SamePayload);
        assert_eq!(set.find(9, 1), Known::OtherPayload);
        assert_eq!(set.find(8, 0), Known::Not);
    }

    #[test]
    fn stored_entries_must_be_in_order_and_not_below_the_watermark() {
        let sound = |watermark_ms, times: &[i64]| {
            SeenSet::from_parts(watermark_ms, times.iter().map(|time_ms| entry(*time_ms, 1)).collect())
                .is_some()
        };
        assert!(sound(5, &[]) && sound(5, &[5, 6]));
        assert!(!sound(5, &[6, 5]), "out of order");
        assert!(!sound(5, &[4, 6]), "below the watermark");
    }

    #[test]
    fn a_set_is_empty_until_something_is_seen() {
        let mut set = SeenSet::default();
        assert!(set.is_empty());
        set.insert(entry(5, 1));
        assert!(!set.is_empty());
    }

    #[test]
    fn a_watermark_never_goes_down() {
        let mut set = SeenSet::default();
        set.raise_watermark(10);
        set.raise_watermark(5);
        assert_eq!(set.watermark_ms(), 10);
    }

    #[test]
    fn shrinking_takes_whole_milliseconds() {
        let mut set = SeenSet::default();
        for (time_ms, identity) in [(1, 1), (2, 2), (2, 3), (3, 4)] {
            set.insert(entry(time_ms, identity));
        }
        set.shrink_to(2);
        assert_eq!((set.len(), set.watermark_ms()), (1, 3));
        set.shrink_to(0);
        assert_eq!((set.len(), set.watermark_ms()), (0, 4));
    }

    #[test]
    fn shrinking_ends_at_the_end_of_time() {
        let mut set = SeenSet::default();
        for (time_ms, identity) in [(1, 1), (i64::MAX, 2), (i64::MAX, 3)] {
            set.insert(entry(time_ms, identity));
        }
        set.shrink_to(1);
        assert_eq!((set.len(), set.watermark_ms()), (2, i64::MAX));
    }
}
