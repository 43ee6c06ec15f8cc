//! The ledger as one binary attribute.
//!
//! ```text
//! format        1 byte
//! largest time  option of signed varint
//! money, then activity:
//!   watermark   option of signed varint
//!   count       varint
//!   entries     time as varint above the watermark or the entry before, 8 bytes identity, 4 bytes payload
//! positions     varint count, oldest shard first; 8 bytes shard, digits (varint length, two to a byte),
//!               varint sub-sequence, varint element
//! origins       varint count; 8 bytes shard, digits, sub-sequence and element as above, varint
//!               index of the signal, signed varint arrival
//! signals       varint count; time as varint above the signal before (the first: above the epoch), 8 bytes identity
//! ```
//! Shards are hashes of names, see [`crate::Shard::hash64`]; that of an origin has the emitting function too.
//!
//! Varints are LEB128, signed ones zigzag, fixed numbers little-endian. An option is a byte 0 or 1 before it.

use super::{Ledger, OriginMark, Origins, Seen, SeenSet, SignalSeen, SignalsSeen};
use crate::position::{Position, SequenceNumber};
use crate::varint::{Input, put_varint, unzigzag, zigzag};

/// The format that this release writes, and the newest that it reads.
pub const FORMAT: u8 = 1;

/// Bytes that are no ledger of this release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerUnreadable {
    /// Written by a newer release. The item must be left alone until that release runs again.
    #[error(
        "the ledger has format {found}, and this release reads formats up to {FORMAT}: deploy the release that wrote it"
    )]
    Newer {
        /// The format found.
        found: u8,
    },
    /// Corrupt, or written by something else.
    #[error("the ledger is corrupt: {what}")]
    Corrupt {
        /// The part that could not be read.
        what: &'static str,
    },
}

impl Ledger {
    /// Packs the ledger.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        put_option(&mut out, self.largest_event_time_ms);
        for set in [&self.money, &self.activity] {
            put_option(&mut out, (set.watermark_ms() != i64::MIN).then_some(set.watermark_ms()));
            put_varint(&mut out, set.len() as u64);
            let mut before_ms = set.watermark_ms().max(0);
            for entry in set.entries() {
                put_varint(&mut out, entry.time_ms.wrapping_sub(before_ms).cast_unsigned());
                before_ms = entry.time_ms;
                out.extend(entry.identity.to_le_bytes());
                out.extend(entry.payload.to_le_bytes());
            }
        }
        put_varint(&mut out, self.positions.len() as u64);
        for (shard, position) in &self.positions {
            out.extend(shard.to_le_bytes());
            put_position(&mut out, position);
        }
        put_varint(&mut out, self.origins.marks().len() as u64);
        for mark in self.origins.marks() {
            out.extend(mark.shard.to_le_bytes());
            put_position(&mut out, &mark.position);
            put_varint(&mut out, mark.index.into());
            put_varint(&mut out, zigzag(mark.arrived_at_ms));
        }
        put_signals(&mut out, &self.signals);
        out
    }

    /// Unpacks a ledger.
    ///
    /// # Errors
    /// When the bytes are of a newer format, or corrupt.
    pub fn unpack(bytes: &[u8]) -> Result<Self, LedgerUnreadable> {
        let corrupt = |what| LedgerUnreadable::Corrupt { what };
        let (format, rest) = bytes.split_first().ok_or(corrupt("it is empty"))?;
        match *format {
            FORMAT => {}
            0 => return Err(corrupt("its format is 0")),
            found => return Err(LedgerUnreadable::Newer { found }),
        }
        let mut input = Input(rest);
        let largest_event_time_ms = input.option().ok_or(corrupt("its largest time"))?;
        let money = input.seen_set().ok_or(corrupt("its money entries"))?;
        let activity = input.seen_set().ok_or(corrupt("its activity entries"))?;
        let positions = input.positions().ok_or(corrupt("its positions"))?;
        let origins = input.origins().ok_or(corrupt("its origins"))?;
        let signals = input.signals().ok_or(corrupt("its signals"))?;
        match input.0.is_empty() {
            true => Ok(Self { largest_event_time_ms, money, activity, positions, origins, signals }),
            false => Err(corrupt("bytes follow its end")),
        }
    }
}

