//! What a change of state tells others.

use crate::position::Position;

/// Where a signal comes from: the record that caused it, and its index among that record's signals. Repeating
/// the cause repeats the signal under the same origin, which is how a receiver knows it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The shard that the cause was read from.
    pub lane: String,
    /// The cause's place in the lane.
    pub position: Position,
    /// Index among the signals of one cause.
    pub index: u32,
}

/// A signal on its way to the stream of signals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The key that it is for: subject and partition key.
    pub key: String,
    /// Its event type, such as `session.closed`.
    pub signal_type: &'static str,
    /// Event time in epoch milliseconds.
    pub time_ms: i64,
    /// Where it comes from.
    pub origin: Origin,
    /// Its data as JSON text.
    pub data: String,
}
