//! Files of events, as records to be put into the stream.

mod json_lines;
pub mod online_retail;
mod opening_stock;
mod producer;
mod repeat;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use millrace_domain::decode::{Arrival, decode};
pub(crate) use opening_stock::opening_stock;
pub(crate) use producer::Producer;
pub(crate) use repeat::Repeated;

use crate::clock::now_ms;
use crate::error::Error;

/// A record on its way into the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The event's subject.
    pub partition_key: String,
    /// The event as JSON text.
    pub data: Bytes,
}

impl Input {
    /// The largest event time in it, in epoch milliseconds; 0 where there is none that functions would take.
    pub(crate) fn largest_event_time_ms(&self) -> i64 {
        let now_ms = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        let arrival = Arrival { partition_key: &self.partition_key, arrived_at_ms: now_ms };
        let mut largest_ms = 0;
        decode(&self.data, &arrival, |decoded| {
            largest_ms = decoded.event.map_or(largest_ms, |event| largest_ms.max(event.time_ms));
        });
        largest_ms
    }
}

/// The key of what has no subject that could be read: it still goes into the stream, and `archive` rejects it.
pub(crate) const UNREADABLE_KEY: &str = "unreadable";

type Inputs = Box<dyn Iterator<Item = Result<Input, Error>> + Send>;

/// The records of files, in order. A file whose name ends in `.parquet` holds Online Retail invoice lines, any
/// other CloudEvents as JSON lines.
pub(crate) fn read(files: &[PathBuf]) -> Result<Inputs, Error> {
    let mut inputs: Inputs = Box::new(std::iter::empty());
    for file in files {
        inputs = Box::new(inputs.chain(read_file(file)?));
    }
    Ok(inputs)
}

fn read_file(file: &Path) -> Result<Inputs, Error> {
    match file.extension().is_some_and(|extension| extension == "parquet") {
        true => Ok(Box::new(online_retail::read(file)?.into_iter().map(Ok))),
        false => Ok(Box::new(json_lines::read(file)?)),
    }
}
