//! Standard output: the one way in which commands print.
//!
//! `println!` panics where its reader has gone, as in `millrace replay events.jsonl | head -1`, and where a disk is full.

use std::fmt::Arguments;
use std::io::{Write, stdout};

use crate::error::Error;

/// Prints a line, with `format!`'s arguments.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::say::line(format_args!($($argument)*))
    };
}
pub(crate) use say;

/// Prints a line.
///
/// # Errors
/// [`Error::NobodyReads`] where the reader has gone; a command ends there, since all that it does is done before.
pub(crate) fn line(text: Arguments<'_>) -> Result<(), Error> {
    let mut out = stdout().lock();
    out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush()).map_err(Error::standard_output)
}
