//! The moves of the last days, kept apart so that a count which comes behind them can still be put in order.

use std::fmt;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::StockOverflow;
use crate::time::HOUR_MS;
use crate::varint::{Input, put_varint, unzigzag, zigzag};

/// Most milliseconds that are kept apart. With gaps of minutes an entry takes four or five bytes of the item.
pub const RECENT_LIMIT_MOVES: usize = 128;
/// How long before the newest a move is kept apart, in milliseconds: as late as warehouses hand in their counts.
pub const RECENT_MEMORY_MS: i64 = 48 * HOUR_MS;

/// The format that this release writes and reads. Any other is corrupt: whoever changes it raises the state's `FORMAT`
/// too, and a release leaves an item of a newer format alone before it comes to read the moves.
const FORMAT: u8 = 1;

/// What moved in one millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Event time in epoch milliseconds.
    pub at_ms: i64,
    /// Pieces that came, less those that went.
    pub quantity: i64,
}

/// Moves by millisecond, oldest first, packed as one binary attribute.
///
/// ```text
/// format   1 byte
/// count    varint
/// entries  time as varint above the entry before, quantity as signed varint
/// ```
/// Varints are LEB128, signed ones zigzag. The first entry's time stands above the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent(Vec<Move>);

/// Bytes that cannot be read as moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recent moves are corrupt")]
pub struct RecentUnreadable;

impl Recent {
    /// The moves, oldest first.
    pub fn moves(&self) -> &[Move] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a move to what moved in its millisecond. One whose sum is zero stays: which moves are kept apart must
    /// depend on their times only, or it would depend on the order in which they came.
    pub(super) fn add(&mut self, at_ms: i64, quantity: i64) -> Result<(), StockOverflow> {
        let index = self.0.partition_point(|known| known.at_ms < at_ms);
        match self.0.get_mut(index) {
            Some(known) if known.at_ms == at_ms => {
                known.quantity = known.quantity.checked_add(quantity).ok_or(StockOverflow)?;
            }
            _ => self.0.insert(index, Move { at_ms, quantity }),
        }
        Ok(())
    }

    /// Lets go of the moves at or before this time.
    pub(super) fn forget_until(&mut self, at_ms: i64) {
        self.0.drain(..self.0.partition_point(|known| known.at_ms <= at_ms));
    }

    /// Takes out the moves that are too old to be kept apart, or too many; oldest first.
    pub(super) fn take_surplus(&mut self) -> impl Iterator<Item = Move> {
        let newest_ms = self.0.last().map_or(0, |newest| newest.at_ms);
        let too_old = |known: &Move| known.at_ms < newest_ms.saturating_sub(RECENT_MEMORY_MS);
        let too_many = self.0.len().saturating_sub(RECENT_LIMIT_MOVES);
        self.0.drain(..self.0.partition_point(too_old).max(too_many))
    }

    /// Packs the moves.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        put_varint(&mut out, self.0.len() as u64);
        let mut before_ms = 0_i64;
        for known in &self.0 {
            put_varint(&mut out, known.at_ms.wrapping_sub(before_ms).cast_unsigned());
            put_varint(&mut out, zigzag(known.quantity));
            before_ms = known.at_ms;
        }
        out
    }

    /// Unpacks moves.
    ///
    /// # Errors
    /// When the bytes are corrupt.
    pub fn unpack(bytes: &[u8]) -> Result<Self, RecentUnreadable> {
        Self::read(bytes).ok_or(RecentUnreadable)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&FORMAT, rest) = bytes.split_first()? else { return None };
        let mut input = Input(rest);
        let count = input.length().filter(|count| *count <= RECENT_LIMIT_MOVES)?;
        let mut moves: Vec<Move> = Vec::with_capacity(count);
        for _ in 0..count {
            let gap_ms = i64::try_from(input.varint()?).ok()?;
            let at_ms = match moves.last() {
                Some(_) if gap_ms == 0 => return None,
                before => before.map_or(0, |before| before.at_ms).checked_add(gap_ms)?,
            };
            moves.push(Move { at_ms, quantity: unzigzag(input.varint()?) });
        }
        input.0.is_empty().then_some(Self(moves))
    }
}

