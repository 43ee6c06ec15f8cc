//! From the stream to the functions: the event source mapping with its I/O.

mod driver;
mod functions;
mod reader;

pub(crate) use driver::{Driver, Until};
pub(crate) use functions::{FUNCTIONS, Functions};
