//! From the stream to the functions: the event source mapping with its I/O.

mod clock;
mod driver;
mod functions;
mod reader;
mod setup;

pub(crate) use clock::MappingClock;
pub(crate) use driver::{Around, Driver, GivenUp, Until};
pub(crate) use functions::{FUNCTIONS, Functions, Late, Metrics};
