//! What is set aside: an event that cannot be taken, with all that is needed to bring it back.

use crate::invalid::Invalid;
use crate::position::{Position, SequenceNumber};

/// An event to be set aside. Function, shard and position name it, so that a retry writes the same name again.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    /// The function that refused it.
    pub function: &'a str,
    /// The shard that it came from.
    pub shard_id: &'a str,
    /// Its position in the shard.
    pub position: Position,
    /// The key that its record was put under.
    pub partition_key: &'a str,
    /// When the stream took it, in epoch milliseconds.
    pub arrived_at_ms: i64,
    /// Shard and sequence number of the redrive envelope that brought it back, where one did. Everything else is as it
    /// was the first time, so that it can be brought back again.
    pub redriven: Option<(&'a str, SequenceNumber)>,
    /// Why it was refused.
    pub invalid: Invalid,
    /// The bytes that it came in.
    pub bytes: &'a [u8],
}
