//! Release builds must unwind: a poisoned event is isolated that way.

use crate::workspace::root;

#[test]
fn release_builds_unwind_and_say_so() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let release = manifest.split("[profile.release]").nth(1).unwrap().split("\n[").next().unwrap();
    // cargo-lambda sets `panic = "abort"` where the manifest says nothing.
    assert!(release.lines().any(|line| line == "panic = \"unwind\""), "{release}");
}
