//! What is quarantined: a rejected event, with all that is needed to bring it back.

use crate::invalid::Invalid;
use crate::position::StreamPosition;

/// An event to be quarantined. Function and position name it, so that a retry writes the same name again.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    /// The function that rejected it.
    pub function: &'a str,
    /// Where it was first, and when.
    pub first: StreamPosition,
    /// The key that its record was put under.
    pub partition_key: &'a str,
    /// Where the redrive envelope stood that brought it back, where one did. Everything else is as it was the first time,
    /// so that it can be brought back again.
    pub redrive: Option<StreamPosition>,
    /// Why it was rejected.
    pub invalid: Invalid,
    /// The bytes that it came in.
    pub bytes: &'a [u8],
}
