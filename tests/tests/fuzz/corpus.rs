//! The committed inputs: `tests/fuzz_corpus/<target>/<what it is>`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use millrace_tests::fuzz::TARGETS;

const CORPUS_LIMIT_BYTES: usize = 300 * 1024;

/// A committed input.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_corpus")
}

/// The inputs of a target, by name.
pub(crate) fn inputs(target: &str) -> Vec<Input> {
    let mut inputs: Vec<_> = std::fs::read_dir(folder().join(target))
        .unwrap_or_else(|error| panic!("{target} has no corpus: {error}"))
        .map(|entry| entry.unwrap())
        .map(|entry| Input {
            name: entry.file_name().into_string().unwrap(),
            bytes: std::fs::read(entry.path()).unwrap(),
        })
        .collect();
    inputs.sort_by(|input, next| input.name.cmp(&next.name));
    inputs
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let names: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len());
    let folders = std::fs::read_dir(folder()).unwrap();
    let folders: BTreeSet<_> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(folders, names);
    assert!(TARGETS.iter().all(|target| !inputs(target.name).is_empty()));
}

#[test]
fn the_corpus_stays_small() {
    let bytes: usize =
        TARGETS.iter().flat_map(|target| inputs(target.name)).map(|input| input.bytes.len()).sum();
    assert!(bytes < CORPUS_LIMIT_BYTES, "{bytes} bytes");
}
