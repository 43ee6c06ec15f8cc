//! Changes to bytes that know nothing of their meaning.

use fastrand::Rng;

/// What decoders look for.
const TOKENS: [&[u8]; 22] = [
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"-1",
    b"1e999",
    b"0.5",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b" at line ",
    b"\x00",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\xf3\x89\x9a\xc2",
    b"\x03\x05",
];
/// Beyond it inputs cost time and find nothing new.
const LIMIT_BYTES: usize = 64 * 1024;

pub(super) fn changed(input: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut output = input.to_vec();
    let range = range(input, rng);
    match rng.u8(0..8) {
        0 => output.iter_mut().skip(range.start).take(1).for_each(|byte| *byte ^= 1 << rng.u8(0..8)),
        1 => output.iter_mut().skip(range.start).take(1).for_each(|byte| *byte = rng.u8(..)),
        2 => drop(output.drain(range)),
        3 => output.truncate(range.start),
        4 => {
            let copy = input[range.clone()].to_vec();
            drop(output.splice(range.start..range.start, copy));
        }
        5 => drop(output.splice(range, other[self::range(other, rng)].to_vec())),
        6 => drop(output.splice(range, [rng.u8(..)])),
        _ => drop(output.splice(range.start..range.start, TOKENS[rng.usize(0..TOKENS.len())].to_vec())),
    }
    output.truncate(LIMIT_BYTES);
    output
}

/// A piece, mostly a short one.
fn range(bytes: &[u8], rng: &mut Rng) -> std::ops::Range<usize> {
    let start = rng.usize(0..=bytes.len());
    let longest = if rng.bool() { 8 } else { bytes.len() };
    start..(start + rng.usize(0..=longest)).min(bytes.len())
}