impl Serialize for Recent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.pack())
    }
}

impl<'de> Deserialize<'de> for Recent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Packed;
        impl<'de> Visitor<'de> for Packed {
            type Value = Recent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("packed moves")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Recent, E> {
                Recent::unpack(bytes).map_err(E::custom)
            }

            // Formats without binary values write them as lists of numbers.
            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Recent, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = numbers.next_element()? {
                    bytes.push(byte);
                }
                Recent::unpack(&bytes).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_bytes(Packed)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{BoolDeserializer, BytesDeserializer, Error as ValueError};

    use super::*;

    fn recent(moves: &[(i64, i64)]) -> Recent {
        let mut recent = Recent::default();
        moves.iter().for_each(|(at_ms, quantity)| recent.add(*at_ms, *quantity).unwrap());
        recent
    }

    #[test]
    fn moves_of_one_millisecond_are_one_and_in_order() {
        let expected = [(1, -2), (5, 3), (9, 0)].map(|(at_ms, quantity)| Move { at_ms, quantity });
        assert_eq!(recent(&[(5, 4), (9, 1), (1, -2), (5, -1), (9, -1)]).moves(), expected);
        assert_eq!(recent(&[(1, i64::MAX)]).add(1, 1), Err(StockOverflow));
    }

    #[test]
    fn packing_and_unpacking_are_inverse() {
        let all: Vec<_> = (0..128).map(|at| (1_291_191_960_000 + at * at * 1_000, at - 64)).collect();
        for moves in [&[][..], &[(0, 0)], &[(0, i64::MIN), (i64::MAX, i64::MAX)], &all] {
            let recent = recent(moves);
            assert_eq!(Recent::unpack(&recent.pack()), Ok(recent));
        }
    }

    #[test]
    fn moves_of_two_days_are_kept_apart() {
        let two_days_ms = 172_800_000;
        let mut moves = recent(&[(0, 1), (1, 1), (two_days_ms + 1, 1)]);
        assert_eq!(moves.take_surplus().collect::<Vec<_>>(), [Move { at_ms: 0, quantity: 1 }]);
    }

    #[test]
    fn bytes_are_read_and_other_types_named() {
        let expected = recent(&[(300, -3), (301, 64)]);
        let packed = expected.pack();
        assert_eq!(Recent::deserialize(BytesDeserializer::<ValueError>::new(&packed)), Ok(expected));
        let problem = Recent::deserialize(BoolDeserializer::<ValueError>::new(true)).unwrap_err();
        assert_eq!(problem.to_string(), "invalid type: boolean `true`, expected packed moves");
    }

    #[test]
    fn format_1_stays_readable() {
        // Packed by hand from the layout above: -3 at 300 ms, and 64 a millisecond later.
        let stored = [0x01, 0x02, 0xac, 0x02, 0x05, 0x01, 0x80, 0x01];
        assert_eq!(Recent::unpack(&stored), Ok(recent(&[(300, -3), (301, 64)])));
        assert_eq!(recent(&[(300, -3), (301, 64)]).pack(), stored);
    }

    #[test]
    fn corrupt_bytes_are_rejected() {
        let packed = recent(&[(300, -3), (301, 64)]).pack();
        for end in 0..packed.len() {
            assert_eq!(Recent::unpack(&packed[..end]), Err(RecentUnreadable), "{end}");
        }
        let bad = [
            &[0x00, 0x00][..],                                                   // no format
            &[0x02, 0x00],                                                       // another one
            &[0x01, 0x00, 0x00],                                                 // bytes behind the end
            &[0x01, 0x02, 0x05, 0x00, 0x00, 0x00],                               // two entries of one time
            &[0x01, 0x81, 0x01],                                                 // 129 entries
            &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], // as many as there are numbers
        ];
        for bytes in bad {
            assert_eq!(Recent::unpack(bytes), Err(RecentUnreadable), "{bytes:?}");
        }
        let beyond = [&[0x01, 0x01][..], &[0xff; 9], &[0x01, 0x00]].concat();
        assert_eq!(Recent::unpack(&beyond), Err(RecentUnreadable));
    }
}
