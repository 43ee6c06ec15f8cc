//! Changes to an input that mostly keep its shape: JSON stays JSON, and base64 within it is opened.

mod bytes;
mod json;

use fastrand::Rng;

/// An input made from this one. The same `seed` gives the same one.
pub fn mutated(input: &[u8], other: &[u8], seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    let mut output = input.to_vec();
    for _ in 0..1 << rng.u32(0..4) {
        output = once(&output, other, &mut rng);
    }
    output
}

fn once(input: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    // Text that is no JSON any more is worth a look, so one in four changes is blind even to it.
    let parsed = if rng.u8(0..4) == 0 { None } else { serde_json::from_slice(input).ok() };
    match parsed {
        Some(value) => json::changed(value, other, rng),
        None => bytes::changed(input, other, rng),
    }
}
