//! The last origin applied of each lane that signals came from.
//!
//! A key of signals is fed by all users, whose lanes may lag behind one another by hours, so no horizon of event time
//! would do. But a lane delivers in order, and what it causes arrives in order: the last origin of each lane says of
//! every signal of that lane whether it was applied.

use xxhash_rust::xxh3::xxh3_64;

use crate::position::Position;
use crate::signal::Origin;
use crate::time::DAY_MS;

/// How long a lane is remembered after its last signal, in milliseconds: the longest that Kinesis keeps the cause, a
/// year, and after it the signal. Nothing that the lane caused can come again later.
pub const ORIGIN_MEMORY_MS: i64 = 400 * DAY_MS;

/// The last origin applied of one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginMark {
    /// Hash of the function that told of it, and of the lane that its cause was read from: shards of two streams may
    /// have one name.
    pub lane: u64,
    /// The cause's place in the lane.
    pub position: Position,
    /// Index among the signals of one cause.
    pub index: u32,
    /// When the signal arrived, in epoch milliseconds.
    pub arrived_at_ms: i64,
}

/// Marks by lane, in order of the lanes' hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<OriginMark>);

impl Origins {
    /// Marks as they were stored; `None` when a lane is there twice, or they are not in order.
    pub(super) fn from_parts(marks: Vec<OriginMark>) -> Option<Self> {
        marks.is_sorted_by(|mark, next| mark.lane < next.lane).then_some(Self(marks))
    }

    /// The marks, in order of the lanes' hashes.
    pub fn marks(&self) -> &[OriginMark] {
        &self.0
    }

    /// Whether a signal of this source with this origin lies above the last one applied of its lane.
    pub fn is_above(&self, source: &str, origin: &Origin) -> bool {
        let lane = lane_hash(source, &origin.lane);
        let last = self.0.iter().find(|mark| mark.lane == lane);
        last.is_none_or(|last| (&last.position, last.index) < (&origin.position, origin.index))
    }

    /// Notes the origin of a signal as the last of its lane, and forgets lanes of which nothing can come again.
    pub fn record(&mut self, source: &str, origin: &Origin, arrived_at_ms: i64) {
        let lane = lane_hash(source, &origin.lane);
        let mark = OriginMark { lane, position: origin.position.clone(), index: origin.index, arrived_at_ms };
        self.0.retain(|known| arrived_at_ms.saturating_sub(known.arrived_at_ms) <= ORIGIN_MEMORY_MS);
        let place = self.0.partition_point(|known| known.lane < lane);
        match self.0.get_mut(place) {
            Some(known) if known.lane == lane => *known = mark,
            _ => self.0.insert(place, mark),
        }
    }
}

fn lane_hash(source: &str, lane: &str) -> u64 {
    let mut bytes = Vec::with_capacity(source.len() + lane.len() + 8);
    for text in [source, lane] {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    xxh3_64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::SequenceNumber;

    fn origin(lane: &str, sequence: u32, index: u32) -> Origin {
        let sequence = SequenceNumber::parse(&sequence.to_string()).unwrap();
        let position = Position { sequence, sub_sequence: 0, index: 0 };
        Origin { lane: lane.to_owned(), position, index }
    }

    #[test]
    fn each_lane_has_its_own_last_origin() {
        let mut origins = Origins::default();
        for (lane, sequence) in [("a", 10), ("b", 3), ("c", 7)] {
            assert!(origins.is_above("sessions", &origin(lane, sequence, 1)));
            origins.record("sessions", &origin(lane, sequence, 1), 0);
        }
        for (lane, sequence) in [("a", 10), ("b", 3), ("c", 7)] {
            assert!(!origins.is_above("sessions", &origin(lane, sequence, 1)));
            assert!(!origins.is_above("sessions", &origin(lane, sequence - 1, 9)));
            assert!(origins.is_above("sessions", &origin(lane, sequence, 2)));
            assert!(origins.is_above("sessions", &origin(lane, sequence + 1, 0)));
        }
        origins.record("sessions", &origin("b", 4, 0), 5);
        assert!(!origins.is_above("sessions", &origin("b", 4, 0)));
        let lanes: Vec<_> = origins.marks().iter().map(|mark| mark.lane).collect();
        assert!(lanes.len() == 3 && lanes.is_sorted());
    }

    #[test]
    fn stored_marks_have_each_lane_once_and_in_order() {
        let sound = |lanes: &[u64]| {
            let position = origin("a", 1, 0).position;
            let mark = |lane: &u64| OriginMark {
                lane: *lane,
                position: position.clone(),
                index: 0,
                arrived_at_ms: 0,
            };
            Origins::from_parts(lanes.iter().map(mark).collect()).is_some()
        };
        assert!(sound(&[]) && sound(&[1, 2]));
        assert!(!sound(&[1, 1]) && !sound(&[2, 1]));
    }

    #[test]
    fn stored_lanes_stay_known() {
        // Computed with the reference library's Python binding.
        assert_eq!(lane_hash("urn:millrace:sessions", "shardId-000000000003"), 0x084b_d24d_ebda_c569);
        assert_eq!(ORIGIN_MEMORY_MS, 34_560_000_000);
    }

    #[test]
    fn two_functions_read_lanes_of_one_name() {
        let mut origins = Origins::default();
        origins.record("sessions", &origin("a", 10, 0), 0);
        assert!(origins.is_above("fraud", &origin("a", 5, 0)));
    }

    #[test]
    fn a_lane_is_forgotten_once_nothing_of_it_can_come_again() {
        let mut origins = Origins::default();
        origins.record("sessions", &origin("a", 10, 0), 0);
        origins.record("sessions", &origin("b", 10, 0), ORIGIN_MEMORY_MS);
        assert_eq!(origins.marks().len(), 2);
        origins.record("sessions", &origin("b", 11, 0), ORIGIN_MEMORY_MS + 1);
        assert_eq!(origins.marks().len(), 1);
        assert!(!origins.is_above("sessions", &origin("b", 11, 0)));
    }
}
