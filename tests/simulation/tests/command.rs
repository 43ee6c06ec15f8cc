//! The command `simulate`, as it is started.

use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> std::io::Result<Output> {
    let failures = ["--failures", env!("CARGO_TARGET_TMPDIR")];
    Command::new(env!("CARGO_BIN_EXE_simulate")).args(arguments).args(failures).output()
}

#[test]
fn seeds_end_in_a_table_and_a_rate() {
    let done = simulate(&["--seeds", "3", "--from", "7"]).unwrap();
    let output = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{output}");
    assert!(output.contains("sessions verdict: applied"), "{output}");
    assert!(output.trim_end().lines().last().unwrap().starts_with("3 seeds from 7: 0 failed; "), "{output}");
}

#[test]
fn a_script_that_is_none_is_refused_by_name() {
    let done = simulate(&["--script", "Cargo.toml"]).unwrap();
    let output = String::from_utf8(done.stderr).unwrap();
    assert!(!done.status.success() && output.starts_with("Cargo.toml is no script: "), "{output}");
}

#[test]
fn a_regression_passes_as_a_script() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions");
    let script = std::fs::read_dir(folder).unwrap().flatten().map(|file| file.path()).next().unwrap();
    let done = simulate(&["--script", script.to_str().unwrap()]).unwrap();
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "as it must be\n");
}
