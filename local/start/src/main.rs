//! What `cargo run` finds in the root: has cargo build the local program and start it, with the same arguments.
//!
//! The members that cargo builds by default are what is deployed, since features are unified over all of them: with the
//! local program among them, every function would be compiled with its features. That program is built by itself, under a
//! profile of its own, which saves two thirds of the time of a first build.

mod exec;

use std::io::Write;
use std::process::{Command, ExitCode};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");

fn main() -> ExitCode {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--profile", "local", "--package", "millrace-local"]);
    cargo.args(["--manifest-path", MANIFEST, "--"]);
    cargo.args(std::env::args_os().skip(1));
    let error = exec::start(&mut cargo);
    let _ = writeln!(std::io::stderr(), "cargo cannot be started: {error}");
    ExitCode::FAILURE
}
