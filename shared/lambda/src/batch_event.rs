//! One event of a batch on its way through a function.

use millrace_domain::quarantine::Entry;
use millrace_domain::{Event, Invalid, Position, Shard, StreamPosition};

use crate::redrive_envelope::Redriven;

/// One event of a batch, or what could not be read as one.
#[derive(Debug, PartialEq)]
pub struct BatchEvent<'p> {
    /// Index of its record in the batch.
    pub record: usize,
    /// Its position in the shard. That of a redriven event is its redrive envelope's: the redrive envelope is what
    /// stands in the key's order and is delivered again.
    pub position: Position,
    /// The key that it was put under.
    pub partition_key: &'p str,
    /// When the stream took it, or its redrive envelope, in epoch milliseconds.
    pub arrived_at_ms: i64,
    /// The bytes that it came in; those of a redriven event are the first ones.
    pub bytes: &'p [u8],
    /// The event, or its rejection.
    pub event: Result<Event<'p>, Invalid>,
    /// Where a redriven event stood when it came first, and whom it comes back for.
    pub redriven: Option<Box<Redriven>>,
}

/// The newest event time of these in epoch milliseconds; `None` where none is an event.
pub fn newest_event_ms(events: &[BatchEvent<'_>]) -> Option<i64> {
    events.iter().filter_map(|batch_event| batch_event.event.as_ref().ok()).map(|event| event.time_ms).max()
}

impl<'p> BatchEvent<'p> {
    /// Whether the event is for this function. A redriven one may be for another alone.
    pub fn is_for(&self, function: &str) -> bool {
        let only = self.redriven.as_ref().and_then(|redriven| redriven.target_function.as_deref());
        only.is_none_or(|only| only == function)
    }

    /// Where the event was delivered from. `shard` is that of the batch.
    pub fn delivery(&self, shard: &Shard) -> StreamPosition {
        let position = self.position.clone();
        StreamPosition { shard: shard.clone(), position, arrived_at_ms: self.arrived_at_ms }
    }

    /// Where the event was first.
    pub fn first_position(&self, shard: &Shard) -> StreamPosition {
        self.redriven.as_ref().map_or_else(|| self.delivery(shard), |redriven| redriven.first.clone())
    }

    /// Where the redrive envelope stood that brought the event back, where one did.
    pub fn redrive(&self, shard: &Shard) -> Option<StreamPosition> {
        self.redriven.as_ref().map(|_| self.delivery(shard))
    }

    /// The quarantine entry of this event.
    pub fn quarantined<'e>(&'e self, function: &'e str, shard: &Shard, invalid: Invalid) -> Entry<'e> {
        Entry {
            function,
            first: self.first_position(shard),
            partition_key: self.partition_key,
            redrive: self.redrive(shard),
            invalid,
            bytes: self.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use millrace_domain::{Reason, SequenceNumber};

    use super::*;

    fn position(sequence: &str) -> Position {
        Position { sequence: SequenceNumber::parse(sequence).unwrap(), sub_sequence: 0, element: 0 }
    }

    fn at(shard_id: &str, sequence: &str, arrived_at_ms: i64) -> StreamPosition {
        let shard = Shard::new("events", shard_id);
        StreamPosition { shard, position: position(sequence), arrived_at_ms }
    }

    fn batch_event(redriven: Option<Redriven>) -> BatchEvent<'static> {
        BatchEvent {
            record: 0,
            position: position("9"),
            partition_key: "u",
            arrived_at_ms: 90,
            bytes: b"{}",
            event: Err(Invalid::whole(Reason::NotJson, "is not JSON")),
            redriven: redriven.map(Box::new),
        }
    }

    fn redriven(function: Option<&str>) -> Redriven {
        Redriven { first: at("first", "5", 50), target_function: function.map(str::to_owned) }
    }

    #[test]
    fn a_redriven_event_may_be_for_one_function_alone() {
        let cases = [
            (None, true),
            (Some(redriven(None)), true),
            (Some(redriven(Some("sessions"))), true),
            (Some(redriven(Some("archive"))), false),
        ];
        for (redriven, expected) in cases {
            assert_eq!(batch_event(redriven.clone()).is_for("sessions"), expected, "{redriven:?}");
        }
    }

    #[test]
    fn an_event_that_is_quarantined_again_keeps_its_first_position() {
        let invalid = || Invalid::whole(Reason::Contract, "no");
        let shard = Shard::new("events", "shard");
        let plain = batch_event(None);
        let entry = plain.quarantined("sessions", &shard, invalid());
        assert_eq!((entry.first, entry.redrive), (at("shard", "9", 90), None));
        let again = batch_event(Some(redriven(None)));
        let entry = again.quarantined("sessions", &shard, invalid());
        assert_eq!((entry.first, entry.redrive), (at("first", "5", 50), Some(at("shard", "9", 90))));
    }
}
