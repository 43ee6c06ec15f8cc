//! What makes an event the same event: hashes of its identity and of its payload.
//!
//! The values are stored in items for as long as an event's dedup window lasts, so the hash is a specified one
//! (XXH3, 64 bits) and not that of the standard library.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

/// Longest `source` in bytes.
pub const SOURCE_LIMIT_BYTES: usize = 512;
/// Longest `id` in bytes.
pub const ID_LIMIT_BYTES: usize = 256;

const PREFIX_BYTES: usize = 4;
const BUFFER_BYTES: usize = 2 * PREFIX_BYTES + SOURCE_LIMIT_BYTES + ID_LIMIT_BYTES;

/// XXH3 of `source` and `id`, each behind its length as four little-endian bytes, so that no two pairs share
/// their bytes. CloudEvents 1.0 defines the pair as the identity of an event.
///
/// Both are truncated at their limits, which the envelope's contract has enforced before.
pub fn identity_hash(source: &str, id: &str) -> u64 {
    let mut buffer = [0_u8; BUFFER_BYTES];
    let mut used = 0;
    for (text, limit) in [(source, SOURCE_LIMIT_BYTES), (id, ID_LIMIT_BYTES)] {
        let bytes = text.as_bytes().get(..limit).unwrap_or(text.as_bytes());
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        for part in [&length[..], bytes] {
            // The parts sum up to BUFFER_BYTES at the most, so the range is always there.
            if let Some(slot) = buffer.get_mut(used..used + part.len()) {
                slot.copy_from_slice(part);
            }
            used += part.len();
        }
    }
    xxh3_64(buffer.get(..used).unwrap_or(&buffer))
}

/// XXH3 of names, each behind its length, so that no two lists of names share their bytes.
pub fn names_hash(names: &[&str]) -> u64 {
    xxh3_64(&prefixed(names))
}

fn prefixed(names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(names.iter().map(|name| PREFIX_BYTES + name.len()).sum());
    for name in names {
        bytes.extend(u32::try_from(name.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes
}

/// 128 bits over what caused a signal: source and id are an event's identity, and the subject tells the timers of two
/// keys apart, which have one source and may have one id.
pub fn cause_hash(source: &str, subject: &str, id: &str) -> u128 {
    xxh3_128(&prefixed(&[source, subject, id]))
}

/// 32 bits over type, time and the bytes of `data`: a repeat by the same producer has all three alike, another
/// event under a reused id has not. Extension attributes such as a trace id may differ between repeats.
pub fn payload_hash(event_type: &str, time_ms: i64, data: &str) -> u32 {
    let seed = xxh3_64(event_type.as_bytes()) ^ time_ms.cast_unsigned();
    let hash = xxh3_64_with_seed(data.as_bytes(), seed);
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_between_source_and_id_counts() {
        assert_ne!(identity_hash("ab", "c"), identity_hash("a", "bc"));
        assert_ne!(identity_hash("", "abc"), identity_hash("abc", ""));
        assert_ne!(cause_hash("", "ab", "c"), cause_hash("", "a", "bc"));
    }

    #[test]
    fn stored_hashes_stay_readable() {
        // Computed with the reference library's Python binding.
        assert_eq!(identity_hash("urn:online-retail", "536365"), 0x7df8_59ff_3fb3_25b2);
        assert_eq!(payload_hash("user.logged_in", 1_291_191_960_000, "{}"), 0x0f42_fd36);
        let cause = cause_hash("urn:online-retail", "user-17850", "536365");
        assert_eq!(cause, 0xdceb_70f9_d43f_3030_b67d_f7dc_22cd_843d);
    }

    #[test]
    fn every_part_of_the_payload_counts() {
        let base = payload_hash("order.placed", 5, "{}");
        assert_ne!(base, payload_hash("order.returned", 5, "{}"));
        assert_ne!(base, payload_hash("order.placed", 6, "{}"));
        assert_ne!(base, payload_hash("order.placed", 5, "{ }"));
    }

    #[test]
    fn the_longest_identity_fits() {
        let (source, id) = ("s".repeat(SOURCE_LIMIT_BYTES), "i".repeat(ID_LIMIT_BYTES));
        let other = format!("{}j", "i".repeat(ID_LIMIT_BYTES - 1));
        assert_ne!(identity_hash(&source, &id), identity_hash(&source, &other));
    }
}
