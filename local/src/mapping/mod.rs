//! From the stream to the functions: the event source mapping with its I/O.

mod clock;
mod driver;
mod ending;
mod functions;
mod reader;
mod setup;

pub(crate) use clock::MappingClock;
pub(crate) use driver::{Around, DiscardedCounts, Driver};
pub(crate) use ending::{Ending, Watched, quiet};
pub(crate) use functions::{Functions, Late, Metrics};
pub(crate) use reader::read_all;
pub(crate) use setup::{MAPPINGS, MappingOf};
