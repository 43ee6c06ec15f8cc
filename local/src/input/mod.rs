//! Files of events, as records to be put into the stream.

mod json_lines;
mod line;
mod not_put;
mod online_retail;
mod open;
mod opening_stock;
mod producer;
mod repeat;
mod text;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use millrace_domain::decode::{Arrival, decode};
pub(crate) use not_put::{LineNotPut, NotPut};
use open::{Opened, is_regular, open};
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

/// The records of files, in order: CloudEvents as JSON lines, plain or packed, or Online Retail invoice lines in Parquet.
/// Lines that no stream takes go into `not_put`.
///
/// # Errors
/// When one of the files cannot be read, or is something else. All are looked at before the first record is given.
pub(crate) fn read(files: &[PathBuf], not_put: &NotPut) -> Result<Inputs, Error> {
    let mut inputs: Inputs = Box::new(std::iter::empty());
    for file in files {
        inputs = Box::new(inputs.chain(read_file(file, not_put)?));
    }
    Ok(inputs)
}

fn read_file(file: &Path, not_put: &NotPut) -> Result<Inputs, Error> {
    match open(file, true)? {
        Opened::Parquet(parquet) => Ok(Box::new(online_retail::read(file, parquet)?.into_iter().map(Ok))),
        // What is read once is kept open; else there may be more files than a process may hold.
        Opened::JsonLines(lines) if !is_regular(file) => {
            Ok(Box::new(json_lines::read(file, lines, not_put.clone())))
        }
        Opened::JsonLines(_) => {
            let (file, not_put) = (file.to_owned(), not_put.clone());
            Ok(Box::new(std::iter::once_with(move || read_lines(&file, &not_put)).flatten()))
        }
    }
}

fn read_lines(file: &Path, not_put: &NotPut) -> Inputs {
    match open(file, false) {
        Ok(Opened::JsonLines(lines)) => Box::new(json_lines::read(file, lines, not_put.clone())),
        Ok(Opened::Parquet(_)) => {
            let why = "it has changed since it was looked at".to_owned();
            Box::new(std::iter::once(Err(Error::Input { path: file.to_owned(), why })))
        }
        Err(error) => Box::new(std::iter::once(Err(error))),
    }
}
