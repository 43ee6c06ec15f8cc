//! The version that a new item begins with.

use xxhash_rust::xxh3::xxh3_64;

use super::Ledger;

/// Bits below the arrival time: the commits of one key in a millisecond, and room to tell births apart. The version
/// stays a number that JavaScript holds exactly until the year 2248.
const BIRTH_BITS: u32 = 10;

impl Ledger {
    /// The version of a new item with this ledger whose first record arrived at this time. Every commit counts on
    /// from there.
    ///
    /// An item that was deleted and is born again should not repeat a version, or a writer that remembers the former
    /// item would overwrite the new one. A record that arrived in a later millisecond gives a later version. Within one
    /// millisecond, another ledger gives another version but for odds of 1 in 1,024, and the same ledger the same
    /// version: that of the same item.
    pub fn first_version(&self, arrived_at_ms: i64) -> u64 {
        let birth = xxh3_64(&self.pack()) >> (u64::BITS - BIRTH_BITS);
        (arrived_at_ms.unsigned_abs() << BIRTH_BITS).saturating_add(birth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_record_gives_a_later_version_by_more_than_a_millisecond_of_commits() {
        let ledger = Ledger::default();
        let first = ledger.first_version(1_700_000_000_000);
        assert_eq!(ledger.first_version(1_700_000_000_001) - first, 1 << BIRTH_BITS);
        assert!(ledger.first_version(8_000_000_000_000) < 1 << 53);
    }

    #[test]
    fn another_ledger_of_the_same_record_gives_another_version() {
        let other = Ledger { largest_event_time_ms: Some(5), ..Ledger::default() };
        assert_ne!(Ledger::default().first_version(5), other.first_version(5));
    }
}
