//! libFuzzer on one of the targets of `millrace-tests`, with its structure-aware mutations beside libFuzzer's own.
//!
//! The target is the one that an argument names as a folder: `cargo run --release -- corpus/order`, or a file in
//! it, to run that input alone.

#![no_main]

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use millrace_tests::fuzz::mutate::mutated;
use millrace_tests::fuzz::{TARGETS, Target, target};

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fn chosen() -> &'static Target {
    CHOSEN.get_or_init(|| {
        let named = |argument: String| {
            let parts = Path::new(&argument).components().rev();
            parts.filter_map(|part| part.as_os_str().to_str()).find_map(target)
        };
        std::env::args().skip(1).find_map(named).unwrap_or_else(|| {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            panic!("no argument names a folder of a target: {}", names.join(", "))
        })
    })
}

fuzz_target!(init: { chosen(); }, |data: &[u8]| (chosen().run)(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(2) {
        return fuzzer_mutate(data, size, max_size);
    }
    let output = mutated(&data[..size], &[], seed.into());
    let length = output.len().min(max_size).min(data.len());
    data[..length].copy_from_slice(&output[..length]);
    length
});
