//! Starting one program in the place of another.

use std::process::Command;

/// Becomes the program where the system can, so that signals reach it.
#[cfg(unix)]
pub(crate) fn start(cargo: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(cargo)
}

#[cfg(not(unix))]
pub(crate) fn start(cargo: &mut Command) -> std::io::Error {
    match cargo.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
