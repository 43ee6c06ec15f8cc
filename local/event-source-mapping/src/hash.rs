//! FNV-1a: a hash that is specified, so that lanes and names are the same on every run and machine.

/// Hash of 64 bits, for lanes.
pub(crate) fn fnv1a_64(bytes: &[u8]) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// A UUID of version 8 (RFC 9562: custom) made of `parts`; the boundary between parts counts.
pub(crate) fn uuid_of(parts: &[&str]) -> String {
    const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    // 0xff occurs in no UTF-8 text, so it cannot be part of a name.
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    let hash = bytes.fold(OFFSET_BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    let version = 0x8_u128 << 76;
    let variant = 0b10_u128 << 62;
    let bits = hash & !(0xf_u128 << 76) & !(0b11_u128 << 62) | version | variant;
    let (a, b, c, d, e) =
        (bits >> 96, bits >> 80 & 0xffff, bits >> 64 & 0xffff, bits >> 48 & 0xffff, bits & 0xffff_ffff_ffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_the_published_fnv1a() {
        assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a_64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn uuid_has_version_8_and_depends_on_the_boundaries_of_its_parts() {
        let uuid = uuid_of(&["ab", "c"]);
        let groups: Vec<_> = uuid.split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(groups[2].starts_with('8'));
        assert!(groups[3].starts_with(['8', '9', 'a', 'b']));
        assert_ne!(uuid, uuid_of(&["a", "bc"]));
        assert_eq!(uuid, uuid_of(&["ab", "c"]));
    }
}