fn put_option(out: &mut Vec<u8>, value: Option<i64>) {
    out.push(value.is_some().into());
    if let Some(value) = value {
        put_varint(out, zigzag(value));
    }
}

fn put_position(out: &mut Vec<u8>, position: &Position) {
    let digits = position.sequence.as_str();
    put_varint(out, digits.len() as u64);
    out.extend(digits.as_bytes().chunks(2).map(|pair| {
        let nibble = |index: usize| pair.get(index).map_or(0, |digit| digit.wrapping_sub(b'0'));
        nibble(0) << 4 | nibble(1)
    }));
    put_varint(out, position.sub_sequence.into());
    put_varint(out, position.element.into());
}

fn put_signals(out: &mut Vec<u8>, signals: &SignalsSeen) {
    put_varint(out, signals.signals().len() as u64);
    let mut before_ms = 0_i64;
    for signal in signals.signals() {
        put_varint(out, signal.time_ms.wrapping_sub(before_ms).cast_unsigned());
        before_ms = signal.time_ms;
        out.extend(signal.identity.to_le_bytes());
    }
}

impl Input<'_> {
    fn option(&mut self) -> Option<Option<i64>> {
        match self.take(1)? {
            [0] => Some(None),
            [1] => self.varint().map(|value| Some(unzigzag(value))),
            _ => None,
        }
    }

    fn seen_set(&mut self) -> Option<SeenSet> {
        let watermark_ms = self.option()?.unwrap_or(i64::MIN);
        let count = self.length()?;
        let mut entries = Vec::new();
        let mut before_ms = watermark_ms.max(0);
        for _ in 0..count {
            let time_ms = before_ms.wrapping_add(self.varint()?.cast_signed());
            let identity = self.hash()?;
            let payload = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
            entries.push(Seen { time_ms, identity, payload });
            before_ms = time_ms;
        }
        SeenSet::from_parts(watermark_ms, entries)
    }

    fn positions(&mut self) -> Option<Vec<(u64, Position)>> {
        let count = self.length()?;
        let mut positions: Vec<(u64, Position)> = Vec::new();
        for _ in 0..count {
            let (shard, position) = (self.hash()?, self.position()?);
            if positions.iter().any(|(known, _)| *known == shard) {
                return None;
            }
            positions.push((shard, position));
        }
        Some(positions)
    }

    fn position(&mut self) -> Option<Position> {
        let digits = self.length()?;
        let packed = self.take(digits.div_ceil(2))?;
        let text: String = packed
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0x0f])
            .take(digits)
            .map(|nibble| char::from(b'0' + nibble))
            .collect();
        let sequence = SequenceNumber::parse(&text).ok()?;
        Some(Position { sequence, sub_sequence: self.number()?, element: self.number()? })
    }

    fn hash(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn number(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    fn origins(&mut self) -> Option<Origins> {
        let count = self.length()?;
        let mut marks = Vec::new();
        for _ in 0..count {
            let (shard, position, index) = (self.hash()?, self.position()?, self.number()?);
            marks.push(OriginMark { shard, position, index, arrived_at_ms: unzigzag(self.varint()?) });
        }
        Origins::from_parts(marks)
    }

    fn signals(&mut self) -> Option<SignalsSeen> {
        let count = self.length()?;
        let mut signals = Vec::new();
        let mut time_ms = 0_i64;
        for _ in 0..count {
            time_ms = time_ms.wrapping_add(self.varint()?.cast_signed());
            signals.push(SignalSeen { time_ms, identity: self.hash()? });
        }
        SignalsSeen::from_parts(signals)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Candidate, LedgerSettings};
    use super::*;
    use crate::event::Class;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for (index, time_ms) in
            [1_291_191_960_000, 1_291_191_961_500, 1_291_191_960_000].into_iter().enumerate()
        {
            let digits = "49590338271490256608559692538361571095921575989136588898";
            let position =
                Position { sequence: SequenceNumber::parse(digits).unwrap(), sub_sequence: 300, element: 1 };
            let candidate = Candidate {
                class: if index == 1 { Class::Activity } else { Class::Money },
                time_ms,
                identity: u64::MAX - index as u64,
                payload: 5,
                shard: 3,
                position: &position,
            };
            ledger.record(&candidate, &LedgerSettings::default());
        }
        ledger
    }

    #[test]
    fn a_shard_stands_in_a_ledger_once() {
        let mut two = ledger();
        let position = two.positions[0].1.clone();
        two.positions.push((4, position));
        assert_eq!(Ledger::unpack(&two.pack()).unwrap(), two);
        two.positions[0].0 = 4;
        assert_eq!(Ledger::unpack(&two.pack()), Err(LedgerUnreadable::Corrupt { what: "its positions" }));
    }

    #[test]
    fn packing_and_unpacking_are_inverse() {
        assert_eq!(Ledger::unpack(&ledger().pack()).unwrap(), ledger());
        assert_eq!(Ledger::unpack(&Ledger::default().pack()).unwrap(), Ledger::default());
    }

    #[test]
    fn format_1_stays_readable() {
        // Packed by hand from the layout above.
        #[rustfmt::skip]
        let stored = [
            0x01, 0x01, 0xf8, 0x89, 0xce, 0x90, 0x94, 0x4b, 0x01, 0xf8, 0xa9, 0xe8, 0xeb, 0x92, 0x4b, 0x01,
            0x80, 0xf0, 0xb2, 0x52, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0x07, 0x00, 0x00, 0x00,
            0x01, 0xf8, 0xea, 0x84, 0x90, 0x94, 0x4b, 0x00,
            0x01, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x05, 0x12, 0x34, 0x50, 0xac, 0x02, 0x01,
            0x01, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0x05, 0x12, 0x34, 0x50, 0xac, 0x02, 0x01,
            0x03, 0xf8, 0x89, 0xce, 0x90, 0x94, 0x4b,
            0x02, 0xac, 0x02, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
            0x01, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
        ];
        let ledger = Ledger::unpack(&stored).unwrap();
        assert_eq!(ledger.largest_event_time_ms(), Some(1_291_191_960_188));
        assert_eq!(ledger.class(Class::Money).watermark_ms(), 1_291_019_160_188);
        let entry = Seen { time_ms: 1_291_191_960_188, identity: 0x0123_4567_89ab_cdef, payload: 7 };
        assert_eq!(ledger.class(Class::Money).entries(), [entry]);
        let sequence = SequenceNumber::parse("12345").unwrap();
        let position = Position { sequence, sub_sequence: 300, element: 1 };
        assert_eq!(ledger.position(0x1122_3344_5566_7788), Some(&position));
        let shard = 0x0123_4567_89ab_cdef;
        let mark = OriginMark { shard, position, index: 3, arrived_at_ms: 1_291_191_960_188 };
        assert_eq!(ledger.origins().marks(), [mark]);
        let signals = [(300, 0x0102_0304_0506_0708), (301, 0x1112_1314_1516_1718)];
        assert_eq!(
            ledger.signals().signals(),
            signals.map(|(time_ms, identity)| SignalSeen { time_ms, identity })
        );
        assert_eq!(ledger.pack(), stored);
        for end in 1..stored.len() {
            assert!(matches!(Ledger::unpack(&stored[..end]), Err(LedgerUnreadable::Corrupt { .. })), "{end}");
        }
    }

    #[test]
    fn a_newer_format_is_told_apart_from_corruption() {
        assert_eq!(Ledger::unpack(&[2]), Err(LedgerUnreadable::Newer { found: 2 }));
        assert_eq!(Ledger::unpack(&[0]), Err(LedgerUnreadable::Corrupt { what: "its format is 0" }));
        assert!(matches!(Ledger::unpack(&[]), Err(LedgerUnreadable::Corrupt { .. })));
        let packed = ledger().pack();
        for end in 1..packed.len() {
            assert!(matches!(Ledger::unpack(&packed[..end]), Err(LedgerUnreadable::Corrupt { .. })), "{end}");
        }
        assert!(Ledger::unpack(&[packed, vec![0]].concat()).is_err());
    }

    #[test]
    fn a_usual_ledger_is_small() {
        assert!(ledger().pack().len() < 150, "{}", ledger().pack().len());
    }
}
