//! Numbers in packed attributes: LEB128 varints, signed ones zigzag.

/// Appends a varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// A signed number as an unsigned one, small where it is near zero.
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// The inverse of [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Packed bytes that are still to be read. Whatever cannot be read is `None`.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            let bits = u64::from(byte & 0x7f);
            if bits.checked_shl(shift)? >> shift != bits {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were() {
        for value in [0, 1, -1, 63, -64, 64, 8_191, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_varint(&mut out, zigzag(value));
            let mut input = Input(&out);
            assert_eq!(input.varint().map(unzigzag), Some(value));
            assert!(input.0.is_empty());
        }
    }

    #[test]
    fn what_ends_early_or_overflows_is_no_number() {
        assert_eq!(Input(&[0x80]).varint(), None);
        assert_eq!(Input(&[0xff; 11]).varint(), None);
        let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Input(&largest).varint(), Some(u64::MAX));
    }

    #[test]
    fn varints_have_seven_bits_to_a_byte_and_nothing_to_spare() {
        let cases: [(u64, &[u8]); 6] = [
            (0, &[0]),
            (0x7f, &[0x7f]),
            (0x80, &[0x80, 0x01]),
            (300, &[0xac, 0x02]),
            (1 << 63, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
            (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ];
        for (value, bytes) in cases {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, bytes, "{value}");
            assert_eq!(Input(bytes).varint(), Some(value));
        }
        for (tenth, eleventh) in [(0x02, None), (0x81, Some(0x00))] {
            let bytes: Vec<u8> = [0x80; 9].into_iter().chain([tenth]).chain(eleventh).collect();
            assert_eq!(Input(&bytes).varint(), None, "more than 64 bits");
        }
    }

    #[test]
    fn signed_numbers_zigzag() {
        let cases = [(0, 0), (-1, 1), (1, 2), (-2, 3), (i64::MAX, u64::MAX - 1), (i64::MIN, u64::MAX)];
        for (signed, unsigned) in cases {
            assert_eq!((zigzag(signed), unzigzag(unsigned)), (unsigned, signed));
        }
    }
}
