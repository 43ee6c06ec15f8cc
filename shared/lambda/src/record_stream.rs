//! The port to a stream that records are put into.

use std::future::Future;

use bytes::Bytes;

use crate::deadline::Deadline;

/// A record to be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRecord {
    /// The key to put it under.
    pub partition_key: String,
    /// The payload.
    pub data: Bytes,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// The stream has it.
    Accepted,
    /// Not accepted within the deadline, or it waits behind one of its key that was not; why in words. A lost answer
    /// counts as this, so the stream may have it all the same.
    NotAccepted(String),
    /// The stream will never take it, why in words.
    Rejected(String),
}

/// Takes records, in order for each key, at least once.
pub trait RecordStream: Send + Sync {
    /// Puts records; one answer a record, in order. A record is sent only once all before it under its key are
    /// accepted.
    fn put(&self, records: &[OutgoingRecord], deadline: Deadline) -> impl Future<Output = Vec<Put>> + Send;
}
