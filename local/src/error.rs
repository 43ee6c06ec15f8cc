//! What can go wrong, in words that name the thing and what to do.

use std::path::PathBuf;

use aws_sdk_kinesis::error::DisplayErrorContext;

/// A command that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An input file cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        why: String,
    },
    /// Something cannot be written.
    #[error("cannot write {}: {why}", path.display())]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A port is taken or not allowed.
    #[error(
        "cannot listen on {address} for {service}: {why}; stop what listens there, or choose another port"
    )]
    Listen {
        /// The emulated service.
        service: &'static str,
        /// The address.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// Whoever read standard output has gone. No error: a command ends there without a word.
    #[error("nobody reads standard output")]
    NobodyReads,
    /// An emulated service did not do what it was asked.
    #[error("{operation} failed: {why}")]
    Service {
        /// The operation.
        operation: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Options that contradict each other or cannot be met.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// An error of an emulated service.
    pub(crate) fn service<E: std::error::Error + 'static>(operation: &'static str) -> impl Fn(E) -> Self {
        move |error| Self::Service { operation, why: DisplayErrorContext(&error).to_string() }
    }

    /// An error of writing to standard output. A reader such as `head` that has seen enough is none.
    pub(crate) fn standard_output(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::output("standard output")(error),
        }
    }

    /// An error of writing a file or folder.
    pub(crate) fn output<E: std::fmt::Display>(path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |error| Self::Output { path, why: error.to_string() }
    }
}
