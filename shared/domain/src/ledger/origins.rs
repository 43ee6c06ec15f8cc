//! The last origin applied of each shard that signals came from.
//!
//! A key of signals is fed by all users, whose shards may lag behind one another by hours, so no window of event time
//! would do. But a shard delivers in order, and what it causes arrives in order: the last origin of each shard says of
//! every signal of that shard whether it was applied.

use crate::identity::names_hash;
use crate::position::{Position, Shard};
use crate::signal::Origin;
use crate::time::DAY_MS;

/// How long a shard is remembered after its last signal, in milliseconds: the longest that Kinesis keeps the cause, a
/// year, and after it the signal. Nothing that the shard caused can come again later.
pub const ORIGIN_MEMORY_MS: i64 = 400 * DAY_MS;

/// The last origin applied of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginMark {
    /// Hash of the function that emitted it, and of the shard that its cause was read from.
    pub shard: u64,
    /// The cause's position in the shard.
    pub position: Position,
    /// Index among the signals of one cause.
    pub index: u32,
    /// When the signal arrived, in epoch milliseconds.
    pub arrived_at_ms: i64,
}

/// Marks by shard, in order of the shards' hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<OriginMark>);

impl Origins {
    /// Marks as they were stored; `None` when a shard is there twice, or they are not in order.
    pub(super) fn from_parts(marks: Vec<OriginMark>) -> Option<Self> {
        marks.is_sorted_by(|mark, next| mark.shard < next.shard).then_some(Self(marks))
    }

    /// The marks, in order of the shards' hashes.
    pub fn marks(&self) -> &[OriginMark] {
        &self.0
    }

    /// Whether a signal of this source with this origin lies above the last one applied of its shard.
    pub fn is_above(&self, source: &str, origin: &Origin) -> bool {
        let shard = shard_hash(source, &origin.shard);
        let last =
            self.0.binary_search_by_key(&shard, |mark| mark.shard).ok().and_then(|index| self.0.get(index));
        last.is_none_or(|last| (&last.position, last.index) < (&origin.position, origin.index))
    }

    /// Notes the origin of a signal as the last of its shard, and forgets shards of which nothing can come again.
    pub fn record(&mut self, source: &str, origin: &Origin, arrived_at_ms: i64) {
        let shard = shard_hash(source, &origin.shard);
        let mark =
            OriginMark { shard, position: origin.position.clone(), index: origin.index, arrived_at_ms };
        self.0.retain(|known| arrived_at_ms.saturating_sub(known.arrived_at_ms) <= ORIGIN_MEMORY_MS);
        let index = self.0.partition_point(|known| known.shard < shard);
        match self.0.get_mut(index) {
            Some(known) if known.shard == shard => *known = mark,
            _ => self.0.insert(index, mark),
        }
    }
}

fn shard_hash(source: &str, shard: &Shard) -> u64 {
    names_hash(&[source, shard.stream(), shard.id()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::SequenceNumber;

    fn origin(shard_id: &str, sequence: u32, index: u32) -> Origin {
        let sequence = SequenceNumber::parse(&sequence.to_string()).unwrap();
        let position = Position { sequence, sub_sequence: 0, element: 0 };
        Origin { shard: Shard::new("events", shard_id), position, index }
    }

    #[test]
    fn each_shard_has_its_own_last_origin() {
        let mut origins = Origins::default();
        for (shard_id, sequence) in [("a", 10), ("b", 3), ("c", 7)] {
            assert!(origins.is_above("sessions", &origin(shard_id, sequence, 1)));
            origins.record("sessions", &origin(shard_id, sequence, 1), 0);
        }
        for (shard_id, sequence) in [("a", 10), ("b", 3), ("c", 7)] {
            assert!(!origins.is_above("sessions", &origin(shard_id, sequence, 1)));
            assert!(!origins.is_above("sessions", &origin(shard_id, sequence - 1, 9)));
            assert!(origins.is_above("sessions", &origin(shard_id, sequence, 2)));
            assert!(origins.is_above("sessions", &origin(shard_id, sequence + 1, 0)));
        }
        origins.record("sessions", &origin("b", 4, 0), 5);
        assert!(!origins.is_above("sessions", &origin("b", 4, 0)));
        let shards: Vec<_> = origins.marks().iter().map(|mark| mark.shard).collect();
        assert!(shards.len() == 3 && shards.is_sorted());
    }

    #[test]
    fn stored_marks_have_each_shard_once_and_in_order() {
        let sound = |shards: &[u64]| {
            let position = origin("a", 1, 0).position;
            let mark = |shard: &u64| OriginMark {
                shard: *shard,
                position: position.clone(),
                index: 0,
                arrived_at_ms: 0,
            };
            Origins::from_parts(shards.iter().map(mark).collect()).is_some()
        };
        assert!(sound(&[]) && sound(&[1, 2]));
        assert!(!sound(&[1, 1]) && !sound(&[2, 1]));
    }

    #[test]
    fn stored_shards_stay_known() {
        // Computed with the reference library's Python binding.
        assert_eq!(
            shard_hash(
                "urn:millrace:sessions",
                &Shard::new("millrace-Events-1A2B3C", "shardId-000000000003")
            ),
            0x201c_7055_6333_678d
        );
        assert_eq!(ORIGIN_MEMORY_MS, 34_560_000_000);
    }

    #[test]
    fn two_functions_and_two_streams_have_shards_of_one_name() {
        let mut origins = Origins::default();
        origins.record("sessions", &origin("a", 10, 0), 0);
        assert!(origins.is_above("fraud", &origin("a", 5, 0)));
        let other = Origin { shard: Shard::new("events-2", "a"), ..origin("a", 5, 0) };
        assert!(origins.is_above("sessions", &other));
    }

    #[test]
    fn a_shard_is_forgotten_once_nothing_of_it_can_come_again() {
        let mut origins = Origins::default();
        origins.record("sessions", &origin("a", 10, 0), 0);
        origins.record("sessions", &origin("b", 10, 0), ORIGIN_MEMORY_MS);
        assert_eq!(origins.marks().len(), 2);
        origins.record("sessions", &origin("b", 11, 0), ORIGIN_MEMORY_MS + 1);
        assert_eq!(origins.marks().len(), 1);
        assert!(!origins.is_above("sessions", &origin("b", 11, 0)));
    }
}
