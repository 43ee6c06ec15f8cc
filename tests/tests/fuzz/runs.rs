//! The runs. A failure names its input and leaves it in a file, to be added to the corpus.

use std::panic::catch_unwind;

use millrace_tests::fuzz::mutate::mutated;
use millrace_tests::fuzz::{TARGETS, Target};

use crate::corpus::inputs;

const MUTATIONS_OF_AN_INPUT: u64 = 150;

fn hold(target: &Target, bytes: &[u8], name: &str) {
    if catch_unwind(|| (target.run)(bytes)).is_err() {
        let path = std::env::temp_dir().join(format!("millrace-fuzz-{}", target.name));
        std::fs::write(&path, bytes).unwrap();
        panic!("{} does not hold for {name}, which is in {}", target.name, path.display());
    }
}

fn for_every_target(run: impl Fn(&'static Target) + Sync) {
    std::thread::scope(|scope| {
        let threads: Vec<_> = TARGETS.iter().map(|target| scope.spawn(|| run(target))).collect();
        let failed = threads.into_iter().filter_map(|thread| thread.join().err()).next();
        if let Some(panic) = failed {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn the_corpus_holds() {
    for_every_target(|target| {
        for input in inputs(target.name) {
            hold(target, &input.bytes, &input.name);
        }
    });
}

#[test]
fn mutations_of_the_corpus_hold() {
    for_every_target(|target| {
        let inputs = inputs(target.name);
        for (index, input) in inputs.iter().enumerate() {
            let other = &inputs[(index + 1) % inputs.len()];
            for seed in 0..MUTATIONS_OF_AN_INPUT {
                let bytes = mutated(&input.bytes, &other.bytes, seed);
                hold(target, &bytes, &format!("mutation {seed} of {}", input.name));
            }
        }
    });
}
