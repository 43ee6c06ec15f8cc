//! What a change of state emits.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::position::{Position, Shard};
use crate::time::format_rfc3339_ms;

/// A session's window has closed.
pub const SESSION_CLOSED: &str = "session.closed";
/// A window has closed in which nothing was ordered, and the cart holds something.
pub const CART_ABANDONED: &str = "cart.abandoned";
/// What a recommender would look at has changed.
pub const REFRESH_REQUESTED: &str = "recommendation.refresh_requested";
/// A rule suspects fraud.
pub const FRAUD_SUSPECTED: &str = "fraud.suspected";
/// A rule that is on trial would have suspected fraud.
pub const FRAUD_SHADOWED: &str = "fraud.shadowed";
/// An event came too late to be applied.
pub const EVENT_LATE: &str = "event.late";
/// Pieces left a store with an order.
pub const STOCK_SOLD: &str = "stock.sold";
/// Pieces came back to a store.
pub const STOCK_RETURNED: &str = "stock.returned";
/// Stock went from above its reorder point to at or below it.
pub const REORDER_REQUESTED: &str = "stock.reorder_requested";

/// Every type of signal.
pub const TYPES: [&str; 9] = [
    SESSION_CLOSED,
    CART_ABANDONED,
    REFRESH_REQUESTED,
    FRAUD_SUSPECTED,
    FRAUD_SHADOWED,
    EVENT_LATE,
    STOCK_SOLD,
    STOCK_RETURNED,
    REORDER_REQUESTED,
];

/// Where a signal comes from: the event that caused it, and its index among that event's signals. The function that
/// emitted it is the signal's source. Repeating the cause repeats the signal under the same origin, which is how a
/// receiver knows it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The shard that the cause was read from.
    pub shard: Shard,
    /// The cause's position in the shard.
    pub position: Position,
    /// Index among the signals of one cause.
    pub index: u32,
}

/// A signal on its way to the stream of signals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The key that it is for: subject and partition key.
    pub key: String,
    /// Its event type, one of [`TYPES`].
    pub signal_type: &'static str,
    /// Derived from the identity of its cause, so that it is the same whenever the cause is repeated.
    pub id: String,
    /// Event time in epoch milliseconds.
    pub time_ms: i64,
    /// Where it comes from.
    pub origin: Origin,
    /// Its data as JSON text.
    pub data: String,
}

/// The CloudEvent, whose extension attributes tell the origin.
#[derive(Serialize)]
struct Wire<'a> {
    specversion: &'static str,
    #[serde(rename = "type")]
    signal_type: &'a str,
    source: Source<'a>,
    id: &'a str,
    subject: &'a str,
    time: String,
    originstream: &'a str,
    originshardid: &'a str,
    originsequencenumber: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    originsubsequence: u32,
    #[serde(skip_serializing_if = "is_zero")]
    originelement: u32,
    originindex: u32,
    data: &'a RawValue,
}

/// The CloudEvents source of a function's signals.
#[derive(Clone, Copy)]
struct Source<'a>(&'a str);

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "urn:millrace:{}", self.0)
    }
}

impl Serialize for Source<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Signal {
    /// The CloudEvent as JSON text, as emitted by this function.
    ///
    /// # Errors
    /// When `data` is no JSON.
    pub fn event_text(&self, function: &str) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Wire {
            specversion: "1.0",
            signal_type: self.signal_type,
            source: Source(function),
            id: &self.id,
            subject: &self.key,
            time: format_rfc3339_ms(self.time_ms),
            originstream: self.origin.shard.stream(),
            originshardid: self.origin.shard.id(),
            originsequencenumber: self.origin.position.sequence.as_str(),
            originsubsequence: self.origin.position.sub_sequence,
            originelement: self.origin.position.element,
            originindex: self.origin.index,
            data: serde_json::from_str(&self.data)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Data;
    use crate::position::SequenceNumber;

    #[test]
    fn a_signal_is_an_event_that_tells_its_origin() {
        let position =
            Position { sequence: SequenceNumber::parse("495").unwrap(), sub_sequence: 0, element: 2 };
        let origin = Origin { shard: Shard::new("events", "shardId-1"), position, index: 3 };
        let data = r#"{"store_id":"s","sku":"a","quantity":2,"order_id":"o"}"#;
        let signal = Signal {
            key: "s#a".to_owned(),
            signal_type: STOCK_SOLD,
            id: "c-3".to_owned(),
            time_ms: 1_291_191_960_000,
            origin: origin.clone(),
            data: data.to_owned(),
        };
        let text = signal.event_text("sessions").unwrap();
        let event = crate::envelope::read_event(&text).unwrap();
        assert_eq!((&*event.source, &*event.id, &*event.raw_data), ("urn:millrace:sessions", "c-3", data));
        assert!(matches!(&event.data, Data::StockSold(sold) if sold.quantity == 2));
        assert_eq!(event.origin.as_deref(), Some(&origin));
        assert!(!text.contains("originsubsequence"), "{text}");
    }
}
