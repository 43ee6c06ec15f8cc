//! Millrace on one machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    millrace_local::cli::main()
}
